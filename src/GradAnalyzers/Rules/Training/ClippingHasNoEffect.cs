using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>A clip comes where there are no gradients yet, where they have been used already, or on parameters that are not stepped.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ClippingHasNoEffect() : TrainingLoopRule(Descriptors.GRAD2002)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, CompilationLoops program)
    {
        if (loop.HasOpaqueCalls || !loop.Of<BackwardEvent>().Any())
            yield break;
        foreach (var (node, clip) in loop.Of<ClipEvent>().Where(clip => !clip.Event.IsByHand))
        {
            bool Stops(LoopEvent other) => other is ClearEvent clear && loop.Clears(clear, clip.Parameters);
            var steps = loop.AllSteps.Where(step => step.Event.Optimizer.Parameters.MayOverlap(clip.Parameters)).ToList();
            var after = loop.Graph.After(node, Stops);
            if (loop.Steps.FirstOrDefault() is not { } anyStep)
                continue;
            if (!loop.Of<BackwardEvent>().Any(backward => loop.Graph.After(backward.Node, Stops).Contains(node)))
                yield return MoveBeforeStep(clip, "it comes before backward, when there are no gradients yet", steps.Count > 0 ? steps[0].Event : null);
            else if (steps.Count == 0)
                yield return MoveBeforeStep(clip, "the optimizer steps other parameters", null);
            else if (!steps.Any(step => after.Contains(step.Node)))
                yield return MoveBeforeStep(clip, "it comes after the step, which has used the gradients already", anyStep.Event);
        }
    }

    private static Finding MoveBeforeStep(ClipEvent clip, string reason, StepEvent? step) =>
        new(clip, reason) { Places = step is null || step.Frame.Body != clip.Frame.Body || step.Frame.Function != clip.Frame.Function ? ImmutableArray<IOperation>.Empty : ImmutableArray.Create(step.Operation) };
}
