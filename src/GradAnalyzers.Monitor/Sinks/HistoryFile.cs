using System.Globalization;
using System.Text;
using GradAnalyzers.Monitor.Sinks;

namespace GradAnalyzers.Monitor;

/// <summary>
/// The history as a table, one row an observation: <c>step,loss,global_norm,first_to_last,update_ratio</c> and a column for the norm of each parameter. Bounded as
/// <see cref="GradientMonitor.History"/> is, at most 256 rows; of models with more than 200 parameters those that alerts name and an even choice of the rest.
/// </summary>
public sealed class HistoryFile : IGradientSink
{
    private const int MostParameters = 200;

    private readonly OutputFile file;
    private readonly TimeSpan interval;
    private GradientMonitor? last;
    private long writtenAt;

    /// <summary>Writes the history to a file.</summary>
    /// <param name="path">The file, CSV; its folder is made where it is missing.</param>
    /// <param name="interval">The least time between two writes, 10 seconds if null. The end of the run is always written.</param>
    public HistoryFile(string path, TimeSpan? interval = null)
    {
        if (interval < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(interval), interval, $"interval is {interval}; it must not be negative.");
        file = new OutputFile(path, "history");
        this.interval = interval ?? TimeSpan.FromSeconds(10);
    }

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        var isFirst = last is null;
        last = monitor;
        if (isFirst || TimeSpan.FromMilliseconds(Environment.TickCount64 - writtenAt) >= interval)
            Write(monitor);
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert) => last = monitor;

    /// <summary>Writes what was observed since the last write.</summary>
    public void Dispose()
    {
        if (last is not null)
            Write(last);
    }

    private void Write(GradientMonitor monitor)
    {
        writtenAt = Environment.TickCount64;
        var shown = RunData.Shown([.. monitor.Records.Where(r => r.Norms.Count > 0)], r => r.Path, r => r.Role != Measurement.ParameterRole.Vector, monitor.Alerts, MostParameters);
        var text = new StringBuilder("step,loss,global_norm,first_to_last,update_ratio");
        foreach (var record in shown)
            text.Append(',').Append(EvidenceFile.Quoted(record.Path));
        text.Append('\n');
        for (var i = 0; i < monitor.History.Count; i++)
        {
            var point = monitor.History[i];
            text.Append(point.Step.ToString(CultureInfo.InvariantCulture));
            foreach (var value in new[] { point.Loss, point.GlobalNorm, point.FirstToLastRatio, point.MedianUpdateRatio }.Concat(shown.Select(r => i < r.Norms.Count ? (double)r.Norms[i] : double.NaN)))
                text.Append(',').Append(EvidenceFile.Number(value));
            text.Append('\n');
        }
        file.Write(text.ToString());
    }
}
