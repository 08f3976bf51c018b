using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>Turns an evaluated module into a <see cref="ModelGraph"/>: the nodes that its output depends on, and its layers with their paths.</summary>
internal sealed class GraphReader(Evaluator evaluator, ProgramSource source)
{
    private readonly Dictionary<ModuleValue, ModelLayer> _layers = new();
    private readonly List<ModelParameter> _parameters = new();
    private readonly Dictionary<ParameterValue, ModelParameter> _ownParameters = new();

    public ModelGraph Read(ModuleValue root, Value? result, Location location, Location? creation)
    {
        var outputs = Outputs(result).ToList();
        var reached = Reached(outputs);
        Describe(root, reached);
        var numbers = reached.Select((node, index) => (node, index)).ToDictionary(pair => pair.node, pair => pair.index);
        var nodes = reached.Select((node, index) => Node(evaluator.Graph.Nodes[node], index, numbers)).ToImmutableArray();
        return new ModelGraph
        {
            Name = root.IsSource ? root.Type.Name : root.Elsewhere?.Name ?? "Sequential",
            Type = root.IsSource ? ModelType.Of(root.Type) : null,
            Location = location,
            Creation = creation,
            Arguments = root.Arguments,
            Nodes = nodes,
            Output = outputs.Count == 0 ? -1 : numbers[outputs[0]],
            Outputs = outputs.Select(output => numbers[output]).ToImmutableArray(),
            // Of its own, in the order of creation: a program may make many other models.
            Layers = _layers.Where(pair => pair.Key.Number >= 0).OrderBy(pair => pair.Key.Number).Select(pair => pair.Value).ToImmutableArray(),
            Parameters = _parameters.ToImmutableArray(),
            Applications = evaluator.Applications.Where(application => _layers.ContainsKey(application.Root)).Select(Application).ToImmutableArray(),
            Unrolled = evaluator.Unrolled.Where(_layers.ContainsKey).Select(module => _layers[module]).ToImmutableArray(),
        };
    }

    private static IEnumerable<int> Outputs(Value? result)
    {
        var pending = new Stack<Value>();
        if (result is not null)
            pending.Push(result);
        var seen = new HashSet<Value>();
        var nodes = new List<int>();
        while (pending.Count > 0)
        {
            var value = pending.Pop();
            if (!seen.Add(value))
                continue;
            switch (value)
            {
                case TensorValue tensor:
                    nodes.Add(tensor.Node);
                    break;
                case TensorParts parts:
                    nodes.Add(parts.Node);
                    break;
                case MaybeNull maybe:
                    pending.Push(maybe.Present);
                    break;
                case TupleValue tuple:
                    foreach (var element in tuple.Elements.Reverse())
                        pending.Push(element);
                    break;
                case Items items:
                    foreach (var element in items.Values.Reverse())
                        pending.Push(element);
                    break;
                // What forward returns in a list or in an object of its own; never what a module holds.
                case Stateful and not ModuleValue and not ParameterValue and var holder:
                    foreach (var element in ((Stateful)holder).Slots.Values)
                        pending.Push(element);
                    break;
            }
        }

        return nodes.Distinct();
    }

    private List<int> Reached(IEnumerable<int> outputs)
    {
        var reached = new HashSet<int>();
        var pending = new Stack<int>(outputs);
        while (pending.Count > 0)
        {
            var node = pending.Pop();
            if (!reached.Add(node))
                continue;
            foreach (var input in evaluator.Graph.Nodes[node].Inputs)
                pending.Push(input);
        }

        return reached.OrderBy(node => node).ToList();
    }

    private ModelNode Node(DraftNode draft, int index, Dictionary<int, int> numbers) => new(
        index,
        draft.Role,
        draft.Inputs.Select(input => numbers[input]).ToImmutableArray(),
        draft.Module is { } module ? _layers[module] : null,
        Renumbered(draft.Constants, numbers),
        draft.Use,
        draft.Reason)
    {
        Parameter = draft.Parameter is { } parameter ? _ownParameters.TryGetValue(parameter, out var own) ? own
            : parameter.Owner is { } owner && _layers.TryGetValue(owner, out var layer) && layer.Parameters.FirstOrDefault(candidate => candidate.Name == parameter.Name) is { } weight ? weight
            : new ModelParameter(parameter.Name, "", StartOf(parameter)) { Sizes = parameter.Sizes } : null,
    };

    /// <summary>Sizes that name a node of the evaluation name the one of the graph.</summary>
    private static ImmutableDictionary<string, Constant> Renumbered(ImmutableDictionary<string, Constant> constants, Dictionary<int, int> numbers)
    {
        foreach (var pair in constants)
        {
            if (pair.Value.Sizes.Any(size => !size.IsKnown && size.Text.Contains('#')))
                constants = constants.SetItem(pair.Key, pair.Value with { Sizes = pair.Value.Sizes.Select(size => size.IsKnown ? size : Size.Named(Renumbered(size.Text, numbers))).ToImmutableArray() });
        }

        return constants;
    }

    private static string Renumbered(string text, Dictionary<int, int> numbers) => NodeIn.Replace(text, match =>
        numbers.TryGetValue(int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), out var number) ? $"#{number}:" : $"#?{match.Groups[1].Value}:");

    private static readonly System.Text.RegularExpressions.Regex NodeIn = new("#([0-9]{1,9}):", System.Text.RegularExpressions.RegexOptions.CultureInvariant);

    private InitializerApplication Application(DraftApplication draft) => new(
        draft.Location,
        draft.Reached.Where(_layers.ContainsKey).Select(module => _layers[module]).ToImmutableArray(),
        draft.BeforeRegistration,
        evaluator.RegisteredAt.TryGetValue(draft.Root, out var place) ? place : null);

    /// <summary>Finds every module of the model with its path: first those that TorchSharp finds, then those that only fields lead to, then those that forward makes.</summary>
    private void Describe(ModuleValue root, List<int> reached)
    {
        var hasRegistration = source.Catalogue.FindBase(root.Type)?.IsBuiltIn != false;
        var registered = new List<(ModuleValue Module, string Path)>();
        var pending = new Stack<(ModuleValue Module, string Path, ModelLayer? Owner)>([(root, "", null)]);
        while (pending.Count > 0)
        {
            var (module, path, owner) = pending.Pop();
            if (_layers.ContainsKey(module))
                continue;
            _layers[module] = Layer(module, path, Registration.Registered, null, null, owner);
            registered.Add((module, path));
            _parameters.AddRange(_layers[module].Parameters);
            foreach (var (name, child) in Evaluator.Children(module).Reverse())
                pending.Push((child, Join(path, name), _layers[module]));
        }

        var held = new Queue<(ModuleValue Module, string Path, Registration Registration)>(registered.Select(entry => (entry.Module, entry.Path, Registration.Registered)));
        while (held.Count > 0)
        {
            var (holder, path, registration) = held.Dequeue();
            foreach (var (child, name, field, inCollection) in Held(holder))
            {
                if (_layers.ContainsKey(child))
                    continue;
                var reason = !hasRegistration ? Registration.Registered
                    : registration != Registration.Registered ? registration
                    : inCollection ? Registration.InPlainCollection
                    : holder.Get(Slot.Registered) is not null ? Registration.AssignedTooLate
                    : IsElementOfSequential(holder, registered) ? Registration.InUnregisteredElement
                    : Registration.NeverRegistered;
                var childPath = Join(path, name);
                _layers[child] = Layer(child, childPath, reason, field, field is not null && evaluator.Assignments.TryGetValue((holder, field), out var place) ? place : null, _layers[holder]);
                held.Enqueue((child, childPath, reason));
            }
        }

        foreach (var module in reached.Select(node => evaluator.Graph.Nodes[node].Module).Concat(evaluator.Unrolled))
        {
            if (module is not null && !_layers.ContainsKey(module))
                _layers[module] = Layer(module, module.Type.Name, Registration.Local, null, null, null);
        }
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : name.StartsWith("[", StringComparison.Ordinal) ? path + name : path + "." + name;

    private static bool IsElementOfSequential(ModuleValue module, List<(ModuleValue Module, string Path)> registered) =>
        registered.Any(entry => entry.Module.Role == Role.Sequential && Evaluator.Children(entry.Module).Any(child => child.Child == module));

    /// <summary>What fields, and lists in fields, hold.</summary>
    private static IEnumerable<(ModuleValue Child, string Name, IFieldSymbol? Field, bool InCollection)> Held(ModuleValue holder)
    {
        foreach (var slot in holder.Slots)
        {
            var field = slot.Key as IFieldSymbol;
            if (field is null && slot.Key as string != (holder.Elsewhere is null ? Slot.Items : Slot.Children))
                continue;
            var name = field?.Name ?? "";
            switch (slot.Value)
            {
                case ModuleValue child:
                    yield return (child, name, field, false);
                    break;
                case Alternatives alternatives:
                    foreach (var alternative in alternatives.Modules)
                        yield return (alternative, name, field, false);
                    break;
                // A ModuleList's own elements are no plain collection.
                case Items items:
                    foreach (var (child, key) in Modules(items))
                        yield return (child, key, field, false);
                    break;
                case Collection or TupleValue or Instance when field is not null:
                    foreach (var (child, path) in InPlain(slot.Value, name))
                        yield return (child, path, field, true);
                    break;
            }
        }

        static IEnumerable<(ModuleValue Child, string Key)> Modules(Items items)
        {
            for (var index = 0; index < items.Values.Count; index++)
            {
                if (items.Values[index] is ModuleValue module)
                    yield return (module, index.ToString(System.Globalization.CultureInfo.InvariantCulture));
                else if (items.Values[index] is TupleValue { Elements: [var key, ModuleValue named] })
                    yield return (named, (key as Known)?.Content?.ToString() ?? "?");
            }
        }
    }

    /// <summary>The modules that a list, an array, a tuple or a plain object holds, and what it holds of such: <c>(Linear, Linear)[]</c>, a list of records with layers.</summary>
    private static IEnumerable<(ModuleValue Child, string Path)> InPlain(Value value, string name)
    {
        var seen = new HashSet<Value>();
        var open = new Stack<(Value Value, string Path)>([(value, name)]);
        while (open.Count > 0)
        {
            var (current, path) = open.Pop();
            if (current is ModuleValue module)
            {
                yield return (module, path);
                continue;
            }

            if (!seen.Add(current))
                continue;
            var parts = current switch
            {
                Collection { Slots: var slots } when slots.TryGetValue(Slot.Items, out var content) && content is Items elements => elements.Values.Select((element, index) => Element(element, index, path)),
                TupleValue tuple => tuple.Elements.Select((element, index) => (element, $"{path}.Item{index + 1}")),
                Instance holder => holder.Slots.Where(slot => slot.Key is IFieldSymbol).Select(slot => (slot.Value, $"{path}.{((IFieldSymbol)slot.Key).Name}")),
                _ => [],
            };
            foreach (var part in parts.Reverse())
                open.Push(part);
        }

        // A dictionary is pairs of a key and a value.
        static (Value, string) Element(Value element, int index, string path) => element is TupleValue { Elements: [Known key, { } kept] }
            ? (kept, $"{path}[{key.Content}]")
            : (element, $"{path}[{index.ToString(System.Globalization.CultureInfo.InvariantCulture)}]");
    }

    private ModelLayer Layer(ModuleValue module, string path, Registration registration, IFieldSymbol? field, Location? assignment, ModelLayer? owner) => new()
    {
        Role = module.Role,
        Type = module.Elsewhere is null ? ModelType.Of(module.Type) : ModelType.Of(module.Type) with { Declarations = ImmutableArray<Location>.Empty },
        Path = path,
        Registration = registration,
        Creation = module.Creation,
        Assignment = assignment,
        Holder = (field?.AssociatedSymbol ?? field)?.Name,
        HolderDeclaration = (field?.AssociatedSymbol ?? field)?.Locations.FirstOrDefault(location => location.IsInSource) is { } declared ? (declared, field!.Type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)) : null,
        Owner = owner,
        RegisteredAt = evaluator.RegisteredAt.TryGetValue(module, out var registeredAt) ? registeredAt : null,
        Constants = module.Constants,
        Repeated = module.Get(Slot.Layer) is ModuleValue { Role: Role.Transformer } repeated && repeated != module ? Layer(repeated, path, registration, null, null, null) : null,
        IsSource = module.IsSource,
        Parameters = ParameterNames.Of(module)
            .Select(name => new ModelParameter(name, path.Length == 0 ? name : path + "." + name, Evaluator.StartOf(module, name)))
            .Concat(OwnParameters(module, path))
            .ToImmutableArray(),
    };

    private static Initialization StartOf(ParameterValue parameter) => (parameter.Get(Slot.Initialization) as InitializationValue)?.Initialization ?? Initialization.Default;

    private ModelParameter Own(ParameterValue parameter, string name, string path) =>
        _ownParameters[parameter] = new ModelParameter(name, path, StartOf(parameter)) { Sizes = parameter.Sizes };

    private IEnumerable<ModelParameter> OwnParameters(ModuleValue module, string path)
    {
        if (module.Role == Role.ParameterList && module.Get(Slot.Items) is Items list)
        {
            for (var index = 0; index < list.Values.Count; index++)
            {
                if (list.Values[index] is ParameterValue element)
                    yield return Own(element, $"{index}", $"{path}.{index}");
            }
        }

        if (!module.IsSource || module.Get(Slot.Parameters) is not Items items)
            yield break;
        foreach (var item in items.Values)
        {
            if (item is TupleValue { Elements: [Known { Content: string name }, ParameterValue parameter] })
                yield return Own(parameter, name, path.Length == 0 ? name : path + "." + name);
        }
    }
}
