using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>A step finds no gradients: they were cleared after backward, or backward is never called.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class StepWithoutGradients() : TrainingLoopRule(Descriptors.GRAD2004)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, CompilationLoops program)
    {
        if (loop.HasOpaqueCalls || loop.Of<ClipEvent>().Any(clip => clip.Event.IsByHand))
            yield break;
        foreach (var (node, step) in loop.AllSteps)
        {
            var backwards = loop.Of<BackwardEvent>().Where(backward => loop.Graph.After(backward.Node).Contains(node)).ToList();
            bool Stops(LoopEvent other) => other is ClearEvent clear && loop.Clears(clear, step.Optimizer.Parameters);
            if (backwards.Count == 0)
            {
                if (IsWholeLoop(loop, step))
                    yield return new Finding(step, "backward is never called on the loss");
            }
            else if (!backwards.Any(backward => loop.Graph.After(backward.Node, Stops).Contains(node)))
            {
                yield return new Finding(step, "they are cleared between backward and the step") { Places = Move(loop, node, backwards, step) };
            }
        }
    }

    /// <summary>Everything that a round has but backward: the optimizer is made here, gradients are cleared, the model is run.</summary>
    private static bool IsWholeLoop(TrainingLoop loop, StepEvent step) =>
        !loop.Of<BackwardEvent>().Any()
        && step.Optimizer is { Optimizers: [Created created], Parameters: { IsComplete: true, Modules.IsEmpty: false } held } && created.Frame == loop.Root
        && loop.Of<ClearEvent>().Any(clear => loop.Clears(clear.Event, held))
        && loop.RunsAny(held.Modules);

    /// <summary>The clear to move, then the backward to move it before; none where they are not in one piece of code.</summary>
    private static ImmutableArray<IOperation> Move(TrainingLoop loop, int node, List<(int Node, BackwardEvent Event)> backwards, StepEvent step)
    {
        var clears = loop.Of<ClearEvent>().Where(clear => loop.Clears(clear.Event, step.Optimizer.Parameters) && loop.Graph.After(clear.Node).Contains(node)).ToList();
        return clears is [var (_, clear)] && backwards is [var (_, backward)] && clear.Frame == backward.Frame && clear.Frame == step.Frame
            ? ImmutableArray.Create(clear.Operation, backward.Operation)
            : ImmutableArray<IOperation>.Empty;
    }
}
