using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>A choice, rounding, detach or a number read back is on the only way from a loss to its model.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class NonDifferentiableStep() : TrainingLoopRule(Descriptors.GRAD4004)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        foreach (var (_, backward) in loop.Of<BackwardEvent>())
        {
            if (loop.Ways.CutsOf(backward) is { IsEmpty: false } cuts && cuts.FirstOrDefault(cut => !cut.IsUnrecorded) is { } cut)
            {
                yield return new Finding(new LossEvent(cut.Operation, cut.Frame), cut.Operation.Syntax.ToString(), (Wording)(at => at.NameOf(cut.Model) ?? cut.Model?.Type?.Name ?? "the model"), RequiredGradients.HintFor(backward, loop))
                {
                    Places = ImmutableArray.Create(backward.Operation),
                };
            }
        }
    }
}
