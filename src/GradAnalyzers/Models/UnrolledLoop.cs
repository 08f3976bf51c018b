using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models;

/// <summary>A loop, asked whether it is a recurrence: <c>for (t …) h = layer.forward(x[t], h);</c>.</summary>
internal sealed class UnrolledLoop
{
    private const int MaximumMethods = 50;

    private readonly ILoopOperation _loop;
    private readonly ModelCatalogue _catalogue;
    private readonly ProgramSource _source;
    private readonly Dictionary<ILocalSymbol, List<IOperation>> _writes = new(SymbolEqualityComparer.Default);
    private readonly HashSet<ISymbol> _changed = new(SymbolEqualityComparer.Default);

    public UnrolledLoop(ILoopOperation loop, ModelCatalogue catalogue, ProgramSource source)
    {
        _loop = loop;
        _catalogue = catalogue;
        _source = source;
        foreach (var operation in loop.DescendantsAndSelf())
        {
            if (operation is IVariableDeclaratorOperation declarator && declarator.GetVariableInitializer() is { } initializer)
                Add(declarator.Symbol, initializer.Value);
            else if (operation is IAssignmentOperation assignment)
            {
                if (assignment.Target is IParameterReferenceOperation or IMemberReferenceOperation)
                    _changed.Add(assignment.Target is IParameterReferenceOperation parameter ? parameter.Parameter : ((IMemberReferenceOperation)assignment.Target).Member);
                foreach (var local in assignment.Target.DescendantsAndSelf().OfType<ILocalReferenceOperation>())
                    Add(local.Local, assignment.Value);
            }
        }
    }

    /// <summary>Whether a local from before the loop is computed, by a layer that is the same in every round, from its own earlier value.</summary>
    public bool CarriesState() => CarriedStates().Any();

    /// <summary>Each such local, with the call that feeds it back.</summary>
    public IEnumerable<(ILocalSymbol State, IInvocationOperation Call)> CarriedStates()
    {
        foreach (var state in _writes.Keys.Where(IsDeclaredOutside))
        {
            var call = _writes[state].SelectMany(Origin).OfType<IInvocationOperation>()
                .FirstOrDefault(call => IsSharedLayer(call) && call.Arguments.Any(argument => ComesFrom(argument.Value, state)) && !IsReplacedBefore(call, state));
            if (call is not null)
                yield return (state, call);
        }
    }

    /// <summary>
    /// Whether the loop cuts the local off its history (<c>h = h.detach()</c>), starts it afresh, or hands it to code that may, the layer's own included.
    /// </summary>
    public bool MayBeDetached(ILocalSymbol state, IInvocationOperation layer) =>
        _writes[state].Any(write => !ComesFrom(write, state))
        || MayCut(layer.TargetMethod)
        || _loop.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call =>
            _catalogue.Is(call.TargetMethod, Role.Detach) && call.Instance is { } receiver
                ? ComesFrom(receiver, state)
                : MayCut(call.TargetMethod) && call.Arguments.Any(argument => ComesFrom(argument.Value, state)));

    /// <summary>Whether a method detaches something, itself or in what it calls, or is not to be seen.</summary>
    private bool MayCut(IMethodSymbol method)
    {
        if (method.ContainingAssembly?.Name == ModelCatalogue.Library || (method.DeclaringSyntaxReferences.IsEmpty && method.ContainingNamespace?.ToString().StartsWith("System", StringComparison.Ordinal) == true && method.MethodKind != MethodKind.DelegateInvoke))
            return false;
        var seen = new HashSet<MemberBody>();
        var open = new Queue<IMethodSymbol>(_source.TargetsOf(method, []));
        while (open.Count > 0)
        {
            if (_source.CodeOf(open.Dequeue()) is not { } code || seen.Count > MaximumMethods)
                return true;
            if (!seen.Add(code.Body))
                continue;
            foreach (var call in code.Body.Root.DescendantsAndSelf().OfType<IInvocationOperation>())
            {
                if (_catalogue.Is(call.TargetMethod, Role.Detach) || _catalogue.Is(call.TargetMethod, Role.NoGrad))
                    return true;
                if (!call.TargetMethod.DeclaringSyntaxReferences.IsEmpty)
                    open.Enqueue(call.TargetMethod);
            }
        }

        return false;
    }

    private bool ComesFrom(IOperation value, ILocalSymbol state) =>
        Origin(value).OfType<ILocalReferenceOperation>().Any(reference => SymbolEqualityComparer.Default.Equals(reference.Local, state));

    /// <summary>The local gets a new value earlier in the same round: what the call reads is not from the round before.</summary>
    private bool IsReplacedBefore(IOperation call, ILocalSymbol state) =>
        _writes[state].Any(write => write.Syntax.SpanStart < call.Syntax.SpanStart && !ComesFrom(write, state));

    /// <summary>Everything that a value is computed from within one round of the loop.</summary>
    private IEnumerable<IOperation> Origin(IOperation value)
    {
        var seen = new HashSet<IOperation>();
        var open = new Stack<IOperation>([value]);
        while (open.Count > 0)
        {
            var current = open.Pop();
            if (!seen.Add(current))
                continue;
            yield return current;
            if (IsWithoutHistory(current))
                continue;
            foreach (var child in current.ChildOperations)
                open.Push(child);
            if (current is IConditionalAccessInstanceOperation && Accessed(current) is { } accessed)
                open.Push(accessed);
            if (current is ILocalReferenceOperation { Local: { } local } && !IsDeclaredOutside(local) && _writes.TryGetValue(local, out var writes))
            {
                foreach (var write in writes)
                    open.Push(write);
            }
        }
    }

    /// <summary>What stands before the <c>?.</c>.</summary>
    private static IOperation? Accessed(IOperation instance)
    {
        for (var current = instance.Parent; current is not null; current = current.Parent)
        {
            if (current is IConditionalAccessOperation access)
                return access.Operation;
        }

        return null;
    }

    /// <summary>Sizes and numbers read from a tensor, and tensors that are only shaped like another.</summary>
    private static bool IsWithoutHistory(IOperation operation) => operation switch
    {
        IInvocationOperation { TargetMethod: { Name: var name } method } when method.ContainingAssembly?.Name == ModelCatalogue.Library && name.EndsWith("_like", StringComparison.Ordinal) => true,
        IInvocationOperation or IPropertyReferenceOperation => operation.Type is IArrayTypeSymbol { ElementType.SpecialType: not SpecialType.None } or { SpecialType: >= SpecialType.System_Boolean and <= SpecialType.System_Double },
        _ => false,
    };

    /// <summary>A layer that is the same in every round, or a method of the module itself that calls one.</summary>
    private bool IsSharedLayer(IInvocationOperation call)
    {
        if (call.Instance is not (null or IInstanceReferenceOperation))
            return IsWeighted(call) && IsSame(call.Instance);
        return _source.CodeOf(call.TargetMethod) is { } own
            && own.Body.Root.DescendantsAndSelf().OfType<IInvocationOperation>().Any(inner => IsWeighted(inner) && IsSameIn(own.Body, inner.Instance, call));
    }

    /// <summary>A variable or member that the loop does not change, of an object of which the same holds; the layer of a list is another in each round.</summary>
    private bool IsSame(IOperation? layer)
    {
        for (var current = layer; ; current = ((IMemberReferenceOperation)current).Instance)
        {
            switch (current)
            {
                case null or IInstanceReferenceOperation:
                    return true;
                case ILocalReferenceOperation { Local: { } local }:
                    return IsDeclaredOutside(local) && !_writes.ContainsKey(local);
                case IParameterReferenceOperation { Parameter: { } parameter }:
                    return !_changed.Contains(parameter);
                case IFieldReferenceOperation or IPropertyReferenceOperation { Property.IsIndexer: false } when !_changed.Contains(((IMemberReferenceOperation)current).Member):
                    continue;
                default:
                    return false;
            }
        }
    }

    /// <summary>The same, asked in a method of the module that the loop calls: its parameters are what the call hands over.</summary>
    private bool IsSameIn(MemberBody body, IOperation? layer, IInvocationOperation call) => OwnerOf(layer) switch
    {
        null or IInstanceReferenceOperation => true,
        IParameterReferenceOperation { Parameter: var parameter } =>
            body.Writes(parameter).Count == 0 && call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == parameter.Ordinal) is { } argument && IsSame(argument.Value),
        ILocalReferenceOperation { Local: var local } =>
            body.Writes(local) is [{ IsElement: false, Value: IMemberReferenceOperation made }] && OwnerOf(made) is null or IInstanceReferenceOperation,
        _ => false,
    };

    /// <summary>What a chain of fields and properties begins with; null where that is a type.</summary>
    private static IOperation? OwnerOf(IOperation? layer)
    {
        var owner = layer;
        while (owner is IFieldReferenceOperation or IPropertyReferenceOperation { Property.IsIndexer: false })
            owner = ((IMemberReferenceOperation)owner).Instance;
        return owner;
    }

    /// <summary>A call on a module that has weights: one from source, or a weighted layer of the library.</summary>
    private bool IsWeighted(IInvocationOperation call) =>
        call.Instance?.Type is INamedTypeSymbol type && _catalogue.IsModule(type)
        && (type.Locations.Any(location => location.IsInSource) || _catalogue.FindBase(type)?.Role.IsWeighted() == true);

    private bool IsDeclaredOutside(ILocalSymbol local) =>
        local.DeclaringSyntaxReferences.All(reference => !_loop.Syntax.Span.Contains(reference.Span));

    private void Add(ILocalSymbol local, IOperation value)
    {
        if (!_writes.TryGetValue(local, out var writes))
            _writes.Add(local, writes = []);
        writes.Add(value);
    }
}
