using System.Globalization;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>All reports over the repositories of a folder, sorted, to compare two versions of the analyzers line by line.</summary>
internal static class Reports
{
    public static void Write(string folder, string file, string? analyzers)
    {
        using var writer = new StreamWriter(file);
        var ours = WarmCompiler.Load(analyzers ?? CompilerRun.Metadata("Analyzers"));
        foreach (var repository in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
        {
            var (seconds, reports) = WarmCompiler.Analyze(WarmCompiler.Compile(WarmCompiler.SourcesOf(repository)), ours);
            foreach (var line in reports.Select(report => $"{Path.GetFileName(repository)} {report.ToString()}").Order(StringComparer.Ordinal))
                writer.WriteLine(line);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(repository)}: {reports.Length} reports, {seconds:0.0} s"));
        }
    }
}
