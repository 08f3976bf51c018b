using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>A verdict says how the run is; alerts say what happened.</summary>
public class VerdictTests
{
    [Fact]
    public void OneSpikeInARunThatLearnsIsAnAlertAndNoVerdict()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model);
        var step = 0;

        Training.Steps(model, 400, loss =>
        {
            if (++step == 390)
                foreach (var p in model.parameters())
                    p.grad = p.grad! * 1e5f;
            monitor.ClipGradNorm(1e-3, loss);
        });

        Assert.Equal(390, Assert.Single(monitor.Alerts).Step);
        Assert.Equal(GradientVerdict.Healthy, monitor.Verdict);
    }

    [Fact]
    public void WhatIsMendedIsHealthyAgain()
    {
        using var model = nn.Sequential(("fc", nn.Linear(4, 4)));
        using var monitor = new GradientMonitor(model, Training.Closely);
        void Step(float size)
        {
            foreach (var p in model.parameters())
                p.grad = randn(p.shape) * size;
            monitor.Observe();
            using var _ = no_grad();
            foreach (var p in model.parameters())
                p.add_(0.01);
        }

        for (var i = 0; i < 5; i++)
            Step(1e4f);
        Assert.Equal(GradientVerdict.Exploding, monitor.Verdict);
        for (var i = 0; i < 30; i++)
            Step(1 + 0.01f * i);

        Assert.DoesNotContain(GradientVerdict.Exploding, monitor.Summaries().Select(s => s.Verdict));
        Assert.Contains(monitor.Alerts, a => a.Kind == AlertKind.Exploding);
    }

    [Fact]
    public void TheBiasOfAStarvedWeightIsNotHealthy()
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false });

        Training.Steps(model, 5, loss => monitor.Observe(loss));

        Assert.Equal(GradientVerdict.Vanishing, monitor.Summaries().Single(s => s.Parameter == "fc0.bias").Verdict);
    }

    [Fact]
    public void EveryBrokenLossIsLookedIntoAtOnce()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model);
        model.call(randn(4, 8)).sum().backward();

        Assert.NotNull(monitor.Observe(double.NaN));
        Assert.Null(monitor.Observe(1.0));
        Assert.NotNull(monitor.Observe(double.NaN));
        Assert.Contains("the loss is NaN", Assert.Single(monitor.Alerts).Message);
    }

    [Fact]
    public void AdviceOnTheSizeOfUpdatesFollowsTheLimit()
    {
        foreach (var (rate, advice) in new[] { (0.0, "Raise"), (1e4, "Lower") })
        {
            using var model = Training.Mlp();
            using var monitor = new GradientMonitor(model, Training.Closely with { MeasureUpdates = true, LargestUpdateRatio = 0.5 });
            for (var i = 0; i < 6; i++)
            {
                foreach (var p in model.parameters())
                    p.grad = ones_like(p);
                monitor.Observe();
                using var _ = no_grad();
                foreach (var p in model.parameters())
                    p.mul_(rate == 0 ? 1 : 1.9);
            }
            var alert = monitor.Alerts.First(a => a.Kind == AlertKind.UpdateSize);
            Assert.Contains(advice, alert.Message);
        }
    }
}
