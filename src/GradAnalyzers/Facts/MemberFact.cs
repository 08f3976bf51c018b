using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;

namespace GradAnalyzers.Facts;

/// <summary>What was read of a member that other projects can see; no symbol and no place in source.</summary>
/// <param name="Id">Its documentation comment id.</param>
internal sealed record MemberFact(string Id)
{
    /// <summary>Of a module class: what it is. Of a method, property or field: what module it gives.</summary>
    public ModuleFact? Module { get; init; }

    /// <summary>Of a module class, or of a Sequential that no class holds: the predicted gradients of its parameters, for each set of arguments that the project makes it with.</summary>
    public ImmutableArray<PredictionFact> Predictions { get; init; } = ImmutableArray<PredictionFact>.Empty;

    /// <summary>What a method does to gradients; null where that is not known.</summary>
    public GradientFact? Gradients { get; init; }
}

/// <summary>A module class, or a module that a member gives.</summary>
/// <param name="Name">The simple name of its class where the member's type does not tell it.</param>
/// <param name="IsRecurrent">It is recurrent, or may be.</param>
/// <param name="Reach">How many time steps back its gradients reach at initialization, where it is recurrent and that is known.</param>
/// <param name="HasWeights">It has weights to learn.</param>
/// <param name="Forwards">What its forward computes, for each set of arguments that it was read with.</param>
/// <param name="IsJudged">Its own project trains something, so that there the rules on gradient flow speak of it.</param>
internal sealed record ModuleFact(string? Name, bool IsRecurrent, int? Reach, bool HasWeights, ImmutableArray<ForwardFact> Forwards, bool IsJudged);

/// <summary>What a method does to gradients, by the ordinals of its parameters.</summary>
/// <param name="Clips">Models whose gradients it limits.</param>
/// <param name="Clears">Models and optimizers whose gradients it surely clears.</param>
/// <param name="Trains">Models that it trains with nothing that limits their gradients.</param>
/// <param name="IsByHand">It writes the gradients itself, and may set them to zero.</param>
internal sealed record GradientFact(ImmutableArray<int> Clips, ImmutableArray<int> Clears, ImmutableArray<int> Trains, bool IsByHand)
{
    /// <summary>It leaves gradients alone.</summary>
    public static GradientFact None { get; } = new(ImmutableArray<int>.Empty, ImmutableArray<int>.Empty, ImmutableArray<int>.Empty, IsByHand: false);

    public bool IsNone => Clips.IsEmpty && Clears.IsEmpty && Trains.IsEmpty;
}

/// <summary>What a module computes from one tensor, at one set of arguments of its constructor or factory.</summary>
/// <param name="Parameters">The arguments: free (null), the parameter's default (empty), or a constant. Sizes that depend on a free one are named <c>$parameter</c>.</param>
/// <param name="Nodes">Operations in the order of evaluation; the first is the input.</param>
/// <param name="Outputs">What it returns.</param>
internal sealed record ForwardFact(ImmutableArray<(string Name, string? Value)> Parameters, ImmutableArray<NodeFact> Nodes, ImmutableArray<int> Outputs);

/// <summary>One operation of a forward.</summary>
/// <param name="Layer">The layer with parameters that it uses; null for any other.</param>
internal sealed record NodeFact(Role Role, ImmutableArray<int> Inputs, LayerFact? Layer, ImmutableDictionary<string, Constant> Constants);

/// <summary>A layer of the library with parameters.</summary>
/// <param name="Path">Its path in the module; empty where it is the module itself.</param>
/// <param name="Type">The name of its class in <c>TorchSharp.Modules</c>.</param>
/// <param name="Starts">Parameters that do not start as the library starts them.</param>
internal sealed record LayerFact(string Path, string Type, ImmutableArray<(string Parameter, Role Role, ImmutableDictionary<string, Constant> Constants)> Starts);

/// <summary>The predicted gradients of a model at initialization: what the monitor compares with what it measures.</summary>
/// <param name="Verdict"><c>healthy</c>, <c>vanishing</c> or <c>exploding</c>.</param>
/// <param name="Parameters">For each parameter by its path, log10 of the gradient's norm relative to the largest.</param>
internal sealed record PredictionFact(string Verdict, ImmutableArray<(string Path, double LogRelative)> Parameters)
{
    /// <summary>The prediction of a model as it is written; null where there is none.</summary>
    public static PredictionFact? Of(ModelGraph graph)
    {
        var model = PredictedModels.Of(graph, Thresholds.Default);
        if (model.IsPartial)
            return null;
        var prediction = model.Prediction;
        var parameters = prediction.Parameters.Where(parameter => !double.IsNaN(parameter.LogRelative) && !double.IsInfinity(parameter.LogRelative)).Select(parameter => (parameter.Path, Math.Round(parameter.LogRelative, 1))).ToImmutableArray();
        return prediction.Verdict == GradientFlow.Verdict.Unknown || parameters.Length < 2 ? null : new PredictionFact(prediction.Verdict.ToString().ToLowerInvariant(), parameters);
    }
}
