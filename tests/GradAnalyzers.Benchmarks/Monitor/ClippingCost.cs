using System.Diagnostics;
using System.Globalization;
using GradAnalyzers.Monitor;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Benchmarks.Monitor;

/// <summary>
/// What clipping costs beside <c>torch.nn.utils.clip_grad_norm_</c>, in turn on the same gradients: where they are below the limit and where they must be scaled, from one tensor to a thousand.
/// The library is given an array of the parameters, made before; the monitor finds those of each step itself.
/// </summary>
internal static class ClippingCost
{
    private const double SecondsPerRow = 6;

    private static readonly (string Name, long[][] Shapes)[] Models =
    [
        ("1 tensor of 100", [[100]]),
        ("Linear(10, 1)", [[1, 10], [1]]),
        ("3 layers of 64", Layers(3, 64)),
        ("3 layers of 256", Layers(3, 256)),
        ("100 layers of 16", Layers(100, 16)),
        ("1,000 tensors of 100", [.. Enumerable.Repeat(new long[] { 100 }, 1000)]),
        ("4 layers of 512", Layers(4, 512)),
        ("17 layers of 256", Layers(17, 256)),
        ("50 layers of 256", Layers(50, 256)),
        ("12 layers of 1024", Layers(12, 1024)),
        ("1 tensor of 25 million", [[5000, 5000]]),
    ];

    public static void Run(string part, int threads)
    {
        set_num_threads(threads);
        Console.WriteLine($"libtorch {__version__}, {get_num_threads()} threads, {Environment.ProcessorCount} processors\n");
        Console.WriteLine("| gradients | tensors | elements | library | library, of `model.parameters()` | below | scaled | below, observed by default | scaled, observed by default |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (var (name, shapes) in Models.Where(m => m.Name.Contains(part, StringComparison.OrdinalIgnoreCase)))
            Row(name, shapes);
        Console.WriteLine("\nClock of monitor.ClipGradNorm over that of torch.nn.utils.clip_grad_norm_: median of the ratios of neighbouring calls; observed: with the default cadence, mean.");
    }

    private static void Row(string name, long[][] shapes)
    {
        using var model = new Holder(shapes);
        using var quiet = new GradientMonitor(model, new() { WarmUp = 1_000_000_000 });
        using var usual = new GradientMonitor(model);
        using var usualScaled = new GradientMonitor(model);
        Parameter[] parameters = [.. model.parameters()];
        var norm = nn.utils.clip_grad_norm_(parameters, 1e30);
        void Restore()
        {
            using var _ = no_grad();
            foreach (var p in parameters)
            {
                using var gradient = p.grad;
                using var same = gradient!.mul_(2);
            }
        }
        Func<double, double>[] ways =
        [
            limit => nn.utils.clip_grad_norm_(parameters, limit),
            limit => quiet.ClipGradNorm(limit).GlobalNorm,
            limit => (limit > norm ? usual : usualScaled).ClipGradNorm(limit).GlobalNorm,
            limit => nn.utils.clip_grad_norm_(model.parameters(), limit),
        ];
        var (below, scaled) = (new List<double>[4], new List<double>[4]);
        for (var i = 0; i < 4; i++)
            (below[i], scaled[i]) = ([], []);
        var until = Stopwatch.StartNew();
        for (var round = 0; until.Elapsed.TotalSeconds < SecondsPerRow || round < 60; round++)
            for (var i = 0; i < ways.Length; i++)
            {
                var which = (i + round) % ways.Length;
                var first = Time(ways[which], 1e30);
                // what is halved is doubled again outside the measured time, so all find the same
                var second = Time(ways[which], norm / 2);
                Restore();
                if (round < 30)
                    continue;
                below[which].Add(first);
                scaled[which].Add(second);
            }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {name} | {shapes.Length:N0} | {parameters.Sum(p => p.numel()):N0} | {Median(below[0]) * 1e3:F0} µs | {Median(below[3]) * 1e3:F0} µs | {Ratio(below, 1):F2} | {Ratio(scaled, 1):F2} | {below[2].Average() / below[0].Average():F2} | {scaled[2].Average() / scaled[0].Average():F2} |"));
    }

    private static double Ratio(List<double>[] times, int which) => Median([.. times[which].Zip(times[0], (a, b) => a / b)]);

    private static double Time(Func<double, double> clip, double limit)
    {
        var start = Stopwatch.GetTimestamp();
        clip(limit);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(List<double> values)
    {
        values = [.. values.Order()];
        return values[values.Count / 2];
    }

    private static long[][] Layers(int depth, int width) => [.. Enumerable.Range(0, depth).SelectMany(_ => new long[][] { [width, width], [width] })];

    /// <summary>Modules of two parameters each, as layers have, with gradients.</summary>
    private sealed class Holder : nn.Module
    {
        public Holder(long[][] shapes) : base(nameof(Holder))
        {
            foreach (var (pair, i) in shapes.Chunk(2).Select((p, i) => (p, i)))
                register_module($"layer{i}", new Layer(pair));
        }

        private sealed class Layer : nn.Module
        {
            public Layer(long[][] shapes) : base(nameof(Layer))
            {
                foreach (var (shape, i) in shapes.Select((s, i) => (s, i)))
                {
                    var parameter = new Parameter(zeros(shape));
                    parameter.grad = randn(shape);
                    register_parameter($"p{i}", parameter);
                }
            }
        }
    }
}
