using GradAnalyzers.GradientFlow;

namespace GradAnalyzers.Proofs;

/// <summary>What a fix promises of the figure that is measured.</summary>
/// <param name="Text">The promise, for a table.</param>
/// <param name="IsKept">Whether it is kept, for the figure before and after.</param>
internal sealed record Sought(string Text, Func<double, double, bool> IsKept)
{
    /// <summary>A gradient ratio that was not healthy comes back into the band.</summary>
    public static Sought Healthy { get; } = new("from 1e-3 to 70", (before, after) => !IsHealthy(before) && IsHealthy(after));

    /// <summary>A number that was none, or grew past all measure, is finite and small.</summary>
    public static Sought Finite { get; } = new("finite", (before, after) => !(Math.Abs(before) < 1e6) && double.IsFinite(after));

    /// <summary>Nothing moved; now it does.</summary>
    public static Sought Moves { get; } = new("more than 0", (before, after) => before == 0 && after > 0.01);

    public static Sought Lower(double factor) => new($"lower, {factor:0.#} times", (before, after) => after * factor < before);

    public static Sought Higher(double factor) => new($"higher, {factor:0.#} times", (before, after) => after >= before * factor && after > 0);

    private static bool IsHealthy(double ratio) => Thresholds.Default.Judge(ratio, attenuation: 1) == Verdict.Healthy;
}
