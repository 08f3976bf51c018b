using System.Text.Json;
using GradAnalyzers.Monitor.Sinks;

namespace GradAnalyzers.Monitor;

/// <summary>
/// The run as one HTML file that needs nothing else: the verdict and what to do first, heat map of the gradient norms over the steps, loss, global norm, first/last ratio, update ratio,
/// alerts and the table of parameters. Of large models what alerts name is always shown, and the rest evenly thinned out, so that the file stays below a megabyte.
/// Drawn in the browser by Observable Plot and D3, which are inside the file.
/// </summary>
/// <param name="path">The file to write when the monitor is disposed, and at most every <paramref name="interval"/> before that.</param>
/// <param name="interval">The least time between two writes; only at the end if null. Until the end a page that is open in a browser loads itself again as often.</param>
/// <param name="comparedWith">Files of <see cref="JsonSummary"/> of other runs, whose curves are drawn beside these. One that is missing or can't be read is left out.</param>
public sealed class HtmlReport(string path, TimeSpan? interval = null, IReadOnlyList<string>? comparedWith = null) : IGradientSink
{
    private readonly OutputFile file = new(path, "report");
    private GradientMonitor? last;
    private long writtenAt = Environment.TickCount64;
    private bool isWritten;

    /// <summary>The file.</summary>
    public string Path => file.Path;

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        last = monitor;
        if (interval is not { } least || isWritten && TimeSpan.FromMilliseconds(Environment.TickCount64 - writtenAt) < least)
            return;
        (writtenAt, isWritten) = (Environment.TickCount64, true);
        file.Write(Page(monitor, isFinished: false, least, comparedWith));
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert) => last = monitor;

    /// <summary>Writes the report.</summary>
    public void Dispose()
    {
        if (last is not null)
            file.Write(Page(last, isFinished: true, null, comparedWith));
    }

    /// <summary>Writes the report of a run as it stands.</summary>
    /// <param name="monitor">The monitor of the run.</param>
    /// <param name="path">The file to write; its folder is made where it is missing.</param>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static void Write(GradientMonitor monitor, string path)
    {
        ArgumentNullException.ThrowIfNull(monitor);
        new OutputFile(path, "report").Write(Page(monitor, isFinished: true, null, null));
    }

    internal static string Page(GradientMonitor monitor, bool isFinished = true, TimeSpan? refresh = null, IReadOnlyList<string>? comparedWith = null) => Resource("report.html")
        .Replace("/*d3*/", Resource("d3.min.js"))
        .Replace("/*plot*/", Resource("plot.umd.min.js"))
        .Replace("/*data*/null", RunData.Json(RunData.ForPage(monitor, isFinished, refresh, Others(comparedWith ?? []))));

    private static List<JsonElement> Others(IReadOnlyList<string> files)
    {
        var others = new List<JsonElement>();
        foreach (var file in files)
            try
            {
                using var document = JsonDocument.Parse(File.ReadAllText(file));
                if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("history", out _))
                    others.Add(document.RootElement.Clone());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
            {
                // A run that was never written is nothing to compare with.
            }
        return others;
    }

    private static string Resource(string name)
    {
        using var stream = typeof(HtmlReport).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
