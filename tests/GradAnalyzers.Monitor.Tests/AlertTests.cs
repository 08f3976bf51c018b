using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>What each alert says, on models made to have the fault. How well they are found in real trainings is measured by the detection suite.</summary>
public class AlertTests
{
    [Fact]
    public void AVanishingGradientNamesTheStarvedLayersAndTheRule()
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);

        var alert = First(model, AlertKind.Vanishing);

        Assert.Equal("fc0.weight", alert.Parameter);
        Assert.Contains("of that of 'out.weight'", alert.Message);
        Assert.Equal("GRAD1001", alert.Rule);
        Assert.Contains("Kaiming", alert.Message);
        Assert.Contains("fc3.weight", alert.Parameters);
    }

    [Fact]
    public void AnExplodingGradientNamesTheLargest()
    {
        using var model = Training.Mlp(depth: 2, activation: nn.Identity);
        using (no_grad())
            model.get_parameter("fc1.weight")!.mul_(1000);

        var alert = First(model, AlertKind.Exploding, rate: 0);

        Assert.Contains("the norm over all gradients is", alert.Message);
        Assert.Contains("ClipGradNorm", alert.Message);
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(1000, false)]
    public void WhatGrowsOnItsWayBackBeyondTheLossIsToldAlsoWhileThatFalls(double loss, bool isTold)
    {
        using var model = Training.Mlp(depth: 1);
        using var monitor = new GradientMonitor(model, Training.Closely);
        foreach (var (path, parameter) in model.named_parameters())
            parameter.grad = full_like(parameter, path == "fc0.weight" ? 50 : 1);

        for (var step = 0; step < 60; step++)
            monitor.Observe(loss * (1 - 0.01 * step));

        Assert.Equal(isTold, monitor.Alerts.Any(a => a.Kind == AlertKind.Exploding && a.Parameter == "fc0.weight"));
    }

    [Fact]
    public void ASingleHugeGradientIsASpikeAndTheNextOneToo()
    {
        using var model = new Held();
        using var monitor = new GradientMonitor(model, new() { WarmUp = 1, Every = 1, SpikeWarmUp = 25, ExplodingNorm = 1e6 });
        var spikes = new List<long>();
        for (var step = 1; step <= 60; step++)
        {
            model.weight.grad = full([2, 2], step is 40 or 55 ? 50f : 1f + 0.01f * step);
            if (monitor.Observe()!.IsSpike)
                spikes.Add(step);
        }

        Assert.Contains(40, spikes);
        Assert.Contains(55, spikes);
        Assert.Equal([40, 55], monitor.Alerts.Where(a => a.Kind == AlertKind.Spike).Select(a => a.Step));
    }

    [Fact]
    public void ADeadLayerIsNamedAndNotThoseBeforeIt()
    {
        using var model = Training.Mlp(depth: 3, activation: () => nn.ReLU());
        nn.init.constant_(model.get_parameter("fc1.bias")!, -50);
        // Behind it no unit is dead by chance.
        nn.init.constant_(model.get_parameter("fc2.bias")!, 1);

        var alert = First(model, AlertKind.Dead);

        Assert.Equal("fc1.weight", alert.Parameter);
        Assert.Equal(["fc0.weight", "fc1.weight"], alert.Parameters);
    }

    /// <summary>The whole data in each step: once all units are closed the output's bias learns what it can, the loss comes to rest, and nearly no gradient is left.</summary>
    [Fact]
    public void UnitsThatAllDiedAreFoundAlsoWhereTheLossHasComeToRest()
    {
        random.manual_seed(1);
        var y = arange(0, 128, dtype: int64) % 4;
        var x = randn(4, 16).index_select(0, y) * 2 + randn(128, 16) + 6;
        using var model = nn.Sequential(("hidden", nn.Linear(16, 64)), ("act", nn.ReLU()), ("output", nn.Linear(64, 4)));
        using var optimizer = optim.SGD(model.parameters(), 0.5);
        using var monitor = new GradientMonitor(model);
        for (var step = 0; step < 600; step++)
        {
            optimizer.zero_grad();
            var loss = nn.functional.cross_entropy(model.call(x), y);
            loss.backward();
            monitor.Observe(loss);
            optimizer.step();
        }

        Assert.True(monitor.Latest!.GlobalNorm < 1e-4);
        Assert.Equal("hidden.weight", monitor.Alerts.First(alert => alert.Kind == AlertKind.Dead).Parameter);
    }

    [Fact]
    public void AOneHotInputIsNoDeadLayer()
    {
        using var model = nn.Sequential(("fc", nn.Linear(50, 4)), ("act", nn.Tanh()), ("out", nn.Linear(4, 1)));
        using var monitor = new GradientMonitor(model, Training.Closely);
        for (var i = 0; i < 8; i++)
        {
            model.zero_grad();
            model.call(nn.functional.one_hot(tensor([1L, 2L]), 50).to(ScalarType.Float32)).sum().backward();
            monitor.Observe();
        }

        Assert.True(monitor.Latest!.Parameters[0].ZeroShare > 0.9);
        Assert.DoesNotContain(monitor.Alerts, a => a.Kind == AlertKind.Dead);
    }

    [Fact]
    public void EqualUnitsAreFound()
    {
        using var model = Training.Mlp();
        foreach (var p in model.parameters())
            nn.init.constant_(p, 0.1);

        var alert = First(model, AlertKind.Identical);

        Assert.Equal(["fc0.weight", "fc1.weight"], alert.Parameters);
        Assert.Equal("GRAD1005", alert.Rule);
    }

    [Fact]
    public void AParameterThatNoOptimizerHoldsIsNeverUpdated()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        using var optimizer = optim.Adam(model.parameters().Skip(2));
        for (var i = 0; i < 6; i++)
        {
            optimizer.zero_grad();
            model.zero_grad();
            model.call(randn(4, 8)).square().sum().backward();
            monitor.Observe();
            optimizer.step();
        }

        var alert = Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.NeverUpdated);
        Assert.Equal(["fc0.weight", "fc0.bias"], alert.Parameters);
        Assert.Equal("GRAD2009", alert.Rule);
    }

    [Fact]
    public void GradientsThatAreNeverClearedAreFoundAndClearedOnesAreNot()
    {
        foreach (var clears in new[] { true, false })
        {
            using var model = Training.Mlp();
            using var monitor = new GradientMonitor(model, Training.Closely);
            using var optimizer = optim.SGD(model.parameters(), 1e-4);
            for (var i = 0; i < 60; i++)
            {
                if (clears)
                    optimizer.zero_grad();
                model.call(randn(4, 8)).square().sum().backward();
                monitor.ClipGradNorm(1e-3);
                optimizer.step();
            }
            Assert.Equal(!clears, monitor.Alerts.Any(a => a.Kind == AlertKind.NeverCleared));
        }
    }

    [Fact]
    public void AnUnusedLayerIsReportedAndAFrozenOneIsNot()
    {
        using var model = new Branches();
        using var monitor = new GradientMonitor(model, Training.Closely);
        for (var i = 0; i < 10; i++)
        {
            model.used.call(ones(1, 2)).sum().backward();
            monitor.Observe();
        }

        var alert = Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.NoGradient);
        Assert.Equal(["unused.weight", "unused.bias"], alert.Parameters);
        Assert.Equal(GradientVerdict.Frozen, monitor.Summaries().Single(s => s.Parameter == "frozen.weight").Verdict);
    }

    [Fact]
    public void ObservingBeforeBackwardSaysSo()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);

        monitor.Observe();

        Assert.Contains("after backward() and before step()", Assert.Single(monitor.Alerts).Message);
    }

    [Fact]
    public void AnImprovingLossHoldsTheAlarmBack()
    {
        foreach (var improves in new[] { true, false })
        {
            using var model = new Held();
            using var monitor = new GradientMonitor(model, new() { WarmUp = 1, Every = 1 });
            for (var step = 0; step < 40; step++)
            {
                model.weight.grad = full([2, 2], 100f);
                monitor.Observe(improves ? 100 - step : 100 + 0.01 * (step % 2));
            }
            Assert.Equal(!improves, monitor.Alerts.Any(a => a.Kind == AlertKind.Exploding));
        }
    }

    [Fact]
    public void TheSameThingIsReportedOnce()
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false });
        var raised = 0;
        monitor.Alerted += _ => raised++;

        Training.Steps(model, 20, loss => monitor.Observe(loss));

        Assert.Equal(monitor.Alerts.Count, raised);
        Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.Vanishing && a.Parameter == "fc0.weight");
    }

    [Fact]
    public void AnAlertCanEndTheRun()
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false, ThrowOnAlert = true });

        var thrown = Assert.Throws<GradientAlertException>(() => Training.Steps(model, 20, loss => monitor.Observe(loss)));

        Assert.Equal(AlertKind.Vanishing, thrown.Alert.Kind);
        Assert.StartsWith("step 2: vanishing at 'fc0.weight': its gradient is", thrown.Message);
        Assert.EndsWith("(GRAD1001)", thrown.Message);
    }

    [Fact]
    public void TheVerdictOfAModelIsTheGravestOfItsParameters()
    {
        using var vanishing = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using var healthy = Training.Mlp();
        using var bad = new GradientMonitor(vanishing, Training.Closely with { GateOnLoss = false });
        using var good = new GradientMonitor(healthy, Training.Closely);
        Assert.Equal(GradientVerdict.Unknown, good.Verdict);

        Training.Steps(vanishing, 4, loss => bad.Observe(loss));
        Training.Steps(healthy, 4, loss => good.Observe(loss));

        Assert.Equal(GradientVerdict.Vanishing, bad.Verdict);
        Assert.Equal(GradientVerdict.Healthy, good.Verdict);
    }

    [Fact]
    public void EveryRuleThatTheMonitorNamesHasAPage()
    {
        using var assembly = new PEReader(File.OpenRead(typeof(GradientMonitor).Assembly.Location));
        var metadata = assembly.GetMetadataReader();
        var named = new HashSet<string>();
        for (var text = MetadataTokens.UserStringHandle(1); !text.IsNil; text = metadata.GetNextHandle(text))
            named.UnionWith(Regex.Matches(metadata.GetUserString(text), @"GRAD\d{4}").Select(m => m.Value));

        Assert.Contains("GRAD1001", named);
        Assert.All(named, rule => Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "Pages", $"{rule}.md")), rule));
    }

    private static GradientAlert First(nn.Module<Tensor, Tensor> model, AlertKind kind, double rate = 1e-3)
    {
        manual_seed(5);
        using var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false });
        Training.Steps(model, 8, loss => monitor.Observe(loss), rate);
        return monitor.Alerts.First(a => a.Kind == kind);
    }

    private sealed class Branches : nn.Module
    {
        public readonly TorchSharp.Modules.Linear used = nn.Linear(2, 2), unused = nn.Linear(2, 2), frozen = nn.Linear(2, 2);

        public Branches() : base(nameof(Branches))
        {
            RegisterComponents();
            foreach (var p in frozen.parameters())
                p.requires_grad = false;
        }
    }

    /// <summary>One weight, whose gradient the test writes.</summary>
    private sealed class Held : nn.Module
    {
        public readonly TorchSharp.Modules.Parameter weight = nn.Parameter(ones(2, 2));

        public Held() : base(nameof(Held)) => RegisterComponents();
    }
}
