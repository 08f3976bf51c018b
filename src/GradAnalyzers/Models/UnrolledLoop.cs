using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models;

/// <summary>A loop, asked whether it is a recurrence: <c>for (t …) h = layer.forward(x[t], h);</c>.</summary>
internal sealed class UnrolledLoop
{
    private readonly ILoopOperation _loop;
    private readonly ModelCatalogue _catalogue;
    private readonly ProgramSource _source;
    private readonly Dictionary<ILocalSymbol, List<IOperation>> _writes = new(SymbolEqualityComparer.Default);

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

    /// <summary>Whether the loop cuts the local off its history (<c>h = h.detach()</c>), or hands it to code that may.</summary>
    public bool MayBeDetached(ILocalSymbol state) => _loop.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call =>
        (_catalogue.Is(call.TargetMethod, Role.Detach) && call.Instance is { } receiver && ComesFrom(receiver, state))
        || (_source.CodeOf(call.TargetMethod) is not null && !_catalogue.Is(call.TargetMethod, Role.Forward)
            && call.Arguments.Any(argument => ComesFrom(argument.Value, state))));

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
            foreach (var child in current.ChildOperations)
                open.Push(child);
            if (current is ILocalReferenceOperation { Local: { } local } && !IsDeclaredOutside(local) && _writes.TryGetValue(local, out var writes))
            {
                foreach (var write in writes)
                    open.Push(write);
            }
        }
    }

    private bool IsSharedLayer(IInvocationOperation call)
    {
        if (call.Instance is null or IInstanceReferenceOperation)
            return _source.CodeOf(call.TargetMethod) is { } own && own.Body.Root.DescendantsAndSelf().OfType<IInvocationOperation>().Any(IsWeighted);
        return IsWeighted(call) && call.Instance switch
        {
            IFieldReferenceOperation => true,
            IPropertyReferenceOperation { Property.IsIndexer: false } => true,
            ILocalReferenceOperation { Local: { } local } => IsDeclaredOutside(local) && !_writes.ContainsKey(local),
            _ => false,
        };
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
