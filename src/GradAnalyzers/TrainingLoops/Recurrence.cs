using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Code that is run again and again and may feed a layer its own earlier output: <c>for (t …) h = layer.call(x[t], h);</c>
/// or <c>xs.Aggregate(h, (h, x) =&gt; layer.call(x, h))</c>.
/// </summary>
internal sealed class Recurrence
{
    private const int MaximumMethods = 50;

    private readonly IOperation _scope;
    private readonly ModelCatalogue _catalogue;
    private readonly ProgramSource _source;
    private readonly Dictionary<ISymbol, List<IOperation>> _writes = new(SymbolEqualityComparer.Default);
    private readonly HashSet<ISymbol> _changed = new(SymbolEqualityComparer.Default);
    private readonly ISymbol? _folded;
    private readonly bool _ofMembers;
    private ImmutableArray<CarriedState> _carried;

    private Recurrence(IOperation scope, ISymbol? folded, ProgramSource source, bool ofMembers = false)
    {
        (_scope, _folded, _catalogue, _source, _ofMembers) = (scope, folded, source.Catalogue, source, ofMembers);
        foreach (var operation in scope.DescendantsAndSelf())
        {
            switch (operation)
            {
                case IVariableDeclaratorOperation declarator when declarator.GetVariableInitializer() is { } initializer:
                    Add(declarator.Symbol, initializer.Value);
                    break;
                case IForEachLoopOperation { LoopControlVariable: { } item } inner when inner != scope:
                    foreach (var declared in item.DescendantsAndSelf())
                    {
                        if (declared is IVariableDeclaratorOperation { Symbol: var local })
                            Add(local, inner.Collection);
                        else if (declared is ILocalReferenceOperation { Local: var place })
                            Add(place, inner.Collection);
                    }

                    break;
                case IAssignmentOperation assignment when FillsNull(assignment):
                    break;
                case IAssignmentOperation assignment:
                    if (assignment.Target is IMemberReferenceOperation member)
                        _changed.Add(member.Member);
                    foreach (var target in assignment.Target.DescendantsAndSelf())
                    {
                        if (VariableOf(target) is { } variable)
                            Add(variable, assignment.Value);
                    }

                    break;
                case IReturnOperation { ReturnedValue: { } value } when folded is not null && MemberBody.FunctionOf(operation) == scope.Syntax:
                    Add(folded, value);
                    break;
            }
        }
    }

    /// <summary>The repeated code that an operation is; null where it repeats nothing.</summary>
    public static Recurrence? Of(IOperation operation, ProgramSource source) => operation switch
    {
        ILoopOperation => new Recurrence(operation, folded: null, source),
        IInvocationOperation { TargetMethod: { Name: "Aggregate", ContainingType: { Name: "Enumerable", ContainingNamespace: { Name: "Linq", ContainingNamespace.Name: "System" } } } } fold =>
            fold.Arguments.SelectMany(argument => argument.Value.DescendantsAndSelf()).OfType<IAnonymousFunctionOperation>()
                .Where(function => function.Symbol.Parameters.Length == 2).Select(function => new Recurrence(function, function.Symbol.Parameters[0], source)).FirstOrDefault(),
        _ => null,
    };

    /// <summary>A method that an object runs again and again, with what the object keeps from one run to the next in its own members; null where training or a condition decides what is kept.</summary>
    public static Recurrence? OfMembers(IOperation method, ProgramSource source) => method.Descendants().Any(operation => operation switch
    {
        IPropertyReferenceOperation { Property.Name: "training", Instance: IInstanceReferenceOperation } => true,
        IAssignmentOperation { Target: IMemberReferenceOperation { Instance: IInstanceReferenceOperation, Member: var member } } assignment => !NullTests(assignment).Any(test => Mentions(test, member)) && IsConditional(assignment),
        _ => false,
    }) ? null : new Recurrence(method, folded: null, source, ofMembers: true);

    private static bool IsConditional(IOperation operation)
    {
        for (var around = operation.Parent; around is not null; around = around.Parent)
        {
            if (around is IConditionalOperation or ISwitchOperation or ISwitchExpressionOperation or IAnonymousFunctionOperation or ILocalFunctionOperation or ICatchClauseOperation)
                return true;
        }

        return false;
    }

    /// <summary><c>h ??= start</c>, <c>if (h is null) h = start</c>: in the first round only.</summary>
    private bool FillsNull(IAssignmentOperation assignment) => _ofMembers && assignment.Target is IMemberReferenceOperation { Instance: IInstanceReferenceOperation, Member: var member }
        && (assignment is ICoalesceAssignmentOperation || NullTests(assignment).Any(test => Mentions(test, member)));

    /// <summary>The conditions around an operation that ask whether something is null.</summary>
    private static IEnumerable<IOperation> NullTests(IOperation operation)
    {
        for (var around = operation; around.Parent is { } outer; around = outer)
        {
            if (outer is IConditionalOperation choice && choice.Condition != around && choice.Condition.DescendantsAndSelf().Any(part => part is { ConstantValue: { HasValue: true, Value: null } } or IPropertyReferenceOperation { Property.Name: "HasValue" }))
                yield return choice.Condition;
        }
    }

    private static bool Mentions(IOperation condition, ISymbol member) => condition.DescendantsAndSelf().OfType<IMemberReferenceOperation>().Any(reference => SymbolEqualityComparer.Default.Equals(reference.Member, member));

    /// <summary>Each variable from before the loop that is computed, by a layer that is the same in every round, from its own earlier value.</summary>
    public ImmutableArray<CarriedState> CarriedStates => _carried.IsDefault ? _carried = FindCarried().ToImmutableArray() : _carried;

    private IEnumerable<CarriedState> FindCarried()
    {
        foreach (var state in _writes.Keys.Where(variable => SymbolEqualityComparer.Default.Equals(variable, _folded) || IsDeclaredOutside(variable)))
        {
            var call = _writes[state].SelectMany(write => Origin(write)).OfType<IInvocationOperation>()
                .FirstOrDefault(call => IsSharedLayer(call) && call.Arguments.Any(argument => ComesFrom(argument.Value, state)) && !IsReplacedBefore(call, state));
            if (call is not null)
                yield return new CarriedState(state, call);
        }
    }

    /// <summary>
    /// Whether the loop cuts the state off its history (<c>h = h.detach()</c>), starts it afresh, or hands it to code that may, the layer's own included.
    /// A detached copy that is not kept cuts nothing.
    /// </summary>
    public bool MayBeDetached(CarriedState carried)
    {
        var (state, layer) = carried;
        if (_writes[state].Any(write => !ComesFrom(write, state)) || MayCut(layer.TargetMethod, inPlace: false))
            return true;
        var kept = _writes[state].SelectMany(write => Origin(write)).ToImmutableHashSet();
        return _scope.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => IsCut(call, state, kept.Contains(call)));
    }

    /// <summary>Whether gradients surely flow from the layer's output into the state: nothing on the way is discrete, or code that is not to be seen.</summary>
    public bool SurelyKeepsHistory(CarriedState carried) => !MayBeDetached(carried) && _writes[carried.State].All(write => Origin(write).All(step => step switch
    {
        IInvocationOperation { TargetMethod: var method } call => !_catalogue.Is(method, Role.Discrete) && !_catalogue.Is(method, Role.ArgMax) && (method.ContainingAssembly?.Name == ModelCatalogue.Library || IsSharedLayer(call) || _catalogue.IsModule(call.Instance?.Type) || !GivesTensors(call.Type)),
        IDynamicInvocationOperation => false,
        _ => true,
    }));

    private bool GivesTensors(ITypeSymbol? type) => type is not { SpecialType: not SpecialType.None };

    private bool IsCut(IInvocationOperation call, ISymbol state, bool isKept)
    {
        if (_catalogue.Is(call.TargetMethod, Role.Detach))
            return (isKept || IsInPlace(call.TargetMethod)) && call.Instance is { } receiver && (ComesFrom(receiver, state) || IsOfInnerFunction(receiver));
        return MayCut(call.TargetMethod, inPlace: !isKept && !call.Arguments.Any(argument => argument.Parameter?.RefKind is RefKind.Ref or RefKind.Out))
            && call.Arguments.Select(argument => argument.Value).Append(call.Instance).Any(value => value is not null && ComesFrom(value, state));
    }

    /// <summary><c>states.Select(state =&gt; state.detach())</c>: what the function is handed is not followed.</summary>
    private bool IsOfInnerFunction(IOperation receiver) => receiver.DescendantsAndSelf().OfType<IParameterReferenceOperation>()
        .Any(reference => !SymbolEqualityComparer.Default.Equals(reference.Parameter, _folded) && !IsDeclaredOutside(reference.Parameter));

    private static bool IsInPlace(IMethodSymbol method) => method.Name.EndsWith("_", StringComparison.Ordinal);

    /// <summary>Whether a method detaches something, itself or in what it calls, or is not to be seen.</summary>
    private bool MayCut(IMethodSymbol method, bool inPlace)
    {
        if (method.ContainingAssembly?.Name == ModelCatalogue.Library || (method.MethodKind != MethodKind.DelegateInvoke && Frameworks.Contains(method)))
            return false;
        var seen = new HashSet<MemberBody>();
        var open = new Queue<IMethodSymbol>(_source.TargetsOf(method, []));
        while (open.Count > 0)
        {
            if (_source.CodeOf(open.Dequeue()) is not { } code || seen.Count > MaximumMethods)
                return true;
            if (!seen.Add(code.Body))
                continue;
            foreach (var call in code.Body.Invocations)
            {
                if (_catalogue.Is(call.TargetMethod, Role.Detach) ? !inPlace || IsInPlace(call.TargetMethod) : !inPlace && _catalogue.Is(call.TargetMethod, Role.NoGrad))
                    return true;
                if (!call.TargetMethod.DeclaringSyntaxReferences.IsEmpty)
                    open.Enqueue(call.TargetMethod);
            }
        }

        return false;
    }

    private bool ComesFrom(IOperation value, ISymbol state) =>
        Origin(value).Any(step => VariableOf(step) is { } variable && SymbolEqualityComparer.Default.Equals(variable, state));

    /// <summary>The variable gets a new value earlier in the same round: what the call reads is not from the round before.</summary>
    private bool IsReplacedBefore(IOperation call, ISymbol state) =>
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
            if (VariableOf(current) is { } variable && !IsDeclaredOutside(variable) && _writes.TryGetValue(variable, out var writes) && !SymbolEqualityComparer.Default.Equals(variable, _folded))
            {
                foreach (var write in writes)
                    open.Push(write);
            }
        }
    }

    private ISymbol? VariableOf(IOperation operation) => operation switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IParameterReferenceOperation reference => reference.Parameter,
        IFieldReferenceOperation { Instance: IInstanceReferenceOperation } or IPropertyReferenceOperation { Property.IsIndexer: false, Instance: IInstanceReferenceOperation } when _ofMembers => ((IMemberReferenceOperation)operation).Member,
        _ => null,
    };

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
        if (call.Instance is not (null or IInstanceReferenceOperation) && (IsWeighted(call) || !IsOnModuleOfSource(call)))
            return IsWeighted(call) && IsSame(call.Instance);
        if (call.Instance is not null && !IsSame(call.Instance))
            return false;
        return _source.CodeOf(call.TargetMethod) is { } own
            && own.Body.Invocations.Any(inner => IsWeighted(inner) && IsSameIn(own.Body, inner.Instance, call));
    }

    /// <summary>Another method of a module in source than its forward.</summary>
    private bool IsOnModuleOfSource(IInvocationOperation call) => call.Instance?.Type is INamedTypeSymbol type && _catalogue.IsModule(type) && _source.Has(type.OriginalDefinition) && !ProgramSource.IsVirtual(call.TargetMethod);

    /// <summary>A variable or member that the loop does not change, of an object of which the same holds; the layer of a list is another in each round.</summary>
    private bool IsSame(IOperation? layer)
    {
        for (var current = layer; ; current = ((IMemberReferenceOperation)current).Instance)
        {
            switch (current)
            {
                case null or IInstanceReferenceOperation:
                    return true;
                case ILocalReferenceOperation or IParameterReferenceOperation:
                    return VariableOf(current) is { } variable && IsDeclaredOutside(variable) && !_writes.ContainsKey(variable);
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

    /// <summary>A call on a module that has weights: one from source, a weighted layer of the library or a sequence of layers.</summary>
    private bool IsWeighted(IInvocationOperation call) =>
        call.Instance?.Type is INamedTypeSymbol type && _catalogue.IsModule(type) && _catalogue.Is(call.TargetMethod, Role.Forward)
        && (_source.Has(type) || _source.FactOf(type)?.Module?.HasWeights == true || _catalogue.FindBase(type)?.Role is { } role && (role.IsWeighted() || role == Role.Sequential));

    private bool IsDeclaredOutside(ISymbol variable) =>
        variable.DeclaringSyntaxReferences.All(reference => reference.SyntaxTree != _scope.Syntax.SyntaxTree || !_scope.Syntax.Span.Contains(reference.Span));

    private void Add(ISymbol variable, IOperation value)
    {
        if (!_writes.TryGetValue(variable, out var writes))
            _writes.Add(variable, writes = []);
        writes.Add(value);
    }
}

/// <summary>A variable that is carried from round to round, and the call of the layer that feeds it back.</summary>
internal sealed record CarriedState(ISymbol State, IInvocationOperation Call)
{
    public ITypeSymbol? Type => State switch
    {
        ILocalSymbol local => local.Type,
        IParameterSymbol parameter => parameter.Type,
        IFieldSymbol kept => kept.Type,
        IPropertySymbol property => property.Type,
        _ => null,
    };
}
