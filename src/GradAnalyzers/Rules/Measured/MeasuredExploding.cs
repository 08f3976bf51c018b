using GradAnalyzers.Diagnosis;
using GradAnalyzers.Evidence;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Measured;

/// <summary>A layer's gradient was measured to be so large, or to grow so fast, that training diverges.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class MeasuredExploding() : MeasuredRule(Descriptors.GRAD9002)
{
    internal override MeasuredVerdict Verdict => MeasuredVerdict.Exploding;

    private protected override IEnumerable<object> Words(Measurement measurement, MeasuredLayers layers)
    {
        var figure = layers.Figures.OrderByDescending(one => double.IsNaN(one.Ratio) ? 0 : one.Ratio).ThenByDescending(Largest).First();
        var isRatio = figure.Ratio > measurement.Model.Thresholds.ExplodingRatio && !double.IsInfinity(figure.Ratio);
        return
        [
            isRatio ? $"{PredictedModel.Short(figure.Ratio)} times the gradient of '{PredictedModel.NameOf(figure.Reference)}'" : Largest(figure) is var norm && double.IsInfinity(norm) ? "an infinite gradient" : $"a gradient of norm {PredictedModel.Short(norm)}",
            .. Circumstances(measurement, figure, isRatio && figure.Predicted > 0 ? PredictedModel.Short(figure.Predicted) : null),
            Remedies(measurement, Verdict, "clip gradients, lower the learning rate, or scale inputs to about one", Remedy.FittingInitialization, Remedy.BatchNorm, Remedy.Residual),
        ];
    }

    private static double Largest(MeasuredFigure figure) => new[] { figure.Row.FirstNorm, figure.Row.MedianNorm, figure.Row.LastNorm }.Where(norm => !double.IsNaN(norm)).DefaultIfEmpty(0).Max();
}
