using System.Globalization;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>What the analyzers add to a compilation: the real compiler, with and without them, alternating in one run.</summary>
internal static class AnalyzerCost
{
    private sealed record Cost(double Seconds, double Added, double Megabytes, double AddedMegabytes);

    public static void Run(int rounds)
    {
        Console.WriteLine($"Median of {rounds} alternating rounds; processor time and largest working set of the compiler's process, which starts cold each time.");
        Console.WriteLine();
        Console.WriteLine("| compilation | compared with | without | with | added | memory without | with |");
        Console.WriteLine("|---|---|--:|--:|--:|--:|--:|");
        foreach (var (basis, analyzers) in new[] { ("the SDK's default analyzers", CompilerRun.SdkAnalyzers), ("no analyzer at all", "") })
        {
            var few = Measure("250 models x 20 layers", basis, analyzers, GeneratedModels.Models(250), withTorchSharp: true, rounds);
            var many = Measure("1,000 models x 20 layers", basis, analyzers, GeneratedModels.Models(1000), withTorchSharp: true, rounds);
            Measure("1,000 classes, no TorchSharp", basis, analyzers, GeneratedModels.PlainClasses(1000), withTorchSharp: false, rounds);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| 1,000 over 250 models | {basis} | | | {many.Added / few.Added:0.0} x | | {many.Megabytes / few.Megabytes:0.0} x |"));
        }
    }

    private static Cost Measure(string name, string basis, string analyzers, IReadOnlyList<string> sources, bool withTorchSharp, int rounds)
    {
        var folder = Directory.CreateTempSubdirectory("analyzer-cost").FullName;
        try
        {
            var files = sources.Select((source, index) =>
            {
                var path = Path.Combine(folder, $"Model{index}.cs");
                File.WriteAllText(path, source);
                return path;
            }).ToList();
            var options = CompilerRun.Library(files, withTorchSharp, Path.Combine(folder, "out.dll")) + " " + analyzers;
            var first = CompilerRun.Of(options, CompilerRun.GradAnalyzers);
            var runs = Enumerable.Range(0, rounds).Select(_ => (Without: CompilerRun.Of(options), With: CompilerRun.Of(options, CompilerRun.GradAnalyzers))).ToList();
            var cost = new Cost(
                Median(runs.Select(run => run.Without.Seconds)),
                Median(runs.Select(run => run.With.Seconds - run.Without.Seconds)),
                Median(runs.Select(run => run.With.Megabytes)),
                Median(runs.Select(run => run.With.Megabytes - run.Without.Megabytes)));
            var reports = string.Join(", ", first.Warnings.Where(pair => pair.Key.StartsWith("GRAD", StringComparison.Ordinal)).Select(pair => $"{pair.Value} {pair.Key}"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name}{(reports.Length > 0 ? $" ({reports})" : "")} | {basis} | {cost.Seconds:0.00} s | {cost.Seconds + cost.Added:0.00} s | {100 * Median(runs.Select(run => run.With.Seconds / run.Without.Seconds - 1)):+0.0;-0.0} % | {cost.Megabytes - cost.AddedMegabytes:0} MB | {cost.Megabytes:0} MB |"));
            return cost;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[sorted.Count / 2 - 1] + sorted[sorted.Count / 2]) / 2;
    }
}
