using GradAnalyzers.GradientFlow;
using Xunit;

namespace GradAnalyzers.Tests.GradientFlow;

public sealed class RecurrentTests
{
    [Theory]
    [InlineData(RecurrentKind.Tanh, 64, 64, 9)]
    [InlineData(RecurrentKind.Tanh, 16, 128, 12)]
    [InlineData(RecurrentKind.Lstm, 64, 64, 13)]
    [InlineData(RecurrentKind.Lstm, 16, 128, 14)]
    [InlineData(RecurrentKind.Lstm, 64, 256, 14)]
    [InlineData(RecurrentKind.Gru, 64, 64, 14)]
    [InlineData(RecurrentKind.Gru, 16, 128, 14)]
    public void TheGradientReachesAsFarBackAsWasMeasured(object kind, int inputs, int hidden, int measured) =>
        Assert.InRange(RecurrentReach.Of(new((RecurrentKind)kind, inputs, hidden)), measured - 1, measured + 1);

    [Fact]
    public void AForgetBiasOfOneReachesFurther()
    {
        var without = RecurrentReach.Of(new(RecurrentKind.Lstm, 64, 64));
        var with = RecurrentReach.Of(new(RecurrentKind.Lstm, 64, 64) { ForgetBias = 1 });
        Assert.True(with > 1.5 * without, $"{with} against {without}");
    }

    [Fact]
    public void AnOrthogonalRecurrenceReachesFurther() =>
        Assert.True(
            RecurrentReach.Of(new(RecurrentKind.Tanh, 1, 64) { HiddenWeight = Distribution.Orthogonal(64, 64), InputWeight = Distribution.Normal(0, 0.01) })
            > 3 * RecurrentReach.Of(new(RecurrentKind.Tanh, 1, 64)));

    [Fact]
    public void AGradientThatNeverDiesHasTheLimit() =>
        Assert.Equal(RecurrentReach.Limit, RecurrentReach.Of(new(RecurrentKind.ReLU, 1, 64) { HiddenWeight = Distribution.Normal(0, 0.5), Bias = false }));

    [Fact]
    public void EveryParameterOfEveryLayerAndDirectionIsNamed()
    {
        var network = Build.Chain(new Recurrent(RecurrentKind.Gru, 8, 16) { Layers = 2, Bidirectional = true, LastStep = true }, Linear.Default(32, 4));
        var names = network.Predict().Parameters.Select(parameter => parameter.Path).ToList();
        foreach (var layer in new[] { "l0", "l1" })
            foreach (var direction in new[] { "", "_reverse" })
                foreach (var parameter in new[] { "weight_ih", "weight_hh", "bias_ih", "bias_hh" })
                    Assert.Contains($"l0.{parameter}_{layer}{direction}", names);
        Assert.Equal("l0.weight_ih_l0", names[0]);
    }

    [Fact]
    public void ACellHasNoLayerInItsNames()
    {
        var network = Build.Chain(new Recurrent(RecurrentKind.Lstm, 8, 16) { Cell = true, LastStep = true, Steps = 5 }, Linear.Default(16, 4));
        Assert.Contains(network.Predict().Parameters, parameter => parameter.Path == "l0.weight_hh");
    }

    [Fact]
    public void OneSelectedPositionOfARecurrentLayerIsItsLastStep()
    {
        var select = Build.Chain(new Recurrent(RecurrentKind.Lstm, 8, 16), new SelectPosition(), Linear.Default(16, 4)).Predict();
        var last = Build.Chain(new Recurrent(RecurrentKind.Lstm, 8, 16) { LastStep = true }, Linear.Default(16, 4)).Predict();
        Assert.Equal(last.FirstToLastRatio, select.FirstToLastRatio, 1e-9);
    }
}
