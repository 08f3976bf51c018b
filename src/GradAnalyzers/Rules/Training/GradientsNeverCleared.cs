using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>A loop steps again and again, and nothing ever clears the gradients: each step uses the sum of all so far.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class GradientsNeverCleared() : TrainingLoopRule(Descriptors.GRAD2003)
{
    private protected override bool DependsOnCallers => true;

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        if (loop.HasOpaqueCalls)
            yield break;
        foreach (var step in loop.Steps.Where(step => !MayBeCleared(step, loop)))
        {
            var after = loop.Graph.After(step.Node);
            var repeats = after.Contains(step.Node) && step.Backwards.Any(backward => backward.Event.Accumulates && after.Contains(backward.Node));
            if (repeats && !step.Event.Optimizer.Optimizers.Any(optimizer => IsMadeInTheSameRound(optimizer, step.Event)) && !program.IsFromSource(step.Event.Optimizer))
                yield return new Finding(step.Event, Stepped(step.Event), program.Source.Catalogue.ClearNameFor((step.Event.Operation as IInvocationOperation)?.TargetMethod) + "()") { Places = Place(step, loop), Related = step.Event.Optimizer.Optimizers is [var optimizer] ? Origin.Of(optimizer, program.Source) : ImmutableArray<Location>.Empty };
        }
    }

    private static Wording Stepped(StepEvent step) => at => at.NameOf(step.Optimizer);

    /// <summary>A clear, or code that writes gradients by hand and may write zeros.</summary>
    private static bool MayBeCleared(Step step, TrainingLoop loop) =>
        loop.Of<ClearEvent>().Any(clear => step.MayBeClearedBy(clear.Event))
        || loop.Of<ClipEvent>().Any(change => change.Event.IsByHand && change.Event.Parameters.MayOverlap(step.Event.Optimizer.Parameters));

    /// <summary>
    /// The backward before which the clear belongs: the only one, in the code of the step itself or in the closure that it runs.
    /// None where several add up before a step; then the clear belongs after it.
    /// </summary>
    private static ImmutableArray<IOperation> Place(Step step, TrainingLoop loop) =>
        step.Backwards is [var (node, backward)] && backward.Frame.Body == step.Event.Frame.Body
            && (backward.Frame == step.Event.Frame || step.Event.Closure.Contains(backward.Frame))
            && !loop.Graph.Reaches(node, node, other => other == step.Event)
            ? ImmutableArray.Create(backward.Operation)
            : ImmutableArray<IOperation>.Empty;

    /// <summary>A new optimizer in every round (cross-validation, a sweep) has nothing to clear.</summary>
    private static bool IsMadeInTheSameRound(Value optimizer, StepEvent step)
    {
        if (optimizer is not Created created)
            return optimizer is Unknown;
        var making = Frame.WayTo(created.Creation, created.Frame).GroupBy(place => place.Frame).ToDictionary(group => group.Key, group => group.First().At);
        foreach (var (frame, at) in Frame.WayTo(step.Operation, step.Frame))
        {
            var round = at.Syntax.Ancestors().TakeWhile(node => node != (frame.Function ?? frame.Body.Declaration))
                .FirstOrDefault(node => node is ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax);
            if (making.TryGetValue(frame, out var made))
            {
                if (frame.Function is not null || round is not null)
                    return round is null || (made.Syntax.SyntaxTree == round.SyntaxTree && round.Span.Contains(made.Syntax.Span));
            }
            else if (round is not null)
            {
                return false;
            }
        }

        return false;
    }
}
