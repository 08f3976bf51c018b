namespace GradAnalyzers.Monitor;

/// <summary>What one observation measured: one read-back from the device.</summary>
/// <param name="Step">The number of the training step, from 1: how often the monitor was called.</param>
/// <param name="Loss">The loss that was given, or NaN.</param>
/// <param name="GlobalNorm">The Euclidean norm over all gradients together, before any clipping.</param>
/// <param name="IsDetailed">More than norms were measured.</param>
/// <param name="Parameters">One entry a parameter, in the order of <c>named_parameters()</c>; a shared parameter once; frozen ones are left out.</param>
public sealed record GradientObservation(long Step, double Loss, double GlobalNorm, bool IsDetailed, IReadOnlyList<ParameterGradient> Parameters)
{
    /// <summary>Norm of the first weight's gradient over that of the last, in the order of <c>named_parameters()</c>. NaN where there are fewer than two.</summary>
    public double FirstToLastRatio { get; init; } = double.NaN;

    /// <summary>The global norm lies above its running mean by more than <see cref="GradientMonitorOptions.SpikeDeviations"/> standard deviations.</summary>
    public bool IsSpike { get; init; }
}
