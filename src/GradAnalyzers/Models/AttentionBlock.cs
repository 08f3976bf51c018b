using System.Collections.Immutable;
using GradAnalyzers.GradientFlow;
using Distribution = GradAnalyzers.GradientFlow.Distribution;

namespace GradAnalyzers.Models;

/// <summary>Layers that the library makes of several: attention with its projections, transformers (always normalized after the sum), gated linear units.</summary>
internal static class AttentionBlock
{
    /// <summary>Layers of one stack that are opened.</summary>
    private const int MaximumLayers = 64;

    /// <summary>Half of the features, times the sigmoid of the other half.</summary>
    public static Block Glu { get; } = new(ImmutableArray.Create(
        new NetworkNode(new Input(), ImmutableArray<int>.Empty),
        new NetworkNode(new SliceFeatures(2, 0), ImmutableArray.Create(0)),
        new NetworkNode(new SliceFeatures(2, 0), ImmutableArray.Create(0)),
        new NetworkNode(new Activation(ActivationKind.Sigmoid), ImmutableArray.Create(2)),
        new NetworkNode(new Multiply(), ImmutableArray.Create(1, 3))));

    /// <summary>A value times one more than a gate.</summary>
    public static Block GateBesideItsValue { get; } = new(ImmutableArray.Create(
        new NetworkNode(new Input(), ImmutableArray<int>.Empty),
        new NetworkNode(new Input(), ImmutableArray<int>.Empty),
        new NetworkNode(new Scale(1, 1), ImmutableArray.Create(1)),
        new NetworkNode(new Multiply(), ImmutableArray.Create(0, 2))));

    /// <summary>Weights of positions times their values, summed.</summary>
    public static Block WeightedMean { get; } = new(ImmutableArray.Create(
        new NetworkNode(new Input(), ImmutableArray<int>.Empty),
        new NetworkNode(new Input(), ImmutableArray<int>.Empty),
        new NetworkNode(new Multiply(), ImmutableArray.Create(0, 1)),
        new NetworkNode(new AdaptivePooling(ImmutableArray<int>.Empty, Sum: true), ImmutableArray.Create(2))));

    /// <summary>Divided by its length.</summary>
    public static Block UnitLength(int features) => new(ImmutableArray.Create(
        new NetworkNode(new Input(), ImmutableArray<int>.Empty),
        new NetworkNode(new RootMeanSquareNorm(features), ImmutableArray.Create(0)),
        new NetworkNode(new Scale(1 / Math.Sqrt(Math.Max(features, 1))), ImmutableArray.Create(1))));

    /// <summary><c>MultiheadAttention</c> of queries, keys and values; null where it is none.</summary>
    /// <param name="node">Its use.</param>
    /// <param name="features">Its features, which cancel out of how it starts.</param>
    public static Layer? OfLibrary(ModelNode node, int features)
    {
        if (node.Layer is not { } layer)
            return null;
        var builder = new Builder(layer, features, node.Size("heads")?.Whole ?? 8, 0, null, 0);
        var inputs = Enumerable.Range(0, Math.Min(node.Inputs.Length, 3)).Select(_ => builder.Input()).ToList();
        if (inputs.Count == 0)
            return null;
        builder.Attend("", inputs[0], inputs[Math.Min(1, inputs.Count - 1)], inputs[^1]);
        return builder.Block();
    }

    /// <summary>A layer, a stack of layers, or both stacks of a transformer; null where the sizes are not known.</summary>
    public static Layer? OfTransformer(ModelNode node)
    {
        if (node.Layer is not { Type: { } type } layer)
            return null;
        // A stack says its sizes by the layer that it repeats.
        var single = layer.Repeated ?? layer;
        if (single.Size("features")?.Whole is not (> 0 and { } features))
            return null;
        var builder = new Builder(single, features, single.Size("heads")?.Whole ?? 8, single.Size("hidden")?.Whole ?? 2048, single.Constants.TryGetValue("activation", out var named) ? named.Text : null,
            single.Constants.TryGetValue("dropout", out var dropout) ? dropout.Number ?? 0.1 : 0.1) { Owner = layer };
        var source = builder.Input();
        var isDecoder = single.Type?.Name == "TransformerDecoderLayer";
        switch (type.Name)
        {
            case "TransformerEncoderLayer":
                builder.Encode("", source);
                break;
            case "TransformerDecoderLayer":
                builder.Decode("", source, node.Inputs.Length > 1 ? builder.Input() : source);
                break;
            case "TransformerEncoder" or "TransformerDecoder" when layer.Repeated is not null:
                var memory = isDecoder ? node.Inputs.Length > 1 ? builder.Input() : source : -1;
                for (var index = 0; index < Count(layer, "layers", 1); index++)
                    source = isDecoder ? builder.Decode($"layers.{index}.", source, memory) : builder.Encode($"layers.{index}.", source);
                break;
            case "Transformer":
                var target = node.Inputs.Length > 1 ? builder.Input() : source;
                for (var index = 0; index < Count(layer, "encoder_layers", 6); index++)
                    source = builder.Encode($"encoder.layers.{index}.", source);
                source = builder.Normalize("encoder.norm", source);
                for (var index = 0; index < Count(layer, "decoder_layers", 6); index++)
                    target = builder.Decode($"decoder.layers.{index}.", target, source);
                builder.Normalize("decoder.norm", target);
                break;
            default:
                return null;
        }

        return builder.Block();
    }

    private static int Count(ModelLayer layer, string meaning, int otherwise) => Math.Min(layer.Size(meaning)?.Whole ?? otherwise, MaximumLayers);

    private sealed class Builder(ModelLayer layer, int features, int heads, int hidden, string? activation, double dropout)
    {
        private readonly bool hasBias = !layer.Constants.TryGetValue("bias", out var bias) || bias.Truth != false;

        private readonly ImmutableArray<NetworkNode>.Builder _nodes = ImmutableArray.CreateBuilder<NetworkNode>();

        public ModelLayer Owner { get; init; } = layer;

        public Block Block() => new(_nodes.ToImmutable());

        public int Input() => Add(new Input(), []);

        public int Normalize(string path, int input) => Add(new LayerNorm(features), [input], path);

        public int Encode(string prefix, int x)
        {
            x = Normalize(prefix + "norm1", Sum(x, Dropped(Attend(prefix + "self_attn.", x, x, x))));
            return Normalize(prefix + "norm2", Sum(x, FeedForward(prefix, x)));
        }

        public int Decode(string prefix, int x, int memory)
        {
            x = Normalize(prefix + "norm1", Sum(x, Dropped(Attend(prefix + "self_attn.", x, x, x))));
            x = Normalize(prefix + "norm2", Sum(x, Dropped(Attend(prefix + "multihead_attn.", x, memory, memory))));
            return Normalize(prefix + "norm3", Sum(x, FeedForward(prefix, x)));
        }

        /// <summary>One matrix projects queries, keys and values; it starts as Xavier's of its whole size, its bias and the output's at zero.</summary>
        public int Attend(string prefix, int query, int key, int value)
        {
            var start = Distribution.Xavier(features, 3 * features);
            var projected = new[] { query, key, value }.Select(input => Add(new Linear(features, features, start, hasBias ? Distribution.Constant(0) : null), [input], weightPath: Path(prefix + "in_proj_weight"), biasPath: Path(prefix + "in_proj_bias"))).ToArray();
            var attended = Add(new Attention(heads), projected);
            return Add(new Linear(features, features, Distribution.TorchDefault(features), hasBias ? Distribution.Constant(0) : null), [attended], prefix + "out_proj");
        }

        private int FeedForward(string prefix, int x)
        {
            x = Add(new Linear(features, hidden, Distribution.TorchDefault(features), Distribution.TorchDefault(features)), [x], prefix + "linear1");
            x = Dropped(Add(new Activation(activation == "GELU" ? ActivationKind.GELU : ActivationKind.ReLU), [x]));
            return Dropped(Add(new Linear(hidden, features, Distribution.TorchDefault(hidden), Distribution.TorchDefault(hidden)), [x], prefix + "linear2"));
        }

        private int Sum(int one, int other) => Add(new Add(), [one, other]);

        private int Dropped(int input) => dropout > 0 ? Add(new Dropout(dropout), [input]) : input;

        private string Path(string name) => Owner.Path.Length == 0 ? name : Owner.Path + "." + name;

        private int Add(Layer added, int[] inputs, string? path = null, string? weightPath = null, string? biasPath = null)
        {
            _nodes.Add(new NetworkNode(added, inputs.ToImmutableArray(), path is null ? null : Path(path)) { WeightPath = weightPath, BiasPath = biasPath });
            return _nodes.Count - 1;
        }
    }
}
