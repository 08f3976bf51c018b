using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;

namespace GradAnalyzers.Rules.Flow;

/// <summary>
/// A model graph as a network that gradient flow can predict. Node indices stay the same. What gradient flow has no mathematics for becomes <see cref="Opaque"/>, never a guess.
/// </summary>
internal static class ModelNetwork
{
    /// <summary>A width that only a constructor's parameter tells. The default initialization scales with the fan-in, so that the prediction hardly depends on it.</summary>
    private const int UnknownWidth = 64;

    public static Network Of(ModelGraph graph) => new(
        graph.Nodes.Select(node => new NetworkNode(LayerOf(node), node.Inputs, node.Path)).ToImmutableArray(),
        graph.Output,
        Loss.Unknown);

    private static Layer LayerOf(ModelNode node) => node.Role switch
    {
        Role.Input => new Input(),
        Role.Linear => LinearOf(node),
        Role.Conv or Role.ConvTranspose => ConvolutionOf(node),
        Role.Embedding => new Embedding(Width(node, "tokens"), Width(node, "features"), StartOf(node.Layer?.Weight, 1, 1) is { } start && node.Layer?.Weight?.Initialization.IsDefault == false ? start : Distribution.StandardNormal),
        Role.BatchNorm when GainOf(node, out var gain) => new BatchNorm(Width(node, "features"), gain),
        Role.GroupNorm when GainOf(node, out var gain) => new GroupNorm(Width(node, "groups"), Width(node, "features"), gain),
        Role.InstanceNorm when GainOf(node, out var gain) => new InstanceNorm(Width(node, "features"), gain),
        Role.LayerNorm when GainOf(node, out var gain) => new LayerNorm(Sizes(node, "shape") is [var first, ..] ? first.Whole ?? UnknownWidth : UnknownWidth, Sizes(node, "shape").Length > 1, gain),
        Role.RmsNorm when GainOf(node, out var gain) => new RootMeanSquareNorm(UnknownWidth, gain),
        Role.Add => node.Inputs.Length > 1 ? new Add() : new Opaque("adds a number"),
        Role.Multiply or Role.Divide => Scaled(node),
        Role.Negate => new Scale(-1),
        Role.Concat => node.Size("dimension")?.Whole is 1 or -1 ? new Concat() : new Opaque("joins tensors along another dimension than the features"),
        Role.MaxPool => WindowOf(node, "kernel") is { } window ? new MaxPooling(window) : new Opaque("unknown window"),
        Role.AvgPool => WindowOf(node, "kernel") is { } window ? new AveragePooling(window) : new Opaque("unknown window"),
        Role.AdaptiveAvgPool => Adaptive(node, isMaximum: false),
        Role.AdaptiveMaxPool => Adaptive(node, isMaximum: true),
        Role.Mean => Sizes(node, "dimension") is [_, _] dimensions && dimensions.All(size => size.Whole is 2 or 3 or -1 or -2) ? AdaptivePooling.GlobalAverage : new Opaque("a mean over unknown dimensions"),
        Role.Dropout => new Dropout(node.Number("probability") ?? 0.5),
        Role.Identity or Role.Pad => new Identity(),
        Role.Flatten => node.Size("start")?.Whole is null or 0 or 1 ? new Flatten() : new Identity(),
        Role.Reshape => Reshaped(node),
        Role.Select => node.Constants.TryGetValue("index", out var index) && index.Text == "last step" ? new SelectPosition() : new Opaque("part of a tensor"),
        Role.Upsample => Sizes(node, "factor") is [{ Whole: { } factor }, ..] ? new Upsample(factor) : new Opaque("unknown scale"),
        Role.Softmax => new Softmax(),
        Role.LogSoftmax => new Softmax(Logarithm: true),
        _ when ActivationOf(node) is { } activation => activation,
        _ => new Opaque(node.Reason ?? node.Role.ToString()),
    };

    private static Layer LinearOf(ModelNode node)
    {
        if (node.Layer is null)
            return new Opaque("weights that are no layer's");
        var (fanIn, fanOut) = (Width(node, "fan_in"), Width(node, "fan_out"));
        if (StartOf(node.Layer.Weight, fanIn, fanOut, IsKnown(node, "fan_in")) is not { } weight)
            return new Opaque($"it is not known how '{node.Path}' starts");
        return new Linear(fanIn, fanOut, weight, BiasOf(node, fanIn));
    }

    private static Layer ConvolutionOf(ModelNode node)
    {
        if (node.Layer is null || WindowOf(node, "kernel") is not { } window)
            return new Opaque("a convolution of unknown window or weights");
        var groups = Math.Max(node.Size("groups")?.Whole ?? 1, 1);
        var (inputs, outputs) = (Width(node, "channels_in"), Width(node, "channels_out"));
        var isTransposed = node.Role == Role.ConvTranspose;
        // The library computes the fans from weight.shape[1] and [0]: (out / groups, in) for a transposed one.
        var fanIn = Math.Max((isTransposed ? outputs : inputs) / groups, 1) * window.Area;
        var fanOut = (isTransposed ? inputs : outputs) * window.Area;
        if (StartOf(node.Layer.Weight, fanIn, fanOut, IsKnown(node, "channels_in")) is not { } weight)
            return new Opaque($"it is not known how '{node.Path}' starts");
        return new Convolution(inputs, outputs, window, weight, BiasOf(node, fanIn), groups)
        {
            Transposed = isTransposed,
            OutputPadding = Sizes(node, "output_padding") is { IsEmpty: false } padding ? padding.Select(size => size.Whole ?? 0).ToImmutableArray() : default,
        };
    }

    private static Distribution? BiasOf(ModelNode node, int fanIn) =>
        node.Truth("bias") == false ? null : StartOf(node.Layer?.Bias, fanIn, 1) ?? Distribution.TorchDefault(fanIn);

    /// <summary>How a parameter starts; null where the source does not tell, or where it depends on a width that is not known.</summary>
    private static Distribution? StartOf(ModelParameter? parameter, int fanIn, int fanOut, bool isWidthKnown = true)
    {
        var start = parameter?.Initialization ?? Initialization.Default;
        double Value(string meaning, double otherwise) => start.Constants.ContainsKey(meaning) ? start.Number(meaning) ?? double.NaN : otherwise;
        var distribution = start.Role switch
        {
            Role.Default => Distribution.TorchDefault(fanIn),
            Role.KaimingNormal or Role.KaimingUniform => Distribution.Kaiming(IsFanOut(start) ? fanOut : fanIn, GainOf(start)),
            Role.XavierNormal or Role.XavierUniform => Distribution.Xavier(fanIn, fanOut, Value("gain", 1)),
            Role.Orthogonal => Distribution.Orthogonal(fanOut, fanIn, Value("gain", 1)),
            Role.Normal when isWidthKnown => Distribution.Normal(Value("mean", 0), Value("deviation", 1)),
            Role.Uniform when isWidthKnown => Distribution.Uniform(Value("low", 0), Value("high", 1)),
            Role.TruncNormal => Distribution.TruncatedNormal(Value("mean", 0), Value("deviation", 1)),
            Role.Zeros => Distribution.Constant(0),
            Role.Ones => Distribution.Constant(1),
            Role.Constant => Distribution.Constant(Value("value", 0)),
            _ => null,
        };
        return distribution is null || double.IsNaN(distribution.Mean) || double.IsNaN(distribution.Variance) ? null : distribution;
    }

    private static bool IsFanOut(Initialization start) => start.Constants.TryGetValue("mode", out var mode) && mode.Text == "FanOut";

    private static double GainOf(Initialization start)
    {
        var slope = start.Constants.ContainsKey("slope") ? start.Number("slope") ?? double.NaN : 0;
        return (start.Constants.TryGetValue("nonlinearity", out var nonlinearity) ? nonlinearity.Text : "LeakyReLU") switch
        {
            "ReLU" => Distribution.Gain(ActivationKind.ReLU),
            "LeakyReLU" => Distribution.Gain(ActivationKind.LeakyReLU, slope),
            "Tanh" => Distribution.Gain(ActivationKind.Tanh),
            _ => 1,
        };
    }

    /// <summary>The gain of a normalization: null for the default of one; false where it starts in an unknown way.</summary>
    private static bool GainOf(ModelNode node, out Distribution? gain)
    {
        gain = null;
        if (node.Layer?.Weight is not { Initialization.IsDefault: false } weight)
            return true;
        gain = StartOf(weight, 1, 1);
        return gain is not null;
    }

    private static Layer Scaled(ModelNode node)
    {
        var isFirst = node.Truth("operand_first") == true;
        if (node.Inputs.Length != 1 || node.Number("operand") is not { } factor || factor == 0 || node.Role == Role.Divide && isFirst)
            return new Opaque("a product of tensors");
        return new Scale(node.Role == Role.Divide ? 1 / factor : factor);
    }

    private static Layer Adaptive(ModelNode node, bool isMaximum)
    {
        var sizes = Sizes(node, "size");
        if (sizes.IsEmpty || sizes.Any(size => size.Whole is null))
            return new Opaque("unknown size");
        var positions = sizes.Select(size => size.Whole!.Value).ToList();
        if (positions.Count == 1)
            positions = Enumerable.Repeat(positions[0], Math.Max(node.Size("dimensions")?.Whole ?? 1, 1)).ToList();
        return new AdaptivePooling(positions.All(position => position == 1) ? ImmutableArray<int>.Empty : positions.ToImmutableArray(), isMaximum);
    }

    /// <summary>Only a view as (batch, everything) is certain; one that names no shape (squeeze, permute, transpose) keeps the values where they are.</summary>
    private static Layer Reshaped(ModelNode node)
    {
        if (!node.Constants.ContainsKey("shape") && !node.Constants.ContainsKey("sizes"))
            return new Identity();
        var sizes = Sizes(node, node.Constants.ContainsKey("shape") ? "shape" : "sizes");
        return sizes.Length switch
        {
            2 => new Flatten(),
            > 2 when sizes.Skip(1).All(size => size.Whole is > 0) => new Unflatten(sizes[1].Whole!.Value, sizes.Skip(2).Select(size => size.Whole!.Value).ToImmutableArray()),
            _ => new Opaque("a view of unknown shape"),
        };
    }

    private static Window? WindowOf(ModelNode node, string meaning)
    {
        var kernel = Whole(node, meaning);
        if (kernel.IsEmpty)
            return null;
        var dimensions = Math.Max(node.Size("dimensions")?.Whole ?? kernel.Length, 1);
        if (kernel.Length < dimensions)
            kernel = Enumerable.Repeat(kernel[0], dimensions).ToImmutableArray();
        var stride = Whole(node, "stride");
        var padding = Whole(node, "padding");
        if (padding.IsEmpty && node.Constants.TryGetValue("padding", out var named) && named.Text == "Same")
            padding = kernel.Select(size => size / 2).ToImmutableArray();
        // A pooling without a stride moves by its own size.
        if (stride.IsEmpty && node.Role is Role.MaxPool or Role.AvgPool)
            stride = kernel;
        return new Window(kernel, stride.IsEmpty ? default : stride, padding.IsEmpty ? default : padding, Whole(node, "dilation") is { IsEmpty: false } dilation ? dilation : default);
    }

    private static Activation? ActivationOf(ModelNode node) => KindOf(node.Role) is not { } kind ? null : kind switch
    {
        ActivationKind.LeakyReLU or ActivationKind.PReLU => new Activation(kind, node.Number("slope") ?? double.NaN),
        ActivationKind.RReLU => new Activation(kind, (node.Number("low") + node.Number("high")) / 2 ?? double.NaN),
        ActivationKind.ELU or ActivationKind.CELU => new Activation(kind, node.Number("alpha") ?? double.NaN),
        ActivationKind.Softplus => new Activation(kind, node.Number("beta") ?? double.NaN),
        ActivationKind.Softshrink or ActivationKind.Hardshrink => new Activation(kind, node.Number("lambda") ?? double.NaN),
        ActivationKind.Hardtanh => new Activation(kind, node.Number("low") ?? double.NaN, node.Number("high") ?? double.NaN),
        ActivationKind.Threshold => new Activation(kind, node.Number("threshold") ?? double.NaN, node.Number("value") ?? double.NaN),
        _ => new Activation(kind),
    };

    public static ActivationKind? KindOf(Role role) => role switch
    {
        Role.Sigmoid => ActivationKind.Sigmoid,
        Role.Tanh => ActivationKind.Tanh,
        Role.Relu => ActivationKind.ReLU,
        Role.LeakyRelu => ActivationKind.LeakyReLU,
        Role.Prelu => ActivationKind.PReLU,
        Role.Rrelu => ActivationKind.RReLU,
        Role.Relu6 => ActivationKind.ReLU6,
        Role.Elu => ActivationKind.ELU,
        Role.Celu => ActivationKind.CELU,
        Role.Selu => ActivationKind.SELU,
        Role.Gelu => ActivationKind.GELU,
        Role.Silu => ActivationKind.SiLU,
        Role.Mish => ActivationKind.Mish,
        Role.Softplus => ActivationKind.Softplus,
        Role.Softsign => ActivationKind.Softsign,
        Role.Softshrink => ActivationKind.Softshrink,
        Role.Hardshrink => ActivationKind.Hardshrink,
        Role.Hardsigmoid => ActivationKind.Hardsigmoid,
        Role.Hardswish => ActivationKind.Hardswish,
        Role.Hardtanh => ActivationKind.Hardtanh,
        Role.Tanhshrink => ActivationKind.Tanhshrink,
        Role.LogSigmoid => ActivationKind.LogSigmoid,
        Role.Threshold => ActivationKind.Threshold,
        Role.Arctan => ActivationKind.Arctan,
        Role.Arcsinh => ActivationKind.Arcsinh,
        Role.Sine => ActivationKind.Sine,
        Role.Square => ActivationKind.Square,
        Role.Exponential => ActivationKind.Exponential,
        Role.Absolute => ActivationKind.Absolute,
        _ => null,
    };

    private static int Width(ModelNode node, string meaning) => IsKnown(node, meaning) ? node.Size(meaning)!.Value.Whole!.Value : UnknownWidth;

    private static bool IsKnown(ModelNode node, string meaning) => node.Size(meaning)?.Whole is > 0;

    private static ImmutableArray<Size> Sizes(ModelNode node, string meaning) =>
        node.Constants.TryGetValue(meaning, out var constant) ? constant.Sizes : ImmutableArray<Size>.Empty;

    private static ImmutableArray<int> Whole(ModelNode node, string meaning) =>
        Sizes(node, meaning) is { IsEmpty: false } sizes && sizes.All(size => size.Whole is not null) ? sizes.Select(size => size.Whole!.Value).ToImmutableArray() : ImmutableArray<int>.Empty;
}
