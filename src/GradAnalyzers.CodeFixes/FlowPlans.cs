using GradAnalyzers.CodeFixes.Edits;

namespace GradAnalyzers.CodeFixes;

/// <summary>The fixes that several flow rules offer.</summary>
internal static class FlowPlans
{
    public static Plan Relu(FixedModel model) => new("Use ReLU with Kaiming initialization", "relu", edits =>
        Activations.ToRelu(edits, model, model.Model.Saturating) && Initializers.AddKaiming(edits, model, model.Model.Feeding));

    public static Plan BatchNorm(FixedModel model) => new("Insert BatchNorm", "batchnorm", edits =>
        Normalization.InsertAfter(edits, model, model.Model.Unnormalized, isLayerNorm: false));

    public static Plan LayerNorm(FixedModel model) => new("Insert LayerNorm", "layernorm", edits =>
        Normalization.InsertAfter(edits, model, model.Model.Unnormalized, isLayerNorm: true));

    public static Plan Kaiming(FixedModel model) => new("Use Kaiming initialization", "kaiming", edits =>
        Initializers.AddKaiming(edits, model, model.Model.Feeding));

    public static Plan Residual(FixedModel model) => new("Add residual connections", "residual", edits =>
        ResidualWiring.Wire(edits, model, model.Model.Blocks));
}

/// <summary>A fix to try.</summary>
/// <param name="Title">What it does; the predicted outcome is added.</param>
/// <param name="Key">Names the kind of fix.</param>
/// <param name="Edit">Adds its edits; false where the code gives it no place.</param>
/// <param name="MustHeal">Whether the model must be healthy with it.</param>
internal sealed record Plan(string Title, string Key, Func<SolutionEdits, bool> Edit, bool MustHeal = true);
