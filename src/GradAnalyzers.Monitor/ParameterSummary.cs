namespace GradAnalyzers.Monitor;

/// <summary>What was accumulated for one parameter over the run: a row of the evidence file.</summary>
/// <param name="Parameter">The path in <c>named_parameters()</c>.</param>
/// <param name="Verdict">What the observations say.</param>
public sealed record ParameterSummary(string Parameter, GradientVerdict Verdict)
{
    /// <summary>The step at which it was first measured; 0 if never.</summary>
    public long FirstStep { get; init; }

    /// <summary>The step at which it was last measured; 0 if never.</summary>
    public long LastStep { get; init; }

    /// <summary>How often it was measured.</summary>
    public long Observations { get; init; }

    /// <summary>How often it had no gradient when the model was observed.</summary>
    public long MissingObservations { get; init; }

    /// <summary>The first norm of its gradient; NaN if never measured.</summary>
    public double FirstNorm { get; init; }

    /// <summary>The median norm over the run (of at most 256 observations, spread evenly).</summary>
    public double MedianNorm { get; init; }

    /// <summary>The last norm; NaN where the last observation found no gradient.</summary>
    public double LastNorm { get; init; }

    /// <summary>The last mean absolute gradient.</summary>
    public double MeanAbsolute { get; init; }

    /// <summary>The last largest absolute gradient.</summary>
    public double Maximum { get; init; }

    /// <summary>The last share of elements that are exactly zero, 0 to 1.</summary>
    public double ZeroShare { get; init; }

    /// <summary>Elements that were NaN or infinite, over all observations.</summary>
    public long NonFinite { get; init; }

    /// <summary>The last update over the parameter's size; NaN where not measured.</summary>
    public double UpdateRatio { get; init; }

    /// <summary>The number of elements.</summary>
    public long Elements { get; init; }

    /// <summary>The first norm of its gradient over the largest first norm of the model; NaN if never measured.</summary>
    public double MeasuredRelative { get; init; }

    /// <summary>The same, as the analyzers predicted it when the model was built; NaN where they did not.</summary>
    public double PredictedRelative { get; init; }

    /// <summary>The kinds of alerts raised for it.</summary>
    public required IReadOnlyList<AlertKind> Alerts { get; init; }
}
