using System.Runtime.CompilerServices;

namespace GradAnalyzers.GradientFlow;

/// <summary>The standard normal distribution, and quadrature against it.</summary>
internal static class Normal
{
    /// <summary>Beyond this many standard deviations nothing is integrated: the mass outside is 6e-9.</summary>
    private const double Tail = 5.8;

    private const double InverseRootTwoPi = 0.3989422804014327;

    // Gauss-Legendre, 10 nodes on [-1, 1] (Abramowitz and Stegun, table 25.4): the positive half.
    private static readonly double[] Nodes = [0.1488743389816312, 0.4333953941292472, 0.6794095682990244, 0.8650633666889845, 0.9739065285171717];
    private static readonly double[] Weights = [0.2955242247147529, 0.2692667193099963, 0.2190863625159821, 0.1494513491505806, 0.0666713443086881];

    public static double Density(double z) => InverseRootTwoPi * Math.Exp(-z * z / 2);

    /// <summary>Cumulative distribution, relative error below 2e-7 (the Chebyshev fit of erfc in Numerical Recipes, section 6.2).</summary>
    public static double Cumulative(double z)
    {
        var x = Math.Abs(z) * 0.7071067811865476;
        var t = 2 / (2 + x);
        var tail = 0.5 * t * Math.Exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806
            + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));
        return z > 0 ? 1 - tail : tail;
    }

    /// <summary>
    /// Points x and weights w with E[f(x)] = sum w f(x) for x normal, for functions that are smooth except at <paramref name="knots"/> and vary there on the length <paramref name="scale"/>.
    /// Panels end at the knots, so that no point sits on a kink, and are fine about them where the distribution is much wider than the scale.
    /// </summary>
    [MethodImpl(JustInTime.Optimized)]
    public static void Fill(List<(double X, double Weight)> points, double mean, double deviation, double[] knots, double scale)
    {
        points.Clear();
        if (deviation <= 0)
        {
            points.Add((mean, 1));
            return;
        }

        var low = mean - Tail * deviation;
        var high = mean + Tail * deviation;
        var isWide = deviation > 2 * scale;
        var from = low;
        while (from < high)
        {
            // The next break is a knot, or (only for a wide distribution) a point near it.
            var to = high;
            foreach (var knot in knots)
            {
                Take(knot);
                if (isWide)
                {
                    Take(knot - 12 * scale);
                    Take(knot - 3 * scale);
                    Take(knot + 3 * scale);
                    Take(knot + 12 * scale);
                }
            }

            AddPanel(from, to);
            from = to;

            void Take(double point)
            {
                if (point > from + 1e-9 * deviation && point < to)
                    to = point;
            }
        }

        var total = 0.0;
        for (var i = 0; i < points.Count; i++)
            total += points[i].Weight;
        for (var i = 0; i < points.Count; i++)
            points[i] = (points[i].X, points[i].Weight / total);

        void AddPanel(double start, double end)
        {
            // No panel is wider than 3.5 standard deviations: ten nodes resolve that.
            var parts = (int)Math.Ceiling((end - start) / (3.5 * deviation));
            var half = (end - start) / (2 * parts);
            for (var part = 0; part < parts; part++)
            {
                var centre = start + (2 * part + 1) * half;
                for (var i = 0; i < Nodes.Length; i++)
                {
                    Add(centre - half * Nodes[i], half * Weights[i]);
                    Add(centre + half * Nodes[i], half * Weights[i]);
                }
            }
        }

        void Add(double x, double width) => points.Add((x, width / deviation * Density((x - mean) / deviation)));
    }
}
