namespace GradAnalyzers.Monitor;

/// <summary>What an alert is about.</summary>
public enum AlertKind
{
    /// <summary>Early layers, or the whole model, get almost no gradient.</summary>
    Vanishing,

    /// <summary>Gradients are too large, or grow from step to step.</summary>
    Exploding,

    /// <summary>A gradient or the loss is NaN or infinite.</summary>
    NonFinite,

    /// <summary>One step's gradient was many times the usual.</summary>
    Spike,

    /// <summary>Most units of a layer get a gradient of exactly zero.</summary>
    Dead,

    /// <summary>All units of a layer get the same gradient.</summary>
    Identical,

    /// <summary>A parameter has a gradient but never changes.</summary>
    NeverUpdated,

    /// <summary>Gradients are never cleared between steps.</summary>
    NeverCleared,

    /// <summary>Backward leaves a parameter without gradient.</summary>
    NoGradient,

    /// <summary>Updates are far too large or too small for the weights.</summary>
    UpdateSize,

    /// <summary>Activations sit where they pass no gradient.</summary>
    Saturated,

    /// <summary>The monitor itself could not do its work. Training is not touched.</summary>
    Monitor,

    /// <summary>A layer's first gradient is a hundred times off what the analyzers predicted at build. <see cref="GradientMonitorOptions.AlertOnDeparture"/> turns it off.</summary>
    DepartsFromPrediction,
}

/// <summary>Something that the training run needs a person for.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Step">The step at which it was found.</param>
/// <param name="Parameter">The path of the parameter where it shows best; empty where it concerns the whole model.</param>
/// <param name="Message">What was measured, and the remedy.</param>
/// <param name="Rule">The rule of the analyzers that would have warned, such as <c>GRAD1001</c>; null where none could.</param>
/// <param name="Parameters">All parameters concerned.</param>
public sealed record GradientAlert(AlertKind Kind, long Step, string Parameter, string Message, string? Rule, IReadOnlyList<string> Parameters)
{
    /// <summary>The page of <see cref="Rule"/>, or null.</summary>
    public string? RulePage => Rule is null ? null : $"https://github.com/GradAnalyzers/GradAnalyzers/blob/main/docs/rules/{Rule}.md";

    /// <summary><c>step 120: vanishing at 'fc1.weight': ... (GRAD1001)</c></summary>
    public override string ToString() =>
        $"step {Step}: {Word(Kind)}"
        + $"{(Parameter.Length > 0 ? $" at '{Parameter}'" : "")}: {Message}{(Rule is null ? "" : $" ({Rule})")}";

    internal static string Word(AlertKind kind) => kind switch
    {
        AlertKind.NonFinite => "non-finite",
        AlertKind.NeverUpdated => "never updated",
        AlertKind.NeverCleared => "never cleared",
        AlertKind.NoGradient => "no gradient",
        AlertKind.UpdateSize => "update size",
        AlertKind.DepartsFromPrediction => "departs from prediction",
        _ => kind.ToString().ToLowerInvariant(),
    };
}

/// <summary>Thrown instead of an alert where <see cref="GradientMonitorOptions.ThrowOnAlert"/> asks for it, and on non-finite gradients where <see cref="NonFiniteAction.Throw"/> does.</summary>
/// <param name="alert">The alert.</param>
public sealed class GradientAlertException(GradientAlert alert) : Exception(alert.ToString())
{
    /// <summary>The alert that was thrown.</summary>
    public GradientAlert Alert { get; } = alert;
}
