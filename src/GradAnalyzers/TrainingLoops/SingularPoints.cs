using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Calls whose slope is infinite at the edge of their domain (the root, a power below one and the logarithm at 0, the arc cosine at 1), given something that can lie exactly there:
/// squares, sizes, distances and spreads, which are 0 where two things are alike. Their own slope is 0 there, and 0 times infinity is NaN (measured).
/// relu passes no gradient at 0, and norm, std and cdist define theirs as 0: all fine. What can't be followed is taken as guarded.
/// </summary>
internal sealed class SingularPoints(ValueTracer tracer)
{
    private const int MaximumDepth = 24;

    private ModelCatalogue Catalogue => tracer.Source.Catalogue;

    /// <summary>Whether a call may be singular at all.</summary>
    public static bool MayBe(Role role) => role is Role.Power or Role.Logarithm or Role.ArcCosine;

    /// <summary>What the call is given, where that can lie exactly at the point; null where something guards it.</summary>
    public IOperation? UnguardedOperand(IInvocationOperation call, Frame frame)
    {
        if (Catalogue.Find(call.TargetMethod) is not { } entry || !MayBe(entry.Role) || OperandOf(call) is not { } operand || call.TargetMethod.Name.EndsWith("_", StringComparison.Ordinal))
            return null;
        if (entry.Role == Role.Power && ExponentOf(call, entry) is not (< 1 and not 0))
            return null;
        var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        var isReached = entry.Role == Role.ArcCosine ? IsCosine(operand, frame, seen, 0) : IsZero(operand, frame, seen, 0);
        return isReached && !IsChecked(call, seen) ? operand : null;
    }

    private static IOperation? OperandOf(IInvocationOperation call) => call.Instance ?? call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value;

    private static double? ExponentOf(IInvocationOperation call, CatalogueEntry entry)
    {
        foreach (var (meaning, number) in entry.Numbers)
        {
            if (meaning == "exponent")
                return number;
        }

        return NumberOf(call.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("exponent", parameter.Name))?.Value);
    }

    private static double? NumberOf(IOperation? value)
    {
        while (value is IConversionOperation { ConstantValue.HasValue: false } conversion)
            value = conversion.Operand;
        return value?.ConstantValue is { HasValue: true, Value: IConvertible number and not (string or bool or char) } ? number.ToDouble(System.Globalization.CultureInfo.InvariantCulture) : null;
    }

    /// <summary>A condition around the call looks at what it is given.</summary>
    private static bool IsChecked(IOperation call, HashSet<ISymbol> operands)
    {
        for (var around = call.Parent; around is not null; around = around.Parent)
        {
            if (around is IConditionalOperation { Condition: var condition } && condition.DescendantsAndSelf().Any(part => VariableOf(part) is { } variable && operands.Contains(variable)))
                return true;
        }

        return false;
    }

    private static ISymbol? VariableOf(IOperation operation) => operation switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IParameterReferenceOperation reference => reference.Parameter,
        IFieldReferenceOperation { Instance: null or IInstanceReferenceOperation } reference => reference.Field,
        _ => null,
    };

    /// <summary>The value can be exactly 0, by what it is made of.</summary>
    private bool IsZero(IOperation operation, Frame frame, HashSet<ISymbol> seen, int depth)
    {
        if (depth > MaximumDepth)
            return false;
        switch (operation)
        {
            case IConversionOperation { OperatorMethod: null } or IParenthesizedOperation or IAwaitOperation:
                return IsZero(operation.ChildOperations.First(), frame, seen, depth + 1);
            case ISimpleAssignmentOperation assignment:
                return IsZero(assignment.Value, frame, seen, depth + 1);
            case ILocalReferenceOperation or IParameterReferenceOperation:
                return Sources(operation, frame, seen) is { IsEmpty: false } sources && sources.All(source => IsZero(source.Value, source.Frame, seen, depth + 1));
            case IBinaryOperation { OperatorMethod: { } method } binary:
                return IsZero(Catalogue.Find(method)?.Role, binary.LeftOperand, binary.RightOperand, frame, seen, depth);
            case IInvocationOperation call:
                return IsZeroCall(call, frame, seen, depth);
            default:
                return false;
        }
    }

    private bool IsZeroCall(IInvocationOperation call, Frame frame, HashSet<ISymbol> seen, int depth)
    {
        var entry = Catalogue.Find(call.TargetMethod);
        switch (entry?.Role)
        {
            case null:
                return Returned(call, frame) is { IsEmpty: false } returned && returned.All(source => IsZero(source.Value, source.Frame, seen, depth + 1));
            case Role.Forward:
                return tracer.Trace(call.Instance, frame) is [Created made] && Catalogue.FindBase(made.Type)?.Role is { } loss && IsDistance(loss);
            case var role when IsDistance(role.Value):
                return true;
        }

        if (OperandOf(call) is not { } operand || call.TargetMethod.Name.EndsWith("_", StringComparison.Ordinal))
            return false;
        switch (entry!.Role)
        {
            case Role.Reshape or Role.Flatten or Role.Permute or Role.Select or Role.Expand or Role.Identity or Role.Sum or Role.Mean:
                return IsZero(operand, frame, seen, depth + 1);
            case Role.Square or Role.Absolute or Role.Variance:
            case Role.Power when ExponentOf(call, entry) is > 0 and var exponent && exponent % 2 == 0:
            case Role.Hardtanh when NumberOf(call.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("low", parameter.Name))?.Value) == 0:
                return IsFree(operand, frame, seen, depth + 1);
            case Role.Add or Role.Multiply or Role.Divide when call.Arguments.FirstOrDefault(argument => argument.Value != operand && argument.Parameter?.Ordinal == (call.Instance is null ? 1 : 0))?.Value is { } other:
                return IsZero(entry.Role, operand, other, frame, seen, depth);
            default:
                return false;
        }
    }

    private bool IsZero(Role? role, IOperation one, IOperation other, Frame frame, HashSet<ISymbol> seen, int depth)
    {
        switch (role)
        {
            case Role.Add:
                return IsZero(one, frame, seen, depth + 1) && IsZero(other, frame, seen, depth + 1);
            case Role.Multiply when VariableOf(Bare(one)) is { } variable && SymbolEqualityComparer.Default.Equals(variable, VariableOf(Bare(other))):
                return IsFree(one, frame, seen, depth + 1);
            case Role.Multiply:
                return IsZero(one, frame, seen, depth + 1) || IsZero(other, frame, seen, depth + 1);
            case Role.Divide:
                return IsZero(one, frame, seen, depth + 1);
            default:
                return false;
        }
    }

    private static bool IsDistance(Role role) => role is Role.MseLoss or Role.L1Loss or Role.SmoothL1Loss or Role.HuberLoss;

    /// <summary>The value may be any number, 0 among them: nothing keeps it away from 0.</summary>
    private bool IsFree(IOperation operation, Frame frame, HashSet<ISymbol> seen, int depth)
    {
        if (depth > MaximumDepth)
            return false;
        switch (operation)
        {
            case IConversionOperation { OperatorMethod: null } or IParenthesizedOperation or IAwaitOperation:
                return IsFree(operation.ChildOperations.First(), frame, seen, depth + 1);
            case ISimpleAssignmentOperation assignment:
                return IsFree(assignment.Value, frame, seen, depth + 1);
            case ILocalReferenceOperation { Local: var local }:
                seen.Add(local);
                return Sources(operation, frame, seen) is var sources && sources.All(source => IsFree(source.Value, source.Frame, seen, depth + 1));
            case IParameterReferenceOperation { Parameter: var parameter }:
                seen.Add(parameter);
                return frame.ArgumentOf(parameter) is not { } argument || IsFree(argument.Argument, argument.Frame, seen, depth + 1);
            case IFieldReferenceOperation or IPropertyReferenceOperation or IArrayElementReferenceOperation:
                return tracer.Source.IsTensor(operation.Type) || Catalogue.Is(operation.Type, Role.Parameter);
            case IBinaryOperation { OperatorMethod: { } method } binary:
                return Catalogue.Find(method)?.Role switch
                {
                    Role.Subtract => tracer.Source.IsTensor(Bare(binary.LeftOperand).Type) && tracer.Source.IsTensor(Bare(binary.RightOperand).Type),
                    Role.Multiply or Role.MatMul or Role.Einsum or Role.Outer => true,
                    Role.Divide => IsFree(binary.LeftOperand, frame, seen, depth + 1),
                    _ => false,
                };
            case IInvocationOperation call:
                var role = Catalogue.Find(call.TargetMethod)?.Role;
                if (role is null && call.TargetMethod.DeclaringSyntaxReferences.IsEmpty)
                    return false;
                if (role is null)
                    return Returned(call, frame) is { IsEmpty: false } returned && returned.All(source => IsFree(source.Value, source.Frame, seen, depth + 1));
                return role is Role.Forward or Role.Relu or Role.MatMul or Role.Einsum or Role.Linear or Role.Subtract or Role.Multiply
                    || (role is Role.Reshape or Role.Flatten or Role.Permute or Role.Select or Role.Expand or Role.Identity && OperandOf(call) is { } operand && IsFree(operand, frame, seen, depth + 1));
            default:
                return false;
        }
    }

    private static IOperation Bare(IOperation operation)
    {
        while (operation is IConversionOperation { OperatorMethod: null } or IParenthesizedOperation)
            operation = operation.ChildOperations.First();
        return operation;
    }

    /// <summary>The value is the cosine of an angle, as it is or held between -1 and 1, where it lies exactly at the end.</summary>
    private bool IsCosine(IOperation operation, Frame frame, HashSet<ISymbol> seen, int depth)
    {
        if (depth > MaximumDepth)
            return false;
        switch (operation)
        {
            case IConversionOperation { OperatorMethod: null } or IParenthesizedOperation or IAwaitOperation:
                return IsCosine(operation.ChildOperations.First(), frame, seen, depth + 1);
            case ILocalReferenceOperation or IParameterReferenceOperation:
                return Sources(operation, frame, seen) is { IsEmpty: false } sources && sources.All(source => IsCosine(source.Value, source.Frame, seen, depth + 1));
            case IInvocationOperation call when Catalogue.Find(call.TargetMethod) is { } entry:
                return entry.Role switch
                {
                    Role.CosineSimilarity => true,
                    Role.Forward => tracer.Trace(call.Instance, frame) is [Created made] && Catalogue.FindBase(made.Type)?.Role == Role.CosineSimilarity,
                    Role.Hardtanh => call.Arguments.All(argument => argument.Parameter is not { } parameter || !(entry.Carries("low", parameter.Name) || entry.Carries("high", parameter.Name)) || NumberOf(argument.Value) is <= -1 or >= 1)
                        && OperandOf(call) is { } held && IsCosine(held, frame, seen, depth + 1),
                    _ => false,
                };
            default:
                return false;
        }
    }

    /// <summary>What a variable can be where it is read; nothing where something else is written to it, or into it.</summary>
    private ImmutableArray<(IOperation Value, Frame Frame)> Sources(IOperation reference, Frame frame, HashSet<ISymbol> seen)
    {
        var variable = VariableOf(reference)!;
        seen.Add(variable);
        var declaring = reference is ILocalReferenceOperation ? Frame.Declaring(variable, frame) : frame;
        if (declaring.Body.PartWrites(variable).Count > 0 || IsChangedInPlace(variable, declaring))
            return ImmutableArray<(IOperation, Frame)>.Empty;
        var isArgument = false;
        var writes = variable is IParameterSymbol parameter ? declaring.Body.WritesReaching(reference, parameter, out isArgument) : declaring.Body.WritesReaching(reference, variable);
        var sources = writes.Where(write => !write.IsElement && write.TuplePath.IsEmpty && write.Value is not (IArgumentOperation or ICompoundAssignmentOperation)).Select(write => (write.Value, declaring)).ToList();
        if (sources.Count < writes.Length)
            return ImmutableArray<(IOperation, Frame)>.Empty;
        if (!isArgument)
            return sources.ToImmutableArray();
        return frame.ArgumentOf((IParameterSymbol)variable) is { } given ? sources.Append((given.Argument, given.Frame)).ToImmutableArray() : ImmutableArray<(IOperation, Frame)>.Empty;
    }

    private static bool IsChangedInPlace(ISymbol variable, Frame frame) => frame.Body.Invocations.Any(call =>
        call.TargetMethod.Name.EndsWith("_", StringComparison.Ordinal) && OperandOf(call) is { } changed && SymbolEqualityComparer.Default.Equals(VariableOf(Bare(changed)), variable));

    private ImmutableArray<(IOperation Value, Frame Frame)> Returned(IInvocationOperation call, Frame frame) =>
        tracer.Enter(call, frame).SelectMany(entered => entered.Body.Returns(entered.Function).Select(value => (value, entered))).ToImmutableArray();
}
