using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Conditions that hold in every so many rounds.</summary>
internal static class Counting
{
    private const int MaximumOperations = 500;

    /// <summary>Whether a condition is computed from a remainder (<c>++i % n == 0</c>, <c>(i &amp; 3) == 0</c>), or asks a counter that is counted up and set back (<c>if (i == n) { …; i = 0; }</c>).</summary>
    public static bool Decides(IOperation condition, Frame frame)
    {
        var seen = new HashSet<IOperation>();
        var open = new Stack<IOperation>([condition]);
        while (open.Count > 0 && seen.Count < MaximumOperations)
        {
            var current = open.Pop();
            if (!seen.Add(current))
                continue;
            if (current is IBinaryOperation { OperatorKind: BinaryOperatorKind.Remainder } or ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Remainder } || IsMasked(current))
                return true;
            // What a switch asks its cases about is computed once, before them.
            if (current is IFlowCaptureReferenceOperation { Id: var id } && frame.Body.GraphOf(frame.Function) is { } flow)
            {
                foreach (var captured in flow.Blocks.SelectMany(block => block.Operations).OfType<IFlowCaptureOperation>().Where(capture => capture.Id.Equals(id)))
                    open.Push(captured.Value);
            }

            if (VariableOf(current) is { } variable)
            {
                if (IsCountedAndSetBack(variable, frame.Body))
                    return true;
                if (variable is ILocalSymbol)
                {
                    foreach (var write in Frame.Declaring(variable, frame).Body.WritesReaching(current, variable))
                        open.Push(write.Value);
                }
                else if (variable is not IParameterSymbol)
                {
                    foreach (var (member, write) in frame.Body.MemberWrites())
                    {
                        if (SymbolEqualityComparer.Default.Equals(member, variable.OriginalDefinition))
                            open.Push(write.Value);
                    }
                }
            }

            foreach (var child in current.ChildOperations)
                open.Push(child);
        }

        return false;
    }

    /// <summary>The remainder by a power of two: <c>i &amp; 3</c>.</summary>
    private static bool IsMasked(IOperation operation) => operation is IBinaryOperation { OperatorKind: BinaryOperatorKind.And, Type.SpecialType: SpecialType.System_Int32 or SpecialType.System_Int64 or SpecialType.System_UInt32 or SpecialType.System_UInt64 } both
        && new[] { both.LeftOperand, both.RightOperand }.Any(side => side.ConstantValue is { HasValue: true, Value: int or long or uint } && Convert.ToInt64(side.ConstantValue.Value, System.Globalization.CultureInfo.InvariantCulture) is > 0 and var mask && (mask & (mask + 1)) == 0);

    private static bool IsCountedAndSetBack(ISymbol variable, MemberBody body)
    {
        if (TypeOf(variable)?.SpecialType is not (SpecialType.System_Int32 or SpecialType.System_Int64 or SpecialType.System_UInt32))
            return false;
        bool Is(IOperation target) => SymbolEqualityComparer.Default.Equals(VariableOf(target), variable);
        var (isCounted, isSetBack) = (false, false);
        foreach (var operation in body.Operations)
        {
            isCounted |= operation switch
            {
                IIncrementOrDecrementOperation step => Is(step.Target),
                ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Add or BinaryOperatorKind.Subtract, Value.ConstantValue.HasValue: true } step => Is(step.Target),
                _ => false,
            };
            isSetBack |= operation is ISimpleAssignmentOperation { Parent: IExpressionStatementOperation { Parent: IBlockOperation { Parent: IConditionalOperation or ISwitchCaseOperation } or IConditionalOperation or ISwitchCaseOperation } } assignment && Is(assignment.Target);
        }

        return isCounted && isSetBack;
    }

    private static ITypeSymbol? TypeOf(ISymbol variable) => variable switch
    {
        ILocalSymbol local => local.Type,
        IParameterSymbol parameter => parameter.Type,
        IFieldSymbol field => field.Type,
        IPropertySymbol property => property.Type,
        _ => null,
    };

    private static ISymbol? VariableOf(IOperation operation) => operation switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IParameterReferenceOperation reference => reference.Parameter,
        IFieldReferenceOperation reference => reference.Field,
        IPropertyReferenceOperation reference => reference.Property,
        _ => null,
    };
}
