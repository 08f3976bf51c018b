using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow;

/// <summary>
/// The share of a window's taps that fall on values and not on padding: averaged over positions, over pairs of distinct positions (both taps count), and over all pairs.
/// At 4 x 4 pixels a padded 3 x 3 kernel already sees a fifth of zeros.
/// </summary>
internal readonly record struct Overlap(double Same, double DistinctPositions, double AllPositions)
{
    /// <summary>Taps that are looked at in one dimension: a number in the source must not keep the editor waiting.</summary>
    private const int MostTaps = 4096;

    public static Overlap Full { get; } = new(1, 1, 1);

    /// <param name="window">The window.</param>
    /// <param name="few">Sizes of the side where a window stands at each position: the output of a convolution or pooling.</param>
    /// <param name="many">Sizes of the side that the taps reach.</param>
    public static Overlap Of(Window window, ImmutableArray<int> few, ImmutableArray<int> many)
    {
        double same = 1, all = 1, positions = 1;
        for (var d = 0; d < window.Dimensions; d++)
        {
            var count = Math.Max(Window.Of(few, d, 1), 1);
            var size = Math.Max(Window.Of(many, d, 1), 1);
            double sum = 0, squares = 0;
            var taps = Math.Min(Math.Max(window.Kernel[d], 1), MostTaps);
            for (var tap = 0; tap < taps; tap++)
            {
                // Windows at s = 0 .. count - 1 put this tap at s * stride + offset: count those inside 0 .. size - 1.
                var offset = tap * window.DilationOf(d) - window.PaddingOf(d);
                var stride = Math.Max(window.StrideOf(d), 1);
                var first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
                var last = Math.Min(count - 1, offset >= size ? -1 : (size - 1 - offset) / stride);
                double inside = Math.Max(last - first + 1, 0);
                sum += inside;
                squares += inside * inside;
            }

            same *= sum / (count * (double)taps);
            all *= squares / (count * (double)count * taps);
            positions *= count;
        }

        return new(same, positions > 1 ? (positions * all - same) / (positions - 1) : 0, all);
    }
}
