using GradAnalyzers.Monitor.Sinks;

namespace GradAnalyzers.Monitor;

/// <summary>
/// The run for machines: one JSON object with <c>verdict</c>, <c>healthy</c>, <c>should_stop</c>, <c>advice</c>, <c>alerts</c>, <c>unhealthy_parameters</c> and the bounded <c>history</c>.
/// Written with the first observation, with each alert and at the end (<c>finished</c>), as a whole. For CI: <c>jq -e .healthy summary.json</c>; and <see cref="HtmlReport"/> draws its curves beside another run's.
/// </summary>
/// <param name="path">The file; its folder is made where it is missing.</param>
public sealed class JsonSummary(string path) : IGradientSink
{
    private readonly OutputFile file = new(path, "summary");
    private GradientMonitor? last;

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        if (last is null)
            Write(monitor, isFinished: false);
        last = monitor;
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert)
    {
        last = monitor;
        Write(monitor, isFinished: false);
    }

    /// <summary>Writes the end of the run.</summary>
    public void Dispose()
    {
        if (last is not null)
            Write(last, isFinished: true);
    }

    private void Write(GradientMonitor monitor, bool isFinished) => file.Write(RunData.Json(RunData.ForMachines(monitor, isFinished), isIndented: true) + "\n");
}
