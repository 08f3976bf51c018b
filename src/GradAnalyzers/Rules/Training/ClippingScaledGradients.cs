using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>A loss is scaled up for half precision and the gradients are clipped before they are scaled down: the limit is off by the scale.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ClippingScaledGradients() : TrainingLoopRule(Descriptors.GRAD2007)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        var scalings = loop.Of<ClipEvent>().Where(change => change.Event.IsByHand).ToList();
        if (scalings.Count == 0)
            yield break;
        foreach (var (node, clip) in loop.Of<ClipEvent>().Where(clip => !clip.Event.IsByHand))
        {
            foreach (var (from, backward) in loop.Of<BackwardEvent>())
            {
                bool Stops(LoopEvent other) => other is BackwardEvent or StepEvent;
                if (!loop.Graph.Reaches(from, node, Stops))
                    continue;
                var scale = loop.Losses.FactorsOf(backward.Loss, backward.Frame);
                var before = loop.Graph.After(from, other => Stops(other) || other == clip);
                var after = loop.Graph.After(node, Stops);
                var unscaling = scalings.Where(change => Numbers(change.Event, loop).Any(scale.Contains)).ToList();
                if (unscaling.Any(change => after.Contains(change.Node)) && !unscaling.Any(change => before.Contains(change.Node)))
                {
                    yield return new Finding(clip, Numbers(unscaling[0].Event, loop).First(scale.Contains).Name) { Places = ImmutableArray.Create(unscaling[0].Event.Operation) };
                    break;
                }
            }
        }
    }

    /// <summary>What a hand-made change multiplies or divides the gradients by.</summary>
    private static IEnumerable<ISymbol> Numbers(ClipEvent change, TrainingLoop loop) => change.Operation switch
    {
        IInvocationOperation call => call.Arguments.SelectMany(argument => loop.Losses.NumbersIn(argument.Value, change.Frame)),
        IAssignmentOperation assignment => loop.Losses.NumbersIn(assignment.Value, change.Frame),
        _ => [],
    };
}
