using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>How many models of real repositories get a verdict, and what stops the reading of the others.</summary>
internal static partial class Verdicts
{
    public static void Write(string folder, string file, string? dll)
    {
        using var writer = new StreamWriter(file);
        var analyzers = WarmCompiler.Load(dll ?? CompilerRun.Metadata("Analyzers"));
        var report = analyzers.Where(analyzer => analyzer.SupportedDiagnostics.Any(descriptor => descriptor.Id == "GRAD0002")).ToImmutableArray();
        var reasons = new List<string>();
        var known = 0;
        var partial = 0;
        foreach (var repository in Repository.In(folder))
        {
            var compilation = WarmCompiler.Compile(repository);
            // Enabled for all files: it is off by default.
            compilation = compilation.WithOptions(compilation.Options.WithSpecificDiagnosticOptions([new("GRAD0002", ReportDiagnostic.Warn)]));
            var (seconds, reports) = WarmCompiler.Analyze(compilation, report);
            var verdicts = reports.Where(one => one.Id == "GRAD0002").Select(one => (Line: one.ToString(), Verdict: VerdictIn().Match(one.GetMessage()))).ToList();
            foreach (var (line, _) in verdicts.OrderBy(one => one.Line, StringComparer.Ordinal))
                writer.WriteLine($"{repository.Name} {line}");
            var unknown = verdicts.Where(one => one.Verdict.Groups["word"].Value == "unknown").ToList();
            known += verdicts.Count - unknown.Count;
            partial += verdicts.Count(one => one.Verdict.Groups["word"].Value.StartsWith("partly", StringComparison.Ordinal));
            reasons.AddRange(unknown.Select(one => NameIn().Replace(one.Verdict.Groups["reason"].Value, "'X'")));
            Console.WriteLine($"{repository.Name}: {verdicts.Count - unknown.Count} of {verdicts.Count} with a verdict, {seconds:0.0} s");
        }

        Console.WriteLine($"{known} of {known + reasons.Count} with a verdict ({100.0 * known / Math.Max(known + reasons.Count, 1):0} %), {partial} of these on a part only");
        foreach (var reason in reasons.GroupBy(reason => reason).OrderByDescending(group => group.Count()))
            Console.WriteLine($"{reason.Count(),5} {reason.Key}");
    }

    [GeneratedRegex(@"': (?<word>unknown|partly \w+|healthy|vanishing|exploding)(?: \((?<reason>.*?)\))?; first/last=")]
    private static partial Regex VerdictIn();

    [GeneratedRegex("'.*?'")]
    private static partial Regex NameIn();
}
