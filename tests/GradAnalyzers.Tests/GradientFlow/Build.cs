using System.Collections.Immutable;
using GradAnalyzers.GradientFlow;

namespace GradAnalyzers.Tests.GradientFlow;

/// <summary>Networks for the tests: chains of layers, by one line each.</summary>
internal static class Build
{
    /// <summary>Layers one after the other behind an input; those with weights are called l0, l1, ...</summary>
    public static Network Chain(params Layer[] layers) => Chain(Loss.CrossEntropy, layers);

    public static Network Chain(Loss loss, params Layer[] layers)
    {
        var nodes = ImmutableArray.CreateBuilder<NetworkNode>();
        if (layers[0] is not (Input or Embedding))
            nodes.Add(new(new Input(), []));
        var weights = 0;
        foreach (var layer in layers)
            nodes.Add(new(layer, nodes.Count == 0 ? [] : [nodes.Count - 1], layer.WeightSuffix is null ? null : $"l{weights++}"));
        return new(nodes.ToImmutable(), nodes.Count - 1, loss);
    }

    /// <summary><paramref name="depth"/> Linear layers of one width, each but the last followed by what the function gives.</summary>
    public static Network Stack(int depth, int width, Func<Layer[]> between, Func<int, int, Linear>? linear = null)
    {
        linear ??= (inputs, outputs) => Linear.Default(inputs, outputs);
        var layers = new List<Layer>();
        for (var i = 0; i < depth - 1; i++)
        {
            layers.Add(linear(width, width));
            layers.AddRange(between());
        }

        layers.Add(linear(width, 10));
        return Chain([.. layers]);
    }

    public static Network Stack(int depth, int width, ActivationKind activation) => Stack(depth, width, () => [new Activation(activation)]);

    public static Linear Kaiming(int inputs, int outputs) => new(inputs, outputs, Distribution.Kaiming(inputs, Math.Sqrt(2)), Distribution.Constant(0));

    public static GradientFlowPrediction Predict(this Network network) => GradientFlowPrediction.Predict(network);
}
