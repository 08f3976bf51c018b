using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

public class ClippingTests
{
    [Theory]
    [InlineData(1e-3)]
    [InlineData(1)]
    [InlineData(1e6)]
    public void ClippingGivesTheGradientsAndTheNormOfTheLibrary(double max)
    {
        using var ours = WithGradients();
        using var theirs = WithGradients();
        using var monitor = new GradientMonitor(ours);

        var result = monitor.ClipGradNorm(max)!;
        var norm = nn.utils.clip_grad_norm_(theirs.parameters(), max);

        Assert.Equal(norm, result.GlobalNorm, 1e-5 * norm);
        Assert.Equal(norm > max ? 4 : 0, result.Clipped);
        foreach (var (a, b) in ours.parameters().Zip(theirs.parameters()))
            Assert.True(allclose(a.grad!, b.grad!, 1e-5, 1e-8));
    }

    [Fact]
    public void EachGradientIsClippedByItself()
    {
        using var model = WithGradients();
        double[] before = [.. model.parameters().Select(p => p.grad!.norm().ToDouble())];
        using var monitor = new GradientMonitor(model);
        var max = before.Order().ElementAt(1) * 1.0001;

        var result = monitor.ClipEachGradNorm(max)!;

        Assert.Equal(2, result.Clipped);
        Assert.Equal(before.Select(n => Math.Min(n, max)), model.parameters().Select(p => p.grad!.norm().ToDouble()), (a, b) => Math.Abs(a - b) < 1e-4 * a);
        Assert.Equal(before, result.Parameters.Select(p => p.Norm), (a, b) => Math.Abs(a - b) < 1e-4 * a);
    }

    [Fact]
    public void ClippingCountsAsTheObservationOfTheStep()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, new() { WarmUp = 2, Every = 2 });

        Training.Steps(model, 5, loss => monitor.ClipGradNorm(0.01, loss));

        Assert.Equal(5, monitor.Step);
        Assert.Equal(2, monitor.Observations);
        // the norms before clipping
        Assert.True(monitor.Latest!.GlobalNorm > 0.02);
    }

    [Fact]
    public void ByDefaultAStepWithNonFiniteGradientsChangesNoWeight()
    {
        using var model = WithGradients();
        var first = model.parameters().First();
        first.grad!.fill_(float.NaN);
        Tensor[] before = [.. model.parameters().Select(p => p.detach().clone())];
        using var optimizer = optim.AdamW(model.parameters(), 0.1, weight_decay: 0.1);
        using var monitor = new GradientMonitor(model);

        var result = monitor.ClipGradNorm(1)!;
        optimizer.step();

        Assert.True(result is { IsFinite: false, IsStepSkipped: true, Clipped: 0 });
        Assert.All(model.parameters().Zip(before), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
        var alert = Assert.Single(monitor.Alerts);
        Assert.Equal((AlertKind.NonFinite, "a.weight"), (alert.Kind, alert.Parameter));
    }

    [Fact]
    public void NonFiniteGradientsCanThrow()
    {
        using var model = WithGradients();
        model.parameters().First().grad!.fill_(float.PositiveInfinity);
        using var monitor = new GradientMonitor(model, new() { NonFinite = NonFiniteAction.Throw });

        var thrown = Assert.Throws<GradientAlertException>(() => monitor.ClipGradNorm(1));

        Assert.Equal("a.weight", thrown.Alert.Parameter);
    }

    [Fact]
    public void NonFiniteGradientsCanPassUnclipped()
    {
        using var model = WithGradients();
        model.parameters().First().grad!.fill_(float.PositiveInfinity);
        using var monitor = new GradientMonitor(model, new() { NonFinite = NonFiniteAction.Pass });

        var result = monitor.ClipGradNorm(1)!;

        Assert.True(result is { IsFinite: false, IsStepSkipped: false, Clipped: 0 });
        Assert.All(model.parameters().Skip(1), p => Assert.True(p.grad!.isfinite().all().item<bool>()));
    }

    [Fact]
    public void ALimitThatIsNotPositiveIsRefused()
    {
        using var model = WithGradients();
        using var monitor = new GradientMonitor(model);

        Assert.Contains("maxNorm is 0; it must be above 0", Assert.Throws<ArgumentOutOfRangeException>(() => monitor.ClipGradNorm(0)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => monitor.ClipEachGradNorm(double.NaN));
    }

    private static Sequential WithGradients()
    {
        manual_seed(3);
        var model = nn.Sequential(("a", nn.Linear(200, 100)), ("b", nn.Linear(100, 3)));
        model.call(randn(8, 200)).square().sum().backward();
        return model;
    }
}
