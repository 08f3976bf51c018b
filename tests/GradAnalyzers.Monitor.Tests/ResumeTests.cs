using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

public class ResumeTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("gradients").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TheStepIsTheUsersAndTheCadenceCountsCalls()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, new() { WarmUp = 1, Every = 2 });
        var step = 1000L;
        var seen = new List<long>();

        Training.Steps(model, 6, loss => { if (monitor.Observe(loss, step += 7) is { } o) seen.Add(o.Step); });

        Assert.Equal([1007, 1021, 1035], seen);
        Assert.Equal(1042, monitor.Step);
        Assert.Equal([1007, 1021, 1035], monitor.History.Select(p => p.Step));
        Training.Steps(model, 1, loss => monitor.ClipGradNorm(1, loss, step: 5000));
        Assert.Equal(5000, monitor.Step);
        Training.Steps(model, 1, loss => monitor.Observe(loss));
        Assert.Equal(5001, monitor.Step);
    }

    [Fact]
    public void AResumedRunGoesOnWhereItWas()
    {
        var path = Path.Combine(folder, "new folder", "monitor.json");
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        var options = Training.Closely with { GateOnLoss = false };
        using var first = new GradientMonitor(model, options);
        Training.Steps(model, 30, loss => first.Observe(loss));
        first.Observe(double.NaN);
        first.SaveState(path);

        using var second = new GradientMonitor(model, options).LoadState(path);

        Assert.Equal(first.Step, second.Step);
        Assert.Equal(first.Observations, second.Observations);
        Assert.Equal(first.Started, second.Started);
        Assert.Equal(first.Alerts.Select(a => a.ToString()), second.Alerts.Select(a => a.ToString()));
        Assert.Equal(first.History, second.History);
        Assert.Equal(first.Verdict, second.Verdict);
        Assert.Equal(first.Summaries().Select(s => (s.Parameter, s.Verdict, s.Observations, s.FirstNorm, s.MedianNorm)), second.Summaries().Select(s => (s.Parameter, s.Verdict, s.Observations, s.FirstNorm, s.MedianNorm)));

        var before = second.Alerts.Count;
        Training.Steps(model, 5, loss => second.Observe(loss));
        Assert.Equal(36, second.Step);
        Assert.Equal(before, second.Alerts.Count);
        Assert.Equal(second.History.Count, second.NormHistory("fc0.weight").Count);
        Assert.DoesNotContain(double.NaN, second.NormHistory("fc0.weight"));
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("{}")]
    [InlineData("{\"Version\":99}")]
    public void WhatIsNoStateIsSaid(string text)
    {
        var path = Path.Combine(folder, "state.json");
        File.WriteAllText(path, text);
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model);

        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => monitor.LoadState(path)).Message);
    }

    [Fact]
    public void AStateIsNotLoadedIntoARunThatGoesOn()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model);
        monitor.SaveState(Path.Combine(folder, "s.json"));
        Training.Steps(model, 1, loss => monitor.Observe(loss));

        Assert.Throws<InvalidOperationException>(() => monitor.LoadState(Path.Combine(folder, "s.json")));
    }

    [Fact]
    public void TheHistoryIsBoundedAndHasTheNormsOfEachParameter()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        Training.Steps(model, 1000, loss => monitor.Observe(loss));

        Assert.InRange(monitor.History.Count, 128, 256);
        Assert.Equal(1, monitor.History[0].Step);
        Assert.Equal(monitor.History.Count, monitor.NormHistory("out.bias").Count);
        Assert.Empty(monitor.NormHistory("no such parameter"));
    }

    [Fact]
    public void OneMonitorWatchesSeveralModelsUnderTheirNames()
    {
        using var generator = Training.Mlp();
        using var critic = Training.Mlp();
        using (var monitor = GradientMonitor.ForModules([("generator", generator), ("critic", critic)], Training.Closely))
        {
            Training.Steps(generator, 3, loss => { critic.call(randn(2, 8)).mean().backward(); monitor.Observe(loss); });

            Assert.Contains(monitor.Latest!.Parameters, p => p.Parameter == "generator.fc0.weight" && p.Norm > 0);
            Assert.Contains(monitor.Latest!.Parameters, p => p.Parameter == "critic.out.bias" && p.Norm > 0);
            Assert.Equal("generator + critic", monitor.ModelName);
        }
        Assert.False(generator.get_parameter("fc0.weight")!.IsInvalid);
        Assert.Throws<ArgumentException>(() => GradientMonitor.ForModules([("a", generator), ("a", critic)]));
        Assert.Throws<ArgumentException>(() => GradientMonitor.ForModules([]));
    }

    [Fact]
    public void AParameterInNoneOfTheOptimizersIsReportedAtOnce()
    {
        using var model = Training.Mlp();
        using var optimizer = optim.Adam(model.parameters().Skip(2), 0.01);
        using var monitor = new GradientMonitor(model, Training.Closely).WatchOptimizer(optimizer);

        Training.Steps(model, 1, loss => monitor.Observe(loss));

        var alert = Assert.Single(monitor.Alerts);
        Assert.Equal(AlertKind.NeverUpdated, alert.Kind);
        Assert.Equal(["fc0.weight", "fc0.bias"], alert.Parameters);
        Assert.Equal("GRAD2009", alert.Rule);
    }

    [Fact]
    public void ParametersInOneOfTwoOptimizersAreFine()
    {
        using var model = Training.Mlp();
        using var first = optim.Adam(model.parameters().Take(2), 0.01);
        using var second = optim.SGD(model.parameters().Skip(2), 0.01);
        using var monitor = new GradientMonitor(model, Training.Closely).WatchOptimizer(first).WatchOptimizer(second, "head");

        Training.Steps(model, 1, loss => monitor.Observe(loss));

        Assert.Empty(monitor.Alerts);
    }
}
