using System.Collections.Immutable;

namespace GradAnalyzers.Evidence;

/// <summary>What the monitor wrote of one training: an evidence file.</summary>
/// <param name="File">The file's name, without its folder.</param>
/// <param name="Model">The model's class, as it is called at run time: <c>Net</c>, <c>Net`1</c>, <c>Sequential</c>.</param>
/// <param name="Steps">How many steps the training had.</param>
/// <param name="Parameters">The rows that could be read, in their order; no path is there twice.</param>
/// <param name="IsWhole">Every row could be read.</param>
internal sealed record MeasuredRun(string File, string Model, long Steps, ImmutableArray<MeasuredParameter> Parameters, bool IsWhole)
{
    /// <summary>A parameter's row.</summary>
    public MeasuredParameter? this[string path] => Parameters.FirstOrDefault(parameter => parameter.Path == path);
}

/// <summary>A row of an evidence file. Numbers that were not measured are NaN.</summary>
/// <param name="Path">The path in <c>named_parameters()</c>.</param>
/// <param name="Verdict">What the observations say.</param>
/// <param name="FirstStep">The step at which it was first measured.</param>
/// <param name="Observations">How often it was measured.</param>
/// <param name="FirstNorm">The first norm of its gradient.</param>
/// <param name="MedianNorm">The median norm over the run.</param>
/// <param name="LastNorm">The last norm.</param>
/// <param name="ZeroShare">The share of elements that were exactly zero.</param>
/// <param name="Predicted">What the build of that training had predicted: the norm relative to the largest of the model.</param>
internal sealed record MeasuredParameter(string Path, MeasuredVerdict Verdict, long FirstStep, long Observations, double FirstNorm, double MedianNorm, double LastNorm, double ZeroShare, double Predicted);

/// <summary>The monitor's verdicts (<c>GradientVerdict</c>).</summary>
internal enum MeasuredVerdict
{
    Unknown,
    Healthy,
    Vanishing,
    Exploding,
    NonFinite,
    Dead,
    Identical,
    NoGradient,
    NeverUpdated,
    NeverCleared,
    UpdateSize,
    Frozen,
}
