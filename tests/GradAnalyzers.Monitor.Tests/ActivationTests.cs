using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

public class ActivationTests
{
    [Fact]
    public void ActivationsAreNotWatchedUnlessAskedFor()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);

        Training.Steps(model, 2, loss => monitor.Observe(loss));

        Assert.Empty(monitor.LatestActivations);
    }

    [Fact]
    public void SaturationAndDeadUnitsAndTheBackwardSignalAreSeen()
    {
        using var model = nn.Sequential(("a", nn.Linear(8, 8)), ("tanh", nn.Tanh()), ("b", nn.Linear(8, 4)), ("relu", nn.ReLU()), ("out", nn.Linear(4, 1)));
        using (no_grad())
        {
            model.get_parameter("a.weight")!.mul_(1000);
            model.get_parameter("b.bias")!.copy_(tensor([-100f, -100f, 100f, 100f]));
        }
        using var monitor = new GradientMonitor(model, Training.Closely).WatchActivations();

        Training.Steps(model, 3, loss => monitor.Observe(loss), rate: 1e-6);

        var seen = monitor.LatestActivations.ToDictionary(a => a.Module);
        Assert.Equal(["a", "tanh", "b", "relu", "out"], monitor.LatestActivations.Select(a => a.Module));
        Assert.InRange(seen["tanh"].SaturatedShare, 0.9, 1);
        Assert.Equal(0.5, seen["relu"].DeadUnitShare, 1e-6);
        Assert.True(seen["out"].BackwardNorm > 0);
        Assert.Equal(double.NaN, seen["a"].SaturatedShare);
        var alert = Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.Saturated);
        Assert.Equal("tanh", alert.Parameter);
    }

    [Fact]
    public void TheHooksGoWithTheMonitorAndChangeNoGradient()
    {
        float[] Gradients(bool watched)
        {
            manual_seed(4);
            using var model = Training.Mlp();
            using var monitor = new GradientMonitor(model, Training.Closely);
            if (watched)
                monitor.WatchActivations();
            model.call(randn(4, 8)).sum().backward();
            monitor.Observe();
            return [.. model.parameters().SelectMany(p => p.grad!.data<float>().ToArray())];
        }

        Assert.Equal(Gradients(false), Gradients(true));
    }
}
