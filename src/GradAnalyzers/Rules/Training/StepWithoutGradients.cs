using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
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
        var isSeenWhole = !loop.HasOpaqueCalls && !loop.Of<ClipEvent>().Any(clip => clip.Event.IsByHand);
        foreach (var step in loop.EveryStep)
        {
            var isCutOff = IsCutOff(loop, step);
            if ((isCutOff && ThrowsAway(loop, step)) || (isSeenWhole && IsStarved(loop, step.Node, step.Event)))
                yield return new Finding(step.Event, "they are cleared between backward and the step") { Places = Move(loop, step), IsWholeInItself = isCutOff };
            else if ((isCutOff && Trains(loop, step.Event)) || (isSeenWhole && (IsWholeLoop(loop, step.Event) || IsWholeRound(loop, step.Node, step.Event))))
                yield return new Finding(step.Event, "backward is never called on the loss") { IsWholeInItself = isCutOff };
        }
    }

    /// <summary>Whatever callers and code that is not to be seen do: every way to the step leads through a clear of all that it steps beside it, with nothing behind that could give gradients.</summary>
    private static bool IsCutOff(TrainingLoop loop, Step step)
    {
        if (step.Event is not { IsByHand: false, Closure.Count: 0 })
            return false;
        var clears = loop.Of<ClearEvent>().Select(clear => clear.Event).Where(clear => clear.Frame == step.Event.Frame && step.SurelyClears(clear)).ToList();
        bool Clears(LoopEvent other) => clears.Exists(clear => ReferenceEquals(clear, other));
        bool Feeds(int node) => loop.Graph.Reaches(node, step.Node, Clears);
        // The backward beside the step is the shortest way, and mostly there.
        return clears.Count > 0 && !loop.Of<BackwardEvent>().Any(backward => backward.Event.Frame == step.Event.Frame && Feeds(backward.Node)) && !Feeds(LoopGraph.Start)
            && !loop.Graph.Events.Any(node => node.Event is BackwardEvent or OpaqueEvent { Keeps: false } or ClipEvent { IsByHand: true } && Feeds(node.Node));
    }

    /// <summary>What a backward beside the step gave is cleared before the step.</summary>
    private static bool ThrowsAway(TrainingLoop loop, Step step) => loop.Of<BackwardEvent>().Any(backward => backward.Event.Frame == step.Event.Frame
        && loop.Of<ClearEvent>().Any(clear => clear.Event.Frame == step.Event.Frame && step.SurelyClears(clear.Event)
            && loop.Graph.Reaches(backward.Node, clear.Node, other => other is StepEvent) && loop.Graph.Reaches(clear.Node, step.Node, other => other is BackwardEvent or StepEvent)));

    /// <summary>The code around a step runs a model or clips: it is no step that is only there for a schedule.</summary>
    private static bool Trains(TrainingLoop loop, StepEvent step) => loop.Of<ClipEvent>().Any(clip => clip.Event.Frame == step.Frame)
        || step.Frame.Body.Invocations.Any(call => loop.Values.Source.Catalogue.Is(call.TargetMethod, Role.Forward) && MemberBody.FunctionOf(call) == step.Frame.Function);

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
    private static ImmutableArray<IOperation> Move(TrainingLoop loop, Step step)
    {
        var backwards = BackwardsBefore(loop, step.Node).ToList();
        var clears = loop.Of<ClearEvent>().Where(clear => step.SurelyClears(clear.Event) && loop.Graph.Reaches(clear.Node, step.Node)).ToList();
        return clears is [var (_, clear)] && backwards is [var (_, backward)] && clear.Frame == backward.Frame && clear.Frame == step.Event.Frame
            // Before the first backward there is no gradient to set to zero.
            && !(clear.Targets.IsEmpty && clear.Operation is IInvocationOperation)
            ? ImmutableArray.Create(clear.Operation, backward.Operation)
            : ImmutableArray<IOperation>.Empty;
    }
}
