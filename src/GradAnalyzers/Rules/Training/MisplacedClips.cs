using GradAnalyzers.TrainingLoops;

namespace GradAnalyzers.Rules.Training;

/// <summary>Clips of the library that stand where they cannot act.</summary>
internal static class MisplacedClips
{
    /// <summary>Each such clip, why it cannot act, and the step that it was probably meant for.</summary>
    public static IEnumerable<(ClipEvent Clip, string Reason, StepEvent Step)> In(TrainingLoop loop)
    {
        var steps = loop.Steps.ToList();
        if (loop.HasOpaqueCalls || steps.Count == 0)
            yield break;
        foreach (var (node, clip) in loop.Of<ClipEvent>().Where(clip => !clip.Event.IsByHand))
        {
            bool Clears(LoopEvent other) => other is ClearEvent clear && loop.Clears(clear, clip.Parameters);
            var own = steps.Where(step => step.Event.Optimizer.Parameters.MayOverlap(clip.Parameters)).ToList();
            var after = loop.Graph.After(node, Clears);
            if (own.Any(step => StepWithoutGradients.IsStarved(loop, step.Node, step.Event)))
                continue;
            if (!loop.Of<BackwardEvent>().Any(backward => loop.Graph.Reaches(backward.Node, node, Clears)))
                yield return (clip, WhyNone(loop, clip), (own.FirstOrDefault() ?? steps[0]).Event);
            else if (!loop.AllSteps.Any(step => step.Event.Optimizer.Parameters.MayOverlap(clip.Parameters)))
                yield return (clip, "the optimizer steps other parameters", Next(loop, node, steps).Event);
            else if (own.Count > 0 && !loop.AllSteps.Any(step => step.Event.Optimizer.Parameters.MayOverlap(clip.Parameters) && after.Contains(step.Node)))
                yield return (clip, "it comes after the step, which has used the gradients already", own[0].Event);
        }
    }

    private static string WhyNone(TrainingLoop loop, ClipEvent clip)
    {
        bool IsEarlier(LoopEvent other) => other.Frame == clip.Frame && other.Operation.Syntax.SpanStart < clip.Operation.Syntax.SpanStart;
        return loop.Of<BackwardEvent>().Any(backward => IsEarlier(backward.Event)) && loop.Of<ClearEvent>().Any(clear => IsEarlier(clear.Event))
            ? "the gradients have been cleared by then"
            : "it comes before backward, when there are no gradients yet";
    }

    /// <summary>The step that follows, with no other step between.</summary>
    private static Step Next(TrainingLoop loop, int node, List<Step> steps)
    {
        var after = loop.Graph.After(node, other => other is StepEvent);
        return steps.FirstOrDefault(step => after.Contains(step.Node)) ?? steps[0];
    }
}
