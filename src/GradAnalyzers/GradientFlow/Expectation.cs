using System.Runtime.CompilerServices;

namespace GradAnalyzers.GradientFlow;

/// <summary>
/// Expectations of an activation f over normal pre-activations: of one value, and of a pair of values (two samples, or two positions of one sample).
/// One instance serves one prediction: it only holds buffers.
/// </summary>
internal sealed class Expectation
{
    // A half-step offset and few points: for functions analytic near the axis the error of an even sum falls exponentially with the number of points, here to about 1e-4.
    private const double Step = 0.65;
    private static readonly (double Z, double Weight)[] Grid = [.. Enumerable.Range(-8, 16).Select(i => ((i + 0.5) * Step, Step * Normal.Density((i + 0.5) * Step)))];

    private readonly List<(double X, double Weight)> outer = [];
    private readonly List<(double X, double Weight)> inner = [];

    /// <summary>Moments of f(u) and f'(u), u normal with this mean and variance.</summary>
    [MethodImpl(JustInTime.Optimized)]
    public SingleMoments Single(ActivationFunction function, double mean, double variance)
    {
        if (mean == 0 && function is HomogeneousFunction homogeneous)
            return homogeneous.Single(variance);
        var deviation = Math.Sqrt(Math.Max(variance, 0));
        Normal.Fill(outer, mean, deviation, function.Knots, function.Scale);
        double value = 0, slope = 0, slopeArgument = 0, valueSquare = 0, slopeSquare = 0, slopeArgumentSquare = 0, valueFourth = 0, slopeFourth = 0;
        double valueSlopeArgument = 0, valueSlopeSquare = 0, value1 = 0, slope1 = 0, slopeArgument1 = 0, value2 = 0, slope2 = 0, slopeArgument2 = 0;
        foreach (var (x, weight) in outer)
        {
            var (f, g) = function.At(x);
            var z = deviation > 0 ? (x - mean) / deviation : 0;
            var (f2, g2) = (f * f, g * g);
            value += weight * f;
            slope += weight * g;
            slopeArgument += weight * g * x;
            valueSquare += weight * f2;
            slopeSquare += weight * g2;
            slopeArgumentSquare += weight * g2 * x * x;
            valueFourth += weight * f2 * f2;
            slopeFourth += weight * g2 * g2;
            valueSlopeArgument += weight * f * g * x;
            valueSlopeSquare += weight * f2 * g2;
            value1 += weight * f * z;
            slope1 += weight * g * z;
            slopeArgument1 += weight * g * x * z;
            var second = weight * (z * z - 1);
            value2 += second * f;
            slope2 += second * g;
            slopeArgument2 += second * g * x;
        }

        return new(
            value, slope, slopeArgument, valueSquare, slopeSquare, slopeArgumentSquare, valueFourth, slopeFourth,
            valueSlopeArgument, valueSlopeSquare, new(value1, value2), new(slope1, slope2), new(slopeArgument1, slopeArgument2));
    }

    /// <summary>Moments of f(u1) f(u2) and f'(u1) f'(u2), u1 and u2 normal with this mean, variance and covariance.</summary>
    [MethodImpl(JustInTime.Optimized)]
    public PairMoments Pair(ActivationFunction function, in SingleMoments single, double mean, double variance, double covariance)
    {
        var correlation = variance > 0 ? covariance / variance : 1;
        if (correlation > 1 - 1e-9)
            return new(single.ValueSquare, single.SlopeSquare, single.SlopeArgumentSquare);

        if (mean == 0 && function is HomogeneousFunction homogeneous)
            return homogeneous.Pair(variance, correlation);
        if (Math.Abs(correlation) < 0.1)
            return new(Series(single.Value, single.ValueTimes), Series(single.Slope, single.SlopeTimes), Series(single.SlopeTimesArgument, single.SlopeArgumentTimes));

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

        // E[a(u1) a(u2)] = sum over k of correlation^k E[a He_k]^2 / k! (Mehler).
        double Series(double constant, Hermite terms) => constant * constant + correlation * terms.First * terms.First + correlation * correlation / 2 * terms.Second * terms.Second;
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

/// <summary>E[f], E[f'], E[f' u], E[f^2], E[f'^2], E[f'^2 u^2], E[f^4], E[f'^4], E[f f' u], E[f^2 f'^2], and the first Hermite coefficients of f, f', f' u.</summary>
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
    Hermite ValueTimes,
    Hermite SlopeTimes,
    Hermite SlopeArgumentTimes);

/// <summary>E[a z] and E[a (z^2 - 1)] with z the standardized argument.</summary>
internal readonly record struct Hermite(double First, double Second);

/// <summary>E[f(u1) f(u2)], E[f'(u1) f'(u2)], E[f'(u1) u1 f'(u2) u2].</summary>
internal readonly record struct PairMoments(double Values, double Slopes, double SlopesTimesArguments);
