using System.Globalization;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.Evidence;
using GradAnalyzers.GradientFlow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Measured;

/// <summary>Most units of a layer were measured to get no gradient at all.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class MeasuredDead() : MeasuredRule(Descriptors.GRAD9003)
{
    internal override MeasuredVerdict Verdict => MeasuredVerdict.Dead;

    // Behind a LeakyReLU no unit is closed: that was another network, and the fix is done.
    private protected override bool IsPossible(PredictedModel model, MeasuredLayers layers) =>
        !model.Graph.Nodes.Any(node => node.Path is { } path && layers.Paths.Contains(path) && model.FedTo(node) is { Kind: ActivationKind.LeakyReLU });

    private protected override IEnumerable<object> Words(Measurement measurement, MeasuredLayers layers)
    {
        var figure = layers.Figures.OrderByDescending(one => double.IsNaN(one.Row.ZeroShare) ? 0 : one.Row.ZeroShare).First();
        var share = double.IsNaN(figure.Row.ZeroShare) ? "most" : Math.Round(100 * Math.Min(figure.Row.ZeroShare, 1)).ToString(CultureInfo.InvariantCulture) + " %";
        return
        [
            share,
            .. Circumstances(measurement, figure, figure.Predicted > 0 ? $"{PredictedModel.Short(figure.Predicted)} of the gradient of '{PredictedModel.NameOf(figure.Reference)}'" : null),
            Forms.Of("use LeakyReLU, a lower learning rate, or Kaiming initialization", "use LeakyReLU or a lower learning rate"),
        ];
    }
}
