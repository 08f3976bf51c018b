using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Moves zero_grad to right before backward.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(StepWithoutGradientsFixer)), Shared]
public sealed class StepWithoutGradientsFixer() : TrainingLoopFixer("GRAD2004")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported) =>
        reported.Places is [var clear, var backward] && clear.SpanStart > backward.SpanStart && MoveStatement.IsPossible(clear, backward, reported.Model)
            ? One("Clear gradients before backward", "move", edits => MoveStatement.Before(edits, clear, backward))
            : None;
}
