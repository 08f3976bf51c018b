using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

public class ObservationTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void StatisticsOfAGradientAreThoseComputedDirectly(ScalarType type)
    {
        manual_seed(1);
        // one parameter of each size class: packed with its neighbours, and measured by itself
        using var model = new Holder(("small", randn(7, 5)), ("large", randn(100, 100)), ("vector", randn(11)));
        model.to(type);
        foreach (var p in model.parameters())
            p.grad = (randn(p.shape) * (rand(p.shape) > 0.3f).to(ScalarType.Float32)).to(type);
        using var monitor = new GradientMonitor(model, Training.Closely);

        var observation = monitor.Observe()!;

        Assert.Equal(3, observation.Parameters.Count);
        double squares = 0;
        foreach (var (seen, (path, parameter)) in observation.Parameters.Zip(model.named_parameters()))
        {
            double[] g = Training.Numbers(parameter.grad!);
            Assert.Equal(path, seen.Parameter);
            Assert.Equal(Math.Sqrt(g.Sum(v => v * v)), seen.Norm, 1e-5 * seen.Norm);
            Assert.Equal(g.Average(Math.Abs), seen.MeanAbsolute, 1e-5);
            Assert.Equal(g.Max(Math.Abs), seen.Maximum, 1e-5 * seen.Maximum);
            Assert.Equal(g.Count(v => v == 0) / (double)g.Length, seen.ZeroShare, 1e-6);
            squares += g.Sum(v => v * v);
        }
        Assert.Equal(Math.Sqrt(squares), observation.GlobalNorm, 1e-5 * observation.GlobalNorm);
    }

    /// <summary>One element, a vector of the processor and its neighbours, a block and its neighbours, several blocks; also where squares of float32 are lost.</summary>
    [Theory]
    [InlineData(1.0)]
    [InlineData(1e-30)]
    [InlineData(1e15)]
    public void StatisticsAreThoseOfDoubleAtEverySize(double size)
    {
        long[] lengths = [1, 2, 7, 8, 9, 15, 16, 17, 33, 8191, 8192, 8193, 100_003];
        using var model = new Holder([.. lengths.Select(n => ($"p{n}", randn(n)))]);
        foreach (var p in model.parameters())
            p.grad = randn(p.shape) * size * (rand(p.shape) > 0.4f).to(ScalarType.Float32);
        using var monitor = new GradientMonitor(model, Training.Closely);

        foreach (var (seen, (path, parameter)) in monitor.Observe()!.Parameters.Zip(model.named_parameters()))
        {
            double[] g = Training.Numbers(parameter.grad!);
            Assert.Equal(path, seen.Parameter);
            Assert.Equal(Math.Sqrt(g.Sum(v => v * v)) / size, seen.Norm / size, 2e-6 * seen.Norm / size);
            Assert.Equal(g.Average(Math.Abs) / size, seen.MeanAbsolute / size, 2e-6);
            Assert.Equal(g.Max(Math.Abs), seen.Maximum);
            Assert.Equal(g.Count(v => v == 0) / (double)g.Length, seen.ZeroShare, 1e-12);
        }
    }

    [Fact]
    public void SeveralDataTypesInOneModelAreMeasuredTogether()
    {
        using var model = new Holder(("a", ones(3)), ("b", ones(4).to(ScalarType.Float64)), ("c", ones(5).to(ScalarType.Float16)));
        foreach (var p in model.parameters())
            p.grad = ones_like(p);
        using var monitor = new GradientMonitor(model, Training.Closely);

        Assert.Equal(["a 1.732", "b 2", "c 2.236"], monitor.Observe()!.Parameters.Select(p => FormattableString.Invariant($"{p.Parameter} {p.Norm:G4}")));
    }

    /// <summary>The script's path for accelerators, on the CPU: there is no accelerator where the tests run.</summary>
    [Fact]
    public void FusedNormsOfAcceleratorsAreThoseOfTheCpu()
    {
        manual_seed(2);
        using var model = new Holder(("a", randn(7, 5)), ("b", randn(100, 100)), ("c", ones(4).to(ScalarType.Float16)), ("d", ones(3).to(ScalarType.Float64)));
        foreach (var p in model.parameters())
            p.grad = randn_like(p);
        Tensor[] all = [.. model.parameters()];

        using var norms = Measurement.DeviceStatistics.FusedNorms(all, [tensor(2.5)]);

        Assert.Equal([.. all.Select(p => p.grad!.to(ScalarType.Float64).norm().ToDouble()), 2.5], norms.data<float>().Select(n => (double)n), (a, b) => Math.Abs(a - b) < 1e-3 * a);
    }

    [Fact]
    public void AModelOnADeviceWithoutDataIsAnAlertAndTrainingGoesOn()
    {
        using var model = nn.Linear(4, 4, device: META);
        using var monitor = new GradientMonitor(model, Training.Closely);
        model.call(ones(1, 4, device: META)).sum().backward();

        Assert.Null(monitor.Observe());

        Assert.Equal(AlertKind.Monitor, Assert.Single(monitor.Alerts).Kind);
    }

    [Fact]
    public void NormsBeyondTheRangeOfSingleSquaresAreRight()
    {
        using var model = new Holder(("tiny", ones(4)), ("huge", ones(4)));
        model.get_parameter("tiny")!.grad = full(4, 1e-25f);
        model.get_parameter("huge")!.grad = full(4, 1e30f);
        using var monitor = new GradientMonitor(model, Training.Closely);

        var seen = monitor.Observe()!.Parameters;

        Assert.Equal(2e-25, seen[0].Norm, 1e-30);
        Assert.Equal(2e30, seen[1].Norm, 1e25);
        Assert.Equal(0, seen[1].NonFinite);
    }

    [Fact]
    public void NonFiniteElementsAreCountedAndTheirParameterIsNamed()
    {
        using var model = new Holder(("fine", ones(4)), ("broken", ones(6)));
        model.get_parameter("fine")!.grad = ones(4);
        model.get_parameter("broken")!.grad = tensor([1f, float.NaN, 2f, float.PositiveInfinity, 3f, 4f]);
        using var monitor = new GradientMonitor(model, Training.Closely);

        var seen = monitor.Observe()!.Parameters;

        Assert.Equal(0, seen[0].NonFinite);
        Assert.Equal(2, seen[1].NonFinite);
        var alert = Assert.Single(monitor.Alerts);
        Assert.Equal((AlertKind.NonFinite, "broken"), (alert.Kind, alert.Parameter));
    }

    [Fact]
    public void OnlyStepsOfTheCadenceAreObserved()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, new() { WarmUp = 5, Every = 3 });
        var observed = new List<long>();

        Training.Steps(model, 12, loss =>
        {
            if (monitor.Observe(loss) is { } o)
                observed.Add(o.Step);
        });

        Assert.Equal([5, 8, 11], observed);
    }

    [Fact]
    public void DetailsAreLeftOutBetweenDetailedObservations()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, new() { WarmUp = 1, Every = 1, DetailEvery = 3 });
        var detailed = new List<bool>();

        Training.Steps(model, 5, loss => detailed.Add(monitor.Observe(loss)!.IsDetailed));

        Assert.Equal([true, false, false, true, false], detailed);
        Assert.Equal(double.NaN, monitor.Latest!.Parameters[0].ZeroShare);
        Assert.True(monitor.Latest.Parameters[0].Norm > 0);
    }

    [Fact]
    public void TheLossThatWasGivenIsInTheObservation()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);

        Training.Steps(model, 2, loss => Assert.Equal(loss.item<float>(), monitor.Observe(loss)!.Loss, 1e-6));
    }

    [Fact]
    public void AParameterSharedByTwoLayersIsMeasuredOnce()
    {
        var shared = nn.Parameter(randn(4, 4));
        using var model = nn.Sequential(("a", nn.Linear(shared)), ("b", nn.Linear(shared)));
        using var monitor = new GradientMonitor(model, Training.Closely);
        model.call(randn(2, 4)).sum().backward();

        Assert.Equal(["a.weight"], monitor.Observe()!.Parameters.Select(p => p.Parameter));
    }

    [Fact]
    public void AddedFrozenAndRemovedParametersAreFollowed()
    {
        using var model = new Holder(("a", ones(2)), ("b", ones(2)));
        using var child = new Holder(("d", ones(2)));
        using var monitor = new GradientMonitor(model, Training.Closely);
        string[] Seen()
        {
            foreach (var p in model.parameters())
                p.grad = ones_like(p);
            return [.. monitor.Observe()!.Parameters.Select(p => p.Parameter)];
        }

        Assert.Equal(["a", "b"], Seen());
        model.register_parameter("c", nn.Parameter(ones(3)));
        Assert.Equal(["a", "b", "c"], Seen());
        model.get_parameter("a")!.requires_grad = false;
        Assert.Equal(["b", "c"], Seen());
        model.register_module("child", child);
        Assert.Equal(["b", "c", "child.d"], Seen());
        model.register_module("child", null!);
        Assert.Equal(["b", "c"], Seen());
    }

    [Fact]
    public void AModelThatIsMovedToAnotherTypeIsMeasuredOn()
    {
        using var model = nn.Linear(4, 4);
        using var monitor = new GradientMonitor(model, Training.Closely);
        model.call(ones(1, 4)).sum().backward();
        monitor.Observe();

        model.to(ScalarType.Float64);
        model.zero_grad();
        model.call(ones(1, 4).to(ScalarType.Float64)).sum().backward();

        Assert.Equal(4, monitor.Observe()!.Parameters[0].Norm, 1e-6);
        Assert.Empty(monitor.Alerts);
    }

    [Fact]
    public void GradientsThatAreReplacedAtEveryStepAreFollowed()
    {
        using var model = nn.Linear(4, 1);
        using var monitor = new GradientMonitor(model, Training.Closely);

        for (var i = 1; i <= 3; i++)
        {
            model.zero_grad(set_to_none: true);
            (model.call(ones(1, 4)) * i).sum().backward();
            Assert.Equal(2 * i, monitor.Observe()!.Parameters[0].Norm, 1e-5);
        }
    }

    [Fact]
    public void SparseGradientsAreMeasured()
    {
        using var model = nn.Embedding(10, 4, sparse: true);
        using var monitor = new GradientMonitor(model, Training.Closely);
        model.call(tensor([1L, 3L])).sum().backward();

        var seen = Assert.Single(monitor.Observe()!.Parameters);

        Assert.Equal(Math.Sqrt(8), seen.Norm, 1e-5);
        Assert.Equal(0.8, seen.ZeroShare, 1e-6);
        Assert.Empty(monitor.Alerts);
    }

    [Fact]
    public void TheUpdateIsMeasuredWhereAskedFor()
    {
        using var model = nn.Linear(4, 1, hasBias: false);
        using var monitor = new GradientMonitor(model, Training.Closely with { MeasureUpdates = true });
        double before = 0, after = 0;
        void Step()
        {
            using var optimizer = optim.SGD(model.parameters(), 0.1);
            model.zero_grad();
            model.call(ones(1, 4)).sum().backward();
            monitor.Observe();
            using (no_grad())
            {
                before = model.weight.norm().ToDouble();
                using var old = model.weight.detach().clone();
                optimizer.step();
                after = (model.weight - old).norm().ToDouble();
            }
        }

        Step();
        var expected = after / before;
        Step();

        Assert.Equal(expected, monitor.Latest!.Parameters[0].UpdateRatio, 1e-6);
    }

    /// <summary>A module that has the given parameters and nothing else.</summary>
    private sealed class Holder : nn.Module
    {
        public Holder(params (string Name, Tensor Value)[] parameters) : base(nameof(Holder))
        {
            foreach (var (name, value) in parameters)
                register_parameter(name, new Parameter(value));
        }
    }
}
