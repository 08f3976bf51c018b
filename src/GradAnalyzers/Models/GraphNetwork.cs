using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using Distribution = GradAnalyzers.GradientFlow.Distribution;

namespace GradAnalyzers.Models;

/// <summary>
/// A model graph as gradient flow reads it: node for node, so that index <c>i</c> means the same in both.
/// What a role alone does not settle (a reshape of unknown shape, a gate, a mask) is <see cref="GradientFlow.Opaque"/> with its reason.
/// </summary>
internal static class GraphNetwork
{
    /// <summary>
    /// Stands for every width that the source does not tell. With the library's own initialization, and with any that divides by the fan,
    /// the width cancels out of the gradient of a layer; layers whose initialization needs the real number are opaque.
    /// </summary>
    private const int UnknownWidth = 128;

    /// <summary>Numbers added to a tensor below this are there for numerical safety and do not move its mean.</summary>
    private const double NegligibleShift = 0.01;

    /// <param name="graph">A graph with an output.</param>
    /// <param name="loss">What the model is trained with, where the caller knows.</param>
    public static Network Of(ModelGraph graph, Loss? loss = null)
    {
        var nodes = ImmutableArray.CreateBuilder<NetworkNode>(graph.Nodes.Length);
        foreach (var node in graph.Nodes)
        {
            var path = node.Layer is { Parameters.IsEmpty: false } layer ? layer.Path : null;
            nodes.Add(new NetworkNode(LayerOf(node, graph), InputsOf(node), path));
        }

        return new Network(nodes.MoveToImmutable(), Math.Max(graph.Output, 0), loss ?? Loss.Unknown);
    }

    // A recurrent layer's initial state is no input that a gradient of interest goes through.
    private static ImmutableArray<int> InputsOf(ModelNode node) =>
        node.Role.IsRecurrent() && node.Inputs.Length > 1 ? node.Inputs.RemoveRange(1, node.Inputs.Length - 1) : node.Inputs;

    private static Layer LayerOf(ModelNode node, ModelGraph graph)
    {
        if (node.Role is Role.Input or Role.Data or Role.Parameter)
            return new Input();
        if (node.Inputs.IsEmpty && node.Role != Role.Opaque)
            return new Opaque($"'{node.Name}' works on nothing that is known");
        if (!node.Role.IsRecurrent() && node.Inputs.Select(input => graph.Nodes[input]).FirstOrDefault(input => input.Role is Role.Data or Role.Parameter) is { } other && node.Role is not Role.Embedding)
            return new Opaque(other.Role == Role.Parameter ? $"a parameter of its own takes part in '{node.Name}'" : $"'{node.Name}' reads a tensor that the model does not compute");
        return node.Role switch
        {
            Role.Linear => Weighted(node, (weight, bias, inputs, outputs) => new Linear(inputs, outputs, weight, bias)),
            Role.Conv or Role.ConvTranspose => Convolution(node),
            Role.Embedding => EmbeddingOf(node),
            Role.Rnn or Role.Lstm or Role.Gru => RecurrentOf(node),
            Role.Attention => new Opaque("attention"),
            Role.Transformer => new Opaque("a transformer layer of the library"),
            Role.RnnCell or Role.LstmCell or Role.GruCell => new Opaque("a recurrent cell"),
            Role.Softmax => new Softmax(),
            Role.LogSoftmax => new Softmax(Logarithm: true),
            _ when ActivationOf(node) is { } activation => activation,
            Role.BatchNorm => Norm(node, (features, gain) => new BatchNorm(features, gain)),
            Role.InstanceNorm => Norm(node, (features, gain) => new InstanceNorm(features, gain)),
            Role.RmsNorm => Norm(node, (features, gain) => new RootMeanSquareNorm(features, gain)),
            Role.GroupNorm => Norm(node, (features, gain) => new GroupNorm(Whole(node, "groups") ?? 1, features, gain)),
            Role.LayerNorm => Norm(node, (features, gain) => new LayerNorm(features, node.Constants.TryGetValue("shape", out var shape) && shape.Sizes.Length > 1, gain)),
            Role.MaxPool => Windowed(node) is { } window ? new MaxPooling(window) : new Opaque("pooling over a window of unknown size"),
            Role.AvgPool => Windowed(node) is { } window ? new AveragePooling(window) : new Opaque("pooling over a window of unknown size"),
            Role.AdaptiveAvgPool or Role.AdaptiveMaxPool => Adaptive(node),
            Role.Mean => MeanOf(node, graph),
            Role.Dropout => new Dropout(node.Number("probability") ?? 0.5),
            Role.Identity or Role.Permute or Role.Pad => new Identity(),
            Role.Flatten => node.Number("start") is 0 ? new Opaque("flatten over the batch") : new Flatten(),
            Role.Reshape => ReshapeOf(node),
            Role.Select => SelectOf(node, graph),
            Role.Upsample => UpsampleOf(node),
            Role.Add or Role.Subtract when node.Inputs.Length == 1 =>
                Math.Abs(node.Number("operand") ?? double.PositiveInfinity) <= NegligibleShift ? new Identity() : new Opaque($"'{node.Name}' shifts by a number that matters or is not known"),
            Role.Add => new Add(),
            Role.Multiply when node.Inputs.Length == 1 => node.Number("operand") is { } factor ? new Scale(factor) : new Opaque($"'{node.Name}' scales by a number that is not known"),
            Role.Divide when node.Inputs.Length == 1 && node.Truth("operand_first") != true => node.Number("operand") is { } divisor and not 0 ? new Scale(1 / divisor) : new Opaque($"'{node.Name}' scales by a number that is not known"),
            Role.Negate => new Scale(-1),
            Role.Concat => node.Number("dimension") is 1 or -1 || (node.Number("dimension") is 2 && IsSequence(node, graph)) ? new Concat() : new Opaque("tensors are joined along another dimension than their features"),
            Role.Detach => new Opaque("the gradient is cut by detach"),
            Role.Opaque => new Opaque(node.Reason ?? "unknown"),
            _ => new Opaque($"'{node.Name}' is not predicted"),
        };
    }

    private static Layer Weighted(ModelNode node, Func<Distribution, Distribution?, int, int, Layer> make)
    {
        var inputs = node.Size("fan_in");
        var outputs = node.Size("fan_out");
        var (fanIn, fanOut) = (Width(inputs), Width(outputs));
        if (node.Layer is not { Weight: { } weight } layer)
            return new Opaque($"the weight of '{node.Name}' is not known");
        var isKnown = inputs is { IsKnown: true } && outputs is { IsKnown: true };
        if (Start(weight.Initialization, fanIn, fanIn, fanOut, isKnown, isKnown || (inputs is { } one && outputs is { } other && one.Text == other.Text)) is not { } start)
            return new Opaque($"how '{layer.Path}' starts is not known");
        Distribution? biasStart = null;
        if (layer.Bias is { } bias && (biasStart = Start(bias.Initialization, fanIn, fanIn, fanOut, isKnown, isKnown)) is null)
            return new Opaque($"how the bias of '{layer.Path}' starts is not known");
        return make(start, biasStart, fanIn, fanOut);
    }

    private static Layer Convolution(ModelNode node)
    {
        if (node.Layer is not { Weight: { } weight } layer)
            return new Opaque($"the weight of '{node.Name}' is not known");
        if (Windowed(node) is not { } window)
            return new Opaque($"the kernel of '{layer.Path}' is not known");
        var inputs = node.Size("channels_in");
        var outputs = node.Size("channels_out");
        // A grouping by an unknown number is a depthwise convolution where it is the number of channels.
        var groups = Whole(node, "groups") ?? (node.Size("groups") is { } size && size.Text == inputs?.Text ? UnknownWidth : 1);
        var (channelsIn, channelsOut) = (Width(inputs), Width(outputs));
        var isTransposed = node.Role == Role.ConvTranspose;
        var fanIn = Math.Max(1, (isTransposed ? channelsOut : channelsIn) / Math.Max(groups, 1)) * window.Area;
        var fanOut = (isTransposed ? channelsIn : channelsOut) * window.Area;
        var isKnown = inputs is { IsKnown: true } && outputs is { IsKnown: true };
        if (Start(weight.Initialization, fanIn, fanIn, fanOut, isKnown, isKnown) is not { } start)
            return new Opaque($"how '{layer.Path}' starts is not known");
        Distribution? biasStart = null;
        if (layer.Bias is { } bias && (biasStart = Start(bias.Initialization, fanIn, fanIn, fanOut, isKnown, isKnown)) is null)
            return new Opaque($"how the bias of '{layer.Path}' starts is not known");
        return new Convolution(channelsIn, channelsOut, window, start, biasStart, groups)
        {
            Transposed = isTransposed,
            OutputPadding = Sizes(node, "output_padding") ?? ImmutableArray<int>.Empty,
        };
    }

    private static Layer EmbeddingOf(ModelNode node)
    {
        var features = node.Size("features");
        if (node.Layer is not { Weight: { } weight } layer || features is null)
            return new Opaque($"the weight of '{node.Name}' is not known");
        var start = weight.Initialization.IsDefault ? Distribution.StandardNormal : Start(weight.Initialization, Width(features), Width(features), Whole(node, "tokens") ?? UnknownWidth, features is { IsKnown: true }, features is { IsKnown: true });
        return start is null ? new Opaque($"how '{layer.Path}' starts is not known") : new Embedding(Whole(node, "tokens") ?? UnknownWidth, Width(features), start);
    }

    private static Layer RecurrentOf(ModelNode node)
    {
        if (node.Layer is not { } layer)
            return new Opaque($"the weights of '{node.Name}' are not known");
        var kind = node.Role switch
        {
            Role.Lstm => RecurrentKind.Lstm,
            Role.Gru => RecurrentKind.Gru,
            _ => node.Constants.TryGetValue("nonlinearity", out var name) && name.Text == "ReLU" ? RecurrentKind.ReLU : RecurrentKind.Tanh,
        };
        var hidden = node.Size("hidden");
        var inputs = node.Size("inputs");
        var isKnown = hidden is { IsKnown: true };
        Distribution? inputWeight = null, hiddenWeight = null;
        foreach (var parameter in layer.Parameters.Where(parameter => !parameter.Initialization.IsDefault && parameter.Name.StartsWith("weight", StringComparison.Ordinal)))
        {
            var isHidden = parameter.Name.StartsWith("weight_hh", StringComparison.Ordinal);
            var fan = Width(isHidden ? hidden : inputs);
            var gates = node.Role switch { Role.Lstm => 4, Role.Gru => 3, _ => 1 };
            if (Start(parameter.Initialization, fan, fan, gates * Width(hidden), isKnown && inputs is { IsKnown: true }, isKnown && inputs is { IsKnown: true }) is not { } start)
                return new Opaque($"how '{layer.Path}' starts is not known");
            if (isHidden)
                hiddenWeight ??= start;
            else
                inputWeight ??= start;
        }

        return new Recurrent(kind, Width(inputs), Width(hidden))
        {
            Layers = Whole(node, "layers") ?? 1,
            Bidirectional = node.Truth("bidirectional") == true,
            Bias = node.Truth("bias") != false,
            InputWeight = inputWeight,
            HiddenWeight = hiddenWeight,
        };
    }

    /// <summary>The distribution of a parameter's elements, or null where the source does not tell it.</summary>
    /// <param name="initialization">How it starts.</param>
    /// <param name="columns">Columns of the weight as a matrix, for orthogonal.</param>
    /// <param name="fanIn">Fan-in as the library counts it.</param>
    /// <param name="fanOut">Fan-out as the library counts it.</param>
    /// <param name="isWidthKnown">Whether the fans are real numbers.</param>
    /// <param name="isQuotientKnown">Whether at least their quotient is.</param>
    private static Distribution? Start(Initialization initialization, int columns, int fanIn, int fanOut, bool isWidthKnown, bool isQuotientKnown)
    {
        switch (initialization.Role)
        {
            case Role.Default:
                return Distribution.TorchDefault(fanIn);
            case Role.KaimingUniform or Role.KaimingNormal:
                var isFanOut = initialization.Constants.TryGetValue("mode", out var mode) && mode.Text == "FanOut";
                if (isFanOut && !isQuotientKnown)
                    return null;
                return Gain(initialization) is { } gain ? Distribution.Kaiming(isFanOut ? fanOut : fanIn, gain) : null;
            case Role.XavierUniform or Role.XavierNormal:
                return isQuotientKnown && Number("gain", 1) is { } factor ? Distribution.Xavier(fanIn, fanOut, factor) : null;
            case Role.Orthogonal:
                return isQuotientKnown && Number("gain", 1) is { } scale ? Distribution.Orthogonal(fanOut, columns, scale) : null;
            case Role.Zeros:
                return Distribution.Constant(0);
            case Role.Ones:
                return Distribution.Constant(1);
            case Role.Constant:
                return initialization.Number("value") is { } value ? Distribution.Constant(value) : null;
            case Role.Uniform:
                return isWidthKnown && Number("low", 0) is { } low && Number("high", 1) is { } high ? Distribution.Uniform(low, high) : null;
            case Role.Normal:
                return isWidthKnown && Number("mean", 0) is { } mean && Number("deviation", 1) is { } deviation ? Distribution.Normal(mean, deviation) : null;
            case Role.TruncNormal:
                return isWidthKnown && Number("mean", 0) is { } center && Number("deviation", 1) is { } spread ? Distribution.TruncatedNormal(center, spread) : null;
            default:
                return null;
        }

        // An argument that was not written has the library's default; one that was and is not a number is not known.
        double? Number(string meaning, double otherwise) => initialization.Constants.ContainsKey(meaning) ? initialization.Number(meaning) : otherwise;
    }

    private static double? Gain(Initialization initialization)
    {
        var slope = initialization.Constants.ContainsKey("slope") ? initialization.Number("slope") : 0;
        return (initialization.Constants.TryGetValue("nonlinearity", out var name) ? name.Text : "LeakyReLU") switch
        {
            "ReLU" => Distribution.Gain(ActivationKind.ReLU),
            "LeakyReLU" => slope is { } number ? Distribution.Gain(ActivationKind.LeakyReLU, number) : null,
            "Tanh" => Distribution.Gain(ActivationKind.Tanh),
            "Linear" or "Sigmoid" or "Conv1D" or "Conv2D" or "Conv3D" or "ConvTranspose1D" or "ConvTranspose2D" or "ConvTranspose3D" => 1,
            _ => null,
        };
    }

    private static Layer? ActivationOf(ModelNode node)
    {
        ActivationKind? kind = node.Role switch
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
        if (kind is not { } known)
            return null;
        if (Unreadable(node) is { } meaning)
            return new Opaque($"the {meaning} of '{node.Name}' is not known");
        return known switch
        {
            ActivationKind.LeakyReLU or ActivationKind.PReLU => new Activation(known, node.Number("slope") ?? double.NaN),
            ActivationKind.RReLU => new Activation(known, node.Number("low") is { } low && node.Number("high") is { } high ? (low + high) / 2 : double.NaN),
            ActivationKind.ELU or ActivationKind.CELU => new Activation(known, node.Number("alpha") ?? double.NaN),
            ActivationKind.Softplus => new Activation(known, node.Number("beta") ?? double.NaN),
            ActivationKind.Softshrink or ActivationKind.Hardshrink => new Activation(known, node.Number("lambda") ?? double.NaN),
            // clamp with one bound only is not bounded on the other side.
            ActivationKind.Hardtanh => new Activation(known, Bound("low", double.NegativeInfinity), Bound("high", double.PositiveInfinity)),
            ActivationKind.Threshold => new Activation(known, node.Number("threshold") ?? double.NaN, node.Number("value") ?? double.NaN),
            _ => new Activation(known),
        };

        double Bound(string meaning, double otherwise) => node.Constants.TryGetValue(meaning, out var constant) ? constant.Text == "null" ? otherwise : constant.Number ?? double.NaN : double.NaN;
    }

    private static string? Unreadable(ModelNode node) =>
        node.Constants.FirstOrDefault(constant => constant.Key is "slope" or "alpha" or "beta" or "lambda" or "low" or "high" or "threshold" or "value"
            && constant.Value.Number is null && constant.Value.Text != "null").Key;

    private static Layer Norm(ModelNode node, Func<int, Distribution?, Layer> make)
    {
        Distribution? gain = null;
        if (node.Layer is { } layer && layer.Parameters.FirstOrDefault(parameter => parameter.Name == "weight") is { Initialization: { IsDefault: false } initialization }
            && (gain = Start(initialization, 1, 1, 1, isWidthKnown: true, isQuotientKnown: true)) is null)
            return new Opaque($"how '{layer.Path}' starts is not known");
        return make(Width(node.Size("features") ?? (node.Constants.TryGetValue("shape", out var shape) && !shape.Sizes.IsEmpty ? shape.Sizes[0] : null)), gain);
    }

    private static Window? Windowed(ModelNode node)
    {
        var dimensions = Whole(node, "dimensions") ?? 2;
        if (Sizes(node, "kernel") is not { IsEmpty: false } kernel)
            return null;
        var all = kernel.Length == dimensions ? kernel : ImmutableArray.CreateRange(Enumerable.Repeat(kernel[0], dimensions));
        var isPooling = node.Role is Role.MaxPool or Role.AvgPool;
        // Pooling moves by its own size where no stride is given.
        var stride = Sizes(node, "stride") ?? (isPooling ? all : default);
        var padding = node.Constants.TryGetValue("padding", out var text) && text.Text == "Same" ? ImmutableArray.CreateRange(all, size => size / 2) : Sizes(node, "padding") ?? default;
        return new Window(all, stride, padding, Sizes(node, "dilation") ?? default);
    }

    private static Layer Adaptive(ModelNode node)
    {
        var dimensions = Whole(node, "dimensions") ?? 2;
        if (Sizes(node, "size") is not { IsEmpty: false } sizes)
            return new Opaque("pooling to a size that is not known");
        var positions = sizes.Length == dimensions ? sizes : ImmutableArray.CreateRange(Enumerable.Repeat(sizes[0], dimensions));
        return new AdaptivePooling(positions.All(size => size == 1) ? ImmutableArray<int>.Empty : positions, node.Role == Role.AdaptiveMaxPool);
    }

    // A mean over the spatial dimensions, or over the time of a sequence, is a global pooling.
    private static Layer MeanOf(ModelNode node, ModelGraph graph)
    {
        var dimensions = Sizes(node, "dimension") ?? ImmutableArray<int>.Empty;
        var isSpatial = dimensions.Length >= 2 && dimensions.All(dimension => dimension is 2 or 3 or 4 or -1 or -2 or -3);
        var isTemporal = dimensions.Length == 1 && dimensions[0] is 0 or 1 && IsSequence(node, graph);
        return isSpatial || isTemporal ? AdaptivePooling.GlobalAverage : new Opaque("a mean over dimensions that are not known to be positions");
    }

    private static Layer ReshapeOf(ModelNode node)
    {
        var sizes = node.Constants.TryGetValue("shape", out var shape) || node.Constants.TryGetValue("sizes", out shape) ? shape.Sizes : ImmutableArray<Size>.Empty;
        if (sizes.Length == 2)
            return new Flatten();
        // (batch, features, positions...): a vector becomes an image again.
        if (sizes.Length is 3 or 4 or 5 && sizes[1].Whole is > 0 and { } features && sizes.Skip(2).All(size => size.Whole is > 0))
            return new Unflatten(features, sizes.Skip(2).Select(size => size.Whole!.Value).ToImmutableArray());
        return new Opaque("a reshape whose result is not known");
    }

    private static Layer SelectOf(ModelNode node, ModelGraph graph)
    {
        var index = node.Constants.TryGetValue("index", out var constant) ? constant.Text : "";
        if (index == "second result")
            return new Opaque("a result that is not predicted");
        return IsSequence(node, graph) ? new SelectPosition() : new Opaque("a part of a tensor");
    }

    private static Layer UpsampleOf(ModelNode node) =>
        node.Constants.TryGetValue("factor", out var factor) && factor.Sizes.Length > 0 && factor.Sizes[0].Whole is > 0 and { } whole && factor.Sizes.All(size => size.Whole == whole)
            ? new Upsample(whole)
            : new Opaque("an enlargement by a factor that is not known");

    /// <summary>Whether the node's input runs over time or tokens: a recurrent layer or embedding comes before it, and only layers that keep positions come between.</summary>
    private static bool IsSequence(ModelNode node, ModelGraph graph)
    {
        var current = node;
        for (var depth = 0; depth < graph.Nodes.Length && current.Inputs.Length > 0; depth++)
        {
            current = graph.Nodes[current.Inputs[0]];
            if (current.Role is Role.Rnn or Role.Lstm or Role.Gru or Role.Embedding)
                return true;
            if (current.Role is Role.Flatten or Role.Select or Role.Mean or Role.Conv or Role.ConvTranspose)
                return false;
        }

        return false;
    }

    private static int Width(Size? size) => size?.Whole is > 0 and { } whole ? whole : UnknownWidth;

    private static int? Whole(ModelNode node, string meaning) => node.Size(meaning)?.Whole;

    private static ImmutableArray<int>? Sizes(ModelNode node, string meaning)
    {
        if (!node.Constants.TryGetValue(meaning, out var constant) || constant.Sizes.IsEmpty || constant.Sizes.Any(size => size.Whole is null))
            return null;
        return ImmutableArray.CreateRange(constant.Sizes, size => size.Whole!.Value);
    }
}
