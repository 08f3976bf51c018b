namespace GradAnalyzers.GradientFlow;

/// <summary>
/// Expectations of an activation f over normal pre-activations: of one value, and of a pair of values (two samples, or two positions of one sample).
/// One instance serves one prediction: it only holds buffers.
/// </summary>
internal sealed class Expectation
{
    // Step 0.55 and a half-step offset: for functions analytic near the axis the error of this sum is below 1e-5, with 20 points.
    private const double Step = 0.55;
    private static readonly (double Z, double Weight)[] Grid = [.. Enumerable.Range(-10, 20).Select(i => ((i + 0.5) * Step, Step * Normal.Density((i + 0.5) * Step)))];

    private readonly List<(double X, double Weight)> outer = [];
    private readonly List<(double X, double Weight)> inner = [];

    /// <summary>Moments of f(u) and f'(u), u normal with this mean and variance.</summary>
    public SingleMoments Single(ActivationFunction function, double mean, double variance)
    {
        var deviation = Math.Sqrt(Math.Max(variance, 0));
        Normal.Fill(outer, mean, deviation, function.Knots, function.Scale);
        var moments = default(SingleMoments);
        foreach (var (x, weight) in outer)
        {
            var (f, g) = function.At(x);
            var z = deviation > 0 ? (x - mean) / deviation : 0;
            moments = moments with
            {
                Value = moments.Value + weight * f,
                Slope = moments.Slope + weight * g,
                SlopeTimesArgument = moments.SlopeTimesArgument + weight * g * x,
                ValueSquare = moments.ValueSquare + weight * f * f,
                SlopeSquare = moments.SlopeSquare + weight * g * g,
                SlopeArgumentSquare = moments.SlopeArgumentSquare + weight * g * g * x * x,
                ValueFourth = moments.ValueFourth + weight * f * f * f * f,
                SlopeFourth = moments.SlopeFourth + weight * g * g * g * g,
                ValueSlopeArgument = moments.ValueSlopeArgument + weight * f * g * x,
                ValueSlopeSquare = moments.ValueSlopeSquare + weight * f * f * g * g,
                SlopeTimesNormal = moments.SlopeTimesNormal + weight * g * z,
                SlopeArgumentNormal = moments.SlopeArgumentNormal + weight * g * x * z,
            };
        }

        return moments;
    }

    /// <summary>Moments of f(u1) f(u2) and f'(u1) f'(u2), u1 and u2 normal with this mean, variance and covariance.</summary>
    public PairMoments Pair(ActivationFunction function, in SingleMoments single, double mean, double variance, double covariance)
    {
        var correlation = variance > 0 ? covariance / variance : 1;
        if (correlation > 1 - 1e-9)
            return new(single.ValueSquare, single.SlopeSquare, single.SlopeArgumentSquare);

        if (Math.Abs(correlation) < 0.02)
        {
            // First order in the covariance (Price's theorem): d E[a(u1) a(u2)] / d cov = E[a']^2, and E[a'] = E[a z] / deviation (Stein).
            return new(
                single.Value * single.Value + covariance * single.Slope * single.Slope,
                single.Slope * single.Slope + correlation * single.SlopeTimesNormal * single.SlopeTimesNormal,
                single.SlopeTimesArgument * single.SlopeTimesArgument + correlation * single.SlopeArgumentNormal * single.SlopeArgumentNormal);
        }

        // u1 = mean + common + own: integrate the own parts first, for each common part. A negative covariance has the common part with opposite signs.
        var common = Math.Sqrt(Math.Abs(covariance));
        var own = Math.Sqrt(Math.Max(variance - Math.Abs(covariance), 1e-12 * variance));
        double value = 0, slope = 0, product = 0;
        foreach (var (x, weight) in OuterPoints(function, mean, common, own))
        {
            var (f, g, gu) = function.Expect(x, own, this);
            var (f2, g2, gu2) = covariance > 0 ? (f, g, gu) : function.Expect(2 * mean - x, own, this);
            value += weight * f * f2;
            slope += weight * g * g2;
            product += weight * gu * gu2;
        }

        return new(value, slope, product);
    }

    internal List<(double X, double Weight)> InnerPoints(ActivationFunction function, double mean, double deviation)
    {
        if (function.IsAnalytic)
            return Points(inner, function, mean, deviation, function.Scale);
        Normal.Fill(inner, mean, deviation, function.Knots, function.Scale);
        return inner;
    }

    private List<(double X, double Weight)> OuterPoints(ActivationFunction function, double mean, double deviation, double smoothing)
    {
        // The inner integral has smoothed the function over the length `smoothing`.
        if (function is SegmentedFunction && smoothing < deviation)
        {
            Normal.Fill(outer, mean, deviation, function.Knots, Math.Min(smoothing, deviation / 2.001));
            return outer;
        }

        return Points(outer, function, mean, deviation, Math.Max(function.Scale, smoothing));
    }

    private static List<(double X, double Weight)> Points(List<(double X, double Weight)> points, ActivationFunction function, double mean, double deviation, double scale)
    {
        if (deviation > 1.5 * scale)
        {
            Normal.Fill(points, mean, deviation, function.Knots, scale);
            return points;
        }

        points.Clear();
        foreach (var (z, weight) in Grid)
            points.Add((mean + deviation * z, weight));
        return points;
    }
}

/// <summary>E[f], E[f'], E[f' u], E[f^2], E[f'^2], E[f'^2 u^2], E[f^4], E[f'^4], E[f f' u], E[f^2 f'^2], E[f' z], E[f' u z] with z the standardized u.</summary>
internal readonly record struct SingleMoments(
    double Value,
    double Slope,
    double SlopeTimesArgument,
    double ValueSquare,
    double SlopeSquare,
    double SlopeArgumentSquare,
    double ValueFourth,
    double SlopeFourth,
    double ValueSlopeArgument,
    double ValueSlopeSquare,
    double SlopeTimesNormal,
    double SlopeArgumentNormal);

/// <summary>E[f(u1) f(u2)], E[f'(u1) f'(u2)], E[f'(u1) u1 f'(u2) u2].</summary>
internal readonly record struct PairMoments(double Values, double Slopes, double SlopesTimesArguments);
