using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>
/// Runs constructors and forward methods on values as far as the source tells them (abstract interpretation over the compiler's operation trees, Cousot and Cousot 1977).
/// A condition that is not known is taken both ways and the results are merged; a loop whose number of iterations is not known makes what it writes unknown.
/// Steps, nesting, calls and iterations are bounded by constants. One object evaluates one model and is then dropped; it is not shared between threads.
/// </summary>
internal sealed partial class Evaluator(ProgramSource source, CancellationToken cancellation, ProgramSlice? slice = null)
{
    /// <summary>Expressions and statements of one evaluation. A model of 1,000 layers takes about 20,000.</summary>
    private const int MaximumSteps = 60_000;

    /// <summary>Nested expressions, statements and calls: the only recursion. The bound makes the answer the same on every thread; where a stack is too small even for that, what is left of it counts.</summary>
    private const int MaximumDepth = 300;

    private const int MaximumCalls = 48;
    private const int MaximumIterations = 1_024;
    private const int MaximumProgramIterations = 128;

    /// <summary>Characters of a text.</summary>
    private const int MaximumText = 4_096;

    private readonly Store _store = new();
    private readonly Dictionary<ISymbol, Value> _statics = new(SymbolEqualityComparer.Default);
    private int _steps;
    private int _depth;
    private int _calls;

    // While a program runs, only what it makes is of interest: its models are not computed, however many epochs it trains them.
    private bool _isProgram;

    // Of a program, only what matters for its models is executed; of a model, everything.
    private bool _isSliced;

    /// <summary>The program's own methods that are being executed.</summary>
    private readonly HashSet<ISymbol> _running = new(SymbolEqualityComparer.Default);

    /// <summary>The arguments that the program's own methods were executed with.</summary>
    private readonly Dictionary<ISymbol, List<List<object?>>> _done = new(SymbolEqualityComparer.Default);

    /// <summary>Expressions as they are written, by which what is not known is called.</summary>
    private readonly Dictionary<SyntaxNode, string> _texts = [];

    private bool _isGradientOff;

    /// <summary>Conditions that are not known, under which what is executed now happens.</summary>
    private int _uncertain;

    public GraphBuilder Graph { get; } = new();

    private ModelCatalogue Catalogue => source.Catalogue;

    /// <summary>Modules in the order of creation.</summary>
    public List<ModuleValue> Modules { get; } = new();

    private void Note(ModuleValue module)
    {
        module.Number = Modules.Count;
        Modules.Add(module);
    }

    /// <summary>Where each field of a module was assigned last.</summary>
    public Dictionary<(Stateful Owner, object Key), Location> Assignments { get; } = new();

    /// <summary>Where each module was registered first.</summary>
    public Dictionary<ModuleValue, Location> RegisteredAt { get; } = new();

    /// <summary>Calls of apply, in order.</summary>
    public List<DraftApplication> Applications { get; } = new();

    /// <summary>Layers whose value feeds their own next use in a loop over an unknown number of steps.</summary>
    public HashSet<ModuleValue> Unrolled { get; } = new();

    public bool HasReachedLimit => _steps >= MaximumSteps || Graph.IsFull;

    /// <summary>Evaluates an expression outside any method, such as a Sequential of a field's initializer.</summary>
    public Value Evaluate(IOperation operation) => Evaluate(operation, new Frame(null, null, null));

    /// <summary>Runs a method whose caller is not known, so that what it creates is seen.</summary>
    public void Run(IOperation body, IMethodSymbol? method)
    {
        _isProgram = true;
        _isSliced = slice is not null;
        if (method is not null)
            _running.Add(method.OriginalDefinition);
        var frame = new Frame(method?.OriginalDefinition, null, null) { Start = _store.Mark };
        foreach (var parameter in method?.OriginalDefinition.Parameters ?? ImmutableArray<IParameterSymbol>.Empty)
            Set(frame, parameter, DefaultOf(parameter, body));
        Execute(body, frame);
        _isProgram = _isSliced = false;
    }

    /// <summary>What a method returns to a caller that is not known.</summary>
    public Value Returned(IMethodSymbol method, IOperation body) =>
        Call(method, null, method.OriginalDefinition.Parameters.Select(parameter => DefaultOf(parameter, body)).ToArray(), null, body, out _, body);

    /// <summary>Runs a module's forward on inputs of its own.</summary>
    /// <param name="root">The model.</param>
    /// <param name="creation">Its creation, where it is a container.</param>
    /// <returns>What forward returns, or null where there is no forward to run.</returns>
    public Value? RunForward(ModuleValue root, IOperation? creation)
    {
        _isGradientOff = false;
        var value = RunForwardCore(root, creation);
        return _isGradientOff && value is not null ? WithoutGradient(value, root.Creation) : value;
    }

    // Which part of forward runs without gradients is not followed: nothing is said about the whole.
    private Value WithoutGradient(Value value, Location use) => value switch
    {
        TensorValue tensor => Opaque("forward switches gradients off", [tensor.Node], use),
        TupleValue tuple => new TupleValue(tuple.Elements.Select(element => element is TensorValue tensor ? Opaque("forward switches gradients off", [tensor.Node], use) : element).ToImmutableArray()),
        _ => value,
    };

    private Value? RunForwardCore(ModuleValue root, IOperation? creation)
    {
        if (root.IsSource && Forward(root.Type) is { } forward)
        {
            if (source.Body(forward) is not { } body)
                return null;
            var value = RunForward(root, forward, body);
            // A forward that only throws stands for one of another name or with other parameters.
            return value is Known && root.Type.GetMembers().OfType<IMethodSymbol>().FirstOrDefault(IsOtherForward) is { } other && source.Body(other) is { } otherBody
                ? RunForward(root, other, otherBody)
                : value;
        }

        var at = creation ?? root.Type.InstanceConstructors.Select(constructor => source.Body(constructor)).FirstOrDefault(body => body is not null);
        return (root.Role == Role.Sequential || root.Elsewhere is not null || (!root.IsSource && root.Role.IsOperation())) && at is not null ? ApplyLibrary(root, [Input("input", root.Creation)], root.Creation, at) : null;
    }

    private Value RunForward(ModuleValue root, IMethodSymbol method, IOperation body) =>
        Call(method, root, method.OriginalDefinition.Parameters.Select(parameter => InputOf(parameter, body)).ToArray(), null, body);

    private bool IsOtherForward(IMethodSymbol method) =>
        method is { IsStatic: false, IsOverride: false, IsAbstract: false, DeclaredAccessibility: Accessibility.Public, MethodKind: MethodKind.Ordinary }
        && (string.Equals(method.Name, "forward", StringComparison.OrdinalIgnoreCase) || string.Equals(method.Name, "call", StringComparison.OrdinalIgnoreCase))
        && method.Parameters.Any(parameter => source.IsTensor(parameter.Type));

    private Value InputOf(IParameterSymbol parameter, IOperation at)
    {
        // What forward leaves out by default is left out here.
        if (parameter.HasExplicitDefaultValue)
            return DefaultOf(parameter, at);
        return InputOf(parameter.Type, parameter.Name, parameter.Locations.FirstOrDefault() ?? Place(at), 0);
    }

    private Value InputOf(ITypeSymbol type, string name, Location place, int depth)
    {
        if (source.IsTensor(type) || (!Catalogue.HasTensorType && type is { IsValueType: false, SpecialType: SpecialType.None }))
            return Input(name, place);
        return type switch
        {
            INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable when depth < 4 => InputOf(nullable.TypeArguments[0], name, place, depth + 1),
            INamedTypeSymbol { IsTupleType: true } tuple when depth < 4 => new TupleValue(tuple.TupleElements.Select(element => InputOf(element.Type, $"{name}.{element.Name}", place, depth + 1)).ToImmutableArray()),
            IArrayTypeSymbol { ElementType: var element } when source.IsTensor(element) => new TensorParts(((TensorValue)Input(name, place)).Node),
            INamedTypeSymbol { TypeArguments: [var argument] } when source.IsTensor(argument) => new TensorParts(((TensorValue)Input(name, place)).Node),
            _ => new Unknown($"'{name}' is given by the caller", name),
        };
    }

    private Value Input(string name, Location place) =>
        new TensorValue(Graph.Add(new DraftNode(Role.Input, ImmutableArray<int>.Empty, null, Named(name), place, null)));

    /// <summary>Gives the next model of the same program a budget of its own.</summary>
    public void Rewind()
    {
        _steps = 0;
        Graph.Rewind();
    }

    private bool Enter()
    {
        if (_depth >= MaximumDepth || _steps >= MaximumSteps || !HasRoom())
            return false;
        if ((++_steps & 255) == 0)
            cancellation.ThrowIfCancellationRequested();
        _depth++;
        return true;
    }

    private static bool HasRoom()
    {
        try
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            return true;
        }
        catch (InsufficientExecutionStackException)
        {
            return false;
        }
    }

    private void Set(Stateful owner, object key, Value value) => _store.Set(owner, key, value);

    /// <summary>A value that comes from outside: a tensor is a node of its own, anything else unknown under its expression's text.</summary>
    private Value External(ITypeSymbol? type, string? text, string reason, IOperation operation)
    {
        if (source.IsTensor(type))
            return new TensorValue(Graph.Add(new DraftNode(Role.Data, ImmutableArray<int>.Empty, null, Named(text), Place(operation), null)));
        return new Unknown(reason, text);
    }

    private static ImmutableDictionary<string, Constant> Named(string? text) =>
        text is null ? Constant.None : Constant.None.Add("name", new Constant(ImmutableArray<Size>.Empty, text));

    private static ImmutableArray<int> One(int node) => ImmutableArray.Create(node);

    private static Location Place(IOperation operation) => operation.Syntax.GetLocation();

    private string Text(IOperation operation)
    {
        if (_texts.TryGetValue(operation.Syntax, out var known))
            return known;
        // Not the whole of an expression that may be long, for each of its parts again.
        var span = operation.Syntax.Span;
        var text = operation.Syntax.SyntaxTree.GetText().ToString(new(span.Start, Math.Min(span.Length, 61)));
        text = text.Length <= 60 ? text : text[..57] + "...";
        _texts.Add(operation.Syntax, text);
        return text;
    }

    private Value Opaque(string reason, IEnumerable<int> inputs, IOperation operation) => Opaque(reason, inputs, Place(operation));

    private Value Opaque(string reason, IEnumerable<int> inputs, Location use) =>
        new TensorValue(Graph.Add(new DraftNode(Role.Opaque, inputs.Distinct().ToImmutableArray(), null, Constant.None, use, reason)));

    /// <summary>One value for several that may have been taken: themselves where they are alike, otherwise unknown.</summary>
    private Value Merge(IReadOnlyList<Value> values, IOperation operation, string reason = "it depends on a condition that is not known", string? condition = null)
    {
        var key = condition ?? ConditionOf(operation);
        if (values.Count == 2 && key.Length > 1 && key[0] == '!' && IsName(key[1..]))
            return Merge(values[1], values[0], operation, reason, key[1..], 0);
        var merged = values[0];
        for (var index = 1; index < values.Count; index++)
            merged = Merge(merged, values[index], operation, reason, key, 0);
        return merged;
    }

    /// <summary>What is decided on: two places that ask the same are decided alike.</summary>
    private string ConditionOf(IOperation operation) => operation switch
    {
        IConditionalOperation conditional => _questions.TryGetValue(conditional.Condition.Syntax, out var question) && !IsRankQuestion(question) ? question : Text(conditional.Condition),
        ISwitchOperation choice => Text(choice.Value),
        ISwitchExpressionOperation choice => Text(choice.Value),
        ICoalesceOperation coalesce => Text(coalesce.Value),
        _ => Text(operation),
    };

    private TensorValue Choice(int one, int other, IOperation operation, string condition) => one == other
        ? new TensorValue(one)
        : new TensorValue(Graph.Add(new DraftNode(Role.Choice, ImmutableArray.Create(one, other), null, Decided(Constant.None.Add("condition", new Constant(ImmutableArray<Size>.Empty, condition)), operation), Place(operation), null)));

    /// <summary>Modules (or null) of which one is meant.</summary>
    private Value OneOf(Value one, Value other, string reason, string condition, bool isByTruth)
    {
        var values = ImmutableArray.CreateBuilder<Value>();
        foreach (var value in new[] { one, other }.SelectMany(value => value is Alternatives several ? several.Values : ImmutableArray.Create(value)))
        {
            // "silu" and "swish" are two names of one.
            if (!values.Any(known => known is Known == value is Known && (value is Known || (known is ModuleValue first && value is ModuleValue second && AreAlike(first, second)))))
                values.Add(value);
        }

        return values.Count <= Alternatives.Maximum ? new Alternatives(values.ToImmutable(), condition) { IsByTruth = isByTruth && values.Count == 2 && one is not Alternatives && other is not Alternatives } : new Unknown(reason);
    }

    private Value Merge(Value one, Value other, IOperation operation, string reason, string condition, int depth)
    {
        if (ReferenceEquals(one, other))
            return one;
        switch (one, other)
        {
            case (TensorValue or MaybeNull or ParameterValue, TensorValue or MaybeNull or ParameterValue) when one is MaybeNull || other is MaybeNull:
                return new MaybeNull(Merge(one is MaybeNull first1 ? first1.Present : one, other is MaybeNull second1 ? second1.Present : other, operation, reason, condition, depth), condition);
            case (TensorValue or MaybeNull or ParameterValue, Known { Content: null }):
                return one is MaybeNull ? one : new MaybeNull(one, condition);
            case (Known { Content: null }, TensorValue or MaybeNull or ParameterValue):
                return other is MaybeNull ? other : new MaybeNull(other, condition);
            case (Known a, Known b):
                if (Equals(a.Content, b.Content))
                    return a;
                return new Unknown(reason, a.Number is not null && b.Number is not null ? $"({a.Content}|{b.Content})" : null);
            case (Unknown a, Unknown b):
                return a.Text is not null && a.Text == b.Text ? a : new Unknown(a.Reason);
            case (TensorValue a, TensorValue b):
                return Choice(a.Node, b.Node, operation, condition);
            case (TensorValue a, _):
                return Opaque(reason, [a.Node], operation);
            case (_, TensorValue b):
                return Opaque(reason, [b.Node], operation);
            case (TupleValue a, TupleValue b) when a.Elements.Length == b.Elements.Length && depth < 8:
                return new TupleValue(a.Elements.Select((element, index) => Merge(element, b.Elements[index], operation, reason, condition, depth + 1)).ToImmutableArray());
            case (Items a, Items b) when a.Values.Count == b.Values.Count && depth < 8:
                return new Items(a.Values.Select((element, index) => Merge(element, b.Values[index], operation, reason, condition, depth + 1)).ToImmutableList());
            case (Optional a, Optional b):
                return new Optional(Merge(a.Present, b.Present, operation, reason, condition, depth + 1), a.Condition);
            case (Optional a, _):
                return new Optional(Merge(a.Present, other, operation, reason, condition, depth + 1), a.Condition);
            case (_, Optional b):
                return new Optional(Merge(one, b.Present, operation, reason, condition, depth + 1), b.Condition);
            case (Items a, Items b) when depth < 8:
                return Merged(a, b, condition) ?? (Value)new Unknown(reason);
            case (ModuleValue a, ModuleValue b) when AreAlike(a, b, depth):
                return a;
            case (ModuleValue or Alternatives, ModuleValue or Alternatives or Known { Content: null }) or (Known { Content: null }, ModuleValue or Alternatives):
                return OneOf(one, other, reason, condition, operation is IConditionalOperation && IsName(condition));
            case (InitializationValue a, InitializationValue b) when a.Initialization.Role == b.Initialization.Role && SameConstants(a.Initialization.Constants, b.Initialization.Constants):
                return a;
            case (InitializationValue, _) or (_, InitializationValue):
                return new InitializationValue(new Initialization(Role.Opaque, Constant.None, Place(operation)));
            case (Collection a, Collection b) when a.Kind == b.Kind && depth < 8 && a.Get(Slot.Items) is { } first && b.Get(Slot.Items) is { } second:
                var collection = new Collection(a.Kind);
                collection.Slots[Slot.Items] = Merge(first, second, operation, reason, condition, depth + 1);
                return collection;
            default:
                return new Unknown(reason);
        }
    }

    /// <summary>Two lists of which one has more: what both have at their ends, and between it what only the longer one has; null where they differ otherwise.</summary>
    private Items? Merged(Items one, Items other, string condition)
    {
        var (longer, shorter) = one.Values.Count > other.Values.Count ? (one.Values, other.Values) : (other.Values, one.Values);
        var first = 0;
        while (first < shorter.Count && AreAlike(longer[first], shorter[first], 0))
            first++;
        var last = 0;
        while (last < shorter.Count - first && AreAlike(longer[longer.Count - 1 - last], shorter[shorter.Count - 1 - last], 0))
            last++;
        if (first + last < shorter.Count)
            return null;
        return new Items(longer.Select((element, index) => index < first || index >= longer.Count - last || element is Optional ? element : new Optional(element, condition)).ToImmutableList());
    }

    /// <summary>Whether two modules are built alike, so that either stands for both.</summary>
    public bool AreAlike(ModuleValue one, ModuleValue other) => AreAlike(one, other, 0);

    private bool AreAlike(ModuleValue one, ModuleValue other, int depth)
    {
        if (one.Role != other.Role || !SymbolEqualityComparer.Default.Equals(one.Type, other.Type) || !SameConstants(one.Constants, other.Constants) || !ElsewhereForward.AreAlike(one.Elsewhere, other.Elsewhere) || depth >= 8)
            return false;
        foreach (var key in one.Slots.Keys.Union(other.Slots.Keys))
        {
            if (one.Get(key) is not { } first || other.Get(key) is not { } second || !AreAlike(first, second, depth + 1))
                return false;
        }

        return true;
    }

    private bool AreAlike(Value one, Value other, int depth) => (one, other) switch
    {
        _ when ReferenceEquals(one, other) => true,
        _ when depth >= 8 => false,
        (Known a, Known b) => Equals(a.Content, b.Content),
        (Unknown a, Unknown b) => a.Text is not null && a.Text == b.Text,
        (ModuleValue a, ModuleValue b) => AreAlike(a, b, depth),
        (Optional a, Optional b) => a.Condition == b.Condition && AreAlike(a.Present, b.Present, depth + 1),
        (Items a, Items b) => a.Values.Count == b.Values.Count && a.Values.Zip(b.Values, (x, y) => AreAlike(x, y, depth + 1)).All(alike => alike),
        (TupleValue a, TupleValue b) => a.Elements.Length == b.Elements.Length && a.Elements.Zip(b.Elements, (x, y) => AreAlike(x, y, depth + 1)).All(alike => alike),
        (InitializationValue a, InitializationValue b) => a.Initialization.Role == b.Initialization.Role && SameConstants(a.Initialization.Constants, b.Initialization.Constants),
        _ => false,
    };

    private static bool SameConstants(ImmutableDictionary<string, Constant> one, ImmutableDictionary<string, Constant> other) =>
        one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var constant) && constant.Equals(pair.Value));
}

/// <summary>A call of apply: what it reached.</summary>
internal sealed record DraftApplication(Location Location, ModuleValue Root, ImmutableArray<ModuleValue> Reached, bool BeforeRegistration);
