using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Detaches the hidden state before it is used again.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(HiddenStateNotDetachedFixer)), Shared]
public sealed class HiddenStateNotDetachedFixer() : TrainingLoopFixer("GRAD2005")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported) =>
        reported.Places is [var use] && reported.Diagnostic.Properties.TryGetValue(HiddenStateNotDetached.Detach, out var statements) && statements is not null && InsertStatement.IsPossibleBefore(use)
            ? One("Detach the hidden state from earlier batches", "detach", edits =>
            {
                foreach (var statement in statements.Split('\n'))
                    InsertStatement.Before(edits, use, statement);
            })
            : None;
}
