using GradAnalyzers.GradientFlow;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace GradAnalyzers.Accuracy;

/// <summary>Predicted against measured, one point a network.</summary>
internal static class Picture
{
    /// <summary>The exporter measures text too narrowly: a legend needs room.</summary>
    private const string LegendMargin = "        ";

    private static readonly (Family Family, MarkerType Marker, OxyColor Color)[] Styles =
    [
        (Family.Plain, MarkerType.Circle, OxyColor.FromRgb(0x00, 0x72, 0xB2)),
        (Family.Normalized, MarkerType.Square, OxyColor.FromRgb(0xE6, 0x9F, 0x00)),
        (Family.Residual, MarkerType.Diamond, OxyColor.FromRgb(0x00, 0x9E, 0x73)),
        (Family.Convolutional, MarkerType.Triangle, OxyColor.FromRgb(0xD5, 0x5E, 0x00)),
        (Family.Recurrent, MarkerType.Plus, OxyColor.FromRgb(0x80, 0x40, 0x90)),
    ];

    public static string Svg(IReadOnlyList<Comparison> developed, IReadOnlyList<Comparison> heldOut)
    {
        Comparison[] all = [.. developed, .. heldOut];
        var known = all.Where(comparison => !double.IsNaN(comparison.Predicted)).ToList();
        var low = Math.Floor(known.Min(comparison => Math.Min(comparison.Predicted, comparison.Measured))) - 0.5;
        var high = Math.Ceiling(known.Max(comparison => Math.Max(comparison.Predicted, comparison.Measured))) + 0.5;
        var model = new PlotModel
        {
            Title = "log10 of the first weight's gradient over the last one's (hollow: held out)",
            TitleFontSize = 14,
            TitlePadding = 12,
            Background = OxyColors.White,
            DefaultFont = "Arial",
        };
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Title = "predicted from source", Minimum = low, Maximum = high, MajorStep = 2, MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = OxyColor.FromRgb(0xE8, 0xE8, 0xE8) });
        model.Axes.Add(new LinearAxis { Position = AxisPosition.Left, Title = "measured on TorchSharp, 6 seeds", Minimum = low, Maximum = high, MajorStep = 2, MajorGridlineStyle = LineStyle.Solid, MajorGridlineColor = OxyColor.FromRgb(0xE8, 0xE8, 0xE8) });
        model.Annotations.Add(new LineAnnotation { Slope = 1, Intercept = 0, Color = OxyColors.Gray, LineStyle = LineStyle.Solid });
        model.Annotations.Add(new LineAnnotation
        {
            Type = LineAnnotationType.Vertical,
            X = Math.Log10(Thresholds.Default.VanishingRatio),
            Color = OxyColors.Gray,
            LineStyle = LineStyle.Dash,
            Text = "vanishing",
        });
        model.Legends.Add(new Legend { LegendPosition = LegendPosition.RightBottom, LegendBackground = OxyColors.White, LegendBorder = OxyColors.LightGray, LegendLineSpacing = 4, LegendFontSize = 11, LegendPadding = 10 });
        foreach (var (family, marker, color) in Styles)
        {
            Add(developed, Report.Describe(family), filled: true);
            Add(heldOut, null, filled: false);

            void Add(IReadOnlyList<Comparison> comparisons, string? title, bool filled)
            {
                var isLine = marker == MarkerType.Plus;
                var series = new ScatterSeries
                {
                    Title = title + LegendMargin,
                    RenderInLegend = title is not null,
                    MarkerType = marker,
                    MarkerSize = isLine && !filled ? 7 : 5,
                    MarkerFill = filled ? color : OxyColors.Transparent,
                    MarkerStroke = color,
                    MarkerStrokeThickness = 1.5,
                };
                foreach (var comparison in comparisons.Where(comparison => comparison.Network.Family == family && !double.IsNaN(comparison.Predicted)))
                    series.Points.Add(new ScatterPoint(comparison.Predicted, comparison.Measured));
                model.Series.Add(series);
            }
        }

        return SvgExporter.ExportToString(model, 760, 700, true).ReplaceLineEndings("\n");
    }
}
