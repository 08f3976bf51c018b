namespace GradAnalyzers.Monitor;

/// <summary>Of what a histogram is.</summary>
public enum HistogramOf
{
    /// <summary>The gradient, before clipping.</summary>
    Gradient,

    /// <summary>The values of the parameter.</summary>
    Weight,

    /// <summary>What the last measured step changed (<see cref="GradientMonitorOptions.MeasureUpdates"/>).</summary>
    Update,
}

/// <summary>How large the elements are: counts by powers of ten of their absolute values, from 1e-12 to 1e4.</summary>
/// <param name="Parameter">The path of the parameter.</param>
/// <param name="Of">Of what it is.</param>
/// <param name="Counts">Elements in each bin of half a power of ten, from <see cref="SmallestExponent"/> on; smaller and larger ones are in the first and the last.</param>
/// <param name="Zeros">Elements that are exactly zero; they are in no bin.</param>
/// <param name="Norm">The Euclidean norm of all.</param>
public sealed record ParameterHistogram(string Parameter, HistogramOf Of, IReadOnlyList<long> Counts, long Zeros, double Norm)
{
    /// <summary>The power of ten at which the first bin begins.</summary>
    public const int SmallestExponent = -12;

    /// <summary>The number of bins.</summary>
    public const int Bins = 32;

    /// <summary>The absolute value at which a bin begins.</summary>
    /// <param name="bin">0 to <see cref="Bins"/>.</param>
    /// <returns>The value.</returns>
    public static double Edge(int bin) => Math.Pow(10, SmallestExponent + bin / 2.0);
}
