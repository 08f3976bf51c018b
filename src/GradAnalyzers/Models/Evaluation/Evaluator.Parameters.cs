using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    /// <summary>A layer's parameter, made when it is first asked for.</summary>
    private ParameterValue Weight(ModuleValue layer, string name)
    {
        if (layer.Get(Slot.Weight(name)) is ParameterValue known)
            return known;
        var parameter = new ParameterValue(layer, name, layer.Creation);
        Set(layer, Slot.Weight(name), parameter);
        return parameter;
    }

    private ParameterValue Adopt(ModuleValue layer, string name, ParameterValue given, IOperation at)
    {
        var parameter = new ParameterValue(layer, name, Place(at));
        Set(parameter, Slot.Initialization, given.Get(Slot.Initialization) ?? new InitializationValue(new Initialization(Role.Opaque, Constant.None, Place(at))));
        return parameter;
    }

    private ParameterValue WithUnknownStart(ParameterValue parameter, IOperation at) => WithStart(parameter, new Initialization(Role.Opaque, Constant.None, Place(at)));

    private ParameterValue WithStart(ParameterValue parameter, Initialization initialization)
    {
        Set(parameter, Slot.Initialization, new InitializationValue(initialization));
        return parameter;
    }

    /// <summary>A parameter of its own, made of a tensor.</summary>
    private ParameterValue Owned(Value data, IOperation at) => WithStart(Sized(new ParameterValue(null, "", Place(at)), data), StartOf(data, at));

    /// <summary>How a parameter made of this value starts: as the tensor was filled, times the numbers that it was multiplied by.</summary>
    private Initialization StartOf(Value data, IOperation at) =>
        (data as ParameterValue)?.Get(Slot.Initialization) is InitializationValue known ? known.Initialization
        : Filled(data, at) ?? new Initialization(Role.Opaque, Constant.None, Place(at));

    private Initialization? Filled(Value data, IOperation at)
    {
        if (data is not TensorValue { Node: var index })
            return null;
        var factor = 1.0;
        for (var steps = 0; steps < MaximumCalls; steps++)
        {
            var node = Graph.Nodes[index];
            switch (node.Role)
            {
                case Role.Data:
                    return Filled(node.Constants, factor, at);
                case Role.Multiply when node.Inputs.Length == 1:
                    factor *= (node.Constants.TryGetValue("operand", out var times) ? times.Number : null) ?? double.NaN;
                    break;
                case Role.Divide when node.Inputs.Length == 1 && node.Constants["operand_first"].Truth != true:
                    factor /= (node.Constants.TryGetValue("operand", out var by) ? by.Number : null) is { } divisor and not 0 ? divisor : double.NaN;
                    break;
                case Role.Negate:
                    factor = -factor;
                    break;
                case Role.Reshape or Role.Permute or Role.Identity or Role.Expand or Role.Detach when node.Inputs.Length == 1:
                    break;
                default:
                    return null;
            }

            index = node.Inputs[0];
        }

        return null;
    }

    private static Initialization? Filled(ImmutableDictionary<string, Constant> constants, double factor, IOperation at)
    {
        // Normal numbers times one that no code tells: of their deviation nothing is known.
        if (double.IsNaN(factor))
            return constants.TryGetValue("mean", out var center) && center.Number == 0 ? new(Role.Normal, Constant.None.Add("mean", Of(0)).Add("deviation", new(ImmutableArray.Create(Size.Named("?")), "?")), Place(at)) : null;
        if (Scaled("value") is { } value)
            return new(Role.Constant, Constant.None.Add("value", Of(value)), Place(at));
        if (Scaled("mean") is 0 && constants.TryGetValue("deviation", out var unknown) && unknown.Number is null)
            return new(Role.Normal, Constant.None.Add("mean", Of(0)).Add("deviation", unknown), Place(at));
        if (Scaled("low") is null && Scaled("high") is null && constants.ContainsKey("low") && constants.ContainsKey("high"))
            return new(Role.Uniform, Constant.None.Add("low", constants["low"]).Add("high", constants["high"]), Place(at));
        if (Scaled("mean") is { } mean && Scaled("deviation") is { } deviation)
            return new(Role.Normal, Constant.None.Add("mean", Of(mean)).Add("deviation", Of(Math.Abs(deviation))), Place(at));
        return Scaled("low") is { } low && Scaled("high") is { } high ? new(Role.Uniform, Constant.None.Add("low", Of(Math.Min(low, high))).Add("high", Of(Math.Max(low, high))), Place(at)) : null;

        double? Scaled(string meaning) => constants.TryGetValue(meaning, out var constant) && constant.Number is { } number ? number * factor : null;

        static Constant Of(double number) => new(ImmutableArray.Create(Size.Of(number)), Size.Of(number).Text);
    }

    /// <summary>The sizes of the tensor that a parameter is made of.</summary>
    private ParameterValue Sized(ParameterValue parameter, Value data)
    {
        if (data is ParameterValue other)
            parameter.Sizes = other.Sizes;
        for (var index = data is TensorValue tensor ? tensor.Node : -1; index >= 0;)
        {
            var node = Graph.Nodes[index];
            if (node.Constants.TryGetValue(node.Role == Role.Reshape ? "shape" : "sizes", out var sizes))
                parameter.Sizes = sizes.Sizes;
            index = node.Role is Role.Multiply or Role.Divide or Role.Negate or Role.Identity or Role.Detach && node.Inputs.Length == 1 ? node.Inputs[0] : -1;
        }

        return parameter;
    }

    /// <summary>A new tensor: what it is filled with and its sizes, where the call tells.</summary>
    private Value FreshTensor(CatalogueEntry entry, IInvocationOperation invocation, Frame frame)
    {
        var constants = DefaultConstants(entry);
        var sizes = ImmutableArray.CreateBuilder<Size>();
        var isSized = false;
        foreach (var argument in invocation.Arguments)
        {
            var value = Evaluate(argument.Value, frame);
            if (argument.Parameter is not { } parameter || argument.IsImplicit)
                continue;
            if (entry.Carries("sizes", parameter.Name) && ConstantOf(value, argument.Value) is { Sizes.IsEmpty: false } size)
            {
                sizes.AddRange(size.Sizes);
                isSized = true;
            }
            else if (entry.Carries("value", parameter.Name) && ConstantOf(value, argument.Value) is { } filling)
            {
                constants = constants.SetItem("value", filling);
            }
        }

        if (isSized)
            constants = constants.SetItem("sizes", new Constant(sizes.ToImmutable(), $"({string.Join(", ", sizes.Select(size => size.Text))})"));
        if (!source.IsTensor(invocation.Type))
            return External(invocation.Type, Text(invocation), $"'{invocation.TargetMethod.Name}' is no part of a model", invocation);
        return new TensorValue(Graph.Add(new DraftNode(Role.Data, ImmutableArray<int>.Empty, null, Named(Text(invocation)).AddRange(constants), Place(invocation), null)));
    }

    /// <summary><c>init.kaiming_normal_(layer.weight, ...)</c> or <c>layer.weight.normal_(...)</c>.</summary>
    private Value InvokeInitializer(CatalogueEntry entry, IInvocationOperation invocation, Frame frame)
    {
        var receiver = Receiver(invocation, frame);
        var evaluated = invocation.Arguments.Select(argument => (Argument: argument, Value: Evaluate(argument.Value, frame))).ToList();
        var target = receiver ?? evaluated.FirstOrDefault(pair => pair.Argument.Parameter is { } parameter && entry.Carries("tensor", parameter.Name)).Value;
        switch (target)
        {
            case ParameterValue parameter:
                return WithStart(parameter, new Initialization(entry.Role, ConstantsOf(entry, evaluated), Place(invocation)));
            // Of a layer that is not known, the weight is a tensor like any other.
            case TensorValue when Written(invocation, entry) is IPropertyReferenceOperation { Instance: { } holder } && source.IsModule(holder.Type):
            case Unknown or null when receiver is null or Unknown:
                ForgetAllStarts(Place(invocation));
                return OpaqueOf(invocation.Type, $"'{invocation.TargetMethod.Name}' overwrites a value", [], invocation);
            case TensorValue { Node: var node } when Graph.Nodes[node] is { Role: Role.Data } fresh:
                return Refilled(fresh, entry, ConstantsOf(entry, evaluated), Written(invocation, entry), invocation, frame);
            default:
                return OpaqueOf(invocation.Type, $"'{invocation.TargetMethod.Name}' overwrites a value", Nodes(target is null ? [] : [target]), invocation);
        }
    }

    private static readonly string[] Fillings = ["value", "mean", "deviation", "low", "high"];

    /// <summary>A new tensor that is filled anew: <c>torch.empty(n, m).uniform_(-a, a)</c>.</summary>
    private TensorValue Refilled(DraftNode fresh, CatalogueEntry entry, ImmutableDictionary<string, Constant> given, IOperation? target, IOperation at, Frame frame)
    {
        var constants = fresh.Constants.RemoveRange(Fillings);
        var usual = entry.Role switch
        {
            Role.Normal => new[] { ("mean", 0.0), ("deviation", 1.0) },
            Role.Uniform => [("low", 0.0), ("high", 1.0)],
            Role.Zeros => [("value", 0.0)],
            Role.Ones => [("value", 1.0)],
            Role.Constant => [("value", double.NaN)],
            _ => [],
        };
        foreach (var (meaning, number) in usual)
        {
            if (given.TryGetValue(meaning, out var constant))
                constants = constants.SetItem(meaning, constant);
            else if (!double.IsNaN(number))
                constants = constants.SetItem(meaning, new Constant(ImmutableArray.Create(Size.Of(number)), Size.Of(number).Text));
        }

        // Kaiming's and Xavier's go by sizes that only a parameter's reader knows: those fill it in a way that is not known here.
        var filled = new TensorValue(Graph.Add(fresh with { Constants = constants.SetItem("name", new Constant(ImmutableArray<Size>.Empty, Text(at))) }));
        if (target is not null && Unconverted(target) is ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation)
            Assign(Unconverted(target), filled, frame);
        return filled;
    }

    private static IOperation? Written(IInvocationOperation invocation, CatalogueEntry entry) =>
        (invocation.Instance ?? invocation.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("tensor", parameter.Name))?.Value) is { } written ? Unconverted(written) : null;

    /// <summary>A weight is written, and it is not known which: any layer may start as that call says.</summary>
    private void ForgetAllStarts(Location place)
    {
        foreach (var module in Modules.ToList())
            ForgetStarts(module, place, Role.Opaque);
    }

    /// <summary>Weights that are loaded start as the file says.</summary>
    private void ForgetStarts(ModuleValue root, Location place, Role role)
    {
        var initialization = new InitializationValue(new Initialization(role, Constant.None, place));
        foreach (var module in Descendants(root))
        {
            Set(module, Slot.Initialization, initialization);
            foreach (var parameter in module.Slots.Values.OfType<ParameterValue>().ToList())
                Set(parameter, Slot.Initialization, initialization);
        }
    }

    private Value InvokeGain(CatalogueEntry entry, IInvocationOperation invocation, Frame frame)
    {
        var kind = Argument(entry, "nonlinearity", invocation, frame) is Known { Enumeration: INamedTypeSymbol enumeration } known ? NameOf(enumeration, known.Content) : null;
        var slope = (Argument(entry, "slope", invocation, frame) as Known)?.Number ?? 0;
        // calculate_gain as the library has it (src/TorchSharp/NN/Init.cs); enumeration members by their names there.
        double? gain = kind switch
        {
            "Tanh" => 5.0 / 3,
            "ReLU" => Math.Sqrt(2),
            "LeakyReLU" => Math.Sqrt(2 / (1 + slope * slope)),
            null => null,
            _ => 1,
        };
        return gain is { } number ? new Known(number) : new Unknown($"the value of '{Text(invocation)}' is not known");
    }

    /// <summary>How a parameter of a module starts.</summary>
    public static Initialization StartOf(ModuleValue module, string name) =>
        ((module.Get(Slot.Weight(name)) as ParameterValue)?.Get(Slot.Initialization) as InitializationValue ?? module.Get(Slot.Initialization) as InitializationValue)?.Initialization
        ?? Initialization.Default;
}
