using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>A loop steps again and again, and nothing ever clears the gradients: each step uses the sum of all so far.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class GradientsNeverCleared() : TrainingLoopRule(Descriptors.GRAD2003)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, CompilationLoops program)
    {
        if (loop.HasOpaqueCalls)
            yield break;
        foreach (var step in loop.Steps.Where(step => !loop.Of<ClearEvent>().Any(clear => step.MayBeClearedBy(clear.Event))))
        {
            var after = loop.Graph.After(step.Node);
            var repeats = after.Contains(step.Node) && step.Backwards.Any(backward => after.Contains(backward.Node));
            if (repeats && !step.Event.Optimizer.Optimizers.Any(optimizer => IsMadeInTheSameRound(optimizer, step.Event)) && !program.IsFromSource(step.Event.Optimizer))
                yield return new Finding(step.Event, step.Event.Optimizer.Name) { Places = Place(step) };
        }
    }

    /// <summary>The backward before which the clear belongs: the only one, in the code of the step itself or in the closure that it runs.</summary>
    private static ImmutableArray<IOperation> Place(Step step) =>
        step.Backwards is [var (_, backward)] && backward.Frame.Body == step.Event.Frame.Body
            && (backward.Frame == step.Event.Frame || step.Event.Closure.Contains(backward.Frame))
            ? ImmutableArray.Create(backward.Operation)
            : ImmutableArray<IOperation>.Empty;

    /// <summary>A new optimizer in every round (cross-validation, a sweep) has nothing to clear.</summary>
    private static bool IsMadeInTheSameRound(Value optimizer, StepEvent step)
    {
        if (optimizer is not Created created)
            return optimizer is Unknown;
        var round = step.Frame.CallIn(created.Frame.Body)?.Call ?? (step.Frame.Body == created.Frame.Body ? step.Operation : null);
        var loop = round?.Syntax.Ancestors().FirstOrDefault(node => node is ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax or AnonymousFunctionExpressionSyntax);
        return loop is not null && loop.SyntaxTree == created.Creation.Syntax.SyntaxTree && loop.Span.Contains(created.Creation.Syntax.Span);
    }
}
