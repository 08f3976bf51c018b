using System.Reflection;
using static TorchSharp.torch;

// What a build writes for these classes; the far one is off on purpose.
[assembly: AssemblyMetadata("GradAnalyzers", "1 T:GradAnalyzers.Monitor.Tests.NearNet module weights predicts=healthy;fc0:-0.5,-0.6;fc1:-0.4,-0.5;fc2:-0.2,-0.4;%0066c3:0,-0.1")]
[assembly: AssemblyMetadata("GradAnalyzers", "1 T:GradAnalyzers.Monitor.Tests.FarNet predicts=healthy;elsewhere:0,0;gone.weight=0 predicts=vanishing;fc0:-4.5,-4.6;fc1:-0.4,-0.5;fc2:-0.2,-0.4;fc3:0,-0.1")]
[assembly: AssemblyMetadata("GradAnalyzers", "1 T:GradAnalyzers.Monitor.Tests.DamagedNet predicts=healthy;fc0:-0.5,high")]
[assembly: AssemblyMetadata("GradAnalyzers", "1 T:GradAnalyzers.Monitor.Tests.TwofoldNet predicts=healthy;fc0:-0.5,-0.6;fc1:-0.4,-0.5;fc2:-0.2,-0.4;fc3:0,-0.1 predicts=vanishing;fc0:-4.5,-4.6;fc1:-0.3,-0.5;fc2:-0.2,-0.4;fc3:0,-0.1")]
[assembly: AssemblyMetadata("GradAnalyzers", "1 S:1 predicts=healthy;first:-0.3,-0.4;second:0,-0.1")]

namespace GradAnalyzers.Monitor.Tests;

public sealed class PredictionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("gradients").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void WhatWasPredictedStandsBesideWhatIsMeasured()
    {
        var (evidence, json, page) = (Path.Combine(folder, "m.gradients.csv"), Path.Combine(folder, "m.json"), Path.Combine(folder, "m.html"));
        using var model = new NearNet();
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new EvidenceFile(evidence)).AddSink(new JsonSummary(json)).AddSink(new HtmlReport(page)))
        {
            Training.Steps(model, 3, loss => monitor.Observe(loss));

            var summaries = monitor.Summaries().ToDictionary(s => s.Parameter);
            Assert.Equal(Math.Pow(10, -0.5), summaries["fc0.weight"].PredictedRelative, 6);
            Assert.Equal(1, summaries["fc3.weight"].PredictedRelative, 6);
            Assert.Equal(1, summaries.Values.Max(s => s.MeasuredRelative), 6);
            Assert.DoesNotContain(monitor.Alerts, a => a.Kind is AlertKind.Monitor or AlertKind.DepartsFromPrediction);
        }

        Assert.EndsWith(",0.3162278", File.ReadAllLines(evidence)[2]);
        Assert.Contains("\"predicted\":0.3162", File.ReadAllText(json).Replace(" ", ""));
        Assert.Contains("\"predicted\":0.3162", File.ReadAllText(page));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ALayerThatIsFarOffIsNamedWhereThatIsAskedFor(bool isAsked)
    {
        using var model = new FarNet();
        using var monitor = new GradientMonitor(model, Training.Closely with { AlertOnDeparture = isAsked });
        Training.Steps(model, 5, loss => monitor.Observe(loss));

        var alerts = monitor.Alerts.Where(a => a.Kind == AlertKind.DepartsFromPrediction).ToArray();
        Assert.Equal(isAsked ? 1 : 0, alerts.Length);
        if (isAsked)
        {
            Assert.Equal("fc0.weight", alerts[0].Parameter);
            Assert.Contains("inputs that are not scaled", alerts[0].Message);
        }
    }

    [Fact]
    public void WhatIsNearItsPredictionIsNotNamed()
    {
        using var model = new NearNet();
        using var monitor = new GradientMonitor(model, Training.Closely with { AlertOnDeparture = true });
        Training.Steps(model, 5, loss => monitor.Observe(loss));

        Assert.DoesNotContain(monitor.Alerts, a => a.Kind == AlertKind.DepartsFromPrediction);
    }

    [Fact]
    public void DamagedPredictionsAreToldOnceAndIgnored()
    {
        using var model = new DamagedNet();
        using var monitor = new GradientMonitor(model, Training.Closely with { AlertOnDeparture = true });
        Training.Steps(model, 5, loss => monitor.Observe(loss));

        Assert.Contains("damaged", Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.Monitor).Message);
        Assert.All(monitor.Summaries(), s => Assert.True(double.IsNaN(s.PredictedRelative)));
    }

    [Fact]
    public void ASequentialIsFoundByItsPaths()
    {
        using var model = nn.Sequential(("first", nn.Linear(8, 8)), ("act", nn.ReLU()), ("second", nn.Linear(8, 1)));
        using var monitor = new GradientMonitor(model, Training.Closely);
        Training.Steps(model, 2, loss => monitor.Observe(loss));

        Assert.Equal(Math.Pow(10, -0.3), monitor.Summaries()[0].PredictedRelative, 6);
    }

    [Fact]
    public void WhereTwoPredictionsOfTheSamePathsDifferNeitherCounts()
    {
        using var model = new TwofoldNet();
        using var monitor = new GradientMonitor(model, Training.Closely with { AlertOnDeparture = true });
        Training.Steps(model, 5, loss => monitor.Observe(loss));

        var summaries = monitor.Summaries().ToDictionary(s => s.Parameter);
        Assert.True(double.IsNaN(summaries["fc0.weight"].PredictedRelative));
        Assert.Equal(Math.Pow(10, -0.4), summaries["fc1.weight"].PredictedRelative, 6);
    }

    [Fact]
    public void APredictionOfASmallerSequentialIsNotOfThisOne()
    {
        using var model = nn.Sequential(("first", nn.Linear(8, 8)), ("act", nn.ReLU()), ("second", nn.Linear(8, 8)), ("third", nn.Linear(8, 1)));
        using var monitor = new GradientMonitor(model, Training.Closely);
        Training.Steps(model, 2, loss => monitor.Observe(loss));

        Assert.All(monitor.Summaries(), s => Assert.True(double.IsNaN(s.PredictedRelative)));
    }

    [Fact]
    public void SeveralModelsTogetherKeepTheirPredictions()
    {
        using var one = new NearNet();
        using var other = Training.Mlp();
        using var monitor = GradientMonitor.ForModules([("critic", one), ("plain", other)], Training.Closely);
        Training.Steps(one, 2, loss => monitor.Observe(loss));

        var summaries = monitor.Summaries().ToDictionary(s => s.Parameter);
        Assert.Equal(Math.Pow(10, -0.5), summaries["critic.fc0.weight"].PredictedRelative, 6);
        Assert.All(summaries.Values.Where(s => s.Parameter.StartsWith("plain.", StringComparison.Ordinal)), s => Assert.True(double.IsNaN(s.PredictedRelative)));
    }
}

internal abstract class FourLayers : nn.Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear fc0 = nn.Linear(8, 8), fc1 = nn.Linear(8, 8), fc2 = nn.Linear(8, 8), fc3 = nn.Linear(8, 1);

    protected FourLayers(string name) : base(name)
    {
        foreach (var (path, layer) in new[] { ("fc0", fc0), ("fc1", fc1), ("fc2", fc2), ("fc3", fc3) })
            register_module(path, layer);
    }

    public override Tensor forward(Tensor x) => fc3.forward(fc2.forward(fc1.forward(fc0.forward(x).tanh()).tanh()).tanh());
}

internal sealed class NearNet() : FourLayers("near");

internal sealed class FarNet() : FourLayers("far");

internal sealed class TwofoldNet() : FourLayers("twofold");

internal sealed class DamagedNet() : FourLayers("damaged");
