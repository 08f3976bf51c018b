using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models;

/// <summary>
/// A model read out of source: what its forward computes at one set of constructor arguments, node by node, with every layer's constants, initialization, place and parameter path.
/// Immutable. What could not be read is an <see cref="Role.Opaque"/> node that says why; what lies before and after it is still right.
/// </summary>
internal sealed record ModelGraph
{
    /// <summary>The constant of a choice that a tensor's number of dimensions decides: <c>(#3:rank == 4)</c>, where the first value is taken if it holds.</summary>
    public const string RankQuestion = "rank question";

    /// <summary>The class's name, or <c>Sequential</c> for one that no class holds.</summary>
    public required string Name { get; init; }

    /// <summary>The model's class, or null for a Sequential that no class holds.</summary>
    public required ModelType? Type { get; init; }

    /// <summary>The class's identifier; for a Sequential that no class holds, its creation.</summary>
    public required Location Location { get; init; }

    /// <summary>Where the program creates the model with these arguments, or null where no creation with constants is known and defaults were taken.</summary>
    public required Location? Creation { get; init; }

    /// <summary>The constructor's arguments by parameter name, in order; unknown ones as <see cref="Size.Named"/> texts. Empty for a parameterless constructor.</summary>
    public required ImmutableArray<(string Name, string Value)> Arguments { get; init; }

    /// <summary>Nodes that the output depends on, in the order of evaluation: a node reads nodes of a smaller index only.</summary>
    public required ImmutableArray<ModelNode> Nodes { get; init; }

    /// <summary>Index of the node whose value forward returns (the first, where it returns several), or -1 where there is no forward or it returns no tensor.</summary>
    public required int Output { get; init; }

    /// <summary>Indices of all values that forward returns, in order.</summary>
    public required ImmutableArray<int> Outputs { get; init; }

    /// <summary>What the program does with each of <see cref="Outputs"/>; empty where it does not tell.</summary>
    public ImmutableArray<OutputUse> UsesOfOutputs
    {
        get => field.IsDefault ? ImmutableArray<OutputUse>.Empty : field;
        init;
    }

    /// <summary>
    /// The same model with few and with many of what it repeats, where no code tells how often, in the order of <see cref="Counts"/>: a verdict of it is one where both share it. Empty where that would make nothing known.
    /// </summary>
    public ImmutableArray<ModelGraph> Counted
    {
        get => field.IsDefault ? ImmutableArray<ModelGraph>.Empty : field;
        init;
    }

    /// <summary>How often what nobody counts is repeated in <see cref="Counted"/>: as often as a recurrence takes steps that nobody counts.</summary>
    public static ImmutableArray<int> Counts { get; } = ImmutableArray.Create(3, 12);

    /// <summary>Every layer and module that construction makes, used by forward or not, in the order of creation.</summary>
    public required ImmutableArray<ModelLayer> Layers { get; init; }

    /// <summary>Calls of <c>apply(fn)</c> during construction.</summary>
    public required ImmutableArray<InitializerApplication> Applications { get; init; }

    /// <summary>Weighted layers whose output feeds their own next use in a loop over steps that the source does not count: a recurrence written by hand.</summary>
    public required ImmutableArray<ModelLayer> Unrolled { get; init; }

    /// <summary>Whether every node could be read, so that a statement about the whole chain can be made.</summary>
    public bool IsComplete => Output >= 0 && Nodes.All(node => node.Role != Role.Opaque);

    /// <summary>Whether it is complete, and no loop over an unknown number of steps decides what it is.</summary>
    public bool IsReadable => IsComplete && !Nodes.Any(node => node.IsPreviousStep);

    /// <summary>Why the graph is not complete, or null.</summary>
    public string? Obstacle => Output < 0 ? "its forward could not be read" : Nodes.FirstOrDefault(node => node.Role == Role.Opaque)?.Reason;

    /// <summary>The trainable parameters that the model's <c>named_parameters()</c> lists, in its order.</summary>
    public required ImmutableArray<ModelParameter> Parameters { get; init; }

    /// <summary>
    /// Layers whose output feeds their own later use: recurrent layers and cells, layers in a loop over steps that the source does not count,
    /// and layers that forward uses again on what they gave (a loop over a known number of steps).
    /// </summary>
    public IEnumerable<ModelLayer> RecurrentLayers()
    {
        var again = Nodes.Where(node => node.Layer is not null && node.Role.IsWeighted()).GroupBy(node => node.Layer!).Where(uses => uses.Count() > 1);
        return Layers.Where(layer => layer.Role.IsRecurrent()).Concat(Unrolled).Concat(again.Where(uses => FeedsItself(uses.Key)).Select(uses => uses.Key)).Distinct();
    }

    private bool FeedsItself(ModelLayer layer)
    {
        // Nodes come after what they read, so one pass finds everything that depends on the layer.
        var depends = new bool[Nodes.Length];
        foreach (var node in Nodes)
        {
            depends[node.Index] = node.Inputs.Any(input => depends[input]);
            if (node.Layer != layer)
                continue;
            if (depends[node.Index])
                return true;
            depends[node.Index] = true;
        }

        return false;
    }

    /// <summary>Nodes that use this layer.</summary>
    public IEnumerable<ModelNode> Uses(ModelLayer layer) => Nodes.Where(node => node.Layer == layer);

    /// <summary>Nodes that read the value of this node.</summary>
    public IEnumerable<ModelNode> Readers(ModelNode node) => Nodes.Where(reader => reader.Inputs.Contains(node.Index));
}

/// <summary>One operation of forward: a use of a layer, a function, or a tensor operation.</summary>
/// <param name="Index">Place in <see cref="ModelGraph.Nodes"/>.</param>
/// <param name="Role">
/// What it does: a layer's or function's role from the catalogue (<see cref="Role.Linear"/>, <see cref="Role.Sigmoid"/> in module, functional and Tensor form alike, <see cref="Role.Add"/>, <see cref="Role.Concat"/>),
/// <see cref="Role.Input"/> for what forward is given, or <see cref="Role.Opaque"/>.
/// </param>
/// <param name="Inputs">Indices of the nodes that it reads, in the order of its tensor arguments.</param>
/// <param name="Layer">The module that it uses, null for a function. Two nodes with one layer share its parameters.</param>
/// <param name="Constants">Hyperparameters by the catalogue's meanings: <c>fan_in</c>, <c>channels_out</c>, <c>kernel</c>, <c>slope</c>, <c>dimension</c>, ...; what was not written has the library's default.</param>
/// <param name="Use">The call in forward; for a layer inside a Sequential, its creation.</param>
/// <param name="Reason">For <see cref="Role.Opaque"/>: why it could not be read. Otherwise null.</param>
internal sealed record ModelNode(
    int Index,
    Role Role,
    ImmutableArray<int> Inputs,
    ModelLayer? Layer,
    ImmutableDictionary<string, Constant> Constants,
    Location Use,
    string? Reason = null)
{
    /// <summary>For <see cref="Role.Parameter"/>: which tensor, where the model has it by a path.</summary>
    public ModelParameter? Parameter { get; init; }

    /// <summary>Where its layer is created; for a function, the call.</summary>
    public Location Creation => Layer?.Creation ?? Use;

    /// <summary>TorchSharp's path of the module (<c>encoder.layers.3</c>), null for a function.</summary>
    public string? Path => Layer?.Path;

    /// <summary>What a loop over an unknown number of steps carries from one to the next.</summary>
    public bool IsPreviousStep => Role == Role.Data && Constants.TryGetValue("name", out var name) && name.Text.StartsWith("previous step", StringComparison.Ordinal);

    public Size? Size(string meaning) => Constants.TryGetValue(meaning, out var constant) ? constant.Size : null;

    public double? Number(string meaning) => Constants.TryGetValue(meaning, out var constant) ? constant.Number : null;

    public bool? Truth(string meaning) => Constants.TryGetValue(meaning, out var constant) ? constant.Truth : null;

    /// <summary>What the reader is shown: the module's path, else the function's name.</summary>
    public string Name => Path ?? Use.SourceTree?.GetText().ToString(Use.SourceSpan) ?? Role.ToString();
}

/// <summary>A module object that construction makes. Compared by reference: each creation is its own layer.</summary>
internal sealed class ModelLayer
{
    /// <summary>What it is: a catalogue role; <see cref="Role.Module"/> for a class whose source was read.</summary>
    public required Role Role { get; init; }

    /// <summary>A class whose source was read; its forward's nodes stand in the graph instead of it.</summary>
    public bool IsSource { get; init; }

    /// <summary>Its type, as far as the source tells.</summary>
    public required ModelType? Type { get; init; }

    /// <summary>
    /// Path as in <c>named_modules()</c>: <c>encoder.layers.3</c>; empty for the model itself. Where it is not registered, what its holder's field says (<c>layers[3]</c>), so that it can be named to the user.
    /// </summary>
    public required string Path { get; init; }

    /// <summary>Whether the model's <c>parameters()</c> contain its parameters, and if not, why.</summary>
    public required Registration Registration { get; init; }

    /// <summary>The creation expression.</summary>
    public required Location Creation { get; init; }

    /// <summary>The assignment that put it into a field too late or into something that is not registered; null where registered or held by no field.</summary>
    public Location? Assignment { get; init; }

    /// <summary>The name of the field or property that holds it or its container, where one does.</summary>
    public string? Holder { get; init; }

    /// <summary>The field or property that holds it or its container: where it is declared, and as what.</summary>
    public (Location Place, string Type)? HolderDeclaration { get; init; }

    /// <summary>The first RegisterComponents that ran on it, where one did.</summary>
    public Location? RegisteredAt { get; init; }

    /// <summary>The module that holds it; null for the model itself and for a local one.</summary>
    public ModelLayer? Owner { get; init; }

    /// <summary>Hyperparameters by the catalogue's meanings.</summary>
    public required ImmutableDictionary<string, Constant> Constants { get; init; }

    /// <summary>Its own trainable parameters (not those of modules in it), in TorchSharp's order.</summary>
    public required ImmutableArray<ModelParameter> Parameters { get; init; }

    /// <summary>The weight matrix or kernel, or null for a layer without one.</summary>
    public ModelParameter? Weight => Parameters.FirstOrDefault(parameter => parameter.Name == "weight") ?? Parameters.FirstOrDefault();

    public ModelParameter? Bias => Parameters.FirstOrDefault(parameter => parameter.Name == "bias");

    /// <summary>For a stack of the library's, the layer that it repeats.</summary>
    public ModelLayer? Repeated { get; init; }

    public Size? Size(string meaning) => Constants.TryGetValue(meaning, out var constant) ? constant.Size : null;
}

/// <summary>A trainable tensor.</summary>
/// <param name="Name">Name in its module: <c>weight</c>, <c>weight_hh_l0</c>.</param>
/// <param name="Path">Name in the model's <c>named_parameters()</c>; for one that is not registered, what it would be called by its holder's field.</param>
/// <param name="Initialization">How it starts.</param>
internal sealed record ModelParameter(string Name, string Path, Initialization Initialization)
{
    /// <summary>Its sizes, for a parameter of the model's own whose creation tells them.</summary>
    public ImmutableArray<Size> Sizes { get; init; } = ImmutableArray<Size>.Empty;
}

/// <summary>Whether TorchSharp knows a module as part of the model.</summary>
internal enum Registration
{
    /// <summary>Its parameters are in the model's <c>parameters()</c>.</summary>
    Registered,

    /// <summary>It is in a field, and nobody calls RegisterComponents on the holder.</summary>
    NeverRegistered,

    /// <summary>Its field was assigned (or its ModuleList filled) after the first RegisterComponents, which is the only one that counts.</summary>
    AssignedTooLate,

    /// <summary>It is in an array, a List or a Dictionary, which RegisterComponents does not look into.</summary>
    InPlainCollection,

    /// <summary>It is inside a custom module that never calls RegisterComponents and is an element of a Sequential, which does not do it for its elements.</summary>
    InUnregisteredElement,

    /// <summary>No field holds it: it is created and used locally, or dropped.</summary>
    Local,
}

/// <summary>A call of <c>apply(fn)</c> in a model's construction.</summary>
/// <param name="Location">The call.</param>
/// <param name="Reached">Layers that fn was called with.</param>
/// <param name="BeforeRegistration">It ran before the first RegisterComponents of its model, so that it reached no layer of the model's fields.</param>
/// <param name="Registration">The first RegisterComponents call that came after it, where there is one.</param>
internal sealed record InitializerApplication(Location Location, ImmutableArray<ModelLayer> Reached, bool BeforeRegistration, Location? Registration);
