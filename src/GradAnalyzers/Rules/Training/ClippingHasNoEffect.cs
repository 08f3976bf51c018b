using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>A clip comes where there are no gradients yet, where they have been used already, or on parameters that are not stepped.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ClippingHasNoEffect() : TrainingLoopRule(Descriptors.GRAD2002)
{
    private protected override bool DependsOnCallers => true;

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        foreach (var (clip, reason, step) in MisplacedClips.In(loop))
        {
            // The fix moves the clip to the step: where both stand in the same code, and the step can use it.
            var isMovable = step.Optimizer.Parameters.MayOverlap(clip.Parameters) && step.Closure.Count == 0
                && step.Frame == clip.Frame;
            yield return new Finding(clip, reason) { Places = isMovable ? ImmutableArray.Create(step.Operation) : ImmutableArray<IOperation>.Empty };
        }
    }
}
