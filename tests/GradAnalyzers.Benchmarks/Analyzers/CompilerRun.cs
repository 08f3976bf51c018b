using System.Diagnostics;
using System.Reflection;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>What one run of the compiler took.</summary>
/// <param name="Seconds">Processor time of the whole process.</param>
/// <param name="Megabytes">Largest working set.</param>
/// <param name="Warnings">Reports of analyzers, by id.</param>
internal sealed record CompilerRun(double Seconds, double Megabytes, IReadOnlyDictionary<string, int> Warnings, string Output)
{
    /// <summary>The SDK's own analyzers at their default level, which every project of .NET 5 and later runs.</summary>
    public static string SdkAnalyzers
    {
        get
        {
            var folder = Metadata("SdkAnalyzers");
            var level = Directory.GetFiles(Path.Combine(folder, "build", "config"), "analysislevel_*_default.globalconfig").OrderBy(path => path.Length).ThenBy(path => path, StringComparer.Ordinal).Last();
            return string.Join(' ', Directory.GetFiles(folder, "*NetAnalyzers.dll").Where(path => !path.Contains("VisualBasic")).Select(Analyzer)) + $" -analyzerconfig:\"{level}\"";
        }
    }

    public static string GradAnalyzers => Analyzer(Metadata("Analyzers"));

    public static string Analyzer(string path) => $"-a:\"{path}\"";

    /// <summary>Compiler options for a library of these sources.</summary>
    public static string Library(IEnumerable<string> files, bool withTorchSharp, string output)
    {
        var references = Directory.GetFiles(Metadata("ReferencePack"), "*.dll").Concat(withTorchSharp ? [typeof(TorchSharp.torch).Assembly.Location] : []);
        return $"-nologo -target:library -langversion:latest -unsafe -nowarn:CS1701 -out:\"{output}\" {string.Join(' ', references.Select(path => $"-r:\"{path}\""))} {string.Join(' ', files.Select(path => $"\"{path}\""))}";
    }

    /// <summary>Runs the SDK's compiler in a process of its own.</summary>
    /// <exception cref="InvalidOperationException">The sources do not compile.</exception>
    public static CompilerRun Of(params string[] options)
    {
        var response = Path.GetTempFileName();
        try
        {
            File.WriteAllText(response, string.Join('\n', options));
            using var process = Process.Start(new ProcessStartInfo("dotnet", [Metadata("Compiler"), "@" + response]) { RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEndAsync();
            var (time, memory) = (TimeSpan.Zero, 0L);
            // A process that has ended no longer says what it used.
            while (!process.WaitForExit(10))
            {
                try
                {
                    process.Refresh();
                    (time, memory) = (process.TotalProcessorTime, Math.Max(memory, process.WorkingSet64));
                }
                catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception)
                {
                }
            }

            var text = output.Result;
            if (text.Contains("error "))
                throw new InvalidOperationException(text);
            var warnings = text.Split('\n').Select(line => line.Split(": warning ")).Where(parts => parts.Length > 1).Select(parts => parts[1].Split(':')[0]);
            return new(time.TotalSeconds, memory / 1e6, warnings.CountBy(id => id).ToDictionary(), text);
        }
        finally
        {
            File.Delete(response);
        }
    }

    public static string Metadata(string key) =>
        typeof(CompilerRun).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
