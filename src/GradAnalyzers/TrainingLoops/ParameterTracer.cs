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
        if (values.Length == 0)
            return ParameterSet.Anything;
        var all = values.Select(value => Parameters(value, depth + 1)).Aggregate((one, other) => one.Union(other));
        // Several answers mean one of them: none is surely in it.
        return values.Length == 1 ? all : all with { IsFiltered = true, Repeated = ImmutableArray<Value>.Empty };
    }

    private ParameterSet Parameters(Value value, int depth)
    {
        if (depth > MaximumDepth)
            return ParameterSet.Anything;
        if (Catalogue.DerivesFrom(value.Type, Role.Optimizer))
            return Held(value, depth + 1);
        if (Catalogue.IsModule(value.Type))
            return ParameterSet.Of([value]);
        if (value is Part { Owner: { } whole, Member: var all } && Catalogue.Is(all, Role.Parameters))
            return Parameters(whole, depth + 1);
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
        var sequences = call.Arguments.Where(argument => argument.Value.Type?.TypeKind is not TypeKind.Delegate && argument.Value is not IDelegateCreationOperation)
            .Select(argument => Parameters(argument.Value, frame, depth));
        switch (call.TargetMethod.Name)
        {
            case "Concat" or "Append" or "Prepend":
                return sequences.Aggregate((one, other) => one.And(other));
            case "Union":
                return sequences.Aggregate((one, other) => one.Union(other)) with { Repeated = ImmutableArray<Value>.Empty };
            case "Distinct":
                return sequences.First() with { Repeated = ImmutableArray<Value>.Empty };
            case "ToList" or "ToArray" or "Cast" or "AsEnumerable" or "Select":
                return sequences.First();
            case "SelectMany" when call.Arguments.Any(argument => GivesAllParameters(argument.Value)):
                return sequences.First();
            default:
                return sequences.First() with { IsFiltered = true, Repeated = ImmutableArray<Value>.Empty };
        }
    }

    /// <summary><c>module =&gt; module.parameters()</c>, or <c>group =&gt; group</c>.</summary>
    private bool GivesAllParameters(IOperation function) =>
        function.DescendantsAndSelf().OfType<IAnonymousFunctionOperation>().FirstOrDefault() is { Body.Operations: [IReturnOperation { ReturnedValue: { } returned }] }
        && returned.DescendantsAndSelf().FirstOrDefault(part => part is not IConversionOperation) switch
        {
            IParameterReferenceOperation => true,
            IInvocationOperation { Instance: IParameterReferenceOperation } call => Catalogue.Is(call.TargetMethod, Role.Parameters),
            _ => false,
        };

    private static bool IsQuery(IMethodSymbol method) =>
        method.ContainingType is { Name: "Enumerable", ContainingNamespace: { Name: "Linq", ContainingNamespace.Name: "System" } };

    /// <summary>What an optimizer was made from: the first argument of its constructor or factory.</summary>
    private ParameterSet Held(Value optimizer, int depth)
    {
        if (optimizer is not Created created || Frame.Arguments(created.Creation) is not { IsEmpty: false } arguments)
            return ParameterSet.Anything;
        var first = arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0);
        if (first is null || Catalogue.DerivesFrom(first.Value.Type, Role.Optimizer))
            return ParameterSet.Anything;
        var held = Parameters(first.Value, created.Frame, depth);
        // What is in a group that is added later is not followed.
        return AddedGroups.Of(tracer.Source.Program, tracer.Source.Cancellation).MayGrow(created) ? held with { IsComplete = false } : held;
    }
}
