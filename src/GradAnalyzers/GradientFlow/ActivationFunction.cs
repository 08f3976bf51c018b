using System.Runtime.CompilerServices;

namespace GradAnalyzers.GradientFlow;

/// <summary>An elementwise function and its slope, with what its expectations need to know.</summary>
internal abstract class ActivationFunction
{
    /// <summary>Where value or slope has a kink.</summary>
    public virtual double[] Knots => [];

    /// <summary>Length on which the function varies.</summary>
    public virtual double Scale => 1;

    /// <summary>Whether it is analytic near the axis, so that an even grid sums it exactly.</summary>
    public virtual bool IsAnalytic => false;

    /// <summary>Whether it never falls, or nearly so (GELU): then the maximum of a window can be taken before it.</summary>
    public virtual bool IsMonotone => true;

    public abstract (double Value, double Slope) At(double x);

    /// <summary>E[f(u)], E[f'(u)] and E[f'(u) u] for u normal with this mean and a positive standard deviation.</summary>
    public abstract (double Value, double Slope, double SlopeTimesArgument) Expect(double mean, double deviation, Expectation expectation);

    public static ActivationFunction Of(Activation activation)
    {
        double Or(double standard) => double.IsNaN(activation.Parameter) ? standard : activation.Parameter;
        double SecondOr(double standard) => double.IsNaN(activation.Second) ? standard : activation.Second;
        return activation.Kind switch
        {
            ActivationKind.Identity => Leaky(1),
            ActivationKind.ReLU => Leaky(0),
            ActivationKind.LeakyReLU => Leaky(Or(0.01)),
            ActivationKind.PReLU => Leaky(Or(0.25)),
            ActivationKind.RReLU => Leaky(Or((1.0 / 8 + 1.0 / 3) / 2)),
            ActivationKind.Absolute => Leaky(-1),
            ActivationKind.ReLU6 => Clamp(0, 6, 1, 0),
            ActivationKind.Hardtanh => Clamp(Or(-1), SecondOr(1), 1, 0),
            ActivationKind.Hardsigmoid => Clamp(-3, 3, 1.0 / 6, 0.5),
            ActivationKind.Softshrink => Shrink(Or(0.5), Or(0.5)),
            ActivationKind.Hardshrink => Shrink(Or(0.5), 0),
            ActivationKind.Threshold => new SegmentedFunction(new(double.NegativeInfinity, Or(0), SecondOr(0)), new(Or(0), double.PositiveInfinity, 0, 1)),
            ActivationKind.ELU => Elu(Or(1), 1, 1),
            ActivationKind.CELU => Elu(Or(1), 1 / Or(1), 1),
            ActivationKind.SELU => Elu(1.6732632423543772, 1, 1.0507009873554805),
            ActivationKind.Exponential => new SegmentedFunction(new Segment(double.NegativeInfinity, double.PositiveInfinity, 0, 0, 1, 1)),
            _ => new SmoothFunction(activation.Kind, Or(1)),
        };
    }

    private static HomogeneousFunction Leaky(double slope) => new(slope);

    private static SegmentedFunction Clamp(double low, double high, double slope, double offset) => new(
        new(double.NegativeInfinity, low, offset + slope * low),
        new(low, high, offset, slope),
        new(high, double.PositiveInfinity, offset + slope * high));

    private static SegmentedFunction Shrink(double width, double shift) => new(
        new(double.NegativeInfinity, -width, shift, 1),
        new(-width, width, 0),
        new(width, double.PositiveInfinity, -shift, 1));

    private static SegmentedFunction Elu(double alpha, double rate, double scale) => new(
        new(double.NegativeInfinity, 0, -scale * alpha, 0, scale * alpha, rate),
        new(0, double.PositiveInfinity, 0, scale));
}

/// <summary>Constant + Slope x + Factor exp(Rate x) between From and To.</summary>
internal readonly record struct Segment(double From, double To, double Constant, double Slope = 0, double Factor = 0, double Rate = 0);

/// <summary>A function in pieces that are linear or exponential: its expectations have closed forms.</summary>
internal class SegmentedFunction(params Segment[] segments) : ActivationFunction
{
    public override double[] Knots { get; } = [.. segments.Skip(1).Select(segment => segment.From)];

    public override bool IsMonotone { get; } = segments.All(segment => segment.Slope >= 0 && segment.Factor * segment.Rate >= 0);

    [MethodImpl(JustInTime.Optimized)]
    public override (double Value, double Slope) At(double x)
    {
        var index = 0;
        while (index < segments.Length - 1 && x >= segments[index].To)
            index++;
        var segment = segments[index];
        var exponential = segment.Factor == 0 ? 0 : segment.Factor * Math.Exp(Math.Min(segment.Rate * x, 600));
        return (segment.Constant + segment.Slope * x + exponential, segment.Slope + segment.Rate * exponential);
    }

    [MethodImpl(JustInTime.Optimized)]
    public override (double Value, double Slope, double SlopeTimesArgument) Expect(double mean, double deviation, Expectation expectation)
    {
        double value = 0, slope = 0, product = 0;
        foreach (var segment in segments)
        {
            var (mass, first) = Part(segment, mean, deviation);
            value += segment.Constant * mass + segment.Slope * first;
            slope += segment.Slope * mass;
            product += segment.Slope * first;
            if (segment.Factor == 0)
                continue;

            // exp(rate u) tilts the density: a normal about mean + rate * variance.
            var tilted = mean + segment.Rate * deviation * deviation;
            var (tiltedMass, tiltedFirst) = Part(segment, tilted, deviation);
            if (tiltedMass <= 0)
                continue;
            var factor = segment.Factor * Math.Exp(Math.Min(segment.Rate * (mean + tilted) / 2, 600));
            value += factor * tiltedMass;
            slope += segment.Rate * factor * tiltedMass;
            product += segment.Rate * factor * tiltedFirst;
        }

        return (value, slope, product);
    }

    /// <summary>P(u in segment) and E[u; u in segment].</summary>
    private static (double Mass, double First) Part(Segment segment, double mean, double deviation)
    {
        var from = (segment.From - mean) / deviation;
        var to = (segment.To - mean) / deviation;
        // The difference of two upper tails is taken as one of lower tails, which keeps its digits.
        var mass = from > 0 ? Normal.Cumulative(-from) - Normal.Cumulative(-to) : Normal.Cumulative(to) - Normal.Cumulative(from);
        var densities = (double.IsInfinity(from) ? 0 : Normal.Density(from)) - (double.IsInfinity(to) ? 0 : Normal.Density(to));
        return (mass, mean * mass + deviation * densities);
    }
}

/// <summary>x where positive, else a slope times x. About a mean of zero all moments have closed forms (arc-cosine kernels, Cho and Saul 2009).</summary>
internal sealed class HomogeneousFunction(double slope)
    : SegmentedFunction(new(double.NegativeInfinity, 0, 0, slope), new(0, double.PositiveInfinity, 0, 1))
{
    private static readonly double HalfNormalMean = 1 / Math.Sqrt(2 * Math.PI);

    public SingleMoments Single(double variance)
    {
        var deviation = Math.Sqrt(variance);
        var (square, fourth) = (slope * slope, slope * slope * slope * slope);
        var mean = (1 - slope) * HalfNormalMean;
        return new()
        {
            Value = mean * deviation,
            Slope = (1 + slope) / 2,
            SlopeTimesArgument = mean * deviation,
            ValueSquare = (1 + square) / 2 * variance,
            SlopeSquare = (1 + square) / 2,
            SlopeArgumentSquare = (1 + square) / 2 * variance,
            ValueFourth = 1.5 * (1 + fourth) * variance * variance,
            SlopeFourth = (1 + fourth) / 2,
            ValueSlopeArgument = (1 + square) / 2 * variance,
            ValueSlopeSquare = (1 + fourth) / 2 * variance,
        };
    }

    public PairMoments Pair(double variance, double correlation)
    {
        // f = slope x + (1 - slope) relu(x), and f'(u) u = f(u).
        var angle = Math.Acos(Math.Max(-1, Math.Min(correlation, 1)));
        var rest = 1 - slope;
        var kernel = (Math.Sin(angle) + (Math.PI - angle) * correlation) / (2 * Math.PI);
        var values = variance * (slope * correlation + rest * rest * kernel);
        return new(values, slope + rest * rest * (Math.PI - angle) / (2 * Math.PI), values);
    }
}

/// <summary>A function without kinks: its expectations are sums.</summary>
internal sealed class SmoothFunction(ActivationKind kind, double parameter) : ActivationFunction
{
    private static readonly double[] Origin = [0];

    private static readonly double[] Bends = [-3, 0, 3];

    /// <summary>Sums over a wide distribution are refined about the origin.</summary>
    public override double[] Knots => kind == ActivationKind.Hardswish ? Bends : Origin;

    public override double Scale => kind is ActivationKind.Softplus ? 1 / parameter : 1;

    public override bool IsAnalytic => kind is not (ActivationKind.Softsign or ActivationKind.Hardswish);

    public override bool IsMonotone => kind is not (ActivationKind.Sine or ActivationKind.Cosine or ActivationKind.Square);

    [MethodImpl(JustInTime.Optimized)]
    public override (double Value, double Slope, double SlopeTimesArgument) Expect(double mean, double deviation, Expectation expectation)
    {
        double value = 0, slope = 0, product = 0;
        foreach (var (x, weight) in expectation.InnerPoints(this, mean, deviation))
        {
            var (f, g) = At(x);
            value += weight * f;
            slope += weight * g;
            product += weight * g * x;
        }

        return (value, slope, product);
    }

    [MethodImpl(JustInTime.Optimized)]
    public override (double Value, double Slope) At(double x)
    {
        switch (kind)
        {
            case ActivationKind.Sigmoid:
                var sigmoid = Sigmoid(x);
                return (sigmoid, sigmoid * (1 - sigmoid));
            case ActivationKind.Tanh:
                var tanh = Tanh(x);
                return (tanh, 1 - tanh * tanh);
            case ActivationKind.Tanhshrink:
                var t = Tanh(x);
                return (x - t, t * t);
            case ActivationKind.GELU:
                var cumulative = Normal.Cumulative(x);
                return (x * cumulative, cumulative + x * Normal.Density(x));
            case ActivationKind.SiLU:
                var gate = Sigmoid(x);
                return (x * gate, gate * (1 + x * (1 - gate)));
            case ActivationKind.Mish:
                var inner = Tanh(Softplus(x));
                return (x * inner, inner + x * (1 - inner * inner) * Sigmoid(x));
            case ActivationKind.Hardswish:
                return x <= -3 ? (0, 0) : x >= 3 ? (x, 1) : (x * (x + 3) / 6, (2 * x + 3) / 6);
            case ActivationKind.Softplus:
                return (Softplus(parameter * x) / parameter, Sigmoid(parameter * x));
            case ActivationKind.LogSigmoid:
                return (-Softplus(-x), Sigmoid(-x));
            case ActivationKind.Softsign:
                var denominator = 1 + Math.Abs(x);
                return (x / denominator, 1 / (denominator * denominator));
            case ActivationKind.Arctan:
                return (Math.Atan(x), 1 / (1 + x * x));
            case ActivationKind.Arcsinh:
                var root = Math.Sqrt(x * x + 1);
                return (Math.Sign(x) * Math.Log(Math.Abs(x) + root), 1 / root);
            case ActivationKind.Sine:
                return (Math.Sin(x), Math.Cos(x));
            case ActivationKind.Cosine:
                return (Math.Cos(x), -Math.Sin(x));
            case ActivationKind.Square:
                return (x * x, 2 * x);
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "no smooth function of this kind");
        }
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>By one exponential, which is faster than Math.Tanh; the error is that of rounding.</summary>
    private static double Tanh(double x) => 1 - 2 / (Math.Exp(2 * x) + 1);

    private static double Softplus(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
}
