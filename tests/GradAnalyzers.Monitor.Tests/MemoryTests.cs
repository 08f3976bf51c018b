using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

public class MemoryTests(ITestOutputHelper output)
{
    [Fact]
    public void TenThousandObservationsHoldMemoryFlat()
    {
        using var model = Training.Mlp(width: 16, depth: 4);
        using var monitor = new GradientMonitor(model, Training.Closely with { MeasureUpdates = true, DetailEvery = 5, HistogramEvery = 20 });
        model.call(randn(4, 16)).sum().backward();
        void Observe(int times)
        {
            for (var i = 0; i < times; i++)
                monitor.Observe(0.1 * (i % 7));
            Collect();
        }

        Observe(2000);
        var (tensors, managed, resident) = (Tensor.TotalCount, GC.GetTotalMemory(true), Resident());
        Observe(10_000);

        output.WriteLine($"tensors {tensors} -> {Tensor.TotalCount}, managed {managed / 1024} -> {GC.GetTotalMemory(true) / 1024} KiB, resident {resident} -> {Resident()} MiB");
        Assert.Equal(12_000, monitor.Observations);
        Assert.Equal(tensors, Tensor.TotalCount);
        Assert.InRange(GC.GetTotalMemory(true) - managed, long.MinValue, 200_000);
        Assert.InRange(Resident() - resident, long.MinValue, 16);
    }

    [Fact]
    public void NothingIsLeftBehindInTheDisposeScopeOfTheLoop()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely with { MeasureUpdates = true });
        model.call(randn(4, 8)).sum().backward();

        for (var i = 0; i < 3; i++)
        {
            using var scope = NewDisposeScope();
            monitor.ClipGradNorm(0.5);
            monitor.ClipEachGradNorm(0.1);
            Assert.Equal(0, scope.DisposablesCount);
        }
        Assert.DoesNotContain(monitor.Alerts, a => a.Kind == AlertKind.Monitor);
    }

    [Fact]
    public void TensorsOfAMonitorGoWithIt()
    {
        using var model = Training.Mlp();
        model.call(randn(4, 8)).sum().backward();
        Collect();
        var before = Tensor.TotalCount;

        using (var monitor = new GradientMonitor(model, Training.Closely with { MeasureUpdates = true }))
            for (var i = 0; i < 4; i++)
                monitor.Observe();

        Assert.Equal(before, Tensor.TotalCount);
    }

    /// <summary>What other tests left to the garbage collector is counted, too, until it has gone.</summary>
    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    private static long Resident() => System.Diagnostics.Process.GetCurrentProcess().WorkingSet64 >> 20;
}
