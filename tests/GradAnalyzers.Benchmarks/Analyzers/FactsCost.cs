using System.Collections.Immutable;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>What writing the facts adds to a build of real repositories, beside what the rules cost there; and how large they are.</summary>
internal static class FactsCost
{
    private const int Runs = 3;

    public static void Run(string folder, string part)
    {
        var analyzers = WarmCompiler.Load(CompilerRun.Metadata("Analyzers"));
        var generator = (IIncrementalGenerator)Activator.CreateInstance(analyzers[0].GetType().Assembly.GetType("GradAnalyzers.Facts.FactsGenerator", throwOnError: true)!)!;
        Console.WriteLine("| repository | rules above idle | rules and facts above idle | facts, in parts of the rules | allocated: rules | facts | rules after them | bytes of facts | facts |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        foreach (var repository in Repository.In(folder, part))
        {
            var (idle, rules, both, text) = (Least.None, Least.None, Least.None, "");
            var (written, after) = (Least.None, Least.None);
            for (var run = 0; run <= Runs; run++)
            {
                var idleNow = Least.Of(WarmCompiler.Compile(repository), [new IdleAnalyzer()]);
                var rulesNow = Least.Of(WarmCompiler.Compile(repository), analyzers);
                var compilation = WarmCompiler.Compile(repository);
                Compilation updated = compilation;
                var writtenNow = Least.Of(() => WarmCompiler.Seconds(() => CSharpGeneratorDriver.Create(generator).RunGeneratorsAndUpdateCompilation(compilation, out updated, out _)));
                text = updated.SyntaxTrees.Last().FilePath.EndsWith(".Facts.g.cs", StringComparison.Ordinal) ? updated.SyntaxTrees.Last().ToString() : "";
                var afterNow = Least.Of((CSharpCompilation)updated, analyzers);
                // The first run compiles just in time.
                if (run == 0)
                    continue;
                (idle, rules, written, after) = (idle.And(idleNow), rules.And(rulesNow), written.And(writtenNow), after.And(afterNow));
                both = both.And(new(writtenNow.Seconds + afterNow.Seconds, 0));
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {repository.Name} | {rules.Seconds - idle.Seconds:0.00} s | {both.Seconds - idle.Seconds:0.00} s | {100 * (both.Seconds - rules.Seconds) / (rules.Seconds - idle.Seconds):+0;-0} % "
                + $"| {rules.Megabytes - idle.Megabytes:0} MB | {written.Megabytes:0} MB | {after.Megabytes - idle.Megabytes:0} MB | {text.Length:N0} | {text.Count(character => character == '\n')} |"));
        }
    }

    /// <summary>The least of several runs: processor time, and what was allocated, which no other work on the machine changes.</summary>
    private readonly record struct Least(double Seconds, double Megabytes)
    {
        public static Least None { get; } = new(double.MaxValue, double.MaxValue);

        public static Least Of(CSharpCompilation compilation, ImmutableArray<DiagnosticAnalyzer> analyzers) => Of(() => WarmCompiler.Analyze(compilation, analyzers).Seconds);

        public static Least Of(Func<double> run)
        {
            var before = GC.GetTotalAllocatedBytes();
            var seconds = run();
            return new(seconds, (GC.GetTotalAllocatedBytes() - before) / 1e6);
        }

        public Least And(Least other) => new(Math.Min(Seconds, other.Seconds), Math.Min(Megabytes, other.Megabytes));
    }
}
