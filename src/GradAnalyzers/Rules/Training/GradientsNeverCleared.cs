using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>A loop steps again and again, and nothing in it clears the gradients: each step uses the sum of all so far.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class GradientsNeverCleared() : TrainingLoopRule(Descriptors.GRAD2003)
{
    /// <summary>Property of the diagnostic: the statement that clears, where there is no optimizer to name; empty where there is none.</summary>
    public const string Clear = "clear";

    private const string Never = "never clears gradients; every step uses the sum of all so far";
    private const string TooSeldom = "clears gradients outside of it only; every step uses the sum since then";

    private protected override bool DependsOnCallers => true;

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        if (loop.HasOpaqueCalls)
            yield break;
        foreach (var step in loop.Steps.Where(step => !program.IsFromSource(step.Event.Optimizer)))
        {
            // The smallest loop that differentiates and steps again and again: a clear around it, in the same code, comes too seldom.
            var rounds = loop.Graph.RoundsWith(step.Node, nodes => Repeats(step, loop, nodes)).ToList();
            if (rounds.Count == 0 || rounds.Any(round => MayBeCleared(step, loop, node => round.Nodes.Contains(node) || loop.Graph.IsInCallerOf(node, round.Owner) || loop.Graph.IsInIterator(node, round.Owner)) || IsMadeAnew(step.Event.Optimizer, loop, round.Nodes)))
                continue;
            yield return new Finding(step.Event, Stepped(step.Event), program.Source.Catalogue.ClearNameFor((step.Event.Operation as IInvocationOperation)?.TargetMethod) + "()", step.Clears.IsEmpty ? Never : TooSeldom)
            {
                Related = step.Event.Optimizer.Optimizers is [var optimizer] ? Origin.Of(optimizer, program.Source) : ImmutableArray<Location>.Empty,
                Places = step.Event.IsByHand && loop.ModuleRunOver(step.Event) is null ? ImmutableArray<IOperation>.Empty : Place(step, loop),
                Properties = Remedy(step, loop),
            };
        }
    }

    private static Wording Stepped(StepEvent step) => at => at.NameOf(step.Optimizer);

    /// <summary>Where no optimizer can be named: the module whose parameters the step runs over, before the backward, or the tensor that it changes, after the step.</summary>
    private static ImmutableDictionary<string, string?> Remedy(Step step, TrainingLoop loop)
    {
        var none = ImmutableDictionary<string, string?>.Empty;
        if (step.Event.Changed is not { } changed)
            return none;
        if (loop.ModuleRunOver(step.Event) is { } module)
            return none.Add(Clear, Place(step, loop).IsEmpty ? "" : module.Syntax.WithoutTrivia().ToString() + ".zero_grad();");
        return none.Add(Clear, step.Event.Optimizer.Parameters is { IsComplete: true, IsFiltered: false } ? HandMadeStep.NameOf(changed) + ".grad?.zero_();" : "");
    }

    private static bool Repeats(Step step, TrainingLoop loop, HashSet<int> nodes) =>
        nodes.Contains(step.Node) && step.Backwards.Any(backward => backward.Event.Accumulates && nodes.Contains(backward.Node)
            && loop.Graph.LeadsTo(step.Node, backward.Node, nodes) && loop.Graph.LeadsTo(backward.Node, step.Node, nodes));

    /// <summary>A clear in the loop, by a caller of the code that it stands in, or by an iterator that it may consume; or code that writes gradients by hand and may write zeros.</summary>
    private static bool MayBeCleared(Step step, TrainingLoop loop, Func<int, bool> isInTime) =>
        step.Clears.Any(clear => isInTime(clear.Node))
        || loop.Of<ClipEvent>().Any(change => change.Event.IsByHand && isInTime(change.Node) && change.Event.Parameters.MayOverlap(step.Event.Optimizer.Parameters));

    /// <summary>A new model in every round (cross-validation, a sweep) has nothing to clear; where the models are not to be seen, a new optimizer stands for them.</summary>
    private static bool IsMadeAnew(OptimizerSet optimizer, TrainingLoop loop, HashSet<int> nodes) =>
        optimizer.Parameters is { IsComplete: true, Modules: { IsEmpty: false } held } && held.All(module => module is Created)
            ? held.Any(module => loop.IsMadeIn((Created)module, nodes))
            : optimizer.Optimizers.Any(made => made is Unknown || (made is Created created && loop.IsMadeIn(created, nodes)));

    /// <summary>
    /// The backward before which the clear belongs: the only one, in the code of the step itself or in the closure that it runs.
    /// None where several add up before a step; then the clear belongs after it.
    /// </summary>
    private static ImmutableArray<IOperation> Place(Step step, TrainingLoop loop) =>
        step.Backwards is [var (node, backward)] && backward.Frame.Body == step.Event.Frame.Body
            && (backward.Frame == step.Event.Frame || step.Event.Closure.Contains(backward.Frame))
            // A loop over the parameters of a module has some.
            && (step.Event.IsByHand || !loop.Graph.Reaches(node, node, other => other == step.Event))
            ? ImmutableArray.Create(backward.Operation)
            : ImmutableArray<IOperation>.Empty;
}
