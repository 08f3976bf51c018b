namespace GradAnalyzers.Monitor;

/// <summary>The gradient of one parameter at one step.</summary>
/// <param name="Parameter">The path of the parameter in <c>named_parameters()</c>, such as <c>encoder.fc1.weight</c>.</param>
/// <param name="Norm">The Euclidean norm of the gradient. NaN where there is no gradient, or where it holds NaN.</param>
public readonly record struct ParameterGradient(string Parameter, double Norm)
{
    /// <summary>The mean of the absolute values. NaN in an observation of norms only.</summary>
    public double MeanAbsolute { get; init; } = double.NaN;

    /// <summary>The largest absolute value. NaN in an observation of norms only.</summary>
    public double Maximum { get; init; } = double.NaN;

    /// <summary>The share of elements that are exactly zero, 0 to 1. NaN in an observation of norms only.</summary>
    public double ZeroShare { get; init; } = double.NaN;

    /// <summary>The number of elements that are NaN or infinite.</summary>
    public long NonFinite { get; init; }

    /// <summary>Norm of the last measured update over the norm of the parameter before it. NaN where <see cref="GradientMonitorOptions.MeasureUpdates"/> is off.</summary>
    public double UpdateRatio { get; init; } = double.NaN;

    /// <summary>Backward left no gradient.</summary>
    public bool IsMissing => double.IsNaN(Norm) && NonFinite == 0;
}
