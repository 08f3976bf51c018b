using System.Collections.Immutable;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>What the analyzers add to binding real repositories, in a warm process, beside an idle analyzer and two well-known packages.</summary>
internal static class RepositoryCost
{
    private const int Runs = 3;

    public static void Run(string folder, string part)
    {
        var analyzers = new (string Name, ImmutableArray<DiagnosticAnalyzer> Analyzers)[]
        {
            ("idle", [new IdleAnalyzer()]),
            ("ours", WarmCompiler.Load(CompilerRun.Metadata("Analyzers"))),
            ("Roslynator", WarmCompiler.Load(CompilerRun.Metadata("Roslynator"))),
            ("Meziantou", WarmCompiler.Load(CompilerRun.Metadata("Meziantou"))),
        };
        var repositories = Repository.In(folder, part).ToList();
        // Twice over the smallest: what follows is compiled just in time.
        var smallest = repositories.MinBy(repository => repository.Sources.Sum(source => source.Text.Length))!;
        for (var round = 0; round < 2; round++)
        {
            WarmCompiler.Bind(WarmCompiler.Compile(smallest));
            foreach (var one in analyzers)
                WarmCompiler.Analyze(WarmCompiler.Compile(smallest), one.Analyzers);
        }

        Console.WriteLine($"Processor time in a warm process, best of {Runs} alternating runs; what is added, in parts of binding alone. Ours, Roslynator's and Meziantou's above the idle analyzer.");
        Console.WriteLine();
        Console.WriteLine("| repository (lines) | bind | idle | ours above idle | Roslynator above idle | Meziantou above idle | peak idle | peak ours |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|--:|");
        var shares = new List<double>();
        foreach (var repository in repositories)
        {
            var bind = double.MaxValue;
            var best = analyzers.Select(_ => double.MaxValue).ToArray();
            var peak = new double[analyzers.Length];
            var reports = 0;
            for (var run = 0; run < Runs; run++)
            {
                bind = Math.Min(bind, WarmCompiler.Bind(WarmCompiler.Compile(repository)));
                for (var index = 0; index < analyzers.Length; index++)
                {
                    using var memory = new PeakMemory();
                    var (seconds, found) = WarmCompiler.Analyze(WarmCompiler.Compile(repository), analyzers[index].Analyzers);
                    best[index] = Math.Min(best[index], seconds);
                    peak[index] = Math.Max(peak[index], memory.Megabytes);
                    if (analyzers[index].Name == "ours")
                        reports = found.Length;
                }
            }

            var lines = repository.Sources.Sum(source => source.Text.Count(character => character == '\n'));
            shares.Add((best[1] - best[0]) / bind);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {repository.Name.Replace('+', '/')} ({lines:N0}; {reports} reports) | {bind:0.00} s | {100 * (best[0] / bind - 1):+0;-0} % | {100 * shares[^1]:+0;-0} % | {100 * (best[2] - best[0]) / bind:+0;-0} % | {100 * (best[3] - best[0]) / bind:+0;-0} % | {peak[0]:0} MB | {peak[1]:0} MB |"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| median | | | {100 * shares.Order().ElementAt(shares.Count / 2):+0;-0} % | | | | |"));
    }

    /// <summary>Ours alone, round after round: something to run under a profiler, or to compare two builds with.</summary>
    public static void Rounds(string folder, string part, int rounds, string? dll)
    {
        var ours = WarmCompiler.Load(dll ?? CompilerRun.Metadata("Analyzers"));
        ImmutableArray<DiagnosticAnalyzer> idle = [new IdleAnalyzer()];
        var repositories = Repository.In(folder, part).ToList();
        foreach (var repository in repositories)
            Console.WriteLine($"{repository.Name}: {WarmCompiler.Compile(repository).GetDiagnostics().Count(one => one.Severity == DiagnosticSeverity.Error)} compiler errors with {repository.References.Length - WarmCompiler.References.Length} packages' assemblies");
        for (var round = 0; round < rounds; round++)
        {
            foreach (var repository in repositories)
            {
                var before = GC.GetTotalAllocatedBytes();
                var without = WarmCompiler.Analyze(WarmCompiler.Compile(repository), idle).Seconds;
                var between = GC.GetTotalAllocatedBytes();
                var with = WarmCompiler.Analyze(WarmCompiler.Compile(repository), ours).Seconds;
                var allocated = GC.GetTotalAllocatedBytes() - between - (between - before);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{repository.Name}: idle {without:0.00} s, ours {with - without:+0.00;-0.00} s, {allocated / 1e6:+0;-0} MB allocated"));
            }
        }
    }

    /// <summary>The largest managed heap while something runs, looked at 100 times a second.</summary>
    private sealed class PeakMemory : IDisposable
    {
        private readonly Timer _timer;
        private readonly long _before = GC.GetTotalMemory(forceFullCollection: true);
        private long _largest;

        public PeakMemory() => _timer = new Timer(_ => _largest = Math.Max(_largest, GC.GetTotalMemory(false)), null, 0, 10);

        public double Megabytes => Math.Max(0, Math.Max(_largest, GC.GetTotalMemory(false)) - _before) / 1e6;

        public void Dispose() => _timer.Dispose();
    }
}
