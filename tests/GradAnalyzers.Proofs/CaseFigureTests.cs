using System.Reflection;
using Xunit;

namespace GradAnalyzers.Proofs;

/// <summary>
/// What the rules on losses and on the gradient's path say is so: the package's cases of these rules are compiled and run, as they are and as the fix leaves them.
/// A case has a class <c>Measured</c> whose <c>Run()</c> gives the figures of the rule's page.
/// </summary>
public sealed class CaseFigureTests
{
    [Fact]
    public void AnUnregisteredLayerDoesNotMove()
    {
        var (bad, repaired) = Run("GRAD4001.PlainArray.cs");

        Assert.All(bad, figure => Assert.Equal(0, figure));
        Assert.All(repaired, figure => Assert.InRange(figure, 0.1, 10));
    }

    [Fact]
    public void AfterALeakedNoGradNothingLearns()
    {
        var (bad, repaired) = Run("GRAD4002.Evaluation.cs");

        Assert.Equal([1], bad);
        Assert.Equal([5], repaired);
    }

    [Theory]
    [InlineData("GRAD3001.SoftmaxTail.cs")]
    [InlineData("GRAD3002.SaturatedSigmoid.cs")]
    [InlineData("GRAD3005.Likelihood.cs")]
    public void AConfidentWrongAnswerGetsNoGradientThroughTheActivation(string file)
    {
        var (bad, repaired) = Run(file);

        Assert.InRange(bad[0], 0, 1e-3);
        Assert.InRange(repaired[0], 0.3, 2);
    }

    [Fact]
    public void TheLossOfASecondSigmoidCannotComeNearZero()
    {
        var (bad, repaired) = Run("GRAD3004.SecondSigmoid.cs");

        Assert.InRange(bad[0], 0.69, 1);
        Assert.InRange(repaired[0], 0, 0.01);
    }

    [Fact]
    public void TheLogarithmOfAProbabilityOfZeroHasNoGradient()
    {
        var (bad, repaired) = Run("GRAD3003.Likelihood.cs");

        Assert.True(double.IsNaN(bad[0]), $"{bad[0]}");
        Assert.InRange(repaired[0], 0.99, 1.01);
    }

    [Fact]
    public void TheRootOfADistanceOfZeroMakesEveryGradientNotANumber()
    {
        var (bad, repaired) = Run("GRAD4005.Distance.cs");

        Assert.True(double.IsNaN(bad[0]), $"{bad[0]}");
        Assert.InRange(repaired[0], 0.01, 10);
    }

    [Theory]
    [InlineData("GRAD4003.NoGraph.cs")]
    [InlineData("GRAD4004.Detached.cs")]
    [InlineData("GRAD4007.ScaledStart.cs")]
    public void WithoutAWayBackNothingMoves(string file)
    {
        var (bad, repaired) = Run(file);

        Assert.Equal([0], bad);
        Assert.InRange(repaired[0], 0.1, 10);
    }

    [Fact]
    public void TheNormOverADimensionIsManyNumbers()
    {
        var (bad, repaired) = Run("GRAD4006.WholeNorm.cs");

        Assert.Equal(18, bad[0]);
        Assert.Equal(1, repaired[0]);
        Assert.Equal(Math.Sqrt(3), bad[1], 1e-5);
        Assert.Equal(Math.Sqrt(54), repaired[1], 1e-5);
    }

    /// <summary>What a case measures, as it is and fixed.</summary>
    private static (double[] Bad, double[] Repaired) Run(string file) => (Measure(file), Measure(file.Replace(".cs", ".fixed.cs", StringComparison.Ordinal)));

    private static double[] Measure(string file)
    {
        var measured = CompiledCase.Types(file).Single(type => type.Name == "Measured");
        double[] figures = [];
        // On a thread of its own: whether gradients are on belongs to the thread.
        var thread = new Thread(() => figures = (double[])measured.GetMethod("Run", BindingFlags.Public | BindingFlags.Static)!.Invoke(null, null)!);
        thread.Start();
        thread.Join();
        TestContext.Current.TestOutputHelper?.WriteLine($"{file}: {string.Join(' ', figures.Select(figure => figure.ToString("G3")))}");
        return figures;
    }
}
