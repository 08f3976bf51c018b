using System.Globalization;
using System.Text.Json;

namespace GradAnalyzers.Monitor;

/// <summary>
/// The run as one HTML file that needs nothing else: heat map of every parameter's gradient norm over the steps, loss, global norm, first/last ratio, update ratio, alerts and
/// the table of parameters. Drawn in the browser by Observable Plot and D3, which are inside the file.
/// </summary>
/// <param name="path">The file to write when the monitor is disposed, and at most every <paramref name="interval"/> before that.</param>
/// <param name="interval">The least time between two writes; only at the end if null.</param>
public sealed class HtmlReport(string path, TimeSpan? interval = null) : IGradientSink
{
    /// <summary>JSON has no NaN; the page takes null for it.</summary>
    private const int Digits = 4;

    private readonly string path = Path.GetFullPath(path);
    private GradientMonitor? last;
    private long writtenAt = Environment.TickCount64;

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        last = monitor;
        if (interval is not { } least || TimeSpan.FromMilliseconds(Environment.TickCount64 - writtenAt) < least)
            return;
        writtenAt = Environment.TickCount64;
        Write(monitor, path);
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert) => last = monitor;

    /// <summary>Writes the report.</summary>
    public void Dispose()
    {
        if (last is not null)
            Write(last, path);
    }

    /// <summary>Writes the report of a run as it stands.</summary>
    /// <param name="monitor">The monitor of the run.</param>
    /// <param name="path">The file to write; its folder is made where it is missing.</param>
    public static void Write(GradientMonitor monitor, string path)
    {
        ArgumentNullException.ThrowIfNull(monitor);
        path = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        File.WriteAllText(temporary, Page(monitor));
        File.Move(temporary, path, overwrite: true);
    }

    internal static string Page(GradientMonitor monitor) => Resource("report.html")
        .Replace("/*d3*/", Resource("d3.min.js"))
        .Replace("/*plot*/", Resource("plot.umd.min.js"))
        .Replace("/*data*/null", Json(monitor));

    private static string Json(GradientMonitor monitor)
    {
        var columns = monitor.History;
        var summaries = monitor.Summaries();
        return JsonSerializer.Serialize(new
        {
            model = monitor.ModelName,
            step = monitor.Step,
            observations = monitor.Observations,
            verdict = Word(monitor.Verdict),
            steps = columns.Select(c => c.Step),
            loss = columns.Select(c => Number(c.Loss)),
            globalNorm = columns.Select(c => Number(c.GlobalNorm)),
            ratio = columns.Select(c => Number(c.FirstToLastRatio)),
            updateRatio = columns.Select(c => Number(c.MedianUpdateRatio)),
            norms = monitor.Records.Where(r => r.Norms.Count > 0).Select(r => new { path = r.Path, values = r.Norms.Select(v => Number(v)) }),
            parameters = summaries.Select(s => new
            {
                path = s.Parameter,
                verdict = Word(s.Verdict),
                elements = s.Elements,
                first = Number(s.FirstNorm),
                median = Number(s.MedianNorm),
                last = Number(s.LastNorm),
                zero = Number(s.ZeroShare),
                update = Number(s.UpdateRatio),
                nonFinite = s.NonFinite,
            }),
            alerts = monitor.Alerts.Select(a => new { step = a.Step, kind = a.Kind.ToString(), parameter = a.Parameter, message = a.Message, rule = a.Rule, page = a.RulePage }),
            vanishingRatio = monitor.Options.VanishingRatio,
            explodingRatio = monitor.Options.ExplodingRatio,
        });
    }

    private static string Word(GradientVerdict verdict) => verdict switch
    {
        GradientVerdict.NonFinite => "non-finite",
        GradientVerdict.NoGradient => "no gradient",
        GradientVerdict.NeverUpdated => "never updated",
        GradientVerdict.NeverCleared => "never cleared",
        _ => verdict.ToString().ToLowerInvariant(),
    };

    private static double? Number(double value) =>
        double.IsFinite(value) ? double.Parse(value.ToString($"G{Digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : null;

    private static string Resource(string name)
    {
        using var stream = typeof(HtmlReport).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
