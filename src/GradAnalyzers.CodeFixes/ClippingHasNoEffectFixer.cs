using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Moves the clip to right before the step.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(ClippingHasNoEffectFixer)), Shared]
public sealed class ClippingHasNoEffectFixer() : TrainingLoopFixer("GRAD2002")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported) =>
        reported.Places is [var step] && MoveStatement.IsPossible(reported.Happening, step, reported.Model)
            ? One("Clip right before the step", "move", edits => MoveStatement.Before(edits, reported.Happening, step))
            : None;
}
