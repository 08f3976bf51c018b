using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using GradAnalyzers.Monitor;
using static TorchSharp.torch;

namespace GradAnalyzers.Benchmarks.Monitor;

/// <summary>
/// What watching costs: training steps of one model, in turn with and without, in one process. Time is the processor time of the process:
/// on a machine with other work it scatters less than the clock. The ratio of whole turns still scatters by some percent there; the time in the calls does not,
/// but leaves out what they do to the caches.
/// </summary>
internal static partial class MonitorCost
{
    private const double SecondsPerModel = 60;

    /// <summary>
    /// A turn: what looks every tenth step looks twice, once in detail. A small model is stepped five times as long, so that every turn also has what is looked at in every fifth detailed
    /// observation only; of the others that is less than a ten-thousandth.
    /// </summary>
    private const int Turn = 20, LongTurn = 100;

    /// <summary>Small models are stepped longer before the measurement: the just-in-time compiler is at work longer than they take.</summary>
    private const long WarmUpElements = 400_000, SmallElements = 1_000_000;

    public static void Run(string part)
    {
        set_num_threads(1);
        Console.WriteLine($"libtorch {__version__}, {get_num_threads()} thread, {Environment.ProcessorCount} processors\n");
        Console.WriteLine("| model | parameters | step | turns | default cadence | every step | `.item()` a parameter, every step | histograms, every step | every 10th |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (var create in Workload.All)
        {
            var workload = create();
            if (workload.Name.Contains(part, StringComparison.OrdinalIgnoreCase))
                Watching(workload);
            workload.Model.Dispose();
        }
        Console.WriteLine("\nBold: processor time in the calls that watch, over that of the rest of the same steps, median of the turns. In brackets: median ratio of a turn with watching to the turn without.\n");
    }

    private static void Watching(Workload workload)
    {
        using var optimizer = optim.SGD(workload.Model.parameters(), 1e-4);
        using var byDefault = new GradientMonitor(workload.Model);
        using var always = new GradientMonitor(workload.Model, new() { Every = 1, WarmUp = 1 });
        Action<Tensor>[] watchers =
        [
            _ => { },
            loss => byDefault.Observe(loss),
            loss => always.Observe(loss),
            _ => ReadEachNorm(workload),
            _ => ReadEachHistogram(workload),
        ];
        var turn = workload.Elements < SmallElements ? LongTurn : Turn;
        var processor = watchers.Select(_ => new List<double>()).ToArray();
        var clock = watchers.Select(_ => new List<double>()).ToArray();
        var (calls, rest) = (watchers.Select(_ => new List<double>()).ToArray(), watchers.Select(_ => new List<double>()).ToArray());
        // less what reading the clock costs
        double Share(int which) => 1 + Median(Ratios(calls[which], rest[which])) - Median(Ratios(calls[0], rest[0]));
        var inCall = 0.0;
        void Step(Action<Tensor> watch)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = workload.Loss();
            loss.backward();
            var before = ProcessorTime();
            watch(loss);
            inCall += ProcessorTime() - before;
            optimizer.step();
        }
        foreach (var watch in watchers)
            for (var i = 0; i < Math.Max(3, WarmUpElements / workload.Elements) * Turn; i++)
                Step(watch);
        var until = Stopwatch.StartNew();
        for (var round = 0; until.Elapsed.TotalSeconds < SecondsPerModel || round < 2; round++)
            for (var i = 0; i < watchers.Length; i++)
            {
                var which = (i + round) % watchers.Length;
                inCall = 0;
                var (cpu, wall) = (ProcessorTime(), Stopwatch.GetTimestamp());
                for (var step = 0; step < turn; step++)
                    Step(watchers[which]);
                var spent = ProcessorTime() - cpu;
                processor[which].Add(spent / turn);
                rest[which].Add(spent - inCall);
                calls[which].Add(inCall);
                clock[which].Add(Stopwatch.GetElapsedTime(wall).TotalMilliseconds / turn);
            }
        string Cell(int which) => string.Create(CultureInfo.InvariantCulture, $"**{Percent(Share(which))}** ({Percent(Median(Ratios(processor[which], processor[0])))})");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {workload.Name} | {workload.Elements:N0} | {Median(processor[0]):F1} ms | {processor[0].Count} | {Cell(1)} | {Cell(2)} | {Cell(3)} | {Cell(4)} | {Percent(1 + (Share(4) - 1) / 10)} |"));
    }

    /// <summary>The peer that most scripts are: a norm and an <c>.item()</c> for each parameter.</summary>
    private static void ReadEachNorm(Workload workload)
    {
        using var _ = no_grad();
        foreach (var p in workload.Model.parameters())
        {
            using var gradient = p.grad;
            using var norm = gradient!.norm();
            norm.item<float>();
        }
    }

    /// <summary>The peer that experiment trackers are: the gradient copied, and counted into 64 bins between its ends.</summary>
    private static void ReadEachHistogram(Workload workload)
    {
        using var _ = no_grad();
        foreach (var p in workload.Model.parameters())
        {
            using var scope = NewDisposeScope();
            var gradient = p.grad!;
            gradient.min().item<float>();
            gradient.max().item<float>();
            histc(gradient, 64).data<float>().ToArray();
        }
    }

    private static List<double> Ratios(List<double> these, List<double> those) => [.. these.Zip(those, (a, b) => a / b)];

    private static double Median(List<double> values)
    {
        values = [.. values.Order()];
        return values[values.Count / 2];
    }

    private static string Percent(double ratio) => string.Create(CultureInfo.InvariantCulture, $"{(ratio - 1) * 100:+0.00;-0.00;0.00} %");

    /// <summary>Milliseconds of processor time that all threads of this process have used.</summary>
    private static double ProcessorTime()
    {
        if (!OperatingSystem.IsLinux())
            return Process.GetCurrentProcess().TotalProcessorTime.TotalMilliseconds;
        const int processClock = 2;
        clock_gettime(processClock, out var time);
        return time.Seconds * 1e3 + time.Nanoseconds * 1e-6;
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public nint Seconds, Nanoseconds;
    }
}
