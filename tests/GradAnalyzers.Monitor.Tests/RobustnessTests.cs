using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>Training never dies of the monitor.</summary>
public class RobustnessTests
{
    [Fact]
    public void AModelWithoutParametersIsRefused()
    {
        using var model = nn.ReLU();

        Assert.Contains("has no parameters, so there is nothing to watch. Call RegisterComponents()", Assert.Throws<ArgumentException>(() => new GradientMonitor(model)).Message);
    }

    [Fact]
    public void ADisposedModelTurnsTheMonitorOffWithAnAlert()
    {
        var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        Training.Steps(model, 2, loss => monitor.Observe(loss));
        model.Dispose();

        for (var i = 0; i < 5; i++)
            Assert.Null(monitor.Observe());

        Assert.Contains(monitor.Alerts, a => a.Kind == AlertKind.Monitor && a.Message.Contains("perhaps it was disposed. It turned itself off"));
    }

    [Fact]
    public void ADisposedMonitorSaysSoAndLetsTrainingGoOn()
    {
        using var model = Training.Mlp();
        var monitor = new GradientMonitor(model, Training.Closely);
        monitor.Dispose();
        monitor.Dispose();

        Training.Steps(model, 2, loss => monitor.Observe(loss));

        Assert.Contains("was disposed", Assert.Single(monitor.Alerts).Message);
    }

    [Fact]
    public async Task TwoThreadsAtOnceAreReportedAndDoNotThrow()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        using var inside = new Barrier(2);
        monitor.Alerted += alert =>
        {
            // the first call stands still in here while the second arrives
            if (alert.Kind == AlertKind.NoGradient)
            {
                inside.SignalAndWait(TestContext.Current.CancellationToken);
                inside.SignalAndWait(TestContext.Current.CancellationToken);
            }
        };
        var first = Task.Run(() => monitor.Observe(), TestContext.Current.CancellationToken);
        inside.SignalAndWait(TestContext.Current.CancellationToken);

        Assert.Null(monitor.Observe());

        inside.SignalAndWait(TestContext.Current.CancellationToken);
        await first;
        Assert.Contains(monitor.Alerts, a => a.Kind == AlertKind.Monitor && a.Message.Contains("two threads called it at the same time"));
    }

    [Fact]
    public async Task CallsFromChangingThreadsAreFine()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);

        for (var i = 0; i < 4; i++)
            await Task.Factory.StartNew(() => Training.Steps(model, 1, loss => monitor.Observe(loss)), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        Assert.Equal(4, monitor.Observations);
        Assert.Empty(monitor.Alerts);
    }

    [Fact]
    public void ALossOfManyElementsIsAnAlertAndNoException()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);

        monitor.Observe(ones(3));

        Assert.Contains("the loss has 3 elements; it must have one", Assert.Single(monitor.Alerts, a => a.Kind == AlertKind.Monitor).Message);
    }

    [Fact]
    public void ASinkThatThrowsIsToldOnceAndAskedAgain()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(new Failing());

        Training.Steps(model, 3, loss => monitor.Observe(loss));

        Assert.Equal(3, monitor.Observations);
        Assert.Contains("Failing failed: no room left", Assert.Single(monitor.Alerts).Message);
    }

    [Fact]
    public void NamesDoNotSteerTerminals()
    {
        using var model = nn.ParameterDict([("red\u001b[31m", nn.Parameter(ones(2))), ("next\nline", nn.Parameter(ones(2)))]);
        foreach (var p in model.parameters())
            p.grad = full_like(p, float.NaN);
        var output = new StringWriter();
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new ConsoleProgress(output: output)))
        {
            monitor.Observe(1.0);
            var alert = Assert.Single(monitor.Alerts);
            Assert.Equal([@"red\u001B[31m", @"next\u000Aline"], alert.Parameters);
            Assert.All(monitor.Latest!.Parameters, p => Assert.DoesNotContain(p.Parameter, char.IsControl));
        }

        Assert.DoesNotContain('\u001b', output.ToString());
        Assert.All(output.ToString().TrimEnd('\n').Split('\n'), l => Assert.Matches("^(step|warning|gradients)", l));
    }

    [Fact]
    public void ASinkThatFailsIsAskedAgain()
    {
        using var model = Training.Mlp();
        var sink = new FailingOnce();
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(sink);
        var now = 0L;
        monitor.Milliseconds = () => now;
        Training.Steps(model, 2, loss => monitor.Observe(loss));
        Assert.Equal(1, sink.Asked);
        now = 1100;
        Training.Steps(model, 2, loss => monitor.Observe(loss));

        Assert.Equal(3, sink.Asked);
        Assert.Equal("FailingOnce failed: no room left. It is tried again; further failures are not told.", Assert.Single(monitor.Alerts).Message);
    }

    [Fact]
    public void AHandlerThatThrowsReachesTheTrainingLoop()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        monitor.Alerted += _ => throw new TimeoutException("stop");

        Assert.Throws<TimeoutException>(() => monitor.Observe());
    }

    [Fact]
    public void AnEvidencePathThatCannotBeWrittenIsAnAlertAndTrainingGoesOn()
    {
        using var model = Training.Mlp();
        var file = Path.GetTempFileName();
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(new EvidenceFile(Path.Combine(file, "below a file", "evidence.csv")));

        Training.Steps(model, 3, loss => monitor.Observe(loss));

        Assert.Equal(3, monitor.Observations);
        var message = Assert.Single(monitor.Alerts).Message;
        Assert.Contains("can't be written", message);
        Assert.Contains("below a file", message);
        File.Delete(file);
    }

    [Theory]
    [InlineData("0.102.8.0", false)]
    [InlineData("0.106.0.0", false)]
    [InlineData("0.107.0.0", true)]
    [InlineData("0.110.0.0", true)]
    public void AnOlderTorchSharpIsNamedWithTheRemedy(string version, bool isFine)
    {
        var problem = TorchSharpVersion.Problem(new Version(version));

        Assert.Equal(isFine, problem is null);
        Assert.True(isFine || problem!.Contains($"needs TorchSharp 0.107 or newer; this process has {version[..7]}. Update the package reference: dotnet add package"), problem);
    }

    [Fact]
    public void TheAssemblyAsksForNoCertainTorchSharpSoThatOlderProjectsBuildWithoutConflict()
    {
        var reference = Assert.Single(typeof(GradientMonitor).Assembly.GetReferencedAssemblies(), a => a.Name == "TorchSharp");

        Assert.Equal(new Version(0, 0, 0, 0), reference.Version);
    }

    [Fact]
    public void TheTrainingIsTheSameWithAndWithoutTheMonitor()
    {
        float[] Weights(bool watched)
        {
            manual_seed(9);
            using var model = Training.Mlp();
            using var monitor = new GradientMonitor(model, Training.Closely with { MeasureUpdates = true });
            Training.Steps(model, 20, loss => _ = watched ? monitor.Observe(loss) : null);
            return [.. model.parameters().SelectMany(p => p.detach().data<float>().ToArray())];
        }

        Assert.Equal(Weights(false), Weights(true));
    }

    [Fact]
    public void AnOptimizerThatCallsTheLossManyTimesAStepIsObservedInItsClosure()
    {
        manual_seed(6);
        using var model = Training.Mlp();
        using var optimizer = optim.LBFGS(model.parameters(), lr: 0.1, max_iter: 4);
        using var monitor = new GradientMonitor(model, Training.Closely);
        var (x, y) = (randn(16, 8), randn(16, 1));
        var losses = new List<double>();
        for (var step = 0; step < 10; step++)
            optimizer.step(() =>
            {
                optimizer.zero_grad();
                var loss = nn.functional.mse_loss(model.call(x), y);
                loss.backward();
                losses.Add(monitor.Observe(loss)!.Loss);
                return loss;
            });

        Assert.True(losses.Count > 20);
        Assert.True(losses[^1] < 0.8 * losses[0]);
        Assert.Empty(monitor.Alerts);
    }

    private sealed class FailingOnce : IGradientSink
    {
        public int Asked { get; private set; }

        public void Observed(GradientMonitor monitor, GradientObservation observation)
        {
            if (Asked++ == 0)
                throw new IOException("no room left");
        }

        public void Alerted(GradientMonitor monitor, GradientAlert alert)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class Failing : IGradientSink
    {
        public void Observed(GradientMonitor monitor, GradientObservation observation) => throw new IOException("no room left");

        public void Alerted(GradientMonitor monitor, GradientAlert alert)
        {
        }

        public void Dispose()
        {
        }
    }
}
