using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    /// <summary>The node of a tensor; null for anything else.</summary>
    private int? Node(Value? value) => value switch
    {
        TensorValue tensor => tensor.Node,
        TensorParts parts => parts.Node,
        MaybeNull maybe => Node(maybe.Present),
        ParameterValue parameter => Graph.Add(new DraftNode(Role.Parameter, ImmutableArray<int>.Empty, parameter.Owner, Named(parameter.Name), parameter.Creation, null) { Parameter = parameter }),
        _ => null,
    };

    private IEnumerable<int> Nodes(IEnumerable<Value> values)
    {
        foreach (var value in values)
        {
            if (Node(value) is { } node)
                yield return node;
            else if (value is TupleValue tuple)
            {
                foreach (var element in tuple.Elements)
                {
                    if (Node(element) is { } inner)
                        yield return inner;
                }
            }
            else if (value is Collection collection && Elements(collection) is { } elements)
            {
                foreach (var element in elements)
                {
                    if (Node(element) is { } inner)
                        yield return inner;
                }
            }
        }
    }

    /// <summary>Makes a layer or container from its factory or constructor.</summary>
    private ModuleValue CreateLayer(CatalogueEntry entry, INamedTypeSymbol type, ImmutableArray<IArgumentOperation> arguments, IOperation creation, Frame frame)
    {
        var evaluated = arguments.Select(argument => (Argument: argument, Value: Evaluate(argument.Value, frame))).ToList();
        var layer = new ModuleValue(type, entry.Role, Place(creation), ConstantsOf(entry, evaluated)) { Born = _store.Now };
        Note(layer);
        if (entry.Role.IsContainer() || entry.Role == Role.ParameterList)
            Fill(layer, evaluated.Select(pair => pair.Value).ToList());
        foreach (var (argument, value) in evaluated)
        {
            if (argument.Parameter is not { } parameter)
                continue;
            if (entry.Carries("layer", parameter.Name))
                Set(layer, Slot.Layer, value);
            else if (entry.Carries("weight_tensor", parameter.Name))
                Set(layer, Slot.Weight("weight"), value is ParameterValue own ? Adopt(layer, "weight", own, argument) : WithUnknownStart(Weight(layer, "weight"), argument));
            else if (entry.Carries("bias_tensor", parameter.Name) && value is ParameterValue bias)
                Set(layer, Slot.Weight("bias"), Adopt(layer, "bias", bias, argument));
        }

        return layer;
    }

    /// <summary>Makes a layer by its factory in a delegate: arguments in the order of the parameters, and what the factory itself takes for the others.</summary>
    private Value CreateLayer(CatalogueEntry entry, IMethodSymbol factory, Value[] arguments, IOperation at)
    {
        var constants = DefaultConstants(entry).ToBuilder();
        for (var index = 0; index < factory.Parameters.Length; index++)
        {
            var parameter = factory.Parameters[index];
            var value = index < arguments.Length ? arguments[index] : DefaultOf(parameter, at);
            foreach (var meaning in entry.Meanings.Where(meaning => CatalogueEntry.Names(meaning.Value, parameter.Name)))
            {
                if (ConstantOf(value, at) is { } constant)
                    constants[meaning.Key] = constant;
            }
        }

        var layer = new ModuleValue((INamedTypeSymbol)factory.ReturnType, entry.Role, Place(at), constants.ToImmutable()) { Born = _store.Now };
        Note(layer);
        if (entry.Role.IsContainer())
            Fill(layer, arguments);
        return layer;
    }

    private void Fill(ModuleValue container, IReadOnlyList<Value> arguments)
    {
        var elements = arguments.Count == 0 ? [] : arguments.Count == 1 ? (arguments[0] as Collection)?.Get(Slot.Items) is Items given ? given.Values : Elements(arguments[0]) ?? (arguments[0] is ModuleValue or TupleValue or ParameterValue ? [arguments[0]] : null) : arguments;
        if (elements is null)
        {
            Set(container, Slot.Items, new Unknown(ReasonOf(arguments[0]) ?? "it is not known what it contains"));
            return;
        }

        var isNamed = container.Role is Role.Sequential or Role.ModuleDict;
        Set(container, Slot.Items, new Items(elements
            .Select((element, index) => isNamed && (element as Optional)?.Present is not TupleValue && element is not TupleValue ? WithName(index, element) : element)
            .ToImmutableList()));
    }

    private static Value WithName(int index, Value element)
    {
        var name = new Known(index.ToString(CultureInfo.InvariantCulture));
        return element is Optional optional ? new Optional(Pair(name, optional.Present), optional.Condition) : Pair(name, element);
    }

    /// <summary>Why a value, or what a collection holds, is not known.</summary>
    private static string? ReasonOf(Value value) => (value as Unknown ?? (value as Collection)?.Get(Slot.Items) as Unknown)?.Reason;

    private ImmutableDictionary<string, Constant> ConstantsOf(CatalogueEntry entry, IReadOnlyList<(IArgumentOperation Argument, Value Value)> arguments)
    {
        if (entry.Meanings.IsEmpty)
            return Constant.None;
        var constants = DefaultConstants(entry).ToBuilder();
        foreach (var meaning in entry.Meanings)
        {
            foreach (var (argument, value) in arguments)
            {
                if (argument.Parameter is { } parameter && CatalogueEntry.Names(meaning.Value, parameter.Name) && ConstantOf(value, argument.Value) is { } constant)
                    constants[meaning.Key] = constant;
            }
        }

        return constants.ToImmutable();
    }

    /// <summary>What the catalogue's line itself says in numbers.</summary>
    private static ImmutableDictionary<string, Constant> DefaultConstants(CatalogueEntry entry)
    {
        var constants = Constant.None;
        foreach (var (meaning, number) in entry.Numbers)
            constants = constants.Add(meaning, new Constant(ImmutableArray.Create(Size.Of(number)), entry.Meanings[meaning]));
        return constants;
    }

    /// <summary>An argument as the graph records it; null for what is no hyperparameter (modules, tensors).</summary>
    private Constant? ConstantOf(Value value, IOperation argument)
    {
        switch (value)
        {
            case Known { Content: bool truth }:
                return new Constant(ImmutableArray<Size>.Empty, truth ? "true" : "false");
            case Known { Enumeration: INamedTypeSymbol enumeration } member:
                return new Constant(ImmutableArray<Size>.Empty, NameOf(enumeration, member.Content) ?? "");
            case Known { Number: { } number }:
                return new Constant(ImmutableArray.Create(Size.Of(number)), Size.Of(number).Text);
            case Known { Content: null }:
                return new Constant(ImmutableArray<Size>.Empty, "null");
            case Known known:
                return new Constant(ImmutableArray<Size>.Empty, Convert.ToString(known.Content, CultureInfo.InvariantCulture) ?? "");
            case ShapeValue shape:
                return new Constant(ImmutableArray.Create(Size.Named(ShapeValue.All(shape.Node))), ShapeValue.All(shape.Node));
            case TupleValue tuple:
                return Several(tuple.Elements);
            case Collection collection when Elements(collection) is { } elements:
                return Several(elements);
            case Unknown unknown:
                var text = unknown.Text ?? Text(argument);
                return new Constant(IsNumber(argument.Type) ? ImmutableArray.Create(Size.Named(text)) : ImmutableArray<Size>.Empty, text);
            default:
                return null;
        }

        static Constant? Several(IReadOnlyList<Value> elements)
        {
            var sizes = ImmutableArray.CreateBuilder<Size>(elements.Count);
            foreach (var element in elements)
            {
                if (element is Known { Number: { } number })
                    sizes.Add(Size.Of(number));
                else if (element is Unknown unknown)
                    sizes.Add(Size.Named(unknown.Text ?? "?"));
                else
                    return null;
            }

            return new Constant(sizes.ToImmutable(), $"({string.Join(", ", sizes.Select(size => size.Text))})");
        }
    }

    private static string? NameOf(INamedTypeSymbol enumeration, object? value) =>
        enumeration.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(member => member.HasConstantValue && Equals(new Known(member.ConstantValue).Content, value))?.Name;

    private static bool IsNumber(ITypeSymbol? type)
    {
        var underlying = type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type;
        return underlying?.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_Double;
    }

    /// <summary>Runs a module on values: a layer becomes a node, a container its elements, a class in source its forward.</summary>
    private Value Apply(ModuleValue module, Value[] arguments, Location use, IOperation at)
    {
        if (module.IsSource && Forward(module.Type) is { } forward)
            return _isProgram ? OpaqueOf(forward.ReturnType, "the program is not computed", [], at) : Call(forward, module, arguments, null, at);
        return ApplyLibrary(module, arguments, use, at);
    }

    /// <summary>Runs each module that may be meant; a null is no way through the model.</summary>
    private Value Apply(Alternatives alternatives, Value[] arguments, Location use, IOperation at)
    {
        var results = alternatives.Modules.Select(module => Apply(module, arguments, use, at)).ToList();
        return results.Count == 0 ? new Unknown("a module that is null") : Merge(results, at, condition: alternatives.Condition);
    }

    private Value ApplyLibrary(ModuleValue module, Value[] arguments, Location use, IOperation at)
    {
        if (!Enter())
            return Unknown.TooLarge;
        try
        {
            if (_isProgram)
                return Opaque("the program is not computed", [], use);
            var inputs = Nodes(arguments).ToImmutableArray();
            switch (module.Role)
            {
                case Role.Sequential:
                    if (module.Get(Slot.Items) is not Items items)
                        return Opaque($"the Sequential's elements are not known: {(module.Get(Slot.Items) as Unknown)?.Reason}", inputs, use);
                    var value = arguments.Length > 0 ? arguments[0] : new Unknown("an argument is missing");
                    foreach (var item in items.Values)
                    {
                        var applied = ApplyElement((item as Optional)?.Present ?? item, value, use, at);
                        value = item is Optional { Condition: var condition } ? Merge([applied, value], at, condition: condition) : applied;
                    }

                    return value;
                case Role.Module when module.Elsewhere is { } elsewhere:
                    return ApplyElsewhere(elsewhere, arguments, use);
                case Role.Module or Role.ModuleList or Role.ModuleDict:
                    return Opaque($"'{module.Type.Name}' has no forward that can be read", inputs, use);
                case Role.Lstm or Role.Gru or Role.Rnn:
                    var output = Add(module.Role, inputs, module, module.Constants, use);
                    var last = Add(Role.Select, One(output), null, LastStep, use);
                    return module.Role == Role.Lstm
                        ? new TupleValue(new TensorValue(output), new TensorValue(last), new TensorValue(last))
                        : new TupleValue(new TensorValue(output), new TensorValue(last));
                case Role.LstmCell:
                    // The hidden state reads the new cell state beside what the cell is given.
                    var cell = Add(module.Role, inputs, module, module.Constants.Add("cell_state", new Constant(ImmutableArray<Size>.Empty, "true")), use);
                    return new TupleValue(new TensorValue(Add(module.Role, inputs.Add(cell), module, module.Constants, use)), new TensorValue(cell));
                case Role.Attention:
                    var attended = Add(module.Role, inputs, module, module.Constants, use);
                    return new TupleValue(new TensorValue(attended), new TensorValue(Add(Role.Select, One(attended), null, CellState, use)));
                default:
                    return new TensorValue(Add(module.Role, inputs, module, module.Constants, use));
            }
        }
        finally
        {
            _depth--;
        }
    }

    /// <summary>An element of a Sequential on a value.</summary>
    private Value ApplyElement(Value item, Value value, Location use, IOperation at) => item switch
    {
        TupleValue { Elements: [_, ModuleValue element] } => Apply(element, [value], element.Creation, at),
        TupleValue { Elements: [_, Alternatives alternatives] } => Apply(alternatives, [value], use, at),
        _ => Opaque($"an element of the Sequential is not known{(item is TupleValue { Elements: [_, Unknown unknown] } ? ": " + unknown.Reason : "")}", Nodes([value]), use),
    };

    private static readonly ImmutableDictionary<string, Constant> LastStep = Constant.None.Add("index", new Constant(ImmutableArray<Size>.Empty, "last step"));
    private static readonly ImmutableDictionary<string, Constant> CellState = Constant.None.Add("index", new Constant(ImmutableArray<Size>.Empty, "second result"));

    private int Add(Role role, ImmutableArray<int> inputs, ModuleValue? module, ImmutableDictionary<string, Constant> constants, Location use) =>
        Graph.Add(new DraftNode(role, inputs, module, constants, use, null));

    /// <summary>A function on tensors: <c>functional.relu(x)</c>, <c>torch.cat(...)</c>, <c>x.view(...)</c>.</summary>
    private Value InvokeOperation(CatalogueEntry entry, IInvocationOperation invocation, Frame frame)
    {
        var receiver = Receiver(invocation, frame);
        var evaluated = invocation.Arguments.Select(argument => (Argument: argument, Value: Evaluate(argument.Value, frame))).ToList();
        var method = invocation.TargetMethod;
        if (entry.Role == Role.Identity && receiver is not TensorValue && evaluated.Count > 0 && invocation.Type is INamedTypeSymbol { IsTupleType: true })
            return new TupleValue(evaluated.Select(pair => pair.Value).ToImmutableArray());
        if (receiver is ParameterValue parameter)
        {
            if (method.Name.EndsWith("_", StringComparison.Ordinal) && entry.Role != Role.Identity)
                return WithUnknownStart(parameter, invocation);
            if (entry.Role is Role.Identity or Role.Detach)
                return parameter;
        }

        // Moves, copies and casts are no operation of the model.
        if (entry.Role == Role.Identity && source.IsTensor(invocation.Type) && (receiver is TensorValue ? receiver : evaluated.Select(pair => pair.Value).FirstOrDefault(value => value is TensorValue)) is { } same)
            return same;

        Value result;
        if (entry.Role is Role.Add or Role.Subtract or Role.Multiply or Role.Divide)
        {
            var operands = (receiver is null ? evaluated.Select(pair => pair.Value) : new[] { receiver }.Concat(evaluated.Select(pair => pair.Value))).ToList();
            result = operands.Count >= 2 ? Arithmetic(entry.Role, operands[0], operands[1], invocation) : new Unknown("an argument is missing");
        }
        else
        {
            var inputs = Inputs(entry, receiver, evaluated, out var hole);
            if (inputs.IsEmpty && hole is null && receiver is not TensorValue)
                return External(invocation.Type, Text(invocation), $"'{method.Name}' works on nothing that is known", invocation);
            var constants = entry is { Role: Role.Select, Meanings.IsEmpty: true } ? IndexOf(invocation.Arguments, frame) : ConstantsOf(entry, evaluated);
            var owner = WithWeight(entry, evaluated, ref inputs, ref constants);
            result = hole is not null ? OpaqueOf(invocation.Type, hole, inputs, invocation)
                : entry.Role is Role.Einsum or Role.Outer ? Einsum(entry.Role == Role.Outer ? new Known("i,j->ij") : evaluated.FirstOrDefault(pair => pair.Argument.Parameter is { } p && entry.Carries("equation", p.Name)).Value, inputs, invocation) ?? Operate(entry.Role, inputs, constants, invocation.Type, invocation)
                : Operate(entry.Role, inputs, constants, invocation.Type, invocation, owner);
        }

        // In-place forms write what they are called on: x.add_(y); relu(x, inplace: true).
        var isInPlace = method.Name.EndsWith("_", StringComparison.Ordinal)
            || evaluated.Any(pair => pair.Argument.Parameter?.Name == "inplace" && Truth(pair.Value) == true);
        if (isInPlace && (invocation.Instance ?? evaluated.FirstOrDefault().Argument?.Value) is { } target && Unconverted(target) is ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation)
            Assign(Unconverted(target), result, frame);
        return result;
    }

    /// <summary>
    /// The weight of a function that is given one: a layer's, whose sizes it has, or a value that forward computes, which the node then reads behind its input.
    /// </summary>
    private ModuleValue? WithWeight(CatalogueEntry entry, IReadOnlyList<(IArgumentOperation Argument, Value Value)> arguments, ref ImmutableArray<int> inputs, ref ImmutableDictionary<string, Constant> constants)
    {
        var weight = arguments.FirstOrDefault(pair => pair.Argument.Parameter is { } parameter && entry.Carries("weight_tensor", parameter.Name)).Value;
        if (weight is null || entry.Role is not (Role.Linear or Role.Conv or Role.ConvTranspose))
            return (weight as ParameterValue)?.Owner;
        if (weight is ParameterValue { Owner: { } owner })
        {
            constants = OfLayer(owner, constants);
            return owner;
        }

        if (Node(weight) is not { } computed || inputs.Length != 1)
            return null;
        constants = Measured(computed, entry.Role, constants).SetItem(WeightPlace, Number(inputs.Length));
        inputs = inputs.Add(computed);
        var bias = arguments.FirstOrDefault(pair => pair.Argument.Parameter is { } parameter && entry.Carries("bias_tensor", parameter.Name)).Value;
        if (bias is not null && Node(bias) is { } added)
            inputs = inputs.Add(added);
        return null;
    }

    /// <summary>Which input of a node is its weight, where no layer has it.</summary>
    public const string WeightPlace = "weight_place";

    private static ImmutableDictionary<string, Constant> OfLayer(ModuleValue layer, ImmutableDictionary<string, Constant> constants)
    {
        foreach (var meaning in new[] { "fan_in", "fan_out", "channels_in", "channels_out", "kernel" })
        {
            if (layer.Constants.TryGetValue(meaning, out var constant))
                constants = constants.SetItem(meaning, constant);
        }

        return constants;
    }

    /// <summary>The sizes of the parameter that a weight is made of, which keeps them.</summary>
    private ImmutableDictionary<string, Constant> Measured(int weight, Role role, ImmutableDictionary<string, Constant> constants)
    {
        var pending = new Stack<int>([weight]);
        for (var steps = 0; steps < MaximumCalls && pending.Count > 0; steps++)
        {
            var node = Graph.Nodes[pending.Pop()];
            if (node.Parameter is { Owner: { IsSource: false } owner })
                return OfLayer(owner, constants);
            // The largest of several: others are broadcast to it.
            if (node.Parameter is { Sizes: { Length: > 1 } sizes } && sizes.Any(size => size.Whole != 1) && sizes.Count(size => size.Whole == 1) < sizes.Length - 1)
                return Measured(sizes, role, constants);
            foreach (var input in node.Inputs.Reverse())
                pending.Push(input);
        }

        return constants;
    }

    private static ImmutableDictionary<string, Constant> Measured(ImmutableArray<Size> sizes, Role role, ImmutableDictionary<string, Constant> constants)
    {
        static Constant One(Size size) => new(ImmutableArray.Create(size), size.Text);
        if (role == Role.Linear)
            return constants.SetItem("fan_out", One(sizes[0])).SetItem("fan_in", One(sizes[1]));
        var groups = constants.TryGetValue("groups", out var given) ? given.Size ?? Size.Of(1) : Size.Of(1);
        // A weight has the channels of one group in its second dimension.
        var all = groups.Whole is 1 ? sizes[1] : groups.Whole is { } number && sizes[1].Whole is { } each ? Size.Of((double)number * each) : Size.Named($"({sizes[1].Text} * {groups.Text})");
        var (inputs, outputs) = role == Role.Conv ? (all, sizes[0]) : (sizes[0], all);
        constants = constants.SetItem("channels_in", One(inputs)).SetItem("channels_out", One(outputs));
        var kernel = sizes.RemoveRange(0, 2);
        return kernel.IsEmpty ? constants : constants.SetItem("kernel", new Constant(kernel, $"({string.Join(", ", kernel.Select(size => size.Text))})"));
    }

    private ImmutableArray<int> Inputs(CatalogueEntry entry, Value? receiver, IReadOnlyList<(IArgumentOperation Argument, Value Value)> arguments, out string? hole)
    {
        hole = null;
        var inputs = ImmutableArray.CreateBuilder<int>();
        if (receiver is not null)
            inputs.AddRange(Nodes([receiver]));
        foreach (var (argument, value) in arguments)
        {
            if (argument.Parameter is not { } parameter)
                continue;
            if (entry.Meaning("input") is not null && !entry.Carries("input", parameter.Name))
                continue;
            if (entry.Carries("weight_tensor", parameter.Name) || entry.Carries("bias_tensor", parameter.Name))
                continue;
            if (entry.Carries("tensors", parameter.Name) && (value as Unknown ?? (value as Collection)?.Get(Slot.Items) as Unknown) is { } unknown)
                hole = $"it is not known which tensors are joined: {unknown.Reason}";
            inputs.AddRange(Nodes([value]));
        }

        return inputs.ToImmutable();
    }

    /// <summary>Adds the node of a function and wraps it as the function's return type says.</summary>
    private Value Operate(Role role, ImmutableArray<int> inputs, ImmutableDictionary<string, Constant> constants, ITypeSymbol? type, IOperation at, ModuleValue? owner = null)
    {
        var node = Add(role, inputs, owner, constants, Place(at));
        switch (type)
        {
            case INamedTypeSymbol { IsTupleType: true } tuple:
                return new TupleValue(tuple.TupleElements.Select((_, index) => (Value)new TensorValue(index == 0 ? node : Add(Role.Select, One(node), null, Index(index), Place(at)))).ToImmutableArray());
            case IArrayTypeSymbol when constants.TryGetValue("count", out var count) && count.Size?.Whole is > 0 and <= 64 and { } parts:
                return ListOf(Enumerable.Range(0, parts).Select(index => (Value)new TensorValue(Add(Role.Select, One(node), null, Index(index), Place(at)))));
            case IArrayTypeSymbol:
                return new TensorParts(node);
            default:
                return source.IsTensor(type) || !Catalogue.HasTensorType ? new TensorValue(node) : new Unknown("a number that is read from a tensor", Text(at));
        }
    }

    private static ImmutableDictionary<string, Constant> Index(int index) =>
        Constant.None.Add("index", new Constant(ImmutableArray.Create(Size.Of(index)), index.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Sum, difference, product or quotient of two tensors, or of a tensor and a number.</summary>
    private Value Arithmetic(Role role, Value left, Value right, IOperation at)
    {
        switch (Node(left), Node(right))
        {
            case ({ } one, { } other):
                return new TensorValue(Add(role, ImmutableArray.Create(one, other), null, Constant.None, Place(at)));
            case ({ } one, null):
                return new TensorValue(Add(role, One(one), null, Operand(right, isLeft: false), Place(at)));
            case (null, { } other):
                return new TensorValue(Add(role, One(other), null, Operand(left, isLeft: true), Place(at)));
            default:
                return External(at.Type, Text(at), $"the value of '{Text(at)}' is not known", at);
        }

        ImmutableDictionary<string, Constant> Operand(Value value, bool isLeft) =>
            (ConstantOf(value, at) is { } constant ? Constant.None.Add("operand", constant with { Sizes = value is Known { Number: { } number } ? ImmutableArray.Create(Size.Of(number)) : ImmutableArray<Size>.Empty }) : Constant.None)
            .Add("operand_first", new Constant(ImmutableArray<Size>.Empty, isLeft ? "true" : "false"));
    }
}
