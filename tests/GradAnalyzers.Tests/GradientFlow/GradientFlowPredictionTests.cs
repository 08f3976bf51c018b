using System.Collections.Immutable;
using GradAnalyzers.GradientFlow;
using Xunit;

namespace GradAnalyzers.Tests.GradientFlow;

public sealed class GradientFlowPredictionTests
{
    [Theory]
    [InlineData(ActivationKind.Sigmoid, 0.141)]
    [InlineData(ActivationKind.Softplus, 0.295)]
    [InlineData(ActivationKind.GELU, 0.289)]
    [InlineData(ActivationKind.ReLU, 0.408)]
    [InlineData(ActivationKind.Tanh, 0.576)]
    [InlineData(ActivationKind.ELU, 0.568)]
    [InlineData(ActivationKind.Hardtanh, 0.577)]
    public void EachLayerAtTheDefaultInitializationHasTheFactorOfThePage(object activation, double factor) =>
        Assert.Equal(factor, FactorOf(() => [new Activation((ActivationKind)activation)]), 0.01);

    [Theory]
    [InlineData(ActivationKind.Sigmoid, 1.017)]
    [InlineData(ActivationKind.ReLU, 1.211)]
    [InlineData(ActivationKind.Tanh, 1.085)]
    public void EachLayerWithBatchNormHasTheFactorOfThePage(object activation, double factor) =>
        Assert.Equal(factor, FactorOf(() => [new BatchNorm(Wide), new Activation((ActivationKind)activation)], batch: 1024), 0.01);

    [Theory]
    [InlineData(ActivationKind.Sigmoid, 0.391)]
    [InlineData(ActivationKind.ReLU, 1.0)]
    [InlineData(ActivationKind.Tanh, 1.085)]
    public void EachLayerWithLayerNormHasTheFactorOfThePage(object activation, double factor) =>
        Assert.Equal(factor, FactorOf(() => [new LayerNorm(Wide), new Activation((ActivationKind)activation)]), 0.01);

    [Fact]
    public void KaimingInitializationIsCriticalForRelu() =>
        Assert.Equal(1, FactorOf(() => [new Activation(ActivationKind.ReLU)], linear: Build.Kaiming), 0.005);

    [Fact]
    public void NarrowNetworksLoseMoreThanWideOnes()
    {
        var wide = Build.Stack(32, 4096, () => [new Activation(ActivationKind.ReLU)], Build.Kaiming).Predict();
        var narrow = Build.Stack(32, 16, () => [new Activation(ActivationKind.ReLU)], Build.Kaiming).Predict();
        Assert.True(narrow.Attenuation < 0.8 * wide.Attenuation, $"{narrow.Attenuation} against {wide.Attenuation}");
    }

    [Fact]
    public void ABiasFreeReluStackIsSeenByItsAttenuation()
    {
        var network = Build.Stack(24, 64, () => [new Activation(ActivationKind.ReLU)], (inputs, outputs) => Linear.Default(inputs, outputs, bias: false));
        var prediction = network.Predict();
        Assert.InRange(prediction.FirstToLastRatio, 0.2, 5);
        Assert.True(prediction.Attenuation < 1e-6);
        Assert.Equal(Verdict.Vanishing, prediction.Verdict);
    }

    [Fact]
    public void LargeWeightsExplode() =>
        Assert.Equal(Verdict.Exploding, Build.Stack(8, 128, () => [new Activation(ActivationKind.ReLU)], (i, o) => new(i, o, Distribution.Normal(0, 0.5), null)).Predict().Verdict);

    [Fact]
    public void BoundsAreOptions()
    {
        var network = Build.Stack(8, 64, ActivationKind.Tanh);
        Assert.Equal(Verdict.Healthy, network.Predict().Verdict);
        Assert.Equal(Verdict.Vanishing, GradientFlowPrediction.Predict(network, new Thresholds(VanishingRatio: 0.5)).Verdict);
        Assert.Equal(Verdict.Exploding, GradientFlowPrediction.Predict(network, new Thresholds(ExplodingRatio: 0.01)).Verdict);
    }

    [Fact]
    public void AnOpaqueLayerMakesTheVerdictUnknownAndSaysWhy()
    {
        var prediction = Build.Chain(Linear.Default(8, 8), new Opaque("attention"), Linear.Default(8, 2)).Predict();
        Assert.Equal(Verdict.Unknown, prediction.Verdict);
        Assert.Equal("attention", prediction.Reason);
        Assert.All(prediction.Parameters.Where(parameter => parameter.Path == "l0.weight"), parameter => Assert.True(double.IsNaN(parameter.LogNorm)));
    }

    [Fact]
    public void WeightsThatAreAllTheSameNumberGiveNoVerdict()
    {
        var prediction = Build.Chain(Linear.Default(8, 8), new Linear(8, 2, Distribution.Constant(0), null)).Predict();
        Assert.Equal(Verdict.Unknown, prediction.Verdict);
        Assert.Contains("'l1'", prediction.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AModelWithoutWeightsHasNoVerdict() =>
        Assert.Equal(Verdict.Unknown, Build.Chain(new Activation(ActivationKind.ReLU)).Predict().Verdict);

    [Fact]
    public void ALayerThatIsUsedTwiceIsReportedOnceWithItsSum()
    {
        var once = Build.Chain(Linear.Default(32, 32), new Activation(ActivationKind.Tanh), Linear.Default(32, 32), new Activation(ActivationKind.Tanh), Linear.Default(32, 4));
        var shared = once with { Nodes = once.Nodes.SetItem(3, once.Nodes[3] with { Path = "l0" }) };
        var parameter = Assert.Single(shared.Predict().Parameters, parameter => parameter.Path == "l0.weight");
        var parts = once.Predict().Parameters.Where(other => other.Path is "l0.weight" or "l1.weight").Sum(other => Math.Pow(10, 2 * other.LogNorm));
        Assert.Equal(Math.Log10(parts) / 2, parameter.LogNorm, 1e-9);
    }

    [Fact]
    public void TheLargestParameterIsTheMeasureOfTheOthers()
    {
        var parameters = Build.Stack(4, 64, ActivationKind.Sigmoid).Predict().Parameters;
        Assert.Equal(0, parameters.Max(parameter => parameter.LogRelative), 1e-12);
        Assert.Equal(["l0.weight", "l0.bias", "l1.weight", "l1.bias", "l2.weight", "l2.bias", "l3.weight", "l3.bias"], parameters.Select(parameter => parameter.Path));
    }

    [Theory]
    [InlineData(LossKind.MeanSquaredError)]
    [InlineData(LossKind.AbsoluteError)]
    [InlineData(LossKind.CrossEntropy)]
    [InlineData(LossKind.NegativeLogLikelihood)]
    [InlineData(LossKind.BinaryCrossEntropy)]
    [InlineData(LossKind.BinaryCrossEntropyWithLogits)]
    [InlineData(LossKind.Unknown)]
    public void EveryLossGivesAVerdict(object kind) =>
        Assert.Equal(Verdict.Vanishing, (Build.Stack(8, 64, ActivationKind.Sigmoid) with { Loss = new((LossKind)kind) }).Predict().Verdict);

    [Fact]
    public void ALossThatUndoesTheLastLayerStartsBeforeIt()
    {
        var logits = Build.Stack(3, 64, ActivationKind.ReLU);
        var logarithms = logits.InsertAfter(logits.Output, new Softmax(Logarithm: true)) with { Loss = new(LossKind.NegativeLogLikelihood) };
        Assert.Equal(logits.Predict().FirstToLastRatio, logarithms.Predict().FirstToLastRatio, 1e-9);
    }

    [Fact]
    public void TheSizeOfAnImageIsFoundFromTheLinearLayerBehindIt()
    {
        var network = Build.Chain(
            Convolution.Default(1, 8, Window.Square(2, 3)),
            new MaxPooling(Window.Square(2, 2, 2)),
            new Flatten(),
            Linear.Default(8 * 13 * 13, 10));
        Assert.Equal(28, Shapes.Of(network)[0].Sizes[0]);
    }

    [Fact]
    public void WhereNothingTellsTheSizeOfAnImageItIsAssumed()
    {
        var network = Build.Chain(Convolution.Default(3, 8, Window.Square(2, 3)), AdaptivePooling.GlobalAverage, new Flatten(), Linear.Default(8, 10)) with { Assumptions = new(Image: 48) };
        Assert.Equal(48, Shapes.Of(network)[0].Sizes[0]);
    }

    [Fact]
    public void AWindowThatIsLargerThanTheImageIsNoCrash()
    {
        var network = Build.Chain(new Input(3, [4, 4]), Convolution.Default(3, 8, Window.Square(2, 11, 4)), new MaxPooling(Window.Square(2, 3, 2)), new Flatten(), Linear.Default(8, 10));
        Assert.NotEqual(Verdict.Unknown, network.Predict().Verdict);
    }

    [Fact]
    public void AStrideKeepsTheTotalGradient()
    {
        // Each input position receives from a quarter of the windows, and there are a quarter as many outputs: the sum over positions is the same factor as without a stride.
        double Factor(int stride) => Build.Chain(
            new Input(16, [64, 64]),
            Convolution.Default(16, 16, Window.Square(2, 3)),
            Convolution.Default(16, 16, Window.Square(2, 3, stride)),
            new Flatten(),
            Linear.Default(16 * (stride == 1 ? 60 * 60 : 30 * 30), 10)).Predict().Attenuation;
        Assert.Equal(Factor(1), Factor(2), 0.02 * Factor(1));
    }

    [Fact]
    public void TapsOnPaddingAreCounted()
    {
        var window = Window.Square(2, 3, 2, 1);
        double inside = 0, pairs = 0;
        for (var y = 0; y < 3; y++)
            for (var x = 0; x < 3; x++)
            {
                double tap = 0;
                for (var row = 0; row < 4; row++)
                    for (var column = 0; column < 4; column++)
                        if (row * 2 + y - 1 is >= 0 and < 7 && column * 2 + x - 1 is >= 0 and < 7)
                            tap++;
                inside += tap;
                pairs += tap * tap;
            }

        var overlap = Overlap.Of(window, [4, 4], [7, 7]);
        Assert.Equal(inside / (16 * 9), overlap.Same, 1e-12);
        Assert.Equal(pairs / (16 * 16 * 9), overlap.AllPositions, 1e-12);
        Assert.Equal((16 * overlap.AllPositions - overlap.Same) / 15, overlap.DistinctPositions, 1e-12);
    }

    [Fact]
    public void TheLargestOfFourNormalsIsKnown()
    {
        var (mean, variance) = GradAnalyzers.GradientFlow.Layers.MaxPoolingFlow.LargestNormal(4);
        Assert.Equal(1.02938, mean, 1e-4);
        Assert.Equal(0.49172, variance, 1e-4);
    }

    [Fact]
    public void TwoClassesAgreeByTheArcSine() =>
        Assert.Equal(0.5 + Math.Asin(0.6) / Math.PI, LossFlow.ClassAgreement(2, 1e6, 0.6e6), 0.02);

    [Fact]
    public void AResidualConnectionSavesAStackThatVanishes()
    {
        var network = Build.Stack(20, 64, ActivationKind.ReLU);
        Assert.Equal(Verdict.Vanishing, network.Predict().Verdict);
        var stretches = Enumerable.Range(1, 18).Select(i => (From: 2 * i, To: 2 * i + 2));
        Assert.Equal(Verdict.Healthy, network.AddSkips(stretches).Predict().Verdict);
    }

    [Fact]
    public void BatchNormStacksExplodeWithDepthAndResidualsCureThem()
    {
        var network = Build.Stack(40, 128, () => [new BatchNorm(128), new Activation(ActivationKind.ReLU)]);
        Assert.Equal(Verdict.Exploding, network.Predict().Verdict);
        var stretches = Enumerable.Range(1, 37).Select(i => (From: 3 * i, To: 3 * i + 3));
        Assert.Equal(Verdict.Healthy, network.AddSkips(stretches).Predict().Verdict);
    }

    [Fact]
    public void ADeepNetworkIsNoRecursion() =>
        Assert.Equal(Verdict.Vanishing, Build.Stack(5_000, 16, ActivationKind.ReLU).Predict().Verdict);

    [Fact]
    public void StrangeNumbersAreNoCrash()
    {
        Network[] networks =
        [
            Build.Chain(Linear.Default(1, 1)),
            Build.Chain(Linear.Default(0, 0), Linear.Default(0, 0)),
            Build.Chain(new Linear(8, 8, new(double.NaN, double.NaN), null), Linear.Default(8, 2)),
            Build.Chain(new Linear(8, 8, Distribution.Normal(0, 1e150), null), new Activation(ActivationKind.Exponential), Linear.Default(8, 2)),
            Build.Chain(new BatchNorm(8), Linear.Default(8, 1)),
            Build.Chain(new Dropout(1), Linear.Default(8, 1)),
            Build.Chain(new Recurrent(RecurrentKind.Lstm, 0, 0) { Steps = 0, Layers = 0 }, Linear.Default(8, 1)),
            Build.Chain(Convolution.Default(0, 0, new Window([])), Linear.Default(8, 1)),
            new(ImmutableArray<NetworkNode>.Empty, 0, Loss.Unknown),
        ];
        Assert.All(networks, network => Assert.NotNull(network.Predict()));
    }

    private const int Wide = 4096;

    /// <summary>What one more layer does to the norm of the gradient, deep inside a wide stack.</summary>
    private static double FactorOf(Func<Layer[]> between, Func<int, int, Linear>? linear = null, int batch = 32)
    {
        double Attenuation(int depth) => (Build.Stack(depth, Wide, between, linear) with { Assumptions = new(batch) }).Predict().Attenuation;
        return Attenuation(16) / Attenuation(15);
    }
}
