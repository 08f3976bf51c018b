using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Understands which modules' parameters an expression gives, and what an optimizer holds.</summary>
internal sealed class ParameterTracer(ValueTracer tracer)
{
    private const int MaximumDepth = 16;

    private ModelCatalogue Catalogue => tracer.Source.Catalogue;

    /// <summary>The optimizers that the expression can be, with what they were made from.</summary>
    public OptimizerSet Optimizers(IOperation? operation, Frame frame)
    {
        var values = tracer.Trace(operation, frame);
        var held = values.Length == 0
            ? ParameterSet.Anything
            : values.Select(value => Held(value, depth: 0)).Aggregate((one, other) => one.Union(other));
        return new OptimizerSet(values, held);
    }

    /// <summary>The parameters that a module or optimizer, or a sequence of parameters, stands for.</summary>
    public ParameterSet Parameters(IOperation? operation, Frame frame, int depth = 0)
    {
        if (depth > MaximumDepth)
            return ParameterSet.Anything;
        var values = tracer.Trace(operation, frame);
        return values.Length == 0
            ? ParameterSet.Anything
            : values.Select(value => Parameters(value, depth + 1)).Aggregate((one, other) => one.Union(other));
    }

    private ParameterSet Parameters(Value value, int depth)
    {
        if (depth > MaximumDepth)
            return ParameterSet.Anything;
        if (Catalogue.DerivesFrom(value.Type, Role.Optimizer))
            return Held(value, depth + 1);
        if (Catalogue.IsModule(value.Type))
            return ParameterSet.Of([value]);
        if (value is Part { Owner: { } owner } && Catalogue.IsModule(owner.Type))
            return new ParameterSet(ImmutableArray.Create(owner), IsComplete: true, IsFiltered: true);
        return value is Created created ? Sequence(created, depth) : ParameterSet.Anything;
    }

    /// <summary>A sequence of parameters: <c>model.parameters()</c>, a query over it, or several put together.</summary>
    private ParameterSet Sequence(Created created, int depth)
    {
        switch (created.Creation)
        {
            case IInvocationOperation call when Catalogue.Is(call.TargetMethod, Role.Parameters):
                return Parameters(call.Instance ?? call.Arguments.FirstOrDefault()?.Value, created.Frame, depth);
            case IInvocationOperation call when IsQuery(call.TargetMethod):
                return Query(call, created.Frame, depth);
            case IObjectCreationOperation { Arguments: { IsEmpty: false } arguments } when created.Type?.TypeKind == TypeKind.Class:
                return Parameters(arguments[0].Value, created.Frame, depth);
            default:
                var elements = tracer.TraceElements(created.Creation, created.Frame);
                return elements.IsEmpty
                    ? ParameterSet.Anything
                    : elements.Select(element => Parameters(element, depth + 1)).Aggregate((one, other) => one.And(other));
        }
    }

    private ParameterSet Query(IInvocationOperation call, Frame frame, int depth)
    {
        var parameters = call.Arguments
            .Where(argument => argument.Value is not IDelegateCreationOperation && argument.Value.Type?.TypeKind != TypeKind.Delegate)
            .Where(argument => argument.Value.Type?.SpecialType is not SpecialType.System_Int32)
            .Select(argument => Parameters(argument.Value, frame, depth))
            .DefaultIfEmpty(ParameterSet.Anything)
            .Aggregate((one, other) => one.And(other));
        var keepsAll = call.TargetMethod.Name is "ToList" or "ToArray" or "Concat" or "Union" or "Cast" or "AsEnumerable" or "Append" or "Select" or "SelectMany";
        return keepsAll ? parameters : parameters with { IsFiltered = true };
    }

    private static bool IsQuery(IMethodSymbol method) =>
        method.ContainingType is { Name: "Enumerable", ContainingNamespace: { Name: "Linq", ContainingNamespace.Name: "System" } };

    /// <summary>What an optimizer was made from: the first argument of its constructor or factory.</summary>
    private ParameterSet Held(Value optimizer, int depth)
    {
        if (optimizer is not Created created || Frame.Arguments(created.Creation) is not { IsEmpty: false } arguments)
            return ParameterSet.Anything;
        var first = arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0);
        return first is null || Catalogue.DerivesFrom(first.Value.Type, Role.Optimizer) ? ParameterSet.Anything : Parameters(first.Value, created.Frame, depth);
    }
}
