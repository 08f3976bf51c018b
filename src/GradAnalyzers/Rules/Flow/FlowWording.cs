using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Rules.Flow;

/// <summary>How the flow rules name layers and remedies.</summary>
internal static class FlowWording
{
    /// <summary>"8 sigmoid layers", "6 sigmoid and tanh layers".</summary>
    public static string Activations(ImmutableArray<ModelNode> nodes) =>
        $"{nodes.Length} {string.Join(" and ", nodes.Select(node => Name(node.Role)).Distinct())} layers";

    public static string Name(Role role) => role switch
    {
        Role.LogSigmoid => "log-sigmoid",
        _ => role.ToString().ToLowerInvariant(),
    };

    /// <summary>Those of the remedies that heal the model: "use ReLU with Kaiming initialization, or BatchNorm".</summary>
    public static Forms Remedies(PredictedModel model, params Remedy[] remedies) => Remedies(remedies.Where(model.IsHealedBy));

    /// <summary>"use ReLU with Kaiming initialization, or BatchNorm", in shorter forms where they do not fit.</summary>
    public static Forms Remedies(IEnumerable<Remedy> remedies)
    {
        var healing = remedies.Select(Name).ToList();
        return new Forms(Enumerable.Range(0, Math.Max(healing.Count, 1)).Select(fewer => $"use {string.Join(", or ", healing.Take(healing.Count - fewer))}").ToImmutableArray());
    }

    public static string Name(Remedy remedy) => remedy switch
    {
        Remedy.ReluWithKaiming => "ReLU with Kaiming initialization",
        Remedy.BatchNorm => "BatchNorm",
        Remedy.LayerNorm => "LayerNorm",
        Remedy.Residual => "residual connections",
        Remedy.Kaiming => "Kaiming initialization",
        _ => "initialization that fits the activation",
    };

    /// <summary>The initializer that fits what a layer feeds.</summary>
    public static string Initializer(Activation? activation) =>
        activation is null ? "xavier_normal_" : Diagnosis.Remedies.IsSaturating(activation) ? $"xavier_normal_ with the gain of {activation.Kind}" : "kaiming_normal_ for ReLU";

    public static ImmutableArray<Location> Places(IEnumerable<ModelNode> nodes) =>
        nodes.Select(node => node.Creation).Where(location => location.IsInSource).Distinct().ToImmutableArray();
}
