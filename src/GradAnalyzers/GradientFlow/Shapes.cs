using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow;

/// <summary>Features of a value, and its size along each dimension of its positions.</summary>
internal readonly record struct Shape(int Features, ImmutableArray<int> Sizes)
{
    /// <summary>Number of positions.</summary>
    public int Positions
    {
        get
        {
            var product = 1;
            foreach (var size in Sizes)
                product *= size;
            return product;
        }
    }

    public static Shape Vector(int features) => new(features, ImmutableArray<int>.Empty);
}

/// <summary>The shape of every node's value, with unknown input sizes found from the layers or assumed.</summary>
internal static class Shapes
{
    /// <summary>Largest image side that is tried.</summary>
    private const int LargestSide = 512;

    /// <summary>Sides tried, in this order, where nothing tells the size and the assumed one is too small for the windows.</summary>
    private static readonly int[] UsualSides = [64, 128, 224, 512];

    public static Shape[] Of(Network network)
    {
        var shapes = new Shape[network.Nodes.Length];
        var assumed = network.Assumptions.Image;
        var uses = Uses.In(network);
        if (!HasUnknownSizes(network) || FitOf(assumed) == Fit.Exact)
            return Propagate(network, uses, assumed, shapes, out _);

        // The number of flattened features never falls with the side: bisect.
        int low = 1, high = LargestSide;
        while (low <= high)
        {
            var side = (low + high) / 2;
            var fit = FitOf(side);
            if (fit == Fit.Exact)
                return shapes;
            if (fit == Fit.TooSmall)
                low = side + 1;
            else
                high = side - 1;
        }

        foreach (var side in UsualSides.Prepend(assumed))
            if (FitOf(side) != Fit.TooSmall)
                return shapes;
        return Propagate(network, uses, assumed, shapes, out _);

        Fit FitOf(int side)
        {
            Propagate(network, uses, side, shapes, out var fit);
            return fit;
        }
    }

    private enum Fit
    {
        /// <summary>Nothing tells whether the size is right.</summary>
        Free,
        /// <summary>A flattened value has as many features as the Linear after it takes.</summary>
        Exact,
        /// <summary>It has fewer, or a window is larger than what it moves over.</summary>
        TooSmall,
        /// <summary>It has more.</summary>
        TooLarge,
    }

    private static bool HasUnknownSizes(Network network) =>
        network.Nodes.Any(node => node.Layer is Input { Positions.IsDefault: true } or Source) && network.Nodes.Any(node => DimensionsRead(node.Layer) > 0);

    /// <summary>Spatial dimensions that a layer needs in its input; 0 where it takes any.</summary>
    private static int DimensionsRead(Layer layer) => layer switch
    {
        Convolution convolution => convolution.Window.Dimensions,
        MaxPooling pooling => pooling.Window.Dimensions,
        AveragePooling pooling => pooling.Window.Dimensions,
        _ => 0,
    };

    /// <summary>What the nodes after a node tell of it, gathered once for all sides that are tried.</summary>
    /// <param name="Features">The features that the first layer reads which says how many; null where none does.</param>
    /// <param name="Met">The first value that it is put together with and that is computed before it; null where it meets none.</param>
    private sealed record Uses(int?[] Features, int?[] Met)
    {
        public static Uses In(Network network)
        {
            var uses = new Uses(new int?[network.Nodes.Length], new int?[network.Nodes.Length]);
            foreach (var node in network.Nodes)
            {
                if (node.Inputs.IsDefaultOrEmpty)
                    continue;
                var features = FeaturesRead(node.Layer);
                foreach (var input in node.Inputs)
                {
                    uses.Features[input] ??= features;
                    if (network.Nodes[input].Layer is OwnParameter)
                        uses.Met[input] ??= Before(input, node.Inputs);
                }
            }

            return uses;
        }

        private static int? Before(int index, ImmutableArray<int> inputs)
        {
            foreach (var other in inputs)
            {
                if (other < index)
                    return other;
            }

            return null;
        }

        private static int? FeaturesRead(Layer layer) => layer switch
        {
            Linear linear => linear.Inputs,
            Convolution convolution => convolution.Inputs,
            Recurrent recurrent => recurrent.Inputs,
            BatchNorm norm => norm.Features,
            LayerNorm norm => norm.Features,
            _ => null,
        };
    }

    private static Shape[] Propagate(Network network, Uses uses, int side, Shape[] shapes, out Fit fit)
    {
        fit = Fit.Free;
        var nodes = network.Nodes;
        for (var i = 0; i < nodes.Length; i++)
        {
            var node = nodes[i];
            var input = node.Inputs.IsDefaultOrEmpty ? Shape.Vector(1) : shapes[node.Inputs[0]];
            shapes[i] = node.Layer switch
            {
                Input layer => OfInput(network, uses, layer, i, side),
                Source => OfInput(network, uses, new Input(), i, side),
                Linear linear => OfLinear(linear, input, ref fit),
                Convolution convolution => new(convolution.Outputs, Slide(convolution, Fitted(input.Sizes, convolution.Window.Dimensions), ref fit)),
                Embedding embedding => new(embedding.Features, ImmutableArray.Create(embedding.Steps ?? StepsOf(input, network))),
                MaxPooling pooling => input with { Sizes = Slide(pooling.Window, input.Sizes, ref fit) },
                AveragePooling pooling => input with { Sizes = Slide(pooling.Window, input.Sizes, ref fit) },
                AdaptivePooling pooling => input with { Sizes = pooling.Positions.IsDefault ? ImmutableArray<int>.Empty : pooling.Positions },
                Flatten => Shape.Vector(input.Features * input.Positions),
                Unflatten unflatten => new(unflatten.Features, unflatten.Positions),
                SelectPosition => Shape.Vector(input.Features),
                Rearrange rearrange => Rearranged(rearrange, input),
                FeatureMean or FeatureMaximum => input with { Features = 1 },
                SliceFeatures slice => input with { Features = slice.Features > 0 ? slice.Features : Math.Max(input.Features / Math.Max(slice.Parts, 1), 1) },
                SlicePositions slice => input with { Sizes = ImmutableArray.Create(slice.Count > 0 ? Math.Min(slice.Count, Math.Max(input.Positions, 1)) : Math.Max(input.Positions / 2, 1)) },
                OwnParameter parameter => OfParameter(parameter, uses.Met[i], shapes),
                Attention when node.Inputs.Length >= 3 => new(shapes[node.Inputs[2]].Features, shapes[node.Inputs[0]].Sizes),
                Append => input with { Sizes = ImmutableArray.Create(node.Inputs.Sum(one => shapes[one].Positions)) },
                Upsample { IsAlongOne: true } upsample => input.Sizes.IsEmpty ? input : input with { Sizes = input.Sizes.SetItem(0, input.Sizes[0] * Math.Max(upsample.Factor, 1)) },
                Upsample upsample => input with { Sizes = ImmutableArray.CreateRange(input.Sizes, size => size * Math.Max(upsample.Factor, 1)) },
                Recurrent recurrent => OfRecurrent(recurrent, input, network),
                Concat => Widest(node, shapes) with { Features = Total(node, shapes) },
                Add or Multiply when !node.Inputs.IsDefaultOrEmpty => Widest(node, shapes),
                _ => input,
            };
        }

        return shapes;
    }

    /// <summary>As many dimensions as a window moves over: positions in a row become an image again.</summary>
    private static ImmutableArray<int> Fitted(ImmutableArray<int> sizes, int dimensions)
    {
        if (sizes.Length == dimensions || sizes.IsEmpty || dimensions < 1)
            return sizes;
        var positions = sizes.Aggregate(1, (product, size) => product * size);
        var side = Math.Max(1, (int)Math.Round(Math.Pow(positions, 1.0 / dimensions)));
        return ImmutableArray.CreateRange(Enumerable.Repeat(side, dimensions));
    }

    /// <summary>How many parts of a feature become positions.</summary>
    public static int SplitOf(Rearrange rearrange, Shape input) => rearrange.Split == 0 ? Math.Max(input.Features, 1) : Math.Min(Math.Max(rearrange.Split, 1), Math.Max(input.Features, 1));

    /// <summary>How many positions become features.</summary>
    public static int JoinedOf(Rearrange rearrange, Shape input) => rearrange.Joined switch
    {
        0 => Math.Max(input.Positions, 1),
        < 0 => Math.Max(1, (int)Math.Round(Math.Sqrt(input.Positions))),
        var count => Math.Min(count, Math.Max(input.Positions, 1)),
    };

    private static Shape Rearranged(Rearrange rearrange, Shape input)
    {
        var split = SplitOf(rearrange, input);
        var joined = JoinedOf(rearrange, input);
        var kept = joined == 1 ? input.Sizes : joined == input.Positions ? ImmutableArray<int>.Empty : ImmutableArray.Create(Math.Max(input.Positions / joined, 1));
        return new(Math.Max(input.Features / split, 1) * joined, split > 1 ? kept.Add(split) : kept);
    }

    /// <summary>A parameter that does not say its size has that of what it meets.</summary>
    private static Shape OfParameter(OwnParameter parameter, int? met, Shape[] shapes)
    {
        if (parameter.Features > 0 && !parameter.Positions.IsDefault)
            return new(parameter.Features, parameter.Positions);
        var like = met is { } node ? shapes[node] : Shape.Vector(1);
        return new(parameter.Features > 0 ? parameter.Features : like.Features, parameter.Positions.IsDefault ? like.Sizes : parameter.Positions);
    }

    private static int Total(NetworkNode node, Shape[] shapes)
    {
        var features = 0;
        foreach (var input in node.Inputs)
            features += shapes[input].Features;
        return features;
    }

    /// <summary>The shape that the others are broadcast to.</summary>
    private static Shape Widest(NetworkNode node, Shape[] shapes)
    {
        var widest = shapes[node.Inputs[0]];
        foreach (var input in node.Inputs)
            if ((long)shapes[input].Features * shapes[input].Positions > (long)widest.Features * widest.Positions)
                widest = shapes[input];
        return widest;
    }

    private static Shape OfInput(Network network, Uses uses, Input layer, int index, int side)
    {
        var features = layer.Features ?? uses.Features[index] ?? FirstLinear(network)?.Inputs ?? 1;
        if (!layer.Positions.IsDefault)
            return new(features, layer.Positions);
        var nodes = network.Nodes;
        var dimensions = nodes.Select(node => DimensionsRead(node.Layer)).FirstOrDefault(dimensions => dimensions > 0);
        if (dimensions > 0)
            return new(features, ImmutableArray.CreateRange(Enumerable.Repeat(side, dimensions)));
        if (layer.Dimensions is { } count)
            return new(features, ImmutableArray.CreateRange(Enumerable.Repeat(count == 1 ? network.Assumptions.Steps : side, Math.Min(count, 3))));
        var recurrent = nodes.Select(node => node.Layer).OfType<Recurrent>().FirstOrDefault();
        return recurrent is null ? Shape.Vector(features) : new(features, ImmutableArray.Create(recurrent.Steps ?? network.Assumptions.Steps));
    }

    private static Linear? FirstLinear(Network network) => network.Nodes.Select(node => node.Layer).OfType<Linear>().FirstOrDefault();

    private static int StepsOf(Shape input, Network network) => input.Positions > 1 ? input.Positions : network.Assumptions.Steps;

    private static Shape OfLinear(Linear linear, Shape input, ref Fit fit)
    {
        if (input.Features == linear.Inputs)
        {
            if (input.Sizes.IsEmpty && fit == Fit.Free)
                fit = Fit.Exact;
            return input with { Features = linear.Outputs };
        }

        // Source that reshapes in a way that nobody recognized: the numbers may still tell.
        var isFlattened = (long)input.Features * input.Positions == linear.Inputs;
        if (fit == Fit.Free)
            fit = isFlattened ? Fit.Exact : (long)input.Features * input.Positions < linear.Inputs ? Fit.TooSmall : Fit.TooLarge;
        return isFlattened || input.Sizes.IsEmpty ? Shape.Vector(linear.Outputs) : input with { Features = linear.Outputs };
    }

    private static Shape OfRecurrent(Recurrent recurrent, Shape input, Network network)
    {
        var features = recurrent.Hidden * (recurrent.Bidirectional ? 2 : 1);
        return recurrent.LastStep ? Shape.Vector(features) : new(features, ImmutableArray.Create(RecurrentSteps(recurrent, input, network)));
    }

    public static int RecurrentSteps(Recurrent recurrent, Shape input, Network network) =>
        recurrent.Steps ?? (input.Positions > 1 ? input.Positions : network.Assumptions.Steps);

    private static ImmutableArray<int> Slide(Convolution convolution, ImmutableArray<int> sizes, ref Fit fit)
    {
        if (!convolution.Transposed)
            return Slide(convolution.Window, sizes, ref fit);
        var window = convolution.Window;
        var result = ImmutableArray.CreateBuilder<int>(window.Dimensions);
        for (var d = 0; d < window.Dimensions; d++)
        {
            var size = Window.Of(sizes, d, 1);
            result.Add(Math.Max(1, (size - 1) * window.StrideOf(d) - 2 * window.PaddingOf(d) + window.DilationOf(d) * (window.Kernel[d] - 1)
                + Window.Of(convolution.OutputPadding, d, 0) + 1));
        }

        return result.MoveToImmutable();
    }

    private static ImmutableArray<int> Slide(Window window, ImmutableArray<int> sizes, ref Fit fit)
    {
        var result = ImmutableArray.CreateBuilder<int>(window.Dimensions);
        for (var d = 0; d < window.Dimensions; d++)
        {
            var reach = window.DilationOf(d) * (window.Kernel[d] - 1) + 1;
            var room = Window.Of(sizes, d, 1) + 2 * window.PaddingOf(d) - reach;
            if (room < 0)
                fit = Fit.TooSmall;
            result.Add(room < 0 ? 1 : room / Math.Max(window.StrideOf(d), 1) + 1);
        }

        return result.MoveToImmutable();
    }
}
