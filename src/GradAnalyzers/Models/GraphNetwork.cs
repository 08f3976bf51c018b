using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using Distribution = GradAnalyzers.GradientFlow.Distribution;

namespace GradAnalyzers.Models;

/// <summary>
/// A model graph as gradient flow reads it: node for node, so that index <c>i</c> means the same in both.
/// What a role alone does not settle (a reshape of unknown shape, a gate, a mask) is <see cref="GradientFlow.Opaque"/> with its reason.
/// </summary>
internal sealed partial class GraphNetwork
{
    /// <summary>
    /// Stands for every width that the source does not tell. With the library's own initialization, and with any that divides by the fan,
    /// the width cancels out of the gradient of a layer; layers whose initialization needs the real number are opaque.
    /// </summary>
    private const int UnknownWidth = 128;

    /// <summary>Where the real number matters, a narrow and a wide model are predicted beside it, and all have to agree.</summary>
    private const int NarrowWidth = 16, WideWidth = 4096;

    /// <summary>
    /// What an initializer is given and no code tells: a gain of 1 and biases of 0, beside it a tenth and nothing, and twice as much and standard normal biases. Between these lie the gains in use
    /// (<c>calculate_gain</c> gives 1 to 5/3, small ones stand before outputs).
    /// </summary>
    private sealed record Assumed(int Width, double Gain, Distribution Bias)
    {
        /// <summary>Features of what the model is given, where its first layer says how many it makes of them and not how many they are.</summary>
        public int Inputs { get; init; } = UnknownWidth;

        public static Assumed Usual { get; } = new(UnknownWidth, 1, Distribution.Constant(0));

        public static ImmutableArray<Assumed> OtherWidths { get; } = ImmutableArray.Create(Usual with { Width = NarrowWidth }, Usual with { Width = WideWidth });

        /// <summary>An image has few channels, and the observation of an agent few numbers.</summary>
        public static ImmutableArray<Assumed> FewInputs { get; } = ImmutableArray.Create(Usual with { Inputs = 3 });

        public static ImmutableArray<Assumed> OtherNumbers { get; } = ImmutableArray.Create(Usual with { Gain = 0.1 }, Usual with { Gain = 2, Bias = Distribution.StandardNormal });
    }

    /// <summary>Heads, groups of features and the like whose number the source does not tell.</summary>
    private const int UnknownParts = 8;

    /// <summary>Outputs of one model that are followed.</summary>
    private const int MaximumOutputs = 8;

    private readonly ModelGraph _graph;
    private readonly Layouts _layouts;
    private readonly ILookup<int, ModelNode> _readers;

    /// <summary>Nodes that are computed of given tensors only: a table of positions that forward cuts, a mask that it turns.</summary>
    private readonly bool[] _isGiven;

    private readonly Assumed _assumed;
    private bool _dependsOnWidth;
    private bool _dependsOnNumbers;
    private bool _dependsOnInputs;

    private GraphNetwork(ModelGraph graph, Layouts layouts, Assumed assumed)
    {
        _graph = graph;
        _layouts = layouts;
        _assumed = assumed;
        _isGiven = new bool[graph.Nodes.Length];
        foreach (var node in graph.Nodes)
            _isGiven[node.Index] = node.Role == Role.Data ? !node.IsPreviousStep : node.Role is not (Role.Opaque or Role.Input or Role.Parameter or Role.Embedding) && node.Layer is null && !node.Inputs.IsEmpty && node.Inputs.All(input => _isGiven[input]);
        _readers = graph.Nodes.SelectMany(node => node.Inputs.Select(input => (input, node))).ToLookup(pair => pair.input, pair => pair.node);
    }

    /// <param name="graph">A graph with an output.</param>
    /// <param name="loss">What the model is trained with, where the caller knows.</param>
    public static Network Of(ModelGraph graph, Loss? loss = null)
    {
        var layouts = Layouts.Of(graph);
        var reader = new GraphNetwork(graph, layouts, Assumed.Usual);
        var network = reader.Read(loss ?? Loss.Unknown);
        var others = (reader._dependsOnWidth ? Assumed.OtherWidths : ImmutableArray<Assumed>.Empty).AddRange(reader._dependsOnNumbers ? Assumed.OtherNumbers : ImmutableArray<Assumed>.Empty)
            .AddRange(reader._dependsOnInputs ? Assumed.FewInputs : ImmutableArray<Assumed>.Empty);
        return others.IsEmpty ? network : network with { Others = others.Select(other => new GraphNetwork(graph, layouts, other).Read(network.Loss)).ToImmutableArray() };
    }

    private Network Read(Loss loss)
    {
        // One that may have a loss or not has to agree with the others.
        var trained = _graph.UsesOfOutputs.Contains(OutputUse.Unknown) ? ImmutableArray<int>.Empty : Used(OutputUse.Loss);
        var heads = trained.IsEmpty ? Heads() : trained;
        var output = heads.IsDefaultOrEmpty ? Math.Max(_graph.Output, 0) : heads[0];
        return new(_graph.Nodes.Select(NodeOf).ToImmutableArray(), output, loss) { Outputs = heads, IsEachTrained = !trained.IsEmpty };
    }

    /// <summary>The outputs of which the program makes this.</summary>
    private ImmutableArray<int> Used(OutputUse use) => _graph.UsesOfOutputs.Length != _graph.Outputs.Length ? ImmutableArray<int>.Empty
        : _graph.Outputs.Where((output, place) => _graph.UsesOfOutputs[place] == use && _graph.Nodes[output].Role is not (Role.Data or Role.Input or Role.Parameter)).Take(MaximumOutputs).ToImmutableArray();

    /// <summary>The outputs that have a loss of their own: not the states and features on the way to others.</summary>
    private ImmutableArray<int> Heads()
    {
        if (_graph.Outputs.Length < 2)
            return default;
        var behind = new HashSet<int>();
        var open = new Stack<int>(_graph.Outputs.SelectMany(output => _graph.Nodes[output].Inputs));
        while (open.Count > 0)
        {
            var node = open.Pop();
            if (behind.Add(node))
            {
                foreach (var input in _graph.Nodes[node].Inputs)
                    open.Push(input);
            }
        }

        var unread = Used(OutputUse.Unread);
        if (unread.Length == _graph.Outputs.Length)
            unread = ImmutableArray<int>.Empty;
        var first = Enumerable.Range(0, _graph.Outputs.Length).First(place => !unread.Contains(_graph.Outputs[place]));
        return _graph.Outputs.Where((output, place) => !unread.Contains(output)).Where((output, place) => output == _graph.Outputs[first] || (!behind.Contains(output) && !IsState(_graph.Nodes[output]))).Distinct().Take(MaximumOutputs).ToImmutableArray();
    }

    private bool IsState(ModelNode node) => node.Role is Role.Data or Role.Input or Role.Parameter
        || (node.Role == Role.Select && node.Inputs.Length == 1 && _graph.Nodes[node.Inputs[0]].Role is Role.Rnn or Role.Lstm or Role.Gru or Role.LstmCell or Role.Attention);

    private NetworkNode NodeOf(ModelNode node)
    {
        if (Combined(node) is { } combined)
            return combined;
        if (node.Layer is null && Whole(node, Evaluation.Evaluator.WeightPlace) is { } place)
            return ByComputedWeight(node, place);
        var path = node.Layer is { Parameters.IsEmpty: false } layer ? layer.Path : null;
        var before = BeforeOf(node);
        if (_layouts.Taken(node) is { } taken)
            return new NetworkNode(new Identity(), ImmutableArray.Create(node.Inputs[taken]));
        var made = LayerOf(node);
        // What is not predicted of tensors that are given is one more of them.
        if (made is Opaque && _isGiven[node.Index])
            return new NetworkNode(GivenOf(node), ImmutableArray<int>.Empty);
        // A vector out of all positions is what a flatten makes.
        if (made is Identity && !before.IsDefault && before is [{ Split: 1, Joined: 0 }] && node.Role is Role.Flatten or Role.Reshape)
            return new NetworkNode(new Flatten(), InputsOf(node));
        return new NetworkNode(made, InputsOf(node), path) { Before = before, WeightPath = node.Role == Role.Parameter ? node.Parameter?.Path is { Length: > 0 } own ? own : null : made is OwnParameter && path is not null ? path + ".weight" : null };
    }

    // A recurrent layer's initial state is no input that a gradient of interest goes through; neither is what a mask is made of, or a table's index.
    private static ImmutableArray<int> InputsOf(ModelNode node) =>
        node.Role is Role.Rnn or Role.Lstm or Role.Gru && node.Inputs.Length > 1 ? node.Inputs.RemoveRange(1, node.Inputs.Length - 1) : node.Inputs;

    /// <summary>Where a layer takes other dimensions for features than those that are: what has to be done before.</summary>
    private ImmutableArray<Rearrange?> BeforeOf(ModelNode node)
    {
        var before = ImmutableArray.CreateBuilder<Rearrange?>(node.Inputs.Length);
        for (var place = 0; place < node.Inputs.Length; place++)
            before.Add(_layouts[node.Inputs[place]] is { IsFree: false } layout && _layouts.FeaturesRead(node.Index, place) is { IsDefault: false } read ? Rearranged(layout, read) : null);
        return before.Any(one => one is not null) ? before.ToImmutable() : default;
    }

    /// <summary>How many dimensions of an input hold positions, by the first layer that reads others of it as features; null where none does.</summary>
    private int? PositionsOf(ModelNode input)
    {
        if (_layouts[input.Index] is not { } layout)
            return null;
        var axes = layout.Axes.Where(axis => axis.Kind != AxisKind.Batch).ToList();
        foreach (var node in _graph.Nodes)
        {
            for (var place = 0; place < node.Inputs.Length; place++)
            {
                if (_layouts.FeaturesRead(node.Index, place) is { IsDefault: false } read && _layouts[node.Inputs[place]]!.Axes.Any(axis => axes.Any(own => own.Id == axis.Id)))
                    return axes.Count(axis => !read.Contains(axis.Id));
            }
        }

        return null;
    }

    private static Rearrange? Rearranged(Layout layout, ImmutableArray<int> read)
    {
        var features = layout.Features;
        var split = features.Where(axis => !read.Contains(axis.Id)).ToList();
        var positions = layout.Positions;
        var joined = positions.Where(axis => read.Contains(axis.Id)).ToList();
        if (split.Count == 0 && joined.Count == 0)
            return null;
        return new(
            split.Count == 0 ? 1 : split.Count == features.Length ? 0 : Number(split) ?? UnknownParts,
            joined.Count == 0 ? 1 : joined.Count == positions.Length ? 0 : Number(joined) ?? -1);
    }

    private static int? Number(IEnumerable<Axis> axes) => Layout.Product(axes).Number is > 0 and < int.MaxValue and var number ? (int)number : null;

    private Layer LayerOf(ModelNode node)
    {
        if (node.Role == Role.Input)
            return new Input { Dimensions = PositionsOf(node) };
        if (node.Role == Role.Data)
            return GivenOf(node);
        if (node.Role == Role.Parameter)
            return ParameterOf(node);
        if (node.Inputs.IsEmpty && node.Role != Role.Opaque)
            return new Opaque($"'{node.Name}' works on nothing that is known");
        return node.Role switch
        {
            Role.Choice => new Choice(node.Constants.TryGetValue("condition", out var condition) ? condition.Text : ""),
            Role.Linear => Weighted(node, (weight, bias, inputs, outputs) => new Linear(inputs, outputs, weight, bias)),
            Role.Conv or Role.ConvTranspose => Convolution(node),
            Role.Embedding => EmbeddingOf(node),
            Role.Rnn or Role.Lstm or Role.Gru => RecurrentOf(node),
            Role.Attention => AttentionBlock.OfLibrary(node, Width(node.Size("features"))) ?? new Opaque("attention of unknown sizes"),
            Role.Transformer => AttentionBlock.OfTransformer(node) ?? new Opaque("a transformer layer of unknown sizes"),
            Role.RnnCell or Role.LstmCell or Role.GruCell => CellOf(node),
            Role.Softmax => SoftmaxOf(node),
            Role.LogSoftmax => new Softmax(Logarithm: true),
            Role.Power => node.Number("exponent") switch
            {
                2 => new Activation(ActivationKind.Square),
                1 => new Identity(),
                _ => new Opaque($"'{node.Name}' is not predicted"),
            },
            _ when ActivationOf(node) is { } activation => activation,
            Role.BatchNorm => Norm(node, (features, gain) => new BatchNorm(features, gain)),
            Role.InstanceNorm => Norm(node, (features, gain) => new InstanceNorm(features, gain)),
            Role.RmsNorm => Norm(node, (features, gain) => new RootMeanSquareNorm(features, gain)),
            Role.GroupNorm => Norm(node, (features, gain) => new GroupNorm(Whole(node, "groups") ?? 1, features, gain)),
            Role.LayerNorm => Norm(node, (features, gain) => new LayerNorm(features, node.Constants.TryGetValue("shape", out var shape) && shape.Sizes.Length > 1, gain)),
            Role.MaxPool => new MaxPooling(Windowed(node)),
            Role.AvgPool => new AveragePooling(Windowed(node)),
            Role.AdaptiveAvgPool or Role.AdaptiveMaxPool => Adaptive(node),
            // The larger of two values is another thing than the largest of one.
            Role.Maximum when node.Inputs.Length > 1 => new Opaque($"'{node.Name}' is not predicted"),
            Role.Mean or Role.Sum or Role.Maximum => ReducedOf(node),
            Role.Dropout => new Dropout(node.Number("probability") ?? 0.5),
            Role.Identity or Role.Permute or Role.Pad or Role.Expand or Role.Split or Role.Triangle => new Identity(),
            Role.Flatten => node.Number("start") is 0 && _layouts[node.Index] is null ? new Opaque("flatten over the batch") : _layouts[node.Index] is null ? new Flatten() : new Identity(),
            Role.Reshape when _layouts.IsRegrouped(node.Index) => RegroupOf(node),
            Role.Reshape => _layouts[node.Index] is not null && _layouts[node.Inputs[0]] is not null ? new Identity() : ReshapeOf(node),
            Role.Select => SelectOf(node),
            Role.Glu => AttentionBlock.Glu,
            Role.Normalize => node.Number("order") is null or 2 ? AttentionBlock.UnitLength(FeaturesOf(node.Inputs[0])) : new Opaque($"'{node.Name}' is not predicted"),
            Role.Upsample => new Upsample(FactorOf(node)),
            Role.PixelShuffle when Whole(node, "factor") is > 0 and { } factor => new Rearrange(factor * factor, 1),
            Role.ScaledAttention when node.Inputs.Length >= 3 => new Attention(HeadsOf(_layouts[node.Inputs[0]]), null, node.Truth("causal") == true),
            Role.Add or Role.Subtract or Role.Multiply or Role.Divide when node.Inputs.Length == 1 => ScaledOf(node),
            Role.Add or Role.Subtract => new Add(),
            Role.Multiply => new Multiply(),
            Role.Negate => new Scale(-1),
            // What is masked before a softmax is left out of it, whatever it was.
            Role.Mask when UsesOf(node.Index).Any(use => use.Role == Role.Softmax) => new Identity(),
            Role.Concat or Role.Stack => JoinedOf(node),
            Role.Detach => new Cut(),
            Role.Opaque => new Opaque(node.Reason ?? "unknown"),
            _ => new Opaque($"'{node.Name}' is not predicted"),
        };
    }

    /// <summary>Features and positions mixed there and back. Mixed again with no sum between, all features become alike, which is not followed.</summary>
    private Layer RegroupOf(ModelNode node)
    {
        var depths = new int[node.Index + 1];
        for (var index = 0; index <= node.Index; index++)
        {
            var current = _graph.Nodes[index];
            var before = current.Role == Role.Add && current.Inputs.Length > 1 ? 0 : current.Inputs.Select(input => depths[input]).DefaultIfEmpty(0).Max();
            depths[index] = before + (_layouts.IsRegrouped(index) ? 1 : 0);
        }

        return depths[node.Index] > 2 ? new Opaque($"the result of '{node.Name}' is not known: features and positions are mixed again") : new Regroup();
    }

    /// <summary>What reads a value behind operations that only change its shape.</summary>
    private IEnumerable<ModelNode> UsesOf(int node)
    {
        var seen = new HashSet<int>();
        var open = new Stack<int>([node]);
        while (open.Count > 0)
        {
            foreach (var reader in _readers[open.Pop()])
            {
                if (!seen.Add(reader.Index))
                    continue;
                if (reader.Role is Role.Reshape or Role.Permute or Role.Expand or Role.Repeat or Role.Flatten or Role.Identity or Role.Select or Role.Split or Role.Negate or Role.Triangle or Role.Choice || (reader.Role is Role.Multiply or Role.Divide or Role.Add && reader.Inputs.Length == 1))
                    open.Push(reader.Index);
                else
                    yield return reader;
            }
        }
    }

    /// <summary>A tensor that the model does not compute: what it is filled with, or, where nobody tells, what its reader makes of it.</summary>
    private Layer GivenOf(ModelNode node)
    {
        if (node.IsPreviousStep)
            return new Opaque("a value of the previous step of a loop");
        var filled = node.Number("value") is { } value ? Distribution.Constant(value)
            : node.Number("mean") is { } mean && node.Number("deviation") is { } deviation ? Distribution.Normal(mean, deviation)
            : node.Number("low") is { } low && node.Number("high") is { } high ? Distribution.Uniform(low, high) : null;
        var uses = UsesOf(node.Index).ToList();
        if (uses.Count > 0 && uses.All(use => use.Role is Role.Add or Role.Subtract))
            return new Given(filled, Distribution.Constant(0), Distribution.StandardNormal);
        if (uses.Count > 0 && uses.All(use => use.Role is Role.Multiply or Role.Divide))
            return new Given(filled, Distribution.Constant(1), new Distribution(0.5, 0.25));
        // The state that a cell begins with has the cell's features.
        var state = uses.FirstOrDefault(use => use.Role is Role.RnnCell or Role.LstmCell or Role.GruCell && use.Inputs.IndexOf(node.Index) > 0);
        return filled is null ? new Input() : new Given(filled, filled, filled) { Features = state is not null ? Width(state.Size("hidden")) : _layouts[node.Index] is null ? 0 : FeaturesOf(node.Index) };
    }

    private Layer ParameterOf(ModelNode node)
    {
        if (node.Parameter is not { } parameter)
            return new Opaque($"'{node.Name}' is a parameter of its own that is not known");
        var layout = _layouts[node.Index];
        var features = layout is null ? 0 : Number(layout.Features) ?? (layout.Features.IsEmpty ? 1 : _assumed.Width);
        var start = Start(parameter.Initialization, Math.Max(features, 1), Math.Max(features, 1), Math.Max(features, 1), isWidthKnown: true, isQuotientKnown: true);
        // How it starts matters as little as that of a tensor that is given: it is tried both ways.
        if (start is null || parameter.Initialization.IsDefault)
        {
            return UsesOf(node.Index).All(use => use.Role is Role.Add or Role.Subtract) ? new Given(null, Distribution.Constant(0), Distribution.StandardNormal)
                : new Opaque($"how '{(parameter.Path.Length > 0 ? parameter.Path : parameter.Name)}' starts is not known");
        }

        return new OwnParameter(features, layout is null ? default : layout.Positions.Select(axis => Number([axis]) ?? 0).ToImmutableArray() is var sizes && sizes.Contains(0) ? default : sizes, start);
    }

    private int FeaturesOf(int node) => _layouts[node] is { } layout ? Number(layout.Features) ?? _assumed.Width : _assumed.Width;

    private static int HeadsOf(Layout? query)
    {
        if (query is null)
            return 1;
        var heads = query.Dimensions.Take(Math.Max(query.Rank - 1, 0)).SelectMany(axes => axes).Where(axis => axis.Kind == AxisKind.Feature).ToList();
        return heads.Count == 0 ? 1 : Number(heads) ?? UnknownParts;
    }

    private Layer SoftmaxOf(ModelNode node)
    {
        if (_layouts[node.Inputs[0]] is { IsFree: false } layout && node.Number("dimension") is { } dimension && layout.IndexOf((int)dimension) is >= 0 and var index && !_graph.Outputs.Contains(node.Index))
        {
            var axes = layout.Dimensions[index];
            if (axes.Length > 0 && axes.All(axis => axis.Kind == AxisKind.Position))
                return axes.Length == layout.Positions.Length ? new PositionSoftmax() : new Opaque("softmax over some of the positions");
        }

        return new Softmax();
    }

    private Layer ReducedOf(ModelNode node)
    {
        var isSum = node.Role == Role.Sum;
        // Of an image that nothing has read yet the second dimension holds the channels.
        var layout = _layouts[node.Inputs[0]] is { IsFree: true, Rank: > 3 } image ? image.ReadAs(image.Dimensions[1].Select(axis => axis.Id).ToList()) : _layouts[node.Inputs[0]];
        if (layout is not { IsFree: false } || Layouts.Reduced(node, layout) is not { } reduced)
            return node.Role == Role.Mean ? MeanOf(node, _graph) : new Opaque($"'{node.Name}' is not predicted");
        var axes = reduced.SelectMany(dimension => layout.Dimensions[dimension]).ToList();
        if (axes.Count == 0)
            return new Identity();
        if (axes.All(axis => axis.Kind == AxisKind.Feature) && axes.Count == layout.Features.Length)
            return node.Role == Role.Maximum ? new FeatureMaximum() : new FeatureMean(isSum);
        if (axes.Any(axis => axis.Kind is not AxisKind.Position))
            return new Opaque(node.Role != Role.Mean ? $"'{node.Name}' is not predicted" : "a mean over dimensions that are not known to be positions");
        var kept = layout.Positions.Where(axis => !axes.Contains(axis)).ToList();
        return new AdaptivePooling(kept.Count == 0 ? ImmutableArray<int>.Empty : ImmutableArray.Create(Number(kept) ?? UnknownParts), Maximum: node.Role == Role.Maximum, Sum: isSum);
    }

    private Layer JoinedOf(ModelNode node)
    {
        if (_layouts[node.Index] is { } layout && layout.IndexOf((int)(node.Number("dimension") ?? 0)) is >= 0 and var dimension)
        {
            var axes = layout.Dimensions[dimension];
            if (axes.Length > 0 && axes.All(axis => axis.Kind == AxisKind.Feature))
                return new Concat();
            if (axes.All(axis => axis.Kind == AxisKind.Position))
                return new Append();
            if (axes.All(axis => axis.Kind == AxisKind.Free))
                return dimension == 1 || dimension == layout.Rank - 1 ? new Concat() : new Append();
            return new Opaque("tensors are joined along another dimension than their features");
        }

        return node.Role == Role.Concat && (node.Number("dimension") is 1 or -1 || (node.Number("dimension") is 2 && IsSequence(node, _graph))) ? new Concat() : new Opaque("tensors are joined along another dimension than their features");
    }

    private Layer SelectOf(ModelNode node)
    {
        var index = node.Constants.TryGetValue("index", out var constant) ? constant.Text : "";
        if (index == "second result")
            return new Opaque("a result that is not predicted");
        if (index == "last step")
            return new SelectPosition();
        if (_layouts[node.Inputs[0]] is not { } before || _layouts[node.Index] is not { } after)
            return IsSequence(node, _graph) ? new SelectPosition() : new Opaque($"'{node.Name}' takes a part of a tensor whose dimensions are not known");
        var kept = new HashSet<int>(after.Axes.Select(axis => axis.Id));
        var gone = before.Axes.Where(axis => !kept.Contains(axis.Id)).ToList();
        if (gone.All(axis => axis.Kind == AxisKind.Batch))
            return new Identity();
        if (gone.All(axis => axis.Kind is AxisKind.Feature or AxisKind.Free))
        {
            var parts = Layout.Product(before.Features).Over(Layout.Product(after.Features))?.Number;
            return new SliceFeatures((int)Math.Min(parts ?? 2, int.MaxValue), after.Features.IsEmpty ? 1 : Number(after.Features) ?? 0);
        }

        if (gone.All(axis => axis.Kind == AxisKind.Position))
        {
            var left = after.Positions;
            return left.IsEmpty ? new SelectPosition() : new SlicePositions(Number(left) ?? 0);
        }

        return new Opaque($"'{node.Name}' takes a part of several dimensions at once");
    }

    private Layer ScaledOf(ModelNode node)
    {
        var isFirst = node.Truth("operand_first") == true;
        var number = node.Number("operand");
        switch (node.Role)
        {
            case Role.Add when number is { } shift:
                return shift == 0 ? new Identity() : new Scale(1, shift);
            case Role.Subtract when number is { } shift:
                return isFirst ? new Scale(-1, shift) : new Scale(1, -shift);
            case Role.Add or Role.Subtract:
                return new UnknownScale(IsShift: true);
            case Role.Multiply when number is { } factor:
                return new Scale(factor);
            case Role.Divide when number is { } divisor and not 0 && !isFirst:
                return new Scale(1 / divisor);
            case Role.Divide when isFirst:
                return new Opaque($"'{node.Name}' is not predicted");
            default:
                return new UnknownScale(IsShift: false);
        }
    }

    /// <summary>How much a dimension grows; where no code tells, twice, as in every U-Net.</summary>
    private static int FactorOf(ModelNode node) =>
        node.Constants.TryGetValue("factor", out var factor) && factor.Sizes.Length > 0 && factor.Sizes[0].Whole is > 0 and { } whole && factor.Sizes.All(size => size.Whole == whole) ? whole : 2;

    private Layer Weighted(ModelNode node, Func<Distribution, Distribution?, int, int, Layer> make)
    {
        var inputs = node.Size("fan_in");
        var outputs = node.Size("fan_out");
        var (fanIn, fanOut) = (WidthRead(node, inputs, outputs), Width(outputs));
        if (node.Layer is not { Weight: { } weight } layer)
            return new Opaque($"the weight of '{node.Name}' is not known");
        var isKnown = inputs is { IsKnown: true } && outputs is { IsKnown: true };
        if (Start(weight.Initialization, fanIn, fanIn, fanOut, isKnown, isKnown || (inputs is { } one && outputs is { } other && one.Text == other.Text)) is not { } start)
            return new Opaque($"how '{layer.Path}' starts is not known");
        Distribution? biasStart = null;
        if (layer.Bias is { } bias && (biasStart = BiasStart(bias.Initialization, fanIn, fanOut, isKnown)) is null)
            return new Opaque($"how '{layer.Path}' starts is not known");
        return make(start, biasStart, fanIn, fanOut);
    }

    private Layer Convolution(ModelNode node)
    {
        if (node.Layer is not { Weight: { } weight } layer)
            return new Opaque($"the weight of '{node.Name}' is not known");
        var shape = KernelOf(node);
        if (Start(weight.Initialization, shape.FanIn, shape.FanIn, shape.FanOut, shape.IsKnown, shape.IsKnown) is not { } start)
            return new Opaque($"how '{layer.Path}' starts is not known");
        Distribution? biasStart = null;
        if (layer.Bias is { } bias && (biasStart = BiasStart(bias.Initialization, shape.FanIn, shape.FanOut, shape.IsKnown)) is null)
            return new Opaque($"how '{layer.Path}' starts is not known");
        return shape.Made(start, biasStart);
    }

    private KernelShape KernelOf(ModelNode node)
    {
        var inputs = node.Size("channels_in");
        var outputs = node.Size("channels_out");
        // A grouping by an unknown number is a depthwise convolution where it is the number of channels.
        var groups = Whole(node, "groups") ?? (node.Size("groups") is { } size && size.Text == inputs?.Text ? Width(inputs) : 1);
        return new(WidthRead(node, inputs, outputs), Width(outputs), Windowed(node), groups, node.Role == Role.ConvTranspose, Sizes(node, "output_padding") ?? ImmutableArray<int>.Empty, inputs is { IsKnown: true } && outputs is { IsKnown: true });
    }

    /// <summary>A convolution without its weight.</summary>
    private sealed record KernelShape(int Inputs, int Outputs, Window Window, int Groups, bool IsTransposed, ImmutableArray<int> OutputPadding, bool IsKnown)
    {
        public int FanIn => Math.Max(1, (IsTransposed ? Outputs : Inputs) / Math.Max(Groups, 1)) * Window.Area;

        public int FanOut => (IsTransposed ? Inputs : Outputs) * Window.Area;

        public Convolution Made(Distribution start, Distribution? bias) => new(Inputs, Outputs, Window, start, bias, Groups) { Transposed = IsTransposed, OutputPadding = OutputPadding };
    }

    /// <summary>A linear layer or convolution by a function that is given a weight of the model's own.</summary>
    private NetworkNode ByComputedWeight(ModelNode node, int place)
    {
        var isLinear = node.Role == Role.Linear;
        var (inputs, outputs) = (node.Size("fan_in"), node.Size("fan_out"));
        var shape = isLinear ? null : KernelOf(node);
        (int In, int Out, bool IsKnown) fans = shape is null ? (Width(inputs), Width(outputs), inputs is { IsKnown: true } && outputs is { IsKnown: true }) : (shape.FanIn, shape.FanOut, shape.IsKnown);
        var read = node.Inputs.Take(place).ToImmutableArray();
        if (Computed(node, place, fans, out var reason) is not var (weight, bias))
            return new NetworkNode(new Opaque(reason!), read);
        return new NetworkNode(shape is null ? new Linear(fans.In, fans.Out, weight.Start, bias?.Start) : shape.Made(weight.Start, bias?.Start), read)
        {
            Before = BeforeOf(node),
            WeightPath = weight.Shares[0] is { Path.Length: > 0 } share ? share.Path : null,
            WeightShares = weight.Shares.RemoveAll(one => one.Path.Length == 0),
            BiasShares = bias is null ? default : bias.Shares.RemoveAll(one => one.Path.Length == 0),
        };
    }

    private Layer EmbeddingOf(ModelNode node)
    {
        var features = node.Size("features");
        if (node.Layer is not { Weight: { } weight } layer || features is null)
            return new Opaque($"the weight of '{node.Name}' is not known");
        var start = weight.Initialization.IsDefault ? Distribution.StandardNormal : Start(weight.Initialization, Width(features), Width(features), Whole(node, "tokens") ?? _assumed.Width, features is { IsKnown: true }, features is { IsKnown: true });
        // A table of positions: the same rows in every sample.
        if (start is not null && node.Inputs.Length == 1 && IsCounted(node.Inputs[0]))
            return new OwnParameter(Width(features), default, start);
        return start is null ? new Opaque($"how '{layer.Path}' starts is not known") : new Embedding(Whole(node, "tokens") ?? _assumed.Width, Width(features), start);
    }

    /// <summary>Whether a value is a row of numbers that count, whatever its shape.</summary>
    private bool IsCounted(int node)
    {
        var current = _graph.Nodes[node];
        for (var steps = 0; steps < _graph.Nodes.Length && current.Inputs.Length == 1; steps++)
            current = _graph.Nodes[current.Inputs[0]];
        return current.Role == Role.Data && current.Constants.ContainsKey("counts");
    }

    private Layer RecurrentOf(ModelNode node)
    {
        if (node.Layer is not { } layer)
            return new Opaque($"the weights of '{node.Name}' are not known");
        if (StartsOf(node, layer) is not var (inputWeight, hiddenWeight))
            return new Opaque($"how '{layer.Path}' starts is not known");
        return new Recurrent(KindOf(node), Width(node.Size("inputs")), Width(node.Size("hidden")))
        {
            Layers = Whole(node, "layers") ?? 1,
            Bidirectional = node.Truth("bidirectional") == true,
            Bias = node.Truth("bias") != false,
            InputWeight = inputWeight,
            HiddenWeight = hiddenWeight,
        };
    }

    private static RecurrentKind KindOf(ModelNode node) => node.Role switch
    {
        Role.Lstm or Role.LstmCell => RecurrentKind.Lstm,
        Role.Gru or Role.GruCell => RecurrentKind.Gru,
        _ => node.Constants.TryGetValue("nonlinearity", out var name) && name.Text == "ReLU" ? RecurrentKind.ReLU : RecurrentKind.Tanh,
    };

    /// <summary>How the weights of a recurrent layer start, where the library's own start does not stand; null where that is not known.</summary>
    private (Distribution? Input, Distribution? Hidden)? StartsOf(ModelNode node, ModelLayer layer)
    {
        var hidden = node.Size("hidden");
        var inputs = node.Size("inputs");
        var isKnown = hidden is { IsKnown: true } && inputs is { IsKnown: true };
        Distribution? inputWeight = null, hiddenWeight = null;
        foreach (var parameter in layer.Parameters.Where(parameter => !parameter.Initialization.IsDefault && parameter.Name.StartsWith("weight", StringComparison.Ordinal)))
        {
            var isHidden = parameter.Name.StartsWith("weight_hh", StringComparison.Ordinal);
            var fan = Width(isHidden ? hidden : inputs);
            var gates = KindOf(node) switch { RecurrentKind.Lstm => 4, RecurrentKind.Gru => 3, _ => 1 };
            if (Start(parameter.Initialization, fan, fan, gates * Width(hidden), isKnown, isKnown) is not { } start)
                return null;
            if (isHidden)
                hiddenWeight ??= start;
            else
                inputWeight ??= start;
        }

        return (inputWeight, hiddenWeight);
    }

    /// <summary>One step of a cell: its gates as layers.</summary>
    private Layer CellOf(ModelNode node)
    {
        if (node.Layer is not { } layer)
            return new Opaque($"the weights of '{node.Name}' are not known");
        if (StartsOf(node, layer) is not var (input, hidden))
            return new Opaque($"how '{layer.Path}' starts is not known");
        return RecurrentBlock.Of(KindOf(node), layer.Path, Width(node.Size("inputs")), Width(node.Size("hidden")), node.Inputs.Length, node.Constants.ContainsKey("cell_state"), input, hidden, node.Truth("bias") != false);
    }

    /// <summary>As <see cref="Start"/>; a bias that code writes in a way that is not read is tried at nothing and as a standard normal one. One that is loaded comes with its weight.</summary>
    private Distribution? BiasStart(Initialization initialization, int fanIn, int fanOut, bool isKnown)
    {
        if (Start(initialization, fanIn, fanIn, fanOut, isKnown, isKnown) is { } start)
            return start;
        if (initialization.Role == Role.Load)
            return null;
        _dependsOnNumbers = true;
        return _assumed.Bias;
    }

    /// <summary>The distribution of a parameter's elements, or null where the source does not tell it.</summary>
    /// <param name="initialization">How it starts.</param>
    /// <param name="columns">Columns of the weight as a matrix, for orthogonal.</param>
    /// <param name="fanIn">Fan-in as the library counts it.</param>
    /// <param name="fanOut">Fan-out as the library counts it.</param>
    /// <param name="isWidthKnown">Whether the fans are real numbers.</param>
    /// <param name="isQuotientKnown">Whether at least their quotient is.</param>
    private Distribution? Start(Initialization initialization, int columns, int fanIn, int fanOut, bool isWidthKnown, bool isQuotientKnown)
    {
        switch (initialization.Role)
        {
            case Role.Default:
                return Distribution.TorchDefault(fanIn);
            case Role.KaimingUniform or Role.KaimingNormal:
                var isFanOut = initialization.Constants.TryGetValue("mode", out var mode) && mode.Text == "FanOut";
                _dependsOnWidth |= isFanOut && !isQuotientKnown;
                return Distribution.Kaiming(isFanOut ? fanOut : fanIn, Gain(initialization) ?? Assume(1));
            case Role.XavierUniform or Role.XavierNormal:
                _dependsOnWidth |= !isQuotientKnown;
                return Distribution.Xavier(fanIn, fanOut, Number("gain", 1) ?? Assume(1));
            case Role.Orthogonal:
                _dependsOnWidth |= !isQuotientKnown;
                return Distribution.Orthogonal(fanOut, columns, Number("gain", 1) ?? Assume(1));
            case Role.Zeros:
                return Distribution.Constant(0);
            case Role.Ones:
                return Distribution.Constant(1);
            case Role.Constant:
                return initialization.Number("value") is { } value ? Distribution.Constant(value) : null;
            case Role.Uniform:
                _dependsOnWidth |= !isWidthKnown;
                return Number("low", 0) is { } low && Number("high", 1) is { } high ? Distribution.Uniform(low, high)
                    : initialization.Number("low") is null && initialization.Number("high") is null ? Distribution.Kaiming(Math.Max(fanIn, 1), Assume(1)) : null;
            case Role.Normal:
                _dependsOnWidth |= !isWidthKnown;
                return Number("mean", 0) is not { } mean ? null
                    : Number("deviation", 1) is { } deviation ? Distribution.Normal(mean, deviation)
                    : mean == 0 ? Distribution.Kaiming(Math.Max(fanIn, 1), Assume(1)) : null;
            case Role.TruncNormal:
                _dependsOnWidth |= !isWidthKnown;
                return Number("mean", 0) is { } center && Number("deviation", 1) is { } spread ? Distribution.TruncatedNormal(center, spread) : null;
            default:
                return null;
        }

        double Assume(double usual)
        {
            _dependsOnNumbers = true;
            return usual * _assumed.Gain;
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
            Role.Cosine => ActivationKind.Cosine,
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

    private Layer Norm(ModelNode node, Func<int, Distribution?, Layer> make)
    {
        Distribution? gain = null;
        if (node.Layer is { } layer && layer.Parameters.FirstOrDefault(parameter => parameter.Name == "weight") is { Initialization: { IsDefault: false } initialization }
            && (gain = Start(initialization, 1, 1, 1, isWidthKnown: true, isQuotientKnown: true)) is null)
            return new Opaque($"how '{layer.Path}' starts is not known");
        return make(Width(node.Size("features") ?? (node.Constants.TryGetValue("shape", out var shape) && !shape.Sizes.IsEmpty ? shape.Sizes[0] : null)), gain);
    }

    /// <summary>A window; one of a size that no code tells is as wide as most are, and keeps the size of what it moves over.</summary>
    private static Window Windowed(ModelNode node)
    {
        var dimensions = Whole(node, "dimensions") ?? 2;
        if (Sizes(node, "kernel") is not { IsEmpty: false } kernel)
            return Window.Square(dimensions, node.Role is Role.MaxPool or Role.AvgPool ? 2 : 3, node.Role is Role.MaxPool or Role.AvgPool ? 2 : Whole(node, "stride") ?? 1, node.Role is Role.MaxPool or Role.AvgPool ? 0 : 1);
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
            return AdaptivePooling.GlobalAverage with { Maximum = node.Role == Role.AdaptiveMaxPool };
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
        return new Opaque($"the result of '{node.Name}' is not known; sizes that are constants or sizes of a tensor would tell it");
    }

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

    /// <summary>
    /// The features that a layer reads. Those of a hidden layer cancel out of the ratio of two gradients; those of the input do not: a weight's gradient grows with the root of its fan-in.
    /// </summary>
    private int WidthRead(ModelNode node, Size? inputs, Size? outputs)
    {
        if (inputs is not { IsKnown: false } || outputs is not { IsKnown: true } || _graph.Nodes[node.Inputs[0]].Role != Role.Input)
            return Width(inputs);
        _dependsOnInputs = true;
        return _assumed.Inputs == UnknownWidth ? Width(inputs) : _assumed.Inputs;
    }

    private int Width(Size? size) => size?.Whole is > 0 and { } whole ? whole
        : size is { } named ? (int)Math.Min(Math.Max(Extent.Parse(named, _ => null).ValueAt(_assumed.Width), 1), 1 << 16) : _assumed.Width;

    private static int? Whole(ModelNode node, string meaning) => node.Size(meaning)?.Whole;

    private static ImmutableArray<int>? Sizes(ModelNode node, string meaning)
    {
        if (!node.Constants.TryGetValue(meaning, out var constant) || constant.Sizes.IsEmpty || constant.Sizes.Any(size => size.Whole is null))
            return null;
        return ImmutableArray.CreateRange(constant.Sizes, size => size.Whole!.Value);
    }
}
