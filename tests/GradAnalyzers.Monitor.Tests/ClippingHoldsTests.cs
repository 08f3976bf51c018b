using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>A step that was to be clipped is clipped, whatever happens around it.</summary>
public class ClippingHoldsTests
{
    private const double Limit = 1e-4;

    [Fact]
    public void ALossOfTwoElementsLeavesNoStepUnclipped()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model);
        var (norms, seen) = (new List<double>(), new HashSet<long>());

        Training.Steps(model, 50, _ =>
        {
            monitor.ClipGradNorm(Limit, ones(2));
            norms.Add(Norm(model));
            seen.Add(monitor.Latest?.Step ?? 10);
        });

        Assert.All(norms, n => Assert.InRange(n, 0, Limit));
        Assert.Contains("the loss has 2 elements", Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.Monitor).Message);
        Assert.Equal("10 20 30 40 50", string.Join(' ', seen));
    }

    [Fact]
    public void ADisposedLossLeavesNoStepUnclipped()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model);
        var norms = new List<double>();
        var gone = ones(1);
        gone.Dispose();

        Training.Steps(model, 50, _ => { monitor.ClipGradNorm(Limit, gone); norms.Add(Norm(model)); });

        Assert.All(norms, n => Assert.InRange(n, 0, Limit));
        Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.Monitor);
    }

    [Fact]
    public void AMonitorThatIsOffOrDisposedStillClips()
    {
        using var model = Training.Mlp();
        var monitor = new GradientMonitor(model, Training.Closely);
        var norms = new List<double>();

        Training.Steps(model, 3, _ =>
        {
            monitor.Dispose();
            var result = monitor.ClipGradNorm(Limit);
            norms.Add(Norm(model));
            Assert.True(result!.GlobalNorm > Limit && result.Clipped == 6);
            monitor.ClipEachGradNorm(Limit / 10);
            Assert.All(model.parameters(), p => Assert.InRange(p.grad!.norm().ToDouble(), 0, Limit / 10 * 1.00001));
        });

        Assert.All(norms, n => Assert.InRange(n, 0, Limit));
    }

    [Fact]
    public void ASinkThatThrowsLeavesNoStepUnclipped()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(new Unlucky());
        var norms = new List<double>();

        Training.Steps(model, 10, loss => { monitor.ClipGradNorm(Limit, loss); norms.Add(Norm(model)); });

        Assert.All(norms, n => Assert.InRange(n, 0, Limit));
    }

    [Fact]
    public void AHandlerThatThrowsDoesSoAfterTheClipping()
    {
        using var model = new Holder(ones(4));
        using var monitor = new GradientMonitor(model, Training.Closely with { ThrowOnAlert = true, ExplodingNorm = 1, GateOnLoss = false });
        for (var i = 0; i < 4; i++)
        {
            model.weight.grad = full(4, 1e8f);
            try
            {
                monitor.ClipGradNorm(Limit);
            }
            catch (GradientAlertException)
            {
            }
            Assert.InRange(Norm(model), 0, Limit);
        }
        Assert.NotEmpty(monitor.Alerts);
    }

    [Fact]
    public async Task AnotherThreadInTheMonitorLeavesNoStepUnclipped()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        using var inside = new Barrier(2);
        monitor.Alerted += alert =>
        {
            if (alert.Kind == AlertKind.NoGradient)
            {
                inside.SignalAndWait(TestContext.Current.CancellationToken);
                inside.SignalAndWait(TestContext.Current.CancellationToken);
            }
        };
        var first = Task.Run(() => monitor.Observe(), TestContext.Current.CancellationToken);
        inside.SignalAndWait(TestContext.Current.CancellationToken);
        model.call(randn(4, 8)).sum().backward();

        var result = monitor.ClipGradNorm(Limit);

        Assert.InRange(Norm(model), 0, Limit);
        Assert.Equal(6, result!.Clipped);
        inside.SignalAndWait(TestContext.Current.CancellationToken);
        await first;
    }

    [Fact]
    public void WhatLosesTheRaceIsReportedWithoutDisturbingTheOther()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        var calls = 0;
        monitor.Alerted += _ =>
        {
            // a call out of the handler, on the same thread
            if (calls++ == 0)
                monitor.Observe();
        };

        monitor.Observe();

        Assert.Contains(monitor.Alerts, a => a.Message.Contains("called from inside"));
        Assert.DoesNotContain(monitor.Alerts, a => a.Message.Contains("thread"));
    }

    [Fact]
    public async Task ManyThreadsAtOnceBreakNothing()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(new ConsoleProgress(TimeSpan.Zero, TextWriter.Null));
        model.call(randn(4, 8)).sum().backward();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 200; i++)
                monitor.ClipGradNorm(Limit);
        })));

        Assert.InRange(Norm(model), 0, Limit);
        Assert.Single(monitor.Alerts, a => a.Message.Contains("two threads"));
    }

    [Theory]
    [InlineData(1e30, 0.3)]
    [InlineData(1e100, 0.3)]
    [InlineData(1e300, 1e-3)]
    [InlineData(1.0, 1e-100)]
    public void DoubleIsScaledInDouble(double size, double limit)
    {
        using var model = new Holder(ones(3, ScalarType.Float64));
        using var monitor = new GradientMonitor(model);
        model.weight.grad = full(3, size, dtype: ScalarType.Float64);

        var result = monitor.ClipGradNorm(limit)!;

        Assert.Equal(size * Math.Sqrt(3), result.GlobalNorm, 1e-12 * size);
        var left = model.weight.grad!.data<double>().ToArray();
        // the library's form divides by the norm and a millionth
        var expected = limit / (size * Math.Sqrt(3) + 1e-6) * size;
        Assert.All(left, v => Assert.Equal(expected, v, 1e-14 * expected));
    }

    [Fact]
    public void AParameterUnfrozenWhileTrainingIsClippedFromItsFirstStepOn()
    {
        using var model = Training.Mlp();
        var late = model.get_parameter("fc0.weight")!;
        late.requires_grad = false;
        using var monitor = new GradientMonitor(model);
        var above = 0;
        var step = 0;

        Training.Steps(model, 1200, loss =>
        {
            if (step++ == 1000)
                late.requires_grad = true;
            monitor.ClipGradNorm(Limit, loss);
            above += Norm(model) > Limit ? 1 : 0;
        }, rate: 1e-4);

        Assert.Equal(0, above);
        Assert.NotNull(late.grad);
    }

    [Fact]
    public void AParameterAddedOrReplacedWhileTrainingIsClippedFromItsFirstStepOn()
    {
        using var model = new Holder(ones(4));
        using var child = new Holder(ones(4));
        using var monitor = new GradientMonitor(model);
        void Check()
        {
            foreach (var p in model.parameters())
                p.grad = ones_like(p);
            monitor.ClipGradNorm(Limit);
            Assert.InRange(Norm(model), 0, Limit);
        }

        for (var i = 0; i < 500; i++)
            Check();
        model.register_module("child", child);
        Check();
        child.register_parameter("another", nn.Parameter(ones(7)));
        Check();
        using var linear = nn.Linear(3, 3);
        model.register_module("linear", linear);
        Check();
        linear.weight = nn.Parameter(ones(5, 5));
        Check();
    }

    [Fact]
    public void GradientsThatComeAndGoAreClipped()
    {
        using var model = new Holder(ones(4));
        using var child = new Holder(ones(5));
        model.register_module("child", child);
        using var monitor = new GradientMonitor(model);
        for (var i = 0; i < 40; i++)
        {
            model.weight.grad = i % 2 == 0 ? ones(4) : null;
            child.weight.grad = i % 3 == 0 ? ones(5) : null;
            monitor.ClipGradNorm(Limit);
            Assert.InRange(Norm(model), 0, Limit);
        }
    }

    [Fact]
    public void ASkippedStepIsSkippedAlsoWhereItsAlertIsThrown()
    {
        using var model = new Holder(ones(4));
        using var optimizer = optim.SGD(model.parameters(), 0.1);
        using var monitor = new GradientMonitor(model, Training.Closely with { ThrowOnAlert = true });
        model.weight.grad = full(4, float.NaN);

        var thrown = Assert.Throws<GradientAlertException>(() => monitor.ClipGradNorm(1));
        optimizer.step();

        Assert.Equal([1f, 1f, 1f, 1f], model.weight.data<float>().ToArray());
        Assert.Contains("This step was skipped", thrown.Message);
        Assert.DoesNotContain("Clip gradients", thrown.Message);
        Assert.Equal(1, monitor.SkippedSteps);
    }

    [Fact]
    public void WhoClipsIsNotToldToClip()
    {
        using var model = new Holder(ones(4));
        using var monitor = new GradientMonitor(model, Training.Closely with { SpikeWarmUp = 5 });
        for (var i = 0; i < 40; i++)
        {
            model.weight.grad = full(4, i == 20 ? 1e9f : i > 22 ? 1e4f + i : 1f + 0.01f * (i % 3));
            monitor.ClipGradNorm(1);
        }

        Assert.Contains(monitor.Alerts, a => a.Kind == AlertKind.Exploding);
        Assert.All(monitor.Alerts, a => Assert.DoesNotContain("Clip gradients", a.Message));
    }

    [Fact]
    public void WhereNothingCanBeClippedItThrows()
    {
        using var model = nn.Linear(4, 4, device: META);
        using var monitor = new GradientMonitor(model);
        model.call(ones(1, 4, device: META)).sum().backward();

        Assert.Contains("could not be clipped", Assert.Throws<InvalidOperationException>(() => monitor.ClipGradNorm(1)).Message);
    }

    private static double Norm(nn.Module model) =>
        Math.Sqrt(model.parameters().Where(p => p.grad is not null).Sum(p => Math.Pow(p.grad!.to(ScalarType.Float64).norm().ToDouble(), 2)));

    private sealed class Holder : nn.Module
    {
        public readonly Parameter weight;

        public Holder(Tensor value) : base(nameof(Holder))
        {
            weight = nn.Parameter(value);
            RegisterComponents();
        }
    }

    private sealed class Unlucky : IGradientSink
    {
        public void Observed(GradientMonitor monitor, GradientObservation observation) => throw new InvalidOperationException("no luck");

        public void Alerted(GradientMonitor monitor, GradientAlert alert) => throw new InvalidOperationException("no luck either");

        public void Dispose() => throw new InvalidOperationException("none at all");
    }
}
