using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    private static Collection ListOf(IEnumerable<Value> values)
    {
        var list = new Collection(CollectionKind.List);
        list.Slots[Slot.Items] = Items.Of(values);
        return list;
    }

    private static Collection DictionaryOf(IReadOnlyList<TupleValue> pairs)
    {
        var dictionary = new Collection(CollectionKind.Dictionary);
        dictionary.Slots[Slot.Items] = pairs.All(pair => pair.Elements[0] is Known) ? Items.Of(pairs) : new Unknown("a dictionary whose keys are not known");
        return dictionary;
    }

    private static Collection UnknownList(string reason)
    {
        var list = new Collection(CollectionKind.List);
        list.Slots[Slot.Items] = new Unknown(reason);
        return list;
    }

    /// <summary>The elements of a list, array, dictionary (as pairs), Sequential or ModuleList; null where they are not known.</summary>
    private static IReadOnlyList<Value>? Elements(Value value)
    {
        if (value is not (Collection or ModuleValue) || ((Stateful)value).Get(Slot.Items) is not Items items)
            return value is ModuleValue { IsSource: false, Role: Role.Sequential or Role.ModuleList or Role.ModuleDict or Role.ParameterList } empty && empty.Get(Slot.Items) is null ? [] : null;
        // Of what may be missing nobody can say which place it has.
        if (items.Values.Any(item => item is Optional))
            return null;
        return value is ModuleValue { Role: Role.Sequential } ? items.Values.Select(item => item is TupleValue { Elements: [_, var element] } ? element : item).ToList() : items.Values;
    }

    /// <summary>An element of a collection whose length is not known.</summary>
    private Value ElementOf(Value collection, ITypeSymbol? type, IOperation at) => collection switch
    {
        TensorParts or TensorValue when source.IsTensor(type) => Operate(Role.Select, One(Node(collection)!.Value), Constant.None, type, at),
        Collection known => External(type, null, (known.Get(Slot.Items) as Unknown)?.Reason ?? "an element that is not known", at),
        Unknown unknown => External(type, unknown.Text is { } text ? text + "[]" : null, unknown.Reason, at),
        _ => External(type, null, "an element that is not known", at),
    };

    private Value ElementAt(Value collection, Value index, ITypeSymbol? type, IOperation at)
    {
        index = Counted(index);
        if (index is Known { Content: { } key } && KeyedItems(collection) is { } pairs)
            return PairOf(collection, pairs, key)?.Elements[1] ?? External(type, null, $"nothing is known under '{key}'", at);

        if (Elements(collection) is { } elements && Position(index, elements.Count) is { } position)
        {
            var isThere = position >= 0 && position < elements.Count;
            _isRead |= isThere && index is Known;
            _isBehindEnd |= position >= elements.Count;
            return isThere ? elements[position] : External(type, null, "an index out of range", at);
        }

        if (Elements(collection) is { Count: > 0 } alike && alike.Count <= 64 && alike.Skip(1).All(element => AreAlike(alike[0], element, 0)))
            return alike[0];
        if (collection is ShapeValue shape)
        {
            return index switch
            {
                Known { Content: long dimension } => new Unknown("a size of a tensor", ShapeValue.Text(shape.Node, dimension)),
                TupleValue { Elements: [Known { Content: "^" }, Known { Content: long fromEnd }] } => new Unknown("a size of a tensor", ShapeValue.Text(shape.Node, -fromEnd)),
                _ => new Unknown("a size of a tensor"),
            };
        }

        // Of several tensors that forward is given, each is an input of its own.
        if (collection is TensorParts { Node: var given } && index is Known { Content: long place } && Graph.Nodes[given] is { Role: Role.Input } input && input.Constants.TryGetValue("name", out var name))
            return Input($"{name.Text}[{place.ToString(CultureInfo.InvariantCulture)}]", input.Use);
        if (collection is TensorParts parts)
            return Operate(Role.Select, One(parts.Node), ConstantOf(index, at) is { } constant ? Constant.None.Add("index", constant) : Constant.None, type, at);
        return ElementOf(collection, type, at);
    }

    private static IReadOnlyList<Value>? KeyedItems(Value collection) =>
        collection is Collection { Kind: CollectionKind.Dictionary } or ModuleValue { Role: Role.ModuleDict } && ((Stateful)collection).Get(Slot.Items) is Items items ? items.Values : null;

    /// <summary>The pair of a key; null where there is none.</summary>
    private static TupleValue? PairOf(Value collection, IReadOnlyList<Value> pairs, object? key) => pairs.OfType<TupleValue>().FirstOrDefault(pair =>
        pair.Elements is [Known { Content: { } name }, _] && (collection is Collection dictionary ? dictionary.IsKey(name, key) : Equals(name, key)));

    private static int? Position(Value index, int count) => index switch
    {
        Known { Content: long and > int.MinValue and < int.MaxValue and var position } => (int)position,
        TupleValue { Elements: [Known { Content: "^" }, Known { Content: long fromEnd }] } when fromEnd <= count => count - (int)fromEnd,
        _ => null,
    };

    private void SetElement(Value collection, Value index, Value value)
    {
        if (collection is not Stateful owner || owner.Get(Slot.Items) is not Items items)
            return;
        if (index is Known { Content: { } key } && KeyedItems(collection) is not null)
        {
            var at = PairOf(collection, items.Values, key) is { } pair ? items.Values.IndexOf(pair) : -1;
            Set(owner, Slot.Items, new Items(at < 0 ? items.Values.Add(Pair(index, value)) : items.Values.SetItem(at, Pair(index, value))));
        }
        else if (collection is not Collection { Kind: CollectionKind.Dictionary } && Position(index, items.Values.Count) is { } position && position >= 0 && position < items.Values.Count)
        {
            Set(owner, Slot.Items, new Items(items.Values.SetItem(position, value)));
        }
        else
        {
            Set(owner, Slot.Items, new Unknown("an element was set at a place that is not known"));
        }
    }

    private Value CreateArray(IArrayCreationOperation array, Frame frame)
    {
        if (array.Initializer is { } initializer)
            return ListOf(initializer.ElementValues.Select(element => element is IArrayInitializerOperation ? new Unknown("a nested array") : Evaluate(element, frame)).ToList());
        var sizes = array.DimensionSizes.Select(dimension => Counted(Evaluate(dimension, frame))).ToList();
        foreach (var unknown in sizes)
            AskCount(unknown);
        if (sizes is [Known { Content: long and >= 0 and <= MaximumIterations and var length }])
            return ListOf(Enumerable.Repeat(Default((array.Type as IArrayTypeSymbol)?.ElementType), (int)length));
        return UnknownList("an array whose length is not known");
    }

    // On Roslyn 4.8 a collection expression is an operation of no kind, later one of its own; both have the elements as children.
    private Value EvaluateCollectionExpression(CollectionExpressionSyntax syntax, IOperation operation, Frame frame)
    {
        var values = new List<Value>();
        foreach (var element in syntax.Elements)
        {
            var expression = element switch
            {
                ExpressionElementSyntax single => single.Expression,
                SpreadElementSyntax spread => spread.Expression,
                _ => null,
            };
            if (expression is null || source.Operation(expression) is not { } child)
                return UnknownList("a collection expression that cannot be bound");
            var value = Evaluate(child, frame);
            if (element is not SpreadElementSyntax)
                values.Add(value);
            else if (Elements(value) is { } elements)
                values.AddRange(elements);
            else
                return UnknownList(ReasonOf(value) ?? "it is not known what is spread");
        }

        if (operation.Type is INamedTypeSymbol type && !source.Has(type) && Catalogue.Find(type) is { } entry && entry.Role.IsContainer())
        {
            var container = new ModuleValue(type, entry.Role, Place(operation), Constant.None) { Born = _store.Now };
            Note(container);
            Fill(container, [ListOf(values)]);
            return container;
        }

        return ListOf(values);
    }

    private static Value? CreateCollection(INamedTypeSymbol type, IMethodSymbol constructor, Value[] arguments)
    {
        if (type.ContainingNamespace?.ToDisplayString() is not ("System.Collections.Generic" or "System.Collections.Immutable" or "System.Collections.ObjectModel"))
            return null;
        var kind = type.Name.Contains("Dictionary") ? CollectionKind.Dictionary : type.Name is "List" or "Stack" or "Queue" or "LinkedList" or "Collection" or "HashSet" or "SortedSet" or "ImmutableArray" or "ImmutableList" ? CollectionKind.List : (CollectionKind?)null;
        if (kind is null)
            return null;
        // Of the comparers those of texts are known, as StringComparer names them.
        var comparer = constructor.Parameters.Zip(arguments, (parameter, argument) => (parameter.Type, Argument: argument))
            .Where(pair => pair.Type.Name is "IEqualityComparer" or "IComparer").Select(pair => pair.Argument).FirstOrDefault(argument => argument is not Known { Content: null });
        var name = (comparer as Unknown)?.Text is { } text && text.StartsWith("StringComparer.", StringComparison.Ordinal) ? text : null;
        var copied = arguments.Where(argument => argument != comparer && argument is not Known).ToList();
        var collection = new Collection(kind.Value) { IgnoresCase = name?.EndsWith("IgnoreCase", StringComparison.Ordinal) == true };
        collection.Slots[Slot.Items] = comparer is not null && name is null ? new Unknown("a dictionary whose comparer is not known")
            : copied is [Collection other] && other.Get(Slot.Items) is { } items ? type.Name == "Stack" && items is Items pushed ? new Items(pushed.Values.Reverse()) : items
            : copied.Count > 0 ? new Unknown("a copy of a collection that is not known")
            : Items.Empty;
        return collection;
    }

    /// <summary>The full name of a class of the base class library whose calls are read; its name alone decides mostly that it is none.</summary>
    private static string? PlaceOf(INamedTypeSymbol? type) => type?.Name is "Enumerable" or "MemoryExtensions" or "Math" or "MathF" or "String" or "Array" or "Tuple" or "ValueTuple" or "KeyValuePair"
        ? type.ToDisplayString(SymbolDisplayFormat.CSharpErrorMessageFormat.WithGenericsOptions(SymbolDisplayGenericsOptions.None)) : null;

    /// <summary>Calls of the base class library on values that are known; null for all others.</summary>
    private Value? InvokeLibrary(IInvocationOperation invocation, Value? receiver, Value[] arguments, Frame frame)
    {
        var method = invocation.TargetMethod;
        switch (PlaceOf(method.ContainingType))
        {
            // From C# 14 on, array.Contains(x) is that of a span.
            case "System.Linq.Enumerable" or "System.MemoryExtensions":
                return InvokeLinq(method, arguments, invocation);
            case "System.Math" or "System.MathF":
                return Calculate(method.Name, arguments);
            case "string" or "System.String" when receiver is Known { Content: string text }:
                return InvokeText(method.Name, text, arguments);
            case "System.Array" when method.Name == "Empty":
                return ListOf([]);
            case "System.Tuple" or "System.ValueTuple" or "System.Collections.Generic.KeyValuePair" when method.Name == "Create":
                return new TupleValue(arguments.ToImmutableArray());
            case "System.Array" when method.Name is "Reverse" && arguments is [Collection reversed] && reversed.Get(Slot.Items) is Items values:
                Set(reversed, Slot.Items, new Items(values.Values.Reverse()));
                return Known.Null;
        }

        if (receiver is Enumerated enumerated)
            return InvokeEnumerator(enumerated, method.Name);
        if (receiver is Collection collection)
            return InvokeCollection(collection, method, arguments, invocation, frame);
        if (receiver is ModuleValue module)
            return InvokeModule(module, method, arguments, invocation, frame);
        return receiver is Known { Content: not null } known && method.Name == "ToString" ? new Known(Convert.ToString(known.Content, CultureInfo.InvariantCulture)) : null;
    }

    private Value? InvokeEnumerator(Enumerated enumerated, string name)
    {
        if (name != "MoveNext")
            return name == "Dispose" ? Known.Null : null;
        if (enumerated.Elements is not Items items)
            return new Unknown("it is not known how many elements there are");
        var place = (enumerated.Get(Slot.Place) as Known)?.Content is long before ? before + 1 : 0;
        Set(enumerated, Slot.Place, new Known(place));
        return Known.Of(place < items.Values.Count);
    }

    /// <summary>The element that an enumerator stands at; null where that is not known.</summary>
    private static Value? Current(Enumerated enumerated) =>
        enumerated.Elements is Items items && (enumerated.Get(Slot.Place) as Known)?.Content is long place && place < items.Values.Count ? items.Values[(int)place] : null;

    /// <summary>What a Lazy gives: made once.</summary>
    private Value Force(Deferred deferred, IOperation at)
    {
        if (deferred.Get(Slot.Items) is { } known)
            return known;
        // What it makes is wanted whole, whatever the program around it is executed for.
        var wasSliced = _isSliced;
        _isSliced = false;
        var made = CallFunction(deferred.Made, [], at);
        _isSliced = wasSliced;
        Set(deferred, Slot.Items, made);
        return made;
    }

    private Value? InvokeModule(ModuleValue module, IMethodSymbol method, Value[] arguments, IInvocationOperation invocation, Frame frame)
    {
        switch (method.Name)
        {
            case "GetName":
                return new Known(module.Type.Name);
            case "TryGetValue" when module.Role == Role.ModuleDict:
                return TryGetValue(module, arguments[0], invocation, frame);
            case "ContainsKey" when KeyedItems(module) is { } pairs && arguments is [Known key]:
                return Known.Of(pairs.Any(pair => pair is TupleValue { Elements: [Known name, _] } && Equals(name.Content, key.Content)));
            case "RemoveAt" when module.Role == Role.ModuleList && module.Get(Slot.Items) is Items before && Position(arguments[0], before.Values.Count) is { } removed && removed >= 0 && removed < before.Values.Count:
                Set(module, Slot.Items, new Items(before.Values.RemoveAt(removed)));
                return Known.Null;
            case "Clear" when module.Role == Role.ModuleList:
                Set(module, Slot.Items, Items.Empty);
                return Known.Null;
            // named_children(), children(), modules(): as far as they are registered.
            case "children":
                return ListOf(Children(module).Select(child => child.Child));
            case "named_children":
                return ListOf(Children(module).Select(child => Pair(new Known(child.Name), child.Child)));
            case "modules":
                return ListOf(Descendants(module).Where(child => child != module));
            case "named_modules":
                return ListOf(NamedDescendants(module).Where(child => child.Module != module).Select(child => Pair(new Known(child.Path), child.Module)));
            case "items" or "GetEnumerator" or "values" when module.Role == Role.ModuleDict && module.Get(Slot.Items) is Items items:
                return ListOf(method.Name == "values" ? items.Values.Select(pair => pair is TupleValue { Elements: [_, var value] } ? value : pair) : items.Values);
            default:
                return null;
        }
    }

    private Value InvokeText(string name, string text, Value[] arguments) => (name, arguments) switch
    {
        ("Contains", [Known { Content: string part }, ..]) => Known.Of(text.Contains(part)),
        ("StartsWith", [Known { Content: string part }, ..]) => Known.Of(text.StartsWith(part, StringComparison.Ordinal)),
        ("EndsWith", [Known { Content: string part }, ..]) => Known.Of(text.EndsWith(part, StringComparison.Ordinal)),
        ("Equals", [Known { Content: string other }]) => Known.Of(text == other),
        ("ToLower" or "ToLowerInvariant", []) => new Known(text.ToLowerInvariant()),
        ("ToUpper" or "ToUpperInvariant", []) => new Known(text.ToUpperInvariant()),
        ("Split", [Known { Content: char or string { Length: > 0 } } separator, ..]) => ListOf(text.Split([separator.Content.ToString()!], StringSplitOptions.None).Select(part => new Known(part))),
        ("ToString", []) => new Known(text),
        _ => new Unknown("a text that is not known"),
    };

    private static Value? Calculate(string name, Value[] arguments)
    {
        if (!arguments.All(argument => argument is Known { Number: not null }))
            return arguments.Length == 2 && name is "Max" or "Min" && arguments.All(argument => SizeText(argument) is not null)
                ? new Unknown("a size that is not known", $"{name}({SizeText(arguments[0])}, {SizeText(arguments[1])})")
                : null;
        var numbers = arguments.Select(argument => ((Known)argument).Number!.Value).ToArray();
        double? result = (name, numbers) switch
        {
            ("Pow", [var x, var y]) => Math.Pow(x, y),
            ("Sqrt", [var x]) => Math.Sqrt(x),
            ("Max", [var x, var y]) => Math.Max(x, y),
            ("Min", [var x, var y]) => Math.Min(x, y),
            ("Abs", [var x]) => Math.Abs(x),
            ("Floor", [var x]) => Math.Floor(x),
            ("Ceiling", [var x]) => Math.Ceiling(x),
            ("Round", [var x]) => Math.Round(x),
            ("Log", [var x]) => Math.Log(x),
            ("Exp", [var x]) => Math.Exp(x),
            ("Log2", [var x]) => Math.Log(x, 2),
            _ => null,
        };
        if (result is not { } number)
            return null;
        return name is "Max" or "Min" or "Abs" && arguments.All(argument => argument is Known { Content: long }) ? new Known((long)number) : new Known(number);
    }

    private Value? InvokeCollection(Collection collection, IMethodSymbol method, Value[] arguments, IInvocationOperation invocation, Frame frame)
    {
        var items = collection.Get(Slot.Items) as Items;
        switch (method.Name, arguments)
        {
            // A stack is gone through from its top.
            case ("Push", [var pushed]):
                if (items is not null)
                    Set(collection, Slot.Items, new Items(items.Values.Insert(0, pushed)));
                return Known.Null;
            case ("Pop" or "Dequeue", []) when items is { Values.Count: > 0 }:
                Set(collection, Slot.Items, new Items(items.Values.RemoveAt(0)));
                return items.Values[0];
            case ("Peek", []) when items is { Values.Count: > 0 }:
                return items.Values[0];
            case ("GetEnumerator", []):
                return new Enumerated(collection.Get(Slot.Items) ?? Items.Empty) { Born = _store.Now };
            case ("Add" or "Enqueue" or "AddLast", [var added]) when collection.Kind == CollectionKind.List:
                if (items is not null)
                    Set(collection, Slot.Items, new Items(items.Values.Add(added)));
                return Known.Null;
            case ("Add" or "TryAdd", [var key, var value]) when collection.Kind == CollectionKind.Dictionary:
                if (items is not null)
                    Set(collection, Slot.Items, new Items(items.Values.Add(Pair(key, value))));
                return Known.Null;
            case ("AddRange", [var range]):
                if (items is not null)
                    Set(collection, Slot.Items, Elements(range) is { } more ? Items.Of(items.Values.Concat(more)) : new Unknown(ReasonOf(range) ?? "it is not known what is added"));
                return Known.Null;
            case ("Insert", [Known { Content: long at }, var inserted]) when items is not null && at >= 0 && at <= items.Values.Count:
                Set(collection, Slot.Items, new Items(items.Values.Insert((int)at, inserted)));
                return Known.Null;
            case ("RemoveAt", [Known { Content: long at }]) when items is not null && at >= 0 && at < items.Values.Count:
                Set(collection, Slot.Items, new Items(items.Values.RemoveAt((int)at)));
                return Known.Null;
            case ("Clear", []):
                Set(collection, Slot.Items, Items.Empty);
                return Known.Null;
            case ("Reverse", []) when items is not null:
                Set(collection, Slot.Items, new Items(items.Values.Reverse()));
                return Known.Null;
            case ("ToArray" or "ToList" or "AsReadOnly" or "ToImmutableArray" or "ToImmutable", []):
                return Copy(collection);
            case ("TryGetValue", [var key, _]):
                return TryGetValue(collection, key, invocation, frame);
            case ("ContainsKey", [Known key]) when items is not null:
                return Known.Of(PairOf(collection, items.Values, key.Content) is not null);
            case ("Contains", [Known wanted]) when items is not null && items.Values.All(item => item is Known):
                return Known.Of(items.Values.Any(item => Equals(((Known)item).Content, wanted.Content)));
            case ("IndexOf", [Known wanted]) when items is not null && items.Values.All(item => item is Known):
                return new Known(items.Values.FindIndex(item => Equals(((Known)item).Content, wanted.Content)));
            case ("ForEach", [Function function]) when items is not null:
                foreach (var item in items.Values)
                    CallFunction(function, [item], invocation);
                return Known.Null;
            case ("Contains" or "IndexOf" or "GetEnumerator" or "Any" or "Exists" or "CopyTo" or "GetHashCode" or "Equals" or "ToString" or "GetLength", _):
                return null;
            default:
                Set(collection, Slot.Items, new Unknown($"'{method.Name}' changes the collection"));
                return null;
        }
    }

    private Value TryGetValue(Stateful collection, Value key, IInvocationOperation invocation, Frame frame)
    {
        var found = collection.Get(Slot.Items) is Items items && key is Known known
            ? PairOf(collection, items.Values, known.Content)
            : null;
        var target = invocation.Arguments[1].Value;
        Assign(target, found?.Elements[1] ?? (key is Known && collection.Get(Slot.Items) is Items ? Known.Null : new Unknown("an element that is not known")), frame);
        return found is not null ? Known.True : key is Known && collection.Get(Slot.Items) is Items ? Known.False : new Unknown("a look-up that is not known");
    }

    private static Collection Copy(Collection collection)
    {
        var copy = new Collection(collection.Kind) { IgnoresCase = collection.IgnoresCase };
        copy.Slots[Slot.Items] = collection.Get(Slot.Items) ?? Items.Empty;
        return copy;
    }

    private Value? InvokeLinq(IMethodSymbol method, Value[] arguments, IInvocationOperation invocation)
    {
        if (method.Name is "Range" or "Repeat" && arguments is [_, Unknown asked])
        {
            AskCount(asked);
            arguments = [arguments[0], Counted(asked)];
        }

        if (method.Name == "Range" && arguments is [Known { Content: long start }, Known { Content: long and >= 0 and <= MaximumIterations and var count }])
            return ListOf(Enumerable.Range(0, (int)count).Select(index => (Value)new Known(start + index)));
        if (method.Name == "Repeat" && arguments is [var repeated, Known { Content: long and >= 0 and <= MaximumIterations and var times }])
            return ListOf(Enumerable.Repeat(repeated, (int)times));
        if (method.Name == "Empty")
            return ListOf([]);
        if (arguments.Length == 0)
            return null;
        if (Elements(arguments[0]) is not { } elements)
            return source.IsTensor(invocation.Type) || Nodes(arguments).Any() ? null : UnknownList(ReasonOf(arguments[0]) ?? "a sequence that is not known");
        switch (method.Name, arguments)
        {
            case ("Select", [_, Function selector]):
                return ListOf(elements.Select((element, index) => CallFunction(selector, selector.Method.Parameters.Length == 2 ? [element, new Known((long)index)] : [element], invocation)).ToList());
            case ("SelectMany", [_, Function selector]):
                var inner = elements.Select(element => Elements(CallFunction(selector, [element], invocation))).ToList();
                return inner.All(list => list is not null) ? ListOf(inner.SelectMany(list => list!)) : UnknownList("a sequence that is not known");
            case ("Where", [_, Function predicate]):
                var kept = elements.Select(element => (Element: element, IsKept: Truth(CallFunction(predicate, [element], invocation)))).ToList();
                return kept.All(pair => pair.IsKept is not null) ? ListOf(kept.Where(pair => pair.IsKept == true).Select(pair => pair.Element)) : UnknownList("a filter that is not known");
            case ("Aggregate", [_, var seed, Function step]):
                return elements.Aggregate(seed, (value, element) => CallFunction(step, [value, element], invocation));
            case ("Zip", [_, var other, ..]) when Elements(other) is { } second:
                var pairs = elements.Zip(second, (one, two) => (one, two));
                return arguments is [_, _, Function zip] ? ListOf(pairs.Select(pair => CallFunction(zip, [pair.one, pair.two], invocation)).ToList()) : ListOf(pairs.Select(pair => (Value)Pair(pair.one, pair.two)));
            case ("Aggregate", [_, Function step]) when elements.Count > 0:
                return elements.Skip(1).Aggregate(elements[0], (value, element) => CallFunction(step, [value, element], invocation));
            case ("ToDictionary", [_, Function key, ..]):
                return DictionaryOf(elements.Select(element => Pair(CallFunction(key, [element], invocation), arguments is [_, _, Function select, ..] ? CallFunction(select, [element], invocation) : element)).ToList());
            case ("Concat", [_, var other]) when Elements(other) is { } second:
                return ListOf(elements.Concat(second));
            case ("Append", [_, var last]):
                return ListOf(elements.Append(last));
            case ("Prepend", [_, var first]):
                return ListOf(elements.Prepend(first));
            case ("Take", [_, Known { Content: long taken }]):
                return ListOf(elements.Take((int)Math.Min(taken, int.MaxValue)));
            case ("Skip", [_, Known { Content: long skipped }]):
                return ListOf(elements.Skip((int)Math.Min(skipped, int.MaxValue)));
            case ("SkipLast", [_, Known { Content: long skipped }]):
                return ListOf(elements.Take(Math.Max(0, elements.Count - (int)Math.Min(skipped, int.MaxValue))));
            case ("TakeLast", [_, Known { Content: long taken }]):
                return ListOf(elements.Skip(Math.Max(0, elements.Count - (int)Math.Min(taken, int.MaxValue))));
            case ("Reverse", [_]):
                return ListOf(elements.Reverse());
            case ("ToArray" or "ToList" or "AsEnumerable" or "Cast" or "OfType", [_]):
                return ListOf(elements);
            case ("First" or "FirstOrDefault", [_]) when elements.Count > 0:
                return elements[0];
            case ("Last" or "LastOrDefault", [_]) when elements.Count > 0:
                return elements[elements.Count - 1];
            case ("ElementAt", [_, Known { Content: long at }]) when at >= 0 && at < elements.Count:
                return elements[(int)at];
            case ("Count", [_]):
                return new Known(elements.Count);
            case ("Count" or "Any" or "All" or "First" or "FirstOrDefault" or "Last" or "LastOrDefault", [_, Function question]):
                var answers = elements.Select(element => Truth(CallFunction(question, [element], invocation))).ToList();
                return answers.All(answer => answer is not null) ? Asked(method, elements, answers) : null;
            case ("Max" or "Min", [_]) when elements.Count > 0 && elements.All(element => element is Known { Number: not null }):
                return elements.Aggregate((one, other) => (((Known)one).Number >= ((Known)other).Number) == (method.Name == "Max") ? one : other);
            case ("Contains", [_, Known wanted]) when elements.All(element => element is Known):
                return Known.Of(elements.Any(element => Equals(((Known)element).Content, wanted.Content)));
            case ("Any", [_]):
                return Known.Of(elements.Count > 0);
            case ("Sum", [_]) when elements.All(element => element is Known { Content: long }):
                return new Known(elements.Aggregate(0L, (sum, element) => unchecked(sum + (long)((Known)element).Content!)));
            default:
                return source.IsTensor(invocation.Type) || Nodes(arguments).Any() ? null : new Unknown($"'{method.Name}' is not evaluated");
        }
    }

    /// <summary>What a question about elements comes to, where it is answered for each of them.</summary>
    private static Value Asked(IMethodSymbol method, IReadOnlyList<Value> elements, IReadOnlyList<bool?> answers)
    {
        var fitting = elements.Where((_, index) => answers[index] == true).ToList();
        return method.Name switch
        {
            "Count" => new Known((long)fitting.Count),
            "Any" => Known.Of(fitting.Count > 0),
            "All" => Known.Of(fitting.Count == elements.Count),
            _ when fitting.Count > 0 => method.Name.StartsWith("First", StringComparison.Ordinal) ? fitting[0] : fitting[^1],
            _ => method.Name.EndsWith("OrDefault", StringComparison.Ordinal) ? Default(method.ReturnType) : new Unknown("no element fits"),
        };
    }

    private readonly Dictionary<INamedTypeSymbol, IMethodSymbol?> _forwards = new(SymbolEqualityComparer.Default);

    /// <summary>The forward method of a class in source: the override of the catalogued one, or, where the base declares none, the method that is called forward.</summary>
    public IMethodSymbol? Forward(INamedTypeSymbol type)
    {
        if (_forwards.TryGetValue(type, out var known))
            return known;
        IMethodSymbol? found = null;
        for (INamedTypeSymbol? current = type; current is not null && found is null && source.Has(current); current = current.BaseType)
        {
            var methods = current.GetMembers().OfType<IMethodSymbol>().Where(method => method is { IsStatic: false, IsAbstract: false, MethodKind: MethodKind.Ordinary }).ToList();
            found = methods.FirstOrDefault(method => method.IsOverride && Catalogue.Is(method, Role.Forward))
                ?? methods.FirstOrDefault(method => string.Equals(method.Name, "forward", StringComparison.OrdinalIgnoreCase) && method.DeclaredAccessibility == Accessibility.Public && !method.ReturnsVoid)
                ?? methods.FirstOrDefault(IsOtherForward);
        }

        return _forwards[type] = found;
    }
}
