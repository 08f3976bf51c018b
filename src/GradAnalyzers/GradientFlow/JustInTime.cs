using System.Runtime.CompilerServices;

namespace GradAnalyzers.GradientFlow;

/// <summary>How the inner loops are compiled.</summary>
internal static class JustInTime
{
    /// <summary>
    /// MethodImplOptions.AggressiveOptimization, which netstandard2.0 has no name for. A compiler process lives for seconds: most of it would run these loops as the first tier compiles them, many times slower.
    /// A runtime without tiers ignores it.
    /// </summary>
    public const MethodImplOptions Optimized = (MethodImplOptions)512;
}
