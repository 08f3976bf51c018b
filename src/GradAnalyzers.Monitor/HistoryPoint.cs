namespace GradAnalyzers.Monitor;

/// <summary>One observation of the run's history.</summary>
/// <param name="Step">The step, as in <see cref="GradientObservation.Step"/>.</param>
/// <param name="Loss">The loss that was given, or NaN.</param>
/// <param name="GlobalNorm">The Euclidean norm over all gradients, before clipping.</param>
/// <param name="FirstToLastRatio">Norm of the first weight's gradient over that of the last, or NaN.</param>
/// <param name="MedianUpdateRatio">The median over the weights of update over weight, or NaN.</param>
public readonly record struct HistoryPoint(long Step, double Loss, double GlobalNorm, double FirstToLastRatio, double MedianUpdateRatio);
