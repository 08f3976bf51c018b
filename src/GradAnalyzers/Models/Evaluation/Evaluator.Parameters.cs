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

    /// <summary>How a parameter made of this value starts: known for torch.zeros and the like, of which only a call's name is in the catalogue.</summary>
    private static Initialization StartOf(Value data, IOperation at) =>
        data is ParameterValue parameter && parameter.Get(Slot.Initialization) is InitializationValue known
            ? known.Initialization
            : new Initialization(Role.Opaque, Constant.None, Place(at));

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
            case TensorValue { Node: var node } when Graph.Nodes[node].Role is Role.Data:
                return target;
            default:
                return OpaqueOf(invocation.Type, $"'{invocation.TargetMethod.Name}' overwrites a value", Nodes(target is null ? [] : [target]), invocation);
        }
    }

    private static IOperation? Written(IInvocationOperation invocation, CatalogueEntry entry) => invocation.Instance
        ?? invocation.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("tensor", parameter.Name))?.Value;

    /// <summary>A weight is written, and it is not known which: any layer may start as that call says.</summary>
    private void ForgetAllStarts(Location place)
    {
        foreach (var module in Modules.ToList())
            ForgetStarts(module, place);
    }

    /// <summary>Weights that are loaded start as the file says.</summary>
    private void ForgetStarts(ModuleValue root, Location place)
    {
        var initialization = new InitializationValue(new Initialization(Role.Opaque, Constant.None, place));
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
