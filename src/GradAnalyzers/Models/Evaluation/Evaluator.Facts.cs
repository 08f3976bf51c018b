using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Facts;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>Modules of other projects, as the facts in their assemblies describe them. Their layers have no place in this project's source.</summary>
internal sealed partial class Evaluator
{
    private int _instantiated;

    /// <summary>A module that a constructor or factory of another project makes; null where its facts do not say what these arguments make.</summary>
    private ModuleValue? FromFacts(ModuleFact? fact, ITypeSymbol? type, ImmutableArray<IParameterSymbol> parameters, Value[] arguments, Location creation)
    {
        if (fact is null || type is not INamedTypeSymbol named || HasReachedLimit)
            return null;
        foreach (var forward in fact.Forwards)
        {
            if (Fits(forward, parameters, arguments) && Instantiate(fact, forward, named, parameters, arguments, creation) is { } module)
                return module;
        }

        return null;
    }

    /// <summary>Whether a forward was read for these arguments: any value, the default, or this constant.</summary>
    private static bool Fits(ForwardFact forward, ImmutableArray<IParameterSymbol> parameters, Value[] arguments)
    {
        if (forward.Parameters.Length != parameters.Length)
            return false;
        for (var index = 0; index < parameters.Length; index++)
        {
            var (name, value) = forward.Parameters[index];
            var parameter = parameters[index];
            if (name != parameter.Name)
                return false;
            if (value is not null && (arguments[index] is not Known || Describe(arguments[index], parameter) != (value.Length > 0 || !parameter.HasExplicitDefaultValue ? value : ForwardFacts.DefaultOf(parameter))))
                return false;
        }

        return true;
    }

    private ModuleValue? Instantiate(ModuleFact fact, ForwardFact forward, INamedTypeSymbol type, ImmutableArray<IParameterSymbol> parameters, Value[] arguments, Location creation)
    {
        var sizes = new Dictionary<string, Size>(StringComparer.Ordinal);
        for (var index = 0; index < parameters.Length; index++)
        {
            if (forward.Parameters[index].Value is null && SizeOf(arguments[index]) is { } size)
                sizes["$" + parameters[index].Name] = size;
        }

        // A size that the other project keeps to itself is the same within one module only.
        var suffix = (++_instantiated).ToString(CultureInfo.InvariantCulture);
        var made = new Dictionary<LayerFact, ModuleValue>();
        var operations = ImmutableArray.CreateBuilder<(Role, ImmutableArray<int>, ModuleValue?, ImmutableDictionary<string, Constant>)>(forward.Nodes.Length);
        foreach (var node in forward.Nodes)
        {
            var constants = Replaced(node.Constants);
            if (node.Layer is not { } layer)
            {
                operations.Add((node.Role, node.Inputs, null, constants));
                continue;
            }

            if (!made.TryGetValue(layer, out var module))
            {
                if (source.Program.LayerType(layer.Type) is not { } layerType || Catalogue.Find(layerType) is not { } entry || !IsMade(entry.Role))
                    return null;
                // A layer that is the module itself is made where the factory is called; any other has no place here.
                module = new ModuleValue(layerType, entry.Role, layer.Path.Length == 0 ? creation : Location.None, constants) { Born = _store.Now };
                foreach (var (parameter, role, how) in layer.Starts)
                    WithStart(Weight(module, parameter), new Initialization(role, Replaced(how), null));
                made.Add(layer, module);
                Note(module);
                if (layer.Path.Length == 0)
                    return module;
            }

            operations.Add((module.Role, node.Inputs, module, constants));
        }

        var whole = new ModuleValue(type, Role.Module, creation, Constant.None) { Born = _store.Now, Elsewhere = new ElsewhereForward(fact.Name ?? type.Name, operations.ToImmutable(), forward.Outputs, fact.IsJudged) };
        whole.Arguments = parameters.Select((parameter, index) => (parameter.Name, Describe(arguments[index], parameter))).ToImmutableArray();
        Set(whole, Slot.Children, new Items(made.Select(pair => (Value)Pair(new Known(pair.Key.Path), pair.Value)).ToImmutableList()));
        Set(whole, Slot.Registered, Known.True);
        Note(whole);
        return whole;

        ImmutableDictionary<string, Constant> Replaced(ImmutableDictionary<string, Constant> constants)
        {
            foreach (var pair in constants)
            {
                if (pair.Value.Sizes.Any(size => !size.IsKnown))
                {
                    var replaced = pair.Value.Sizes.Select(size => size.IsKnown ? size : sizes.TryGetValue(size.Text, out var given) ? given : Size.Named($"{size.Text}@{suffix}")).ToImmutableArray();
                    constants = constants.SetItem(pair.Key, new Constant(replaced, replaced.Length == 1 ? replaced[0].Text : $"({string.Join(", ", replaced.Select(size => size.Text))})"));
                }
            }

            return constants;
        }
    }

    private static Size? SizeOf(Value value) => value switch
    {
        Known { Number: { } number } => Size.Of(number),
        Unknown { Text: { } text } => Size.Named(text),
        _ => null,
    };

    /// <summary>Runs what a module of another project computes.</summary>
    private Value ApplyElsewhere(ElsewhereForward forward, Value[] arguments, Location use)
    {
        if (arguments is not [var argument] || Node(argument) is not { } input)
            return Opaque($"'{forward.Name}' is given something other than one tensor", Nodes(arguments), use);
        var nodes = new int[forward.Operations.Length];
        for (var index = 0; index < nodes.Length; index++)
        {
            var (role, inputs, layer, constants) = forward.Operations[index];
            nodes[index] = index == 0 ? input : Add(role, inputs.Select(place => nodes[place]).ToImmutableArray(), layer, constants, Location.None);
        }

        return forward.Outputs is [var only]
            ? new TensorValue(nodes[only])
            : new TupleValue(forward.Outputs.Select(output => (Value)new TensorValue(nodes[output])).ToImmutableArray());
    }

    /// <summary>What a call that nobody reads makes: a module of another project's factory, where facts say so.</summary>
    private ModuleValue? MadeElsewhere(IInvocationOperation invocation, Value? receiver, Value[] arguments)
    {
        var method = invocation.TargetMethod;
        if (!source.IsModule(invocation.Type) || source.FactOf(method.ReducedFrom ?? method)?.Module is not { } fact)
            return null;
        return method.ReducedFrom is { } extension
            ? receiver is null ? null : FromFacts(fact, invocation.Type, extension.Parameters, [receiver, .. arguments], Place(invocation))
            : FromFacts(fact, invocation.Type, method.Parameters, arguments, Place(invocation));
    }
}

/// <summary>What a module of another project computes, with its layers.</summary>
/// <param name="Name">Its class.</param>
/// <param name="Operations">Operations in the order of evaluation; the first is the input.</param>
/// <param name="Outputs">What it returns.</param>
/// <param name="IsJudged">Its own project is told of its gradients.</param>
internal sealed record ElsewhereForward(string Name, ImmutableArray<(Role Role, ImmutableArray<int> Inputs, ModuleValue? Layer, ImmutableDictionary<string, Constant> Constants)> Operations, ImmutableArray<int> Outputs, bool IsJudged)
{
    /// <summary>Whether both compute the same, whatever layers they do it with.</summary>
    public static bool AreAlike(ElsewhereForward? one, ElsewhereForward? other) => one is null || other is null ? one == other
        : one.Name == other.Name && one.Outputs.SequenceEqual(other.Outputs) && one.Operations.Length == other.Operations.Length
            && one.Operations.Zip(other.Operations, (first, second) => first.Role == second.Role && first.Inputs.SequenceEqual(second.Inputs)).All(alike => alike);
}
