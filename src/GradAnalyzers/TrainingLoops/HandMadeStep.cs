using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Reads steps that are written out: which tensor is changed, and whether by its own gradient.</summary>
internal static class HandMadeStep
{
    private const int MaximumOperations = 500;

    /// <summary>The tensor that is changed: <c>w</c> of <c>w.detach().sub_(…)</c>.</summary>
    public static IOperation Tensor(IOperation changed, ModelCatalogue catalogue)
    {
        var tensor = WithoutConversion(changed);
        return tensor is IInvocationOperation { Instance: { } whole } call && catalogue.Is(call.TargetMethod, Role.Detach) ? WithoutConversion(whole) : tensor;
    }

    /// <summary>What the user calls it: the variable, or <c>layer.weight</c>.</summary>
    public static string NameOf(IOperation tensor) => tensor.Syntax.WithoutTrivia().ToString().TrimEnd('!');

    /// <summary>The <c>grad</c> that an expression is; null for anything else.</summary>
    public static IPropertyReferenceOperation? Gradient(IOperation? value, ModelCatalogue catalogue)
    {
        var current = value is null ? null : WithoutConversion(value);
        if (current is IConditionalAccessInstanceOperation)
        {
            for (var outer = current.Parent; outer is not null; outer = outer.Parent)
            {
                if (outer is IConditionalAccessOperation access && access.Operation.Syntax == current.Syntax)
                {
                    current = WithoutConversion(access.Operation);
                    break;
                }
            }
        }

        return current is IPropertyReferenceOperation reference && catalogue.Is(reference.Property, Role.Gradient) ? reference : null;
    }

    /// <summary>Whether what a call hands over is computed from the gradient of the tensor that it changes.</summary>
    /// <param name="call">The call that works in place.</param>
    /// <param name="tensor">The tensor that it changes.</param>
    /// <param name="frame">Where it stands.</param>
    /// <param name="catalogue">What names mean.</param>
    /// <param name="isLimited">More is done with the gradient than scaling it.</param>
    public static bool GradientIn(IInvocationOperation call, IOperation tensor, Frame frame, ModelCatalogue catalogue, out bool isLimited)
    {
        var (isFound, seen) = (false, new HashSet<IOperation>());
        isLimited = false;
        var open = new Stack<IOperation>(call.Arguments.Select(argument => argument.Value));
        while (open.Count > 0 && seen.Count < MaximumOperations)
        {
            var current = open.Pop();
            if (!seen.Add(current))
                continue;
            if (Gradient(current, catalogue) is { } gradient)
            {
                isFound |= gradient.Instance is { } owner && IsSame(WithoutConversion(owner), tensor);
                continue;
            }

            isLimited |= current is IInvocationOperation { TargetMethod: var method } && method.Name is not ("mul" or "mul_" or "multiply" or "neg" or "clone" or "detach" or "alias" or "to" or "ones_like");
            if (current is ILocalReferenceOperation reference)
            {
                foreach (var write in Frame.Declaring(reference.Local, frame).Body.WritesReaching(reference, reference.Local).Where(write => !write.IsElement))
                    open.Push(write.Value);
            }

            foreach (var child in current.ChildOperations)
                open.Push(child);
        }

        return isFound;
    }

    /// <summary>Both name the same variable, or the same member of one.</summary>
    private static bool IsSame(IOperation one, IOperation other)
    {
        while (true)
        {
            switch (one, other)
            {
                case (ILocalReferenceOperation left, ILocalReferenceOperation right):
                    return SymbolEqualityComparer.Default.Equals(left.Local, right.Local);
                case (IParameterReferenceOperation left, IParameterReferenceOperation right):
                    return SymbolEqualityComparer.Default.Equals(left.Parameter, right.Parameter);
                case (IInstanceReferenceOperation, IInstanceReferenceOperation):
                    return true;
                case (IMemberReferenceOperation left, IMemberReferenceOperation right) when SymbolEqualityComparer.Default.Equals(left.Member, right.Member):
                    if (left.Instance is null || right.Instance is null)
                        return left.Instance is null && right.Instance is null;
                    (one, other) = (WithoutConversion(left.Instance), WithoutConversion(right.Instance));
                    break;
                default:
                    return false;
            }
        }
    }

    private static IOperation WithoutConversion(IOperation operation)
    {
        while (operation is IConversionOperation or IParenthesizedOperation)
            operation = operation is IConversionOperation conversion ? conversion.Operand : ((IParenthesizedOperation)operation).Operand;
        return operation;
    }
}
