using System.Globalization;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>All reports over the repositories of a folder, sorted, to compare two versions of the analyzers line by line.</summary>
internal static class Reports
{
    public static void Write(string folder, string file, string? analyzers)
    {
        using var writer = new StreamWriter(file);
        var ours = WarmCompiler.Load(analyzers ?? CompilerRun.Metadata("Analyzers"));
        foreach (var repository in Repository.In(folder))
        {
            var (seconds, reports) = WarmCompiler.Analyze(WarmCompiler.Compile(repository), ours);
            foreach (var line in reports.Select(report => $"{repository.Name} {report.ToString()}").Order(StringComparer.Ordinal))
                writer.WriteLine(line);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{repository.Name}: {reports.Length} reports, {seconds:0.0} s"));
        }
    }
}
