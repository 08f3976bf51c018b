namespace GradAnalyzers.Monitor;

/// <summary>What an alert does to the training.</summary>
public enum AlertAction
{
    /// <summary>Nothing: it is reported.</summary>
    Continue,

    /// <summary><see cref="GradientMonitor.ShouldStop"/> turns true; the loop ends itself where it asks.</summary>
    Stop,

    /// <summary>It is thrown as a <see cref="GradientAlertException"/> out of the call that found it.</summary>
    Throw,
}
