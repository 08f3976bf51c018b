using GradAnalyzers.Detection;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>A fixed part of the detection suite; the whole runs by <c>dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- detection</c>.</summary>
public class DetectionTests(ITestOutputHelper output)
{
    private static readonly string[] Part =
    [
        "ReLU, 3 layers, Adam", "tanh, 4 layers, SGD", "targets of size 100", "labels that can't be learned", "one batch, learned by heart", "frozen encoder, requires_grad false",
        "next symbol, embedding, clipped", "generator", "exponential decay",
        "6 layers, SGD", "ReLU RNN, 60 steps", "third layer, bias -10", "0.05", "SGD, 30, regression", "inputs of 100, clipped", "encoder detached", "encoder in no optimizer", "MLP, Adam", "MLP, inputs of size 50",
        "actor and critic, clipped", "two embeddings of 200 rows, dot product", "low-rank adapter, one factor zero", "embedding in no optimizer", "head replaced after the optimizer was made", "codes by argmax", "equal kernels", "of eight, all dead", "of sixteen, all dead", "round in a branch",
        "tanh, 12 layers, std 1", "harder data after step 200", "learned weights of two losses, one in thousands", "ReLU of log probabilities", "the copy is stepped", "codebook without a way past it", "pictures of zeros",
    ];

    public static TheoryData<string> Names => [.. Part];

    [Theory]
    [InlineData("third layer, bias -10", "'fc0.weight' never changes")]
    [InlineData("0.05", "the units of 'fc0.weight' are equal at the end")]
    [InlineData("encoder in no optimizer", "'encoder.fc0.weight' never changes")]
    [InlineData("MLP, Adam", "gradients add up")]
    [InlineData("ReLU, 3 layers, Adam", null)]
    [InlineData("log-cosh, OneCycle", null)]
    public void WhatIsAFaultShowsWithoutTheMonitor(string name, string? evidence) =>
        Assert.Equal(evidence, GroundTruth.Evidence(Scenarios.All.Single(s => s.Name == name), seed: 1));

    [Theory]
    [MemberData(nameof(Names))]
    public void TheMonitorIsRightAbout(string name)
    {
        var outcome = Runner.Run(Scenarios.All.Single(s => s.Name == name));

        output.WriteLine(Suite.Line(outcome));
        Assert.True(outcome.IsRight, Suite.Line(outcome));
        Assert.NotEqual(false, outcome.NamesLayer);
    }
}
