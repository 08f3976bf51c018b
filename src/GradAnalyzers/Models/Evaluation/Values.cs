using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>What an expression evaluates to, as far as the source tells.</summary>
internal abstract class Value;

/// <summary>A value that the source does not tell.</summary>
/// <param name="reason">Why, for the report.</param>
/// <param name="text">The expression, where two values of one text are the same (<c>hidden</c>, <c>(2 * hidden)</c>); otherwise null.</param>
internal sealed class Unknown(string reason, string? text = null) : Value
{
    public static Unknown TooLarge { get; } = new("the model is larger than what is evaluated");

    /// <summary>A longer expression has no name: one that doubles in a loop is given up before it costs.</summary>
    private const int MaximumText = 1_024;

    public string Reason { get; } = reason;

    /// <summary>Of a type that may be null: it is not.</summary>
    public bool IsPresent { get; init; }

    public string? Text { get; } = text?.Length <= MaximumText ? text : null;
}

/// <summary>A number (<see cref="long"/> or <see cref="double"/>), truth value, string, or null; of an enumeration with its type.</summary>
internal sealed class Known(object? value, ITypeSymbol? enumeration = null, SpecialType boxed = SpecialType.None) : Value
{
    public static Known Null { get; } = new(null);
    public static Known True { get; } = new(true);
    public static Known False { get; } = new(false);

    public object? Content { get; } = Normalize(value);
    public ITypeSymbol? Enumeration { get; } = enumeration;

    /// <summary>The type of a number that became an object, which a pattern may ask for; none where it is not known.</summary>
    public SpecialType Boxed { get; } = boxed;

    public double? Number => Content switch { long whole => whole, double real => real, _ => null };

    public static Known Of(bool truth) => truth ? True : False;

    private static object? Normalize(object? value) => value switch
    {
        sbyte or byte or short or ushort or int or uint => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture),
        ulong large => large <= long.MaxValue ? (long)large : (double)large,
        float single => (double)single,
        decimal number => (double)number,
        _ => value,
    };
}

/// <summary>The value of a node of the graph.</summary>
internal sealed class TensorValue(int node) : Value
{
    public int Node { get; } = node;
}

/// <summary>The sizes of a tensor along its dimensions.</summary>
internal sealed class ShapeValue(int node) : Value
{
    public int Node { get; } = node;

    /// <summary>What stands for all of them together.</summary>
    public static string All(int node) => $"#{node}:all";

    /// <summary>What stands for how many they are.</summary>
    public static string Count(int node) => $"#{node}:{RankName}";

    /// <summary>How the number of dimensions is called in an expression.</summary>
    public const string RankName = "rank";

    /// <summary>What stands for one of them in an expression: <c>#12:0</c>, from the end <c>#12:-1</c>.</summary>
    public static string Text(int node, long dimension) => $"#{node}:{dimension.ToString(System.Globalization.CultureInfo.InvariantCulture)}";
}

/// <summary>One of a few modules (or null): which, a condition decides that is not known.</summary>
internal sealed class Alternatives(ImmutableArray<Value> values, string condition) : Value
{
    public const int Maximum = 4;

    public ImmutableArray<Value> Values { get; } = values;
    public string Condition { get; } = condition;

    /// <summary>The first is meant where the condition holds, the second where it does not.</summary>
    public bool IsByTruth { get; init; }

    public IEnumerable<ModuleValue> Modules => Values.OfType<ModuleValue>();
}

/// <summary>A value, or null under a condition that is not known.</summary>
internal sealed class MaybeNull(Value present, string condition) : Value
{
    public Value Present { get; } = present;
    public string Condition { get; } = condition;
}

/// <summary>An element of a list that is there under a condition that is not known.</summary>
internal sealed class Optional(Value present, string condition) : Value
{
    public Value Present { get; } = present;
    public string Condition { get; } = condition;
}

/// <summary>Several tensors cut out of one (<c>split</c>, <c>unbind</c>); how many is not known.</summary>
internal sealed class TensorParts(int node) : Value
{
    public int Node { get; } = node;
}

internal sealed class TupleValue(ImmutableArray<Value> elements) : Value
{
    public TupleValue(params Value[] elements) : this(ImmutableArray.Create(elements))
    {
    }

    public ImmutableArray<Value> Elements { get; } = elements;
}

/// <summary>A lambda, local function or method group.</summary>
internal sealed class Function(IMethodSymbol method, IOperation? body, Frame? definition, Value? receiver) : Value
{
    public IMethodSymbol Method { get; } = method;
    public IOperation? Body { get; } = body;
    public Frame? Definition { get; } = definition;
    public Value? Receiver { get; } = receiver;
}

/// <summary>What a list holds at one moment; immutable, so that a branch can be undone.</summary>
internal sealed class Items(ImmutableList<Value> values) : Value
{
    /// <summary>More than any model has layers; what doubles in a loop is given up before it costs.</summary>
    private const int Maximum = 4_096;

    public static Items Empty { get; } = new(ImmutableList<Value>.Empty);

    /// <summary>The values, or unknown where they are too many.</summary>
    public static Value Of(IEnumerable<Value> values)
    {
        var taken = values.Take(Maximum + 1).ToImmutableList();
        return taken.Count > Maximum ? new Unknown("more elements than are read") : new Items(taken);
    }

    public ImmutableList<Value> Values { get; } = values;
}

/// <summary>Something with a state. Every write goes through <see cref="Store.Set"/>, so that it can be undone.</summary>
internal abstract class Stateful : Value
{
    internal Dictionary<object, Value> Slots { get; } = new();

    /// <summary>The store's mark at its creation: what is younger than a branch's start belongs to the branch.</summary>
    public int Born { get; init; }

    public Value? Get(object key) => Slots.TryGetValue(key, out var value) ? value : null;
}

/// <summary>The parameters and locals of a running method.</summary>
internal sealed class Frame(ISymbol? method, Value? self, Frame? parent) : Stateful
{
    public ISymbol? Method { get; } = method;
    public Value? Self { get; } = self;

    /// <summary>The frame that a lambda or local function was defined in.</summary>
    public Frame? Parent { get; } = parent;

    public Value? Result { get; set; }

    /// <summary>Results of returns under conditions that are not known.</summary>
    public List<Value> Pending { get; } = new();

    /// <summary>A return ran under a condition that is not known: what comes after it may not happen.</summary>
    public bool MayHaveReturned { get; set; }

    /// <summary>A break or continue ran under a condition that is not known.</summary>
    public bool LeftLoopUncertainly { get; set; }

    /// <summary>Where the last jump goes.</summary>
    public ILabelSymbol? Target { get; set; }

    /// <summary>Jumps that were followed.</summary>
    public int Jumps { get; set; }

    /// <summary>A goto ran under a condition that is not known.</summary>
    public bool MayHaveJumped { get; set; }

    /// <summary>The store's mark where the method began.</summary>
    public int Start { get; init; }
}

/// <summary>An array, list or dictionary. A dictionary's items are pairs of key and value.</summary>
internal sealed class Collection(CollectionKind kind) : Stateful
{
    public CollectionKind Kind { get; } = kind;

    /// <summary>Of a dictionary: whether its comparer takes large and small letters for the same.</summary>
    public bool IgnoresCase { get; init; }

    public bool IsKey(object? one, object? other) =>
        Equals(one, other) || (IgnoresCase && one is string first && other is string second && string.Equals(first, second, StringComparison.OrdinalIgnoreCase));
}

/// <summary>What a Lazy makes when it is first asked.</summary>
internal sealed class Deferred(Function made) : Stateful
{
    public Function Made { get; } = made;
}

/// <summary>An enumerator that code moves by hand; its place is in a slot.</summary>
internal sealed class Enumerated(Value elements) : Stateful
{
    public Value Elements { get; } = elements;
}

internal enum CollectionKind
{
    List,
    Dictionary,
}

/// <summary>An instance of a class or struct whose source is in the compilation.</summary>
internal class Instance(INamedTypeSymbol type) : Stateful
{
    public INamedTypeSymbol Type { get; } = type;
}

/// <summary>A module: a catalogued layer, a container, or an instance of a class in source.</summary>
internal sealed class ModuleValue(INamedTypeSymbol type, Role role, Location creation, ImmutableDictionary<string, Constant> constants) : Instance(type)
{
    /// <summary>The catalogue's role; <see cref="Role.Module"/> for a class in source.</summary>
    public Role Role { get; } = role;
    public Location Creation { get; } = creation;
    public ImmutableDictionary<string, Constant> Constants { get; } = constants;

    /// <summary>A class in source, whose forward is read.</summary>
    public bool IsSource { get; init; }

    /// <summary>Of a class of another project: what it computes, as its assembly says.</summary>
    public ElsewhereForward? Elsewhere { get; init; }

    /// <summary>The arguments of its constructor, by parameter name, for a class in source.</summary>
    public ImmutableArray<(string Name, string Value)> Arguments { get; set; } = ImmutableArray<(string, string)>.Empty;

    /// <summary>The evaluation came to its bounds before it was whole.</summary>
    public bool IsCutShort { get; set; }

    /// <summary>Its place among the modules of its evaluation; -1 for one that is not among them.</summary>
    public int Number { get; set; } = -1;

    /// <summary>How it was made, for a class in source.</summary>
    public (IMethodSymbol Constructor, ImmutableArray<Value> Given)? Made { get; set; }
}

/// <summary>A trainable tensor: a layer's weight, or a Parameter that source makes.</summary>
/// <param name="owner">The layer, or null for a Parameter of its own.</param>
/// <param name="name">Name in the layer.</param>
/// <param name="creation">Where it, or its layer, is made.</param>
internal sealed class ParameterValue(ModuleValue? owner, string name, Location creation) : Stateful
{
    public ModuleValue? Owner { get; } = owner;
    public string Name { get; } = name;
    public Location Creation { get; } = creation;

    /// <summary>Its sizes, where its creation tells them.</summary>
    public ImmutableArray<Size> Sizes { get; set; } = ImmutableArray<Size>.Empty;
}

/// <summary>How a parameter starts, as a value in a slot.</summary>
internal sealed class InitializationValue(Initialization initialization) : Value
{
    public Initialization Initialization { get; } = initialization;
}

/// <summary>Keys of slots that are no field or local.</summary>
internal static class Slot
{
    /// <summary>Elements of a collection or container.</summary>
    public const string Items = "items";

    /// <summary>Where an enumerator stands.</summary>
    public const string Place = "place";

    /// <summary>Whether RegisterComponents ran.</summary>
    public const string Registered = "registered";

    /// <summary>The layer that a TransformerEncoder or TransformerDecoder repeats.</summary>
    public const string Layer = "layer";

    /// <summary>Registered submodules: pairs of name and module.</summary>
    public const string Children = "children";

    /// <summary>Registered parameters of its own: pairs of name and parameter.</summary>
    public const string Parameters = "parameters";

    /// <summary>How a parameter starts.</summary>
    public const string Initialization = "initialization";

    /// <summary>Set where no constructor argument is known.</summary>
    public const string Unknowns = "unknowns";

    public static string Weight(string name) => "weight:" + name;
}

/// <summary>The undo log of one evaluation.</summary>
internal sealed class Store
{
    private readonly List<(Stateful Owner, object Key, Value? Old)> _journal = new();
    private readonly Stack<(Frame Frame, int Mark)> _forgotten = new();

    /// <summary>The mark at which all that a method wrote was last made unknown; null where it never was, or that is undone.</summary>
    public int? ForgottenUntil(Frame frame)
    {
        foreach (var (forgotten, mark) in _forgotten)
        {
            if (forgotten == frame)
                return mark;
        }

        return null;
    }

    /// <summary>All that a method wrote so far is unknown now.</summary>
    public void Forgot(Frame frame) => _forgotten.Push((frame, Mark));

    /// <summary>A place to undo to.</summary>
    public int Mark => _journal.Count;

    /// <summary>What to stamp something with that is made now, so that it is younger than a mark taken before.</summary>
    public int Now => _journal.Count + 1;

    public void Set(Stateful owner, object key, Value value)
    {
        _journal.Add((owner, key, owner.Get(key)));
        owner.Slots[key] = value;
    }

    /// <summary>The slots written since the mark, each with what it holds now.</summary>
    public Dictionary<(Stateful Owner, object Key), Value> WrittenSince(int mark)
    {
        var written = new Dictionary<(Stateful, object), Value>();
        for (var index = mark; index < _journal.Count; index++)
        {
            var (owner, key, _) = _journal[index];
            if (owner.Get(key) is { } value)
                written[(owner, key)] = value;
        }

        return written;
    }

    public void UndoTo(int mark)
    {
        for (var index = _journal.Count - 1; index >= mark; index--)
        {
            var (owner, key, old) = _journal[index];
            // What was made since stays as it was made: it may be a model of the program, and nothing from before leads to it.
            if (owner is ModuleValue && owner.Born > mark)
                continue;
            if (old is null)
                owner.Slots.Remove(key);
            else
                owner.Slots[key] = old;
        }

        _journal.RemoveRange(mark, _journal.Count - mark);
        while (_forgotten.Count > 0 && _forgotten.Peek().Mark > mark)
            _forgotten.Pop();
    }
}
