using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>What writing the facts adds to a build of real repositories, beside what the rules cost there; and how large they are.</summary>
internal static class FactsCost
{
    private const int Runs = 3;

    public static void Run(string folder, string part)
    {
        var analyzers = WarmCompiler.Load(CompilerRun.Metadata("Analyzers"));
        var generator = (IIncrementalGenerator)Activator.CreateInstance(analyzers[0].GetType().Assembly.GetType("GradAnalyzers.Facts.FactsGenerator", throwOnError: true)!)!;
        Console.WriteLine("| repository | rules above idle | rules and facts above idle | facts, in parts of the rules | bytes of facts | facts |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|");
        foreach (var repository in Repository.In(folder, part))
        {
            var (idle, rules, both, text) = (double.MaxValue, double.MaxValue, double.MaxValue, "");
            for (var run = 0; run <= Runs; run++)
            {
                var (idleNow, _) = WarmCompiler.Analyze(WarmCompiler.Compile(repository), [new IdleAnalyzer()]);
                var (rulesNow, _) = WarmCompiler.Analyze(WarmCompiler.Compile(repository), analyzers);
                var compilation = WarmCompiler.Compile(repository);
                Compilation updated = compilation;
                var bothNow = WarmCompiler.Seconds(() => CSharpGeneratorDriver.Create(generator).RunGeneratorsAndUpdateCompilation(compilation, out updated, out _));
                text = updated.SyntaxTrees.Last().FilePath.EndsWith(".Facts.g.cs", StringComparison.Ordinal) ? updated.SyntaxTrees.Last().ToString() : "";
                bothNow += WarmCompiler.Analyze((CSharpCompilation)updated, analyzers).Seconds;
                // The first run compiles just in time.
                if (run > 0)
                    (idle, rules, both) = (Math.Min(idle, idleNow), Math.Min(rules, rulesNow), Math.Min(both, bothNow));
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {repository.Name} | {rules - idle:0.00} s | {both - idle:0.00} s | {100 * (both - rules) / (rules - idle):+0;-0} % | {text.Length:N0} | {text.Count(character => character == '\n')} |"));
        }
    }
}
