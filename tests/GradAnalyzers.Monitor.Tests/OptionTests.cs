using System.Reflection;

namespace GradAnalyzers.Monitor.Tests;

public class OptionTests
{
    [Theory]
    [InlineData(nameof(GradientMonitorOptions.WarmUp), 0)]
    [InlineData(nameof(GradientMonitorOptions.Every), 0)]
    [InlineData(nameof(GradientMonitorOptions.DetailEvery), -1)]
    [InlineData(nameof(GradientMonitorOptions.Patience), 0)]
    [InlineData(nameof(GradientMonitorOptions.HistogramEvery), -1)]
    [InlineData(nameof(GradientMonitorOptions.VanishingRatio), 1.5)]
    [InlineData(nameof(GradientMonitorOptions.VanishingNorm), -1.0)]
    [InlineData(nameof(GradientMonitorOptions.VanishingMeanAbsolute), double.NaN)]
    [InlineData(nameof(GradientMonitorOptions.ExplodingRatio), 0.5)]
    [InlineData(nameof(GradientMonitorOptions.ExplodingNorm), -1.0)]
    [InlineData(nameof(GradientMonitorOptions.ExplodingMeanAbsolute), double.PositiveInfinity)]
    [InlineData(nameof(GradientMonitorOptions.ExplodingGrowth), 0.0)]
    [InlineData(nameof(GradientMonitorOptions.SpikeDeviations), -1.0)]
    [InlineData(nameof(GradientMonitorOptions.SpikeDecay), 1.0)]
    [InlineData(nameof(GradientMonitorOptions.SpikeWarmUp), 1)]
    [InlineData(nameof(GradientMonitorOptions.SpikeFactor), 0.0)]
    [InlineData(nameof(GradientMonitorOptions.DeadShare), 0.0)]
    [InlineData(nameof(GradientMonitorOptions.SmallestUpdateRatio), 2.0)]
    [InlineData(nameof(GradientMonitorOptions.LargestUpdateRatio), -1.0)]
    [InlineData(nameof(GradientMonitorOptions.NonFinite), (NonFiniteAction)7)]
    public void AValueOutOfRangeIsRefusedWithItsNameAndTheRange(string option, object value)
    {
        var property = typeof(GradientMonitorOptions).GetProperty(option)!;

        var error = (ArgumentOutOfRangeException)Assert.Throws<TargetInvocationException>(() => property.SetValue(new GradientMonitorOptions(), value)).InnerException!;

        Assert.Equal(option, error.ParamName);
        Assert.Matches($"^{option} is .+; it must be (from .+ to .+|SkipStep, Throw or Pass)\\.", error.Message);
    }

    [Fact]
    public void EveryOptionButSwitchesIsChecked()
    {
        var tested = typeof(OptionTests).GetMethod(nameof(AValueOutOfRangeIsRefusedWithItsNameAndTheRange))!.GetCustomAttributes<InlineDataAttribute>().Select(a => (string)a.Data[0]!);

        Assert.Equal(
            typeof(GradientMonitorOptions).GetProperties().Where(p => p.PropertyType != typeof(bool) && p.PropertyType.IsValueType).Select(p => p.Name).Order(),
            tested.Order());
    }

    [Fact]
    public void OptionsThatAreObjectsAreNotNull()
    {
        foreach (var property in typeof(GradientMonitorOptions).GetProperties().Where(p => !p.PropertyType.IsValueType))
        {
            var error = Assert.Throws<TargetInvocationException>(() => property.SetValue(new GradientMonitorOptions(), null)).InnerException;
            Assert.Equal(property.Name, Assert.IsType<ArgumentNullException>(error).ParamName);
        }
    }
}
