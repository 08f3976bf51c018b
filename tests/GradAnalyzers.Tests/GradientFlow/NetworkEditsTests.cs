using GradAnalyzers.GradientFlow;
using Xunit;

namespace GradAnalyzers.Tests.GradientFlow;

/// <summary>The fixes that rules offer, as their predictions see them.</summary>
public sealed class NetworkEditsTests
{
    private static readonly Network Sigmoids = Build.Stack(8, 64, ActivationKind.Sigmoid);

    private static Network WithRelu(Network network) =>
        network.ReplaceAll(node => node.Layer is Activation { Kind: ActivationKind.Sigmoid } ? new Activation(ActivationKind.ReLU) : null);

    private static IEnumerable<int> LinearNodes(Network network) =>
        Enumerable.Range(0, network.Nodes.Length).Where(index => network.Nodes[index].Layer is Linear);

    [Fact]
    public void ReluAloneStillLosesMostOfTheGradient() =>
        Assert.True(WithRelu(Sigmoids).Predict().FirstToLastRatio < 0.1);

    [Fact]
    public void ReluWithKaimingInitializationIsHealthy()
    {
        var network = LinearNodes(Sigmoids).Aggregate(
            WithRelu(Sigmoids),
            (changed, node) => changed.Initialize(node, (fanIn, _) => Distribution.Kaiming(fanIn, Distribution.Gain(ActivationKind.ReLU)), Distribution.Constant(0)));
        var prediction = network.Predict();
        Assert.Equal(Verdict.Healthy, prediction.Verdict);
        Assert.InRange(prediction.FirstToLastRatio, 0.1, 3);
    }

    [Fact]
    public void BatchNormRescuesASigmoidStackAndLayerNormDoesNot()
    {
        var places = LinearNodes(Sigmoids).SkipLast(1).ToList();
        Assert.Equal(Verdict.Healthy, Sigmoids.InsertAfter(places, node => new BatchNorm(((Linear)node.Layer).Outputs)).Predict().Verdict);
        Assert.True(Sigmoids.InsertAfter(places, node => new LayerNorm(((Linear)node.Layer).Outputs)).Predict().FirstToLastRatio < 1e-2);
    }

    [Fact]
    public void AnInsertedLayerIsReadByAllThatReadTheNodeBeforeIt()
    {
        var network = Build.Chain(Linear.Default(8, 8), new Activation(ActivationKind.Tanh), Linear.Default(8, 8)).AddSkip(1, 3).InsertAfter(1, new Dropout(0.1));
        Assert.Equal(["Input", "Linear", "Dropout", "Activation", "Linear", "Add"], network.Nodes.Select(node => node.Layer.GetType().Name));
        Assert.Equal([4, 2], network.Nodes[5].Inputs);
        Assert.Equal(5, network.Output);
    }

    [Fact]
    public void SkipsOneAfterTheOtherReadTheSumBefore()
    {
        var network = Build.Chain(Linear.Default(8, 8), Linear.Default(8, 8), Linear.Default(8, 8)).AddSkips([(1, 2), (2, 3)]);
        Assert.Equal([2, 1], network.Nodes[3].Inputs);
        Assert.Equal([4, 3], network.Nodes[5].Inputs);
    }

    [Fact]
    public void OnlyEqualShapesAreSaidToBeEqual()
    {
        var network = Build.Chain(Linear.Default(8, 16), Linear.Default(16, 16), Linear.Default(16, 8));
        Assert.True(network.HaveSameShape(1, 2));
        Assert.False(network.HaveSameShape(1, 3));
    }
}
