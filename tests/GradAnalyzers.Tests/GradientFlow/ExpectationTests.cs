using GradAnalyzers.GradientFlow;
using Xunit;

namespace GradAnalyzers.Tests.GradientFlow;

public sealed class ExpectationTests
{
    private readonly Expectation expectation = new();

    public static TheoryData<string> Kinds { get; } = [.. Enum.GetNames<ActivationKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void TheSlopeIsTheDerivativeOfTheValue(string kind)
    {
        var function = ActivationFunction.Of(new(Enum.Parse<ActivationKind>(kind)));
        foreach (var x in new[] { -6.3, -2.9, -1.7, -0.3, 0.2, 0.9, 2.4, 7.1 })
        {
            const double Step = 1e-5;
            Assert.Equal((function.At(x + Step).Value - function.At(x - Step).Value) / (2 * Step), function.At(x).Slope, 1e-4 * Math.Max(1, Math.Abs(function.At(x).Slope)));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ExpectationsAgreeWithAFineSum(string kind)
    {
        var function = ActivationFunction.Of(new(Enum.Parse<ActivationKind>(kind)));
        foreach (var (mean, deviation) in new[] { (0.0, 0.4), (0.0, 1.3), (0.7, 0.8), (0.0, 3.0) })
        {
            // The square of an exponential of a wide normal lives far out in the tail, where no network survives.
            if (kind == nameof(ActivationKind.Exponential) && deviation > 2)
                continue;
            var single = expectation.Single(function, mean, deviation * deviation);
            AssertNear(Sum(mean, deviation, x => function.At(x).Value), single.Value);
            AssertNear(Sum(mean, deviation, x => Math.Pow(function.At(x).Value, 2)), single.ValueSquare);
            AssertNear(Sum(mean, deviation, x => Math.Pow(function.At(x).Slope, 2)), single.SlopeSquare);
            var (value, slope, product) = function.Expect(mean, deviation, expectation);
            AssertNear(Sum(mean, deviation, x => function.At(x).Value), value);
            AssertNear(Sum(mean, deviation, x => function.At(x).Slope), slope);
            AssertNear(Sum(mean, deviation, x => function.At(x).Slope * x), product);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void PairsAgreeWithAFineSum(string kind)
    {
        var function = ActivationFunction.Of(new(Enum.Parse<ActivationKind>(kind)));
        foreach (var correlation in new[] { -0.3, 0.01, 0.4, 0.9 })
        {
            const double Mean = 0.2, Deviation = 0.9;
            var single = expectation.Single(function, Mean, Deviation * Deviation);
            var pair = expectation.Pair(function, single, Mean, Deviation * Deviation, correlation * Deviation * Deviation);
            // u2 given u1 is normal about the regression line.
            var rest = Deviation * Math.Sqrt(1 - correlation * correlation);
            AssertNear(Sum(Mean, Deviation, x => function.At(x).Value * function.Expect(Mean + correlation * (x - Mean), rest, expectation).Value, 4_000), pair.Values);
            AssertNear(Sum(Mean, Deviation, x => function.At(x).Slope * function.Expect(Mean + correlation * (x - Mean), rest, expectation).Slope, 4_000), pair.Slopes);
        }
    }

    [Fact]
    public void ReluHasItsArcCosineKernels()
    {
        var relu = ActivationFunction.Of(new(ActivationKind.ReLU));
        var single = expectation.Single(relu, 0, 2.0);
        Assert.Equal(0.5, single.SlopeSquare, 1e-9);
        Assert.Equal(1.0, single.ValueSquare, 1e-6);
        foreach (var correlation in new[] { -0.5, 0.1, 0.5, 0.9, 0.99, 0.9999 })
        {
            var pair = expectation.Pair(relu, single, 0, 2.0, 2.0 * correlation);
            var angle = Math.Acos(correlation);
            Assert.Equal((Math.Sin(angle) + (Math.PI - angle) * correlation) / Math.PI, pair.Values, 1e-4);
            Assert.Equal((Math.PI - angle) / (2 * Math.PI), pair.Slopes, 1e-3);
        }
    }

    [Fact]
    public void ASaturatedTanhKeepsItsNarrowSlope()
    {
        // E[f'^2] for a deviation far above 1 is the density at 0 times the integral of (1 - tanh^2)^2, which is 4/3.
        const double Deviation = 30;
        var single = expectation.Single(ActivationFunction.Of(new(ActivationKind.Tanh)), 0, Deviation * Deviation);
        Assert.Equal(4.0 / 3 * Normal.Density(0) / Deviation, single.SlopeSquare, 1e-5);
    }

    [Fact]
    public void TheNormalDistributionIsTheNormalDistribution()
    {
        Assert.Equal(0.5, Normal.Cumulative(0), 1e-7);
        Assert.Equal(0.8413447461, Normal.Cumulative(1), 1e-7);
        Assert.Equal(2.866515719e-7, Normal.Cumulative(-5), 1e-12);
    }

    private static double Sum(double mean, double deviation, Func<double, double> function, int points = 8_000)
    {
        double sum = 0, mass = 0;
        for (var i = 0; i < points; i++)
        {
            var z = -8 + 16 * (i + 0.5) / points;
            var weight = Math.Exp(-z * z / 2);
            mass += weight;
            sum += weight * function(mean + deviation * z);
        }

        return sum / mass;
    }

    private static void AssertNear(double expected, double actual) => Assert.Equal(expected, actual, 4e-3 * Math.Max(0.2, Math.Abs(expected)));
}
