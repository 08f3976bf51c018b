using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace GradAnalyzers.Package.Tests;

/// <summary>One line of a tool's output in the form <c>file(line,column): severity id: message</c>.</summary>
public sealed record Diagnostic(string File, int Line, int Column, string Severity, string Id, string Message);

/// <summary>What a run of a command-line tool gave.</summary>
public sealed partial record Run(string Command, int ExitCode, string Output)
{
    /// <summary>Every diagnostic of the output once, in the order of its place.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; } =
    [
        .. DiagnosticLine().Matches(Output)
            .Select(match => new Diagnostic(
                Path.GetFileName(match.Groups["file"].Value),
                int.Parse(match.Groups["line"].Value),
                int.Parse(match.Groups["column"].Value),
                match.Groups["severity"].Value,
                match.Groups["id"].Value,
                match.Groups["message"].Value))
            .Distinct()
            .OrderBy(diagnostic => (diagnostic.File, diagnostic.Line, diagnostic.Column, diagnostic.Id)),
    ];

    /// <summary>Those that this package reports.</summary>
    public IEnumerable<Diagnostic> Reports => Diagnostics.Where(diagnostic => diagnostic.Id.StartsWith("GRAD", StringComparison.Ordinal));

    public Run Succeeded() => Exited(0);

    public Run Exited(int code)
    {
        Assert.True(ExitCode == code, $"'{Command}' exited with {ExitCode}, not {code}:\n{Output}");
        return this;
    }

    [GeneratedRegex(@"^\s*(?<file>[^\s(][^(\r\n]*)\((?<line>\d+),(?<column>\d+)\): (?<severity>error|warning|info) (?<id>\w+): (?<message>.*?)(?: \[[^\]]*\])?\r?$", RegexOptions.Multiline)]
    private static partial Regex DiagnosticLine();
}

/// <summary>Runs the real tools.</summary>
internal static class Tool
{
    /// <summary>A tool that hangs is stopped after this; none comes near it.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    /// <summary>Runs <c>dotnet</c> in a folder, without the settings that the run of these tests itself has inherited.</summary>
    public static Task<Run> DotNet(string folder, params IEnumerable<string> arguments) => Start(folder, "dotnet", arguments);

    /// <summary>Runs a program in a folder, without the settings that the run of these tests itself has inherited.</summary>
    public static async Task<Run> Start(string folder, string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment["DOTNET_NOLOGO"] = "1";

        using var process = new Process { StartInfo = start };
        var output = new StringBuilder();
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var command = $"{program} {string.Join(' ', start.ArgumentList)}";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Longest);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            throw new TimeoutException($"'{command}' did not end in {Longest.TotalMinutes} minutes:\n{output}");
        }
        return new Run(command, process.ExitCode, output.ToString());

        void Append(string? line)
        {
            lock (output)
                if (line is not null)
                    output.AppendLine(line);
        }
    }
}
