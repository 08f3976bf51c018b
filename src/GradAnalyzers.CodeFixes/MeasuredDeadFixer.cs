using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.Catalogue;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Measured;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>
/// LeakyReLU in the place of the ReLU that a dead layer feeds: its slope is nowhere zero, so no unit is cut off for good. Not offered where the model would be predicted to be worse than it is.
/// </summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MeasuredDeadFixer)), Shared]
public sealed class MeasuredDeadFixer() : MeasuredFixer("GRAD9003", new MeasuredDead())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        var closed = Fed(finding);
        yield return new("Use LeakyReLU", "leaky", edits => !closed.IsEmpty && closed.All(node => node.Creation.IsInSource) && Activations.Replace(edits, model, closed, Activations.LeakyRelu));
    }

    private protected override string? Title(Plan plan, FlowFinding finding, PredictedModel after) =>
        after.Prediction.Verdict == finding.Model.Prediction.Verdict || after.Prediction.Verdict == Verdict.Healthy ? plan.Title : null;

    /// <summary>The ReLUs behind the layers that were measured to be dead.</summary>
    private static ImmutableArray<ModelNode> Fed(FlowFinding finding)
    {
        var (model, network) = (finding.Model, finding.Model.Network);
        return !model.IsPredictable ? ImmutableArray<ModelNode>.Empty : model.Graph.Nodes
            .Where(node => node.Role == Role.Relu && Remedies.FedBy(network, node.Index) is >= 0 and var fed && model.Graph.Nodes[fed].Layer is { } layer && finding.Layers!.Paths.Contains(layer.Path)).ToImmutableArray();
    }
}
