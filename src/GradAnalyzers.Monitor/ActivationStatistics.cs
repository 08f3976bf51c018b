namespace GradAnalyzers.Monitor;

/// <summary>What went through one module in the last observed step.</summary>
/// <param name="Module">The path of the module in <c>named_modules()</c>.</param>
/// <param name="SaturatedShare">Of a saturating activation: share of outputs where its slope is under 5 % of its steepest. NaN for other modules.</param>
/// <param name="DeadUnitShare">Of a rectifier: share of units that were zero for the whole batch. NaN for other modules.</param>
/// <param name="BackwardNorm">Norm of the gradient that came back to the module's output. NaN where none came.</param>
public readonly record struct ActivationStatistics(string Module, double SaturatedShare, double DeadUnitShare, double BackwardNorm);
