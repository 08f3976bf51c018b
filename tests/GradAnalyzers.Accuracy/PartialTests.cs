using GradAnalyzers.GradientFlow;
using Xunit;

namespace GradAnalyzers.Accuracy;

/// <summary>A part behind something that is not predicted is judged by itself; what is said of it holds in a run, whatever came before.</summary>
public sealed class PartialTests
{
    private static readonly SourceNetworks Source = SourceNetworks.Read();

    [Fact]
    public void AVerdictOnAPartHoldsWhateverComesBefore()
    {
        var known = 0;
        var lines = new List<string>();
        var wrong = 0;
        foreach (var network in Cases.BehindUnknown)
        {
            var source = Source.Find(network)!;
            var whole = GradientFlowPrediction.Predict(source);
            Assert.Equal(Verdict.Unknown, whole.Verdict);
            if (GradientFlowPrediction.PredictPart(source, Thresholds.Default) is not { } part)
            {
                lines.Add($"{network.Name} has no part: {whole.Reason}");
                continue;
            }

            Assert.DoesNotContain(part.Parameters, parameter => parameter.Path.StartsWith("encoder", StringComparison.Ordinal));
            var weights = part.Parameters.Where(parameter => parameter.IsWeight).ToList();
            var measurement = Measurement.Of(network);
            var measured = measurement.LogNorms[weights[0].Path] - measurement.LogNorms[weights[^1].Path];
            var verdict = Thresholds.Default.Judge(Math.Pow(10, measured), attenuation: 1);
            known += part.Verdict == Verdict.Unknown ? 0 : 1;
            wrong += part.Verdict != Verdict.Unknown && part.Verdict != verdict ? 1 : 0;
            lines.Add($"{network.Name} part {part.Verdict} {Math.Log10(part.FirstToLastRatio):F2}, measured {verdict} {measured:F2}");
        }

        Assert.True(wrong == 0 && known >= 12, $"{known} known, {wrong} wrong\n{string.Join("\n", lines)}");
    }
}
