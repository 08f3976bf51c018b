using System.Globalization;
using System.Text;
using GradAnalyzers.Monitor.Sinks;

namespace GradAnalyzers.Monitor;

/// <summary>
/// The evidence file: what was measured, one row a parameter, for people and for scripts.
/// Written as a whole and moved into place, so that a reader, or a process that is killed, never leaves half a file.
/// <c>docs/monitor.md</c> describes the columns.
/// </summary>
public sealed class EvidenceFile : IGradientSink
{
    /// <summary>The version in the first line. It changes when a column changes its meaning or goes away; new columns come at the end.</summary>
    public const int Version = 1;

    private const string Columns = "parameter,verdict,first_step,last_step,observations,missing,norm_first,norm_median,norm_last,mean_absolute,maximum,zero_share,non_finite,update_ratio,elements,alerts,relative,predicted";

    private readonly OutputFile file;
    private readonly TimeSpan interval;
    private GradientMonitor? last;
    private long writtenAt;
    private long writtenStep = -1;
    private int writtenAlerts;

    /// <summary>Writes evidence to a file.</summary>
    /// <param name="path">The file. Where its name ends in <c>.gradients.csv</c> and it lies beside the project file or in its folder <c>gradients</c>, the next build shows what it says at the layers. Its folder is made where it is missing.</param>
    /// <param name="interval">The least time between two writes, 2 seconds if null. An alert is written with its observation; the end of the run always.</param>
    public EvidenceFile(string path, TimeSpan? interval = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (interval < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(interval), interval, $"interval is {interval}; it must not be negative.");
        file = new OutputFile(path, "evidence file");
        this.interval = interval ?? TimeSpan.FromSeconds(2);
    }

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        last = monitor;
        if (writtenStep < 0 || TimeSpan.FromMilliseconds(Environment.TickCount64 - writtenAt) >= interval)
            Write(monitor);
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert)
    {
        last = monitor;
        Write(monitor);
    }

    /// <summary>Writes what was observed since the last write.</summary>
    public void Dispose()
    {
        if (last is not null && (last.Step != writtenStep || last.Alerts.Count != writtenAlerts))
            Write(last);
    }

    private void Write(GradientMonitor monitor)
    {
        // Noted first: a path that can't be written must not be tried at every step.
        (writtenAt, writtenStep, writtenAlerts) = (Environment.TickCount64, monitor.Step, monitor.Alerts.Count);
        file.Write(Text(monitor));
    }

    private static string Text(GradientMonitor monitor)
    {
        var text = new StringBuilder();
        text.Append("# GradAnalyzers gradient evidence, version ").Append(Version).Append(", model ").Append(Quoted(monitor.ModelName))
            .Append(", steps ").Append(monitor.Step).Append(", observations ").Append(monitor.Observations).Append('\n');
        text.Append(Columns).Append('\n');
        foreach (var s in monitor.Summaries())
            text.AppendJoin(',', Quoted(s.Parameter), Word(s.Verdict.ToString()), s.FirstStep, s.LastStep, s.Observations, s.MissingObservations,
                Number(s.FirstNorm), Number(s.MedianNorm), Number(s.LastNorm), Number(s.MeanAbsolute), Number(s.Maximum), Number(s.ZeroShare),
                s.NonFinite, Number(s.UpdateRatio), s.Elements, string.Join(';', s.Alerts.Select(a => Word(a.ToString()))), Number(s.MeasuredRelative), Number(s.PredictedRelative)).Append('\n');
        return text.ToString();
    }

    /// <summary>Empty where unknown; as many digits as float32 has.</summary>
    internal static string Number(double value) => double.IsNaN(value) ? "" : value.ToString("G7", CultureInfo.InvariantCulture);

    /// <summary><c>NeverUpdated</c> as <c>never-updated</c>.</summary>
    private static string Word(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? "-" : "") + char.ToLowerInvariant(c) : c.ToString()));

    /// <summary>A field as text: control characters were written out before, and what a spreadsheet would run as a formula begins with an apostrophe.</summary>
    internal static string Quoted(string value)
    {
        if (value.Length > 0 && "=+-@".Contains(value[0]))
            value = "'" + value;
        return value.AsSpan().IndexOfAny(",\"") < 0 ? value : $"\"{value.Replace("\"", "\"\"")}\"";
    }
}
