using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>A logarithm of what a softmax or sigmoid gives, or of one minus it.</summary>
/// <param name="Call">The logarithm.</param>
/// <param name="Probability">The softmax or sigmoid.</param>
/// <param name="IsSoftmax">Which of the two.</param>
internal sealed record ProbabilityLogarithm(SyntaxNode Call, SyntaxNode Probability, bool IsSoftmax)
{
    /// <summary>Those in what a loop calls with the probability as an argument; in its own code they are found without a loop.</summary>
    public static IEnumerable<ProbabilityLogarithm> In(TrainingLoop loop)
    {
        var calls = loop.Of<BackwardEvent>().SelectMany(backward => loop.Losses.CallsBehind(backward.Event.Loss, backward.Event.Frame))
            .Where(call => call.Frame.Depth > 0 && loop.Values.Source.Catalogue.Is(call.Call.TargetMethod, Role.Logarithm)).Distinct().ToList();
        if (calls.Count == 0)
            yield break;
        var heads = new OutputHeads(loop.Values);
        foreach (var (call, frame) in calls)
        {
            if (Of(call, frame, heads, loop.Losses) is { } found)
                yield return found;
        }
    }

    /// <summary>The logarithm that a call is in an activation; null where it is none of a probability.</summary>
    public static ProbabilityLogarithm? Of(IInvocationOperation call, Frame frame, OutputHeads heads, LossTracer losses)
    {
        if ((call.Instance ?? call.Arguments.FirstOrDefault()?.Value) is not { } operand || losses.IsWithoutGradient(call, frame) || IsOnlyShown(call, heads.Catalogue))
            return null;
        var found = heads.Of(Complement(operand) ?? operand, frame);
        return found.Length > 0 && found.All(head => head.Role == found[0].Role) && found[0].Role is Role.Softmax or Role.Sigmoid
            ? new ProbabilityLogarithm(call.Syntax, found[0].Operation.Syntax, found[0].Role == Role.Softmax) : null;
    }

    /// <summary>What is computed of it is read as a number, or it is detached and kept for nothing that computes on: no gradient comes back, and no loss is computed with it.</summary>
    private static bool IsOnlyShown(IOperation logarithm, ModelCatalogue catalogue)
    {
        var isDetached = false;
        var current = logarithm.Parent;
        for (; current is IInvocationOperation or IArgumentOperation or IConversionOperation or IParenthesizedOperation or IBinaryOperation or IUnaryOperation; current = current.Parent)
        {
            if (current is IInvocationOperation { TargetMethod: { ContainingAssembly.Name: ModelCatalogue.Library } } call && LossTracer.IsPlain(call.Type))
                return true;
            isDetached |= current is IInvocationOperation detaching && catalogue.Is(detaching.TargetMethod, Role.Detach);
        }

        return isDetached && current is IExpressionStatementOperation;
    }

    /// <summary>The p of <c>1 - p</c>.</summary>
    private static IOperation? Complement(IOperation operand)
    {
        var current = operand;
        while (current is IConversionOperation or IParenthesizedOperation)
            current = current.ChildOperations.First();
        return current is IBinaryOperation { OperatorKind: BinaryOperatorKind.Subtract, RightOperand: var probability, LeftOperand: var one } && IsOne(one) ? probability : null;
    }

    private static bool IsOne(IOperation operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation.ConstantValue is { HasValue: true, Value: 1 or 1f or 1d or 1L };
    }
}
