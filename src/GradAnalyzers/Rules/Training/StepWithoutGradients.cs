using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>A step finds no gradients: they were cleared after backward, or backward is never called.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class StepWithoutGradients() : TrainingLoopRule(Descriptors.GRAD2004)
{
    private protected override bool DependsOnCallers => true;

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        if (loop.HasOpaqueCalls || loop.Of<ClipEvent>().Any(clip => clip.Event.IsByHand))
            yield break;
        foreach (var (node, step) in loop.AllSteps)
        {
            if (IsStarved(loop, node, step))
                yield return new Finding(step, "they are cleared between backward and the step") { Places = Move(loop, node, step) };
            else if (IsWholeLoop(loop, step) || IsWholeRound(loop, node, step))
                yield return new Finding(step, "backward is never called on the loss");
        }
    }

    /// <summary>Every way from a backward to the step leads through a clear of all that is stepped.</summary>
    internal static bool IsStarved(TrainingLoop loop, int node, StepEvent step)
    {
        if (loop.Steps.Any(fed => fed.Node == node))
            return false;
        bool Clears(LoopEvent other) => other is ClearEvent clear && loop.Clears(clear, step.Optimizer.Parameters);
        var backwards = BackwardsBefore(loop, node).ToList();
        return backwards.Count > 0 && !backwards.Any(backward => loop.Graph.Reaches(backward.Node, node, Clears));
    }

    private static IEnumerable<(int Node, BackwardEvent Event)> BackwardsBefore(TrainingLoop loop, int node) =>
        loop.Of<BackwardEvent>().Where(backward => loop.Graph.Reaches(backward.Node, node));

    /// <summary>Everything that a round has but backward: the optimizer is made here, gradients are cleared, the model is run.</summary>
    private static bool IsWholeLoop(TrainingLoop loop, StepEvent step) =>
        !loop.Of<BackwardEvent>().Any()
        && step.Optimizer is { Optimizers: [Created created], Parameters: { IsComplete: true, Modules.IsEmpty: false } held } && created.Frame == loop.Root
        && loop.Of<ClearEvent>().Any(clear => loop.Clears(clear.Event, held))
        && loop.RunsAny(held.Modules);

    /// <summary>A round clears, runs a model and steps, and nothing in it can differentiate.</summary>
    private static bool IsWholeRound(TrainingLoop loop, int node, StepEvent step)
    {
        bool IsCleared(HashSet<int> nodes) => loop.Of<ClearEvent>().Any(clear => nodes.Contains(clear.Node)
            && (loop.Clears(clear.Event, step.Optimizer.Parameters) || (step.Optimizer is { IsOne: true, Optimizers: [var optimizer] } && clear.Event.Targets is [var target] && target == optimizer))
            && loop.Graph.LeadsTo(clear.Node, node, nodes));
        var rounds = loop.Graph.RoundsWith(node, IsCleared).ToList();
        return rounds.Count > 0 && rounds.All(round => !loop.Of<BackwardEvent>().Any(backward => round.Nodes.Contains(backward.Node)) && loop.OnlyRunsModels(round.Nodes, step));
    }

    /// <summary>The clear to move, then the backward to move it before; none where they are not in one piece of code.</summary>
    private static ImmutableArray<IOperation> Move(TrainingLoop loop, int node, StepEvent step)
    {
        var backwards = BackwardsBefore(loop, node).ToList();
        var clears = loop.Of<ClearEvent>().Where(clear => loop.Clears(clear.Event, step.Optimizer.Parameters) && loop.Graph.Reaches(clear.Node, node)).ToList();
        return clears is [var (_, clear)] && backwards is [var (_, backward)] && clear.Frame == backward.Frame && clear.Frame == step.Frame
            // Before the first backward there is no gradient to set to zero.
            && !(clear.Targets.IsEmpty && clear.Operation is IInvocationOperation)
            ? ImmutableArray.Create(clear.Operation, backward.Operation)
            : ImmutableArray<IOperation>.Empty;
    }
}
