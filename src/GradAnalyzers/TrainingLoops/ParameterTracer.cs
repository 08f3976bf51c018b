using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Understands which modules' parameters an expression gives, and what an optimizer holds.</summary>
internal sealed class ParameterTracer(ValueTracer tracer)
{
    private const int MaximumDepth = 16;
    private const int MaximumParts = 200;

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
        if (Each(operation, frame) is { } collection)
            return Parameters(collection.Operation, collection.Frame, depth + 1);
        if (Yielded(operation, frame, depth) is { } yielded)
            return yielded;
        return Parameters(tracer.Trace(operation, frame), depth);
    }

    /// <summary>The parameters of what can be any of several objects.</summary>
    public ParameterSet Parameters(ImmutableArray<Value> values, int depth = 0)
    {
        if (values.Length == 0)
            return ParameterSet.Anything;
        var all = values.Select(value => Parameters(value, depth + 1)).Aggregate((one, other) => one.Union(other));
        // Several answers mean one of them: none is surely in it.
        return values.Length == 1 ? all : all with { IsFiltered = true, Repeated = ImmutableArray<Value>.Empty };
    }

    /// <summary>What an iterator of the program gives: everything that it yields, one after the other; null for any other expression.</summary>
    private ParameterSet? Yielded(IOperation? operation, Frame frame, int depth)
    {
        if (operation is null || WithoutConversion(operation) is not IInvocationOperation call || !tracer.Source.Has(call.TargetMethod.OriginalDefinition)
            || tracer.Enter(call, frame) is not [var iterator] || !iterator.Body.Yields(iterator.Function))
        {
            return null;
        }

        var isSelecting = iterator.Body.Operations.Any(part => part is { IsImplicit: false } and (IBranchOperation or IReturnOperation { Kind: OperationKind.YieldBreak }) && MemberBody.FunctionOf(part) == iterator.Function);
        return iterator.Body.Returns(iterator.Function).Select(value =>
        {
            var each = Each(value, iterator);
            var (module, body) = each is { } run && WithoutConversion(run.Operation) is IInvocationOperation { Instance: { } owner } parameters && Catalogue.Is(parameters.TargetMethod, Role.Parameters) ? (owner, run.Frame) : (null, iterator);
            // A loop over modules around the one over the parameters of each.
            var modules = module is ILocalReferenceOperation { Local: var one } && body.Body.Writes(one) is [{ IsElement: true, TuplePath.IsEmpty: true, Value: var list }] ? tracer.TraceElements(list, body) : ImmutableArray<Value>.Empty;
            var given = modules.IsEmpty ? Parameters(value, iterator, depth + 1) : modules.Select(element => Parameters(element, depth + 1)).Aggregate(And);
            return isSelecting || IsConditional(value) ? given with { IsFiltered = true } : given;
        }).Aggregate(And);
    }

    private static bool IsConditional(IOperation operation)
    {
        for (var around = operation.Parent; around is not (null or ILocalFunctionOperation or IMethodBodyBaseOperation); around = around.Parent)
        {
            if (around is IConditionalOperation or ISwitchOperation or ITryOperation or ILoopOperation and not IForEachLoopOperation)
                return true;
        }

        return false;
    }

    /// <summary>A variable that runs over a sequence of parameters stands for all of them.</summary>
    private (IOperation Operation, Frame Frame)? Each(IOperation? operation, Frame frame)
    {
        if (operation is null || WithoutConversion(operation) is not ILocalReferenceOperation { Local: var local } || !IsTensor(local.Type))
            return null;
        var declaring = Frame.Declaring(local, frame);
        return declaring.Body.Writes(local) is [{ IsElement: true, TuplePath.Length: < 2, Value: var collection }] ? (collection, declaring) : null;
    }

    /// <summary>Whether the expression is a variable that runs over parameters, or anything else that is not surely all of what it stands for.</summary>
    public bool IsOneOfMany(IOperation? operation, Frame frame) => Each(operation, frame) is not null || Parameters(operation, frame).IsFiltered;

    /// <summary>The module whose parameters a variable runs over, as it is written: <c>model</c> of <c>foreach (var p in model.parameters())</c>.</summary>
    public IOperation? ModuleRunOver(IOperation variable, Frame frame) =>
        Each(variable, frame) is { Operation: var collection } && WithoutConversion(collection) is IInvocationOperation { Instance: { } module } call && Catalogue.Is(call.TargetMethod, Role.Parameters) ? module : null;

    private bool IsTensor(ITypeSymbol? type) => Catalogue.Is(type, Role.Tensor) || Catalogue.Is(type, Role.Parameter);

    private ParameterSet Parameters(Value value, int depth)
    {
        if (depth > MaximumDepth)
            return ParameterSet.Anything;
        if (value is Created && IsTensor(value.Type))
            return ParameterSet.Of([value]);
        if (Catalogue.DerivesFrom(value.Type, Role.Optimizer))
            return Held(value, depth + 1);
        if (Catalogue.IsModule(value.Type))
            return ParameterSet.Of([value]);
        if (value is Part { Owner: { } whole, Member: var all } && Catalogue.Is(all, Role.Parameters))
            return Parameters(whole, depth + 1);
        if (value is Part { Owner: { } owner } && Catalogue.IsModule(owner.Type))
            return new ParameterSet(ImmutableArray.Create(owner), IsComplete: true, IsFiltered: true);
        if (value is Argument && tracer.Source.Program.IsTrained(value.Type))
            return ParameterSet.Anything with { Given = value };
        return value is Created created ? Sequence(created, depth) : ParameterSet.Anything;
    }

    /// <summary>A sequence of parameters: <c>model.parameters()</c>, a query over it, or several put together.</summary>
    private ParameterSet Sequence(Created created, int depth)
    {
        if (created.Creation.Syntax is CollectionExpressionSyntax { Elements: { Count: > 0 } parts })
        {
            return parts.Select(part => part is SpreadElementSyntax spread ? spread.Expression : ((ExpressionElementSyntax)part).Expression)
                .Select(part => Parameters(created.Frame.Body.OperationAt(part), created.Frame, depth + 1)).Aggregate(And);
        }

        switch (created.Creation)
        {
            case IInvocationOperation call when Catalogue.Is(call.TargetMethod, Role.Parameters):
                return Parameters(call.Instance ?? call.Arguments.FirstOrDefault()?.Value, created.Frame, depth);
            case IInvocationOperation call when Frameworks.IsQuery(call.TargetMethod):
                return Query(call, created.Frame, depth);
            case IObjectCreationOperation creation when IsList(creation.Type):
                return List(created, creation, depth);
            case IObjectCreationOperation { Arguments: { IsEmpty: false } arguments } when created.Type?.TypeKind == TypeKind.Class:
                return Parameters(arguments[0].Value, created.Frame, depth);
            default:
                var elements = tracer.TraceElements(created.Creation, created.Frame);
                return elements.IsEmpty
                    ? ParameterSet.Anything
                    : elements.Select(element => Parameters(element, depth + 1)).Aggregate(And);
        }
    }

    private static bool IsList(ITypeSymbol? type) => type is INamedTypeSymbol { Name: "List", ContainingNamespace: { Name: "Generic", ContainingNamespace: { Name: "Collections", ContainingNamespace.Name: "System" } } };

    /// <summary>A list: what it was made with, and all that is added to it where it is made. Handed to other code, or changed otherwise, it may hold anything.</summary>
    private ParameterSet List(Created list, IObjectCreationOperation creation, int depth)
    {
        var parts = new List<ParameterSet>();
        if (creation.Arguments is [var start] && start.Parameter?.Type.TypeKind == TypeKind.Interface)
            parts.Add(Parameters(start.Value, list.Frame, depth));
        parts.AddRange((creation.Initializer?.Initializers ?? ImmutableArray<IOperation>.Empty).OfType<IInvocationOperation>().Select(call => Parameters(call.Arguments[0].Value, list.Frame, depth)));
        foreach (var call in list.Frame.Body.Invocations)
        {
            if (IsList(call.Instance?.Type) && call.Instance is ILocalReferenceOperation && tracer.Trace(call.Instance, list.Frame).Contains(list))
            {
                if (call.TargetMethod.Name is not ("Add" or "AddRange"))
                    return ParameterSet.Anything;
                var added = Parameters(call.Arguments[0].Value, list.Frame, depth);
                parts.Add(IsSurelyRun(call) ? added : added with { IsFiltered = true });
            }
            else if (!Frameworks.IsQuery(call.TargetMethod) && !Catalogue.DerivesFrom(call.Type, Role.Optimizer) && !IsClip(call.TargetMethod)
                && call.Arguments.Any(argument => IsList(WithoutConversion(argument.Value).Type) && tracer.Trace(argument.Value, list.Frame).Contains(list)))
            {
                return ParameterSet.Anything;
            }
        }

        return parts.Count == 0 || list.Frame.Body.Operations.OfType<IAnonymousFunctionOperation>().Any() ? ParameterSet.Anything : parts.Aggregate(And);
    }

    /// <summary>A statement of the method itself, or all that a loop over parameters does with each.</summary>
    private static bool IsSurelyRun(IInvocationOperation call)
    {
        if (call.Parent is not IExpressionStatementOperation { Parent: { } around })
            return false;
        if (around is IBlockOperation { Operations.Length: 1, Parent: IForEachLoopOperation inner })
            around = inner;
        if (around is IForEachLoopOperation { LoopControlVariable: IVariableDeclaratorOperation { Symbol: var each }, Parent: { } outside } && WithoutConversion(call.Arguments[0].Value) is ILocalReferenceOperation { Local: var added } && SymbolEqualityComparer.Default.Equals(each, added))
            around = outside;
        return around is IBlockOperation { Parent: IMethodBodyBaseOperation or null };
    }

    private bool IsClip(IMethodSymbol method) => Catalogue.Find(method)?.Role is Role.ClipNorm or Role.ClipValue;

    private static IOperation WithoutConversion(IOperation operation)
    {
        while (operation is IConversionOperation { Operand: var operand })
            operation = operand;
        return operation;
    }

    /// <summary>Both sequences, one after the other: a module in both, or a part of one, is repeated; and so is one that shares a part with another.</summary>
    private ParameterSet And(ParameterSet one, ParameterSet other)
    {
        var joined = one.And(other);
        if (one.IsFiltered || other.IsFiltered)
            return joined;
        var parts = one.Modules.SelectMany(PartsOf).ToImmutableHashSet();
        return joined with { Repeated = joined.Repeated.Union(other.Modules.SelectMany(PartsOf).Where(parts.Contains)).ToImmutableArray() };
    }

    /// <summary>The same for queries: all of a module, and what a query takes of the same once more.</summary>
    private ParameterSet AndSome(ParameterSet one, ParameterSet other) => And(one, other) is var joined
        && one.IsFiltered != other.IsFiltered && joined.IsComplete && one.Modules is [Created whole] && other.Modules is [var some] && whole == some ? joined with { Repeated = joined.Repeated.Add(whole) } : joined;

    /// <summary>A module that is made in source with the modules that it keeps in its fields, and theirs.</summary>
    private HashSet<Value> PartsOf(Value module)
    {
        var parts = new HashSet<Value>();
        var open = new Stack<Value>([module]);
        while (open.Count > 0 && parts.Count < MaximumParts)
        {
            if (open.Pop() is not Created { Type: INamedTypeSymbol type } current || !parts.Add(current))
                continue;
            foreach (var element in ElementsOf(current))
                open.Push(element);
            if (!tracer.Source.Has(type))
                continue;
            foreach (var field in tracer.Source.InstanceFields(type).Where(field => Catalogue.IsModule(field.Type)))
            {
                if (tracer.TraceMember(current, field.AssociatedSymbol ?? field) is [var part])
                    open.Push(part);
            }
        }

        return parts;
    }

    /// <summary>The modules that a Sequential or a list of modules is surely made of.</summary>
    private IEnumerable<Value> ElementsOf(Created container)
    {
        if (Catalogue.FindBase(container.Type)?.Role.IsContainer() != true)
            yield break;
        foreach (var element in Frame.Arguments(container.Creation).SelectMany(argument => WithoutConversion(argument.Value) is IArrayCreationOperation { Initializer.ElementValues: var values } ? values : ImmutableArray<IOperation>.Empty))
        {
            var module = WithoutConversion(element) is ITupleOperation { Elements: [_, var named] } ? named : element;
            if (tracer.Trace(module, container.Frame) is [var part])
                yield return part;
        }
    }

    private ParameterSet Query(IInvocationOperation call, Frame frame, int depth)
    {
        var sequences = call.Arguments.Where(argument => argument.Value.Type?.TypeKind is not TypeKind.Delegate && argument.Value is not IDelegateCreationOperation)
            .Select(argument => Parameters(argument.Value, frame, depth));
        switch (call.TargetMethod.Name)
        {
            case "Concat" or "Append" or "Prepend":
                return sequences.Aggregate(AndSome);
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
