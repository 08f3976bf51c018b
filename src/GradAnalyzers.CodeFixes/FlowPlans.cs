using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Models;
using GradAnalyzers.Rules;

namespace GradAnalyzers.CodeFixes;

/// <summary>The fixes that several flow rules offer.</summary>
internal static class FlowPlans
{
    public static Plan Relu(FixedModel model) => new("Use ReLU with Kaiming initialization", "relu", edits =>
        HavePlaces(model.Model.Saturating) && HavePlaces(model.Model.Feeding) && Activations.Replace(edits, model, model.Model.Saturating, Activations.Relu) && Initializers.AddKaiming(edits, model, model.Model.Feeding));

    /// <summary>
    /// The normalization that fits: over tokens or time steps BatchNorm1d would take the wrong dimension for the features.
    /// One key for either, so that dotnet format, which takes the first diagnostic's, fixes all models.
    /// </summary>
    public static Plan Normalize(FixedModel model) => new(model.Model.IsSequence ? "Insert LayerNorm" : "Insert BatchNorm", "normalization", edits =>
        HavePlaces(model.Model.Unnormalized) && Normalization.InsertAfter(edits, model, model.Model.Unnormalized, isLayerNorm: model.Model.IsSequence));

    public static Plan LayerNorm(FixedModel model) => new("Insert LayerNorm", "layernorm", edits =>
        HavePlaces(model.Model.Unnormalized) && Normalization.InsertAfter(edits, model, model.Model.Unnormalized, isLayerNorm: true));

    public static Plan Kaiming(FixedModel model) => new("Use Kaiming initialization", "kaiming", edits =>
        HavePlaces(model.Model.Feeding) && Initializers.AddKaiming(edits, model, model.Model.Feeding));

    public static Plan Residual(FixedModel model) => new("Add residual connections", "residual", edits =>
        HavePlaces(model.Model.Blocks.SelectMany(block => new[] { block.First, block.Last })) && ResidualWiring.Wire(edits, model, model.Model.Blocks));

    public static Plan FittingInitialization(FlowFinding finding, FixedModel model) => new("Use the initialization that fits the activation", "fitting", edits => finding.Model.Initialized
        .GroupBy(entry => entry.Call)
        // One call for all layers, in a loop or a function, gets what fits those that feed an activation.
        .All(call => Initializers.Replace(edits, model, call.Key, call.Select(entry => finding.Model.FedTo(entry.Node)).FirstOrDefault(activation => activation is not null))));

    /// <summary>Layers that another project makes have no place here where they could be changed.</summary>
    private static bool HavePlaces(IEnumerable<ModelNode> nodes) => nodes.All(node => node.Creation.IsInSource && node.Use.IsInSource);
}

/// <summary>A fix to try.</summary>
/// <param name="Title">What it does; the predicted outcome is added.</param>
/// <param name="Key">Names the kind of fix.</param>
/// <param name="Edit">Adds its edits; false where the code gives it no place.</param>
/// <param name="MustHeal">Whether the model must be healthy with it.</param>
internal sealed record Plan(string Title, string Key, Func<SolutionEdits, bool> Edit, bool MustHeal = true);
