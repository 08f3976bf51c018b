namespace GradAnalyzers.Monitor;

/// <summary>
/// Takes what a monitor observes somewhere: a log, a file, a dashboard. Called on the training thread, between backward and step.
/// A sink that throws is asked again later, at most once a minute at last; an alert says so once, and training goes on.
/// </summary>
public interface IGradientSink : IDisposable
{
    /// <summary>An observation was made. After it come its alerts.</summary>
    /// <param name="monitor">The monitor.</param>
    /// <param name="observation">What was measured.</param>
    void Observed(GradientMonitor monitor, GradientObservation observation);

    /// <summary>An alert was raised.</summary>
    /// <param name="monitor">The monitor.</param>
    /// <param name="alert">The alert.</param>
    void Alerted(GradientMonitor monitor, GradientAlert alert);
}
