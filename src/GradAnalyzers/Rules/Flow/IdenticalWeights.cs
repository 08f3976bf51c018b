using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>All weights of a hidden layer start at the same number.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class IdenticalWeights() : FlowRule(Descriptors.GRAD1005)
{
    private protected override IEnumerable<FlowFinding> Check(PredictedModel model)
    {
        foreach (var node in model.Graph.Nodes)
        {
            if (node.Layer?.Weight?.Initialization is not { Location: { } call } start || !IsMatrix(node))
                continue;
            if (start.Role == Role.TruncNormal && (!start.Constants.ContainsKey("mean") || start.Number("mean") == 0))
            {
                // Every element is exactly std: the library multiplies by the mean and adds the deviation (torch.nn.init.trunc_normal_ up to 0.107).
                var deviation = start.Constants.ContainsKey("deviation") ? (start.Number("deviation") is { } number ? Text(number) : "one number") : "1";
                yield return Finding(model, node, call, deviation, ", because TorchSharp's trunc_normal_ writes its deviation into every element", "normal_");
            }
            else if (ValueOf(start) is { } value && IsSymmetric(node) && FeedsUnits(model.Graph, node))
            {
                yield return Finding(model, node, call, Text(value), value == 0 ? ", so that no gradient passes to the layers before it" : ", so that its units compute and learn the same", "kaiming_normal_");
            }
        }
    }

    /// <summary>As many digits as a float has: 0.02f is written 0.02.</summary>
    private static string Text(double number) => number.ToString("G7", CultureInfo.InvariantCulture);

    private static FlowFinding Finding(PredictedModel model, ModelNode node, Location call, string value, string consequence, string remedy) =>
        new(model, call, node.Name, value, consequence, remedy) { Involved = FlowWording.Places([node]) };

    private static bool IsMatrix(ModelNode node) => node.Role is Role.Linear or Role.Conv or Role.ConvTranspose or Role.Embedding;

    private static double? ValueOf(Initialization start) => start.Role switch
    {
        Role.Zeros => 0,
        Role.Ones => 1,
        Role.Constant => start.Number("value"),
        _ => null,
    };

    /// <summary>Several units that see the same inputs. One unit has no other to be like; in a depthwise convolution each sees its own channel.</summary>
    private static bool IsSymmetric(ModelNode node) =>
        node.Role != Role.Embedding && (node.Size("fan_out") ?? node.Size("channels_out"))?.Whole is not 1 && node.Size("groups")?.Whole is null or 1;

    /// <summary>
    /// Whether another layer reads its units one by one, through activations and the like only. A head that starts at zero, the last layer of a residual branch or an adapter, and a gate are known techniques:
    /// there another path carries the gradient.
    /// </summary>
    private static bool FeedsUnits(ModelGraph graph, ModelNode node)
    {
        for (var current = node; graph.Readers(current).ToList() is [var reader]; current = reader)
        {
            switch (reader.Role)
            {
                case Role.BatchNorm or Role.LayerNorm or Role.GroupNorm or Role.InstanceNorm or Role.RmsNorm or Role.Dropout or Role.Identity or Role.Flatten or Role.MaxPool or Role.AvgPool:
                    continue;
                case Role.Linear or Role.Conv or Role.ConvTranspose:
                    return true;
                default:
                    if (!reader.Role.IsActivation())
                        return false;
                    continue;
            }
        }

        return false;
    }
}
