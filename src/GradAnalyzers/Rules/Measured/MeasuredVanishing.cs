using GradAnalyzers.Diagnosis;
using GradAnalyzers.Evidence;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Measured;

/// <summary>A layer's gradient was measured to be too small to train it.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class MeasuredVanishing() : MeasuredRule(Descriptors.GRAD9001)
{
    internal override MeasuredVerdict Verdict => MeasuredVerdict.Vanishing;

    private protected override IEnumerable<object> Words(Measurement measurement, MeasuredLayers layers)
    {
        var figure = layers.Figures.OrderBy(one => double.IsNaN(one.Ratio) ? double.PositiveInfinity : one.Ratio).ThenBy(one => one.Row.MedianNorm).First();
        var isRatio = figure.Ratio < 1;
        return
        [
            isRatio ? $"{PredictedModel.Short(figure.Ratio)} of the gradient of '{PredictedModel.NameOf(figure.Reference)}'" : $"a gradient of norm {PredictedModel.Short(figure.Row.MedianNorm)}",
            .. Circumstances(measurement, figure, isRatio && figure.Predicted > 0 ? PredictedModel.Short(figure.Predicted) : null),
            Remedies(measurement, Verdict, "look at what lies between it and the loss", Remedy.ReluWithKaiming, Remedy.BatchNorm, Remedy.Residual, Remedy.Kaiming),
        ];
    }
}
