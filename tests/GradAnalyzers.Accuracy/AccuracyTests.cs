using GradAnalyzers.GradientFlow;
using Xunit;

namespace GradAnalyzers.Accuracy;

/// <summary>A fixed part of the suite, small enough for every build: what the page promises of each family.</summary>
public sealed class AccuracyTests
{
    private static readonly SourceNetworks Source = SourceNetworks.Read();

    [Theory]
    [InlineData(Family.Plain, 0.10, 0.40)]
    [InlineData(Family.Normalized, 0.10, 0.40)]
    [InlineData(Family.Convolutional, 0.20, 0.60)]
    [InlineData(Family.Residual, 0.20, 0.60)]
    [InlineData(Family.Recurrent, 0.20, 0.60)]
    [InlineData(Family.Attention, 0.20, 0.60)]
    [InlineData(Family.Gated, 0.10, 0.40)]
    public void PredictionIsAsCloseAsPromised(Family family, double median, double percentile95)
    {
        var comparisons = Cases.All
            .Where(network => network.Family == family)
            .Where((_, index) => index % 3 == 0)
            .Select(network => Comparison.Of(network, Source.Find(network), Measurement.Of(network)))
            .ToList();
        var summary = Summary.Of(Report.Describe(family), comparisons);
        Assert.True(
            summary.Median <= median && summary.Percentile95 <= percentile95 && summary.VerdictsRight >= 0.95 && summary.Unknown <= 0.10,
            summary + "\n" + string.Join("\n", comparisons));
    }

    [Fact]
    public void EveryNetworkIsPredictedFromItsSource() =>
        Assert.DoesNotContain(Cases.All, network => Source.Find(network) is null);

    [Fact]
    public void EveryWeightOfEveryNetworkHasAPrediction()
    {
        foreach (var network in Cases.All)
        {
            using var model = network.Create();
            var predicted = GradientFlowPrediction.Predict(Source.Find(network)!).Parameters.ToDictionary(parameter => parameter.Path);
            foreach (var (path, _) in model.named_parameters())
                Assert.True(predicted.TryGetValue(path, out var prediction) && !double.IsNaN(prediction.LogNorm), $"{network.Name}: no prediction of '{path}'");
        }
    }

    [Fact]
    public void AtLeastEightyNetworksAreComparedAndTwentyOfThemWereHeldOut()
    {
        Assert.True(Cases.All.Count() >= 80);
        Assert.True(Cases.HeldOut.Count >= 20);
    }
}
