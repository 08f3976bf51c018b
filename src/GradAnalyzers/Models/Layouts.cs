using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using GradAnalyzers.Catalogue;

namespace GradAnalyzers.Models;

/// <summary>
/// The dimensions of every value of a model, as far as the source tells: which of them hold features, positions and the batch. Sizes that no code tells are variables.
/// The number of dimensions of an input is not written anywhere: the usual ones are tried, and the one that fits what reads it stands.
/// </summary>
internal sealed class Layouts
{
    private readonly ModelGraph _graph;
    private readonly int _rank;

    /// <summary>Whether an input of three dimensions has the batch in the second one.</summary>
    private readonly bool _isTimeFirst;
    private readonly Layout?[] _layouts;
    private readonly ImmutableArray<int>[][] _reads;
    private readonly Dictionary<string, Extent> _bound = new(StringComparer.Ordinal);
    private readonly HashSet<int> _regroups = [];
    private readonly Asked _asked;
    private int _next;

    private Layouts(ModelGraph graph, Asked asked, int rank, bool isTimeFirst)
    {
        _asked = asked;
        _graph = graph;
        _rank = rank;
        _isTimeFirst = isTimeFirst;
        _layouts = new Layout?[graph.Nodes.Length];
        _reads = new ImmutableArray<int>[graph.Nodes.Length][];
    }

    /// <summary>How often two things that the code says do not go together.</summary>
    private int Conflicts { get; set; }

    public Layout? this[int node] => _layouts[node];

    public static Layouts Of(ModelGraph graph)
    {
        Layouts? best = null;
        var asked = Asked.Of(graph);
        foreach (var (rank, isTimeFirst) in graph.Nodes.Any(node => node.Role == Role.Input) ? new[] { (2, false), (3, false), (4, false), (3, true) } : [(2, false)])
        {
            var layouts = new Layouts(graph, asked, rank, isTimeFirst);
            layouts.Follow();
            if (best is null || layouts.Conflicts < best.Conflicts)
                best = layouts;
            if (best.Conflicts == 0)
                break;
        }

        return best!;
    }

    /// <summary>The axes that a node takes for the features of one of its inputs; default where it takes them as they are.</summary>
    public ImmutableArray<int> FeaturesRead(int node, int input) => _reads[node] is { } reads && input < reads.Length ? reads[input] : default;

    private void Follow()
    {
        foreach (var node in _graph.Nodes)
        {
            _reads[node.Index] = new ImmutableArray<int>[node.Inputs.Length];
            // The way that a number of dimensions does not lead to.
            if (_asked.Under(node.Index) is { } ways && ways.Any(way => Taken(_graph.Nodes[way.Choice]) is { } taken && taken != way.Place))
                continue;
            _layouts[node.Index] = OutputOf(node);
            // What is known before and not known after is a contradiction or an operation that is not followed.
            if (_layouts[node.Index] is null && node.Inputs.Length > 0 && node.Role is not (Role.Opaque or Role.Data or Role.Choice) && node.Inputs.All(input => _layouts[input] is not null))
                Conflicts++;
        }
    }

    private int Next() => ++_next;

    private Axis New(Extent size, AxisKind kind) => new(Next(), size, kind);

    private static ImmutableArray<Axis> Dimension(Axis axis) => axis.Size.Equals(Extent.One) ? ImmutableArray<Axis>.Empty : ImmutableArray.Create(axis);

    private Extent ExtentOf(Size size) => Extent.Parse(size, Resolve);

    private Extent? Resolve(string name)
    {
        if (_bound.TryGetValue(name, out var bound))
            return bound;
        if (name.Length < 4 || name[0] != '#' || name.IndexOf(':') is not (> 1 and var colon)
            || !int.TryParse(name[1..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var node) || node >= _layouts.Length
            || !int.TryParse(name[(colon + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var dimension))
            return null;
        if (_layouts[node] is not { } layout)
            return null;
        if (layout.IndexOf(dimension) is >= 0 and var index)
            return layout.SizeOf(index);
        Conflicts++;
        return null;
    }

    private Layout? OutputOf(ModelNode node)
    {
        var input = node.Inputs.Length > 0 ? _layouts[node.Inputs[0]] : null;
        switch (node.Role)
        {
            case Role.Input:
                return InputOf(node);
            case Role.Parameter:
                return ParameterOf(node);
            case Role.Data:
                return DataOf(node);
            case Role.Choice:
                return ChosenOf(node);
            case Role.Embedding:
                return EmbeddingOf(node, input);
            case Role.Linear or Role.Bilinear when input is not null:
                return Last(node, input, node.Size("fan_in"), node.Size("fan_out"));
            case Role.Rnn or Role.Lstm or Role.Gru or Role.RnnCell or Role.LstmCell or Role.GruCell when input is not null:
                return RecurrentOf(node, input);
            case Role.Attention or Role.Transformer when input is not null:
                if (input.Rank != 3)
                    Conflicts++;
                foreach (var index in Enumerable.Range(0, node.Inputs.Length))
                {
                    if (_layouts[node.Inputs[index]] is { Rank: > 0 } read)
                        Read(node, index, read, read.Rank - 1);
                }

                return ReadAs(input, node, 0);
            case Role.RmsNorm when input is not null:
                return Read(node, 0, input, input.Rank - 1);
            case Role.LayerNorm when input is not null:
                return node.Constants.TryGetValue("shape", out var shape) && shape.Sizes.Length > 1 ? input.Rank > 2 ? Read(node, 0, input, 1) : input : Read(node, 0, input, input.Rank - 1, shape is { Sizes: [var size] } ? size : null);
            case Role.BatchNorm or Role.InstanceNorm or Role.GroupNorm when input is not null:
                return input.Rank > 1 ? Read(node, 0, input, 1, node.Size("features")) : null;
            case Role.Conv or Role.ConvTranspose when input is not null:
                return ConvolutionOf(node, input);
            case Role.MaxPool or Role.AvgPool or Role.AdaptiveAvgPool or Role.AdaptiveMaxPool or Role.Upsample or Role.PixelShuffle when input is not null:
                return PooledOf(node, input);
            case Role.Mean or Role.Sum or Role.Maximum or Role.Variance or Role.StandardDeviation or Role.Norm when input is not null:
                return ReducedOf(node, input);
            case Role.Flatten when input is not null:
                return FlattenedOf(node, input);
            case Role.Reshape:
                return ReshapedOf(node, input);
            case Role.Permute when input is not null:
                return PermutedOf(node, input);
            case Role.Expand when input is not null:
                return ExpandedOf(node, input);
            case Role.Repeat when input is not null:
                return RepeatedOf(node, input);
            case Role.Select:
                return SelectedOf(node, input);
            case Role.Split when input is not null:
                return input;
            case Role.Glu when input is not null:
                return input.IndexOf(Whole(node, "dimension") ?? -1) is >= 0 and var gated ? Part(input, gated, Extent.Of(2)) : null;
            case Role.Concat:
                return JoinedOf(node);
            case Role.Stack:
                return StackedOf(node);
            case Role.Add or Role.Subtract or Role.Multiply or Role.Divide or Role.Mask when node.Inputs.Length > 1:
                return BroadcastOf(node);
            case Role.MatMul:
                return ProductOf(node);
            case Role.ScaledAttention when node.Inputs.Length >= 3 && _layouts[node.Inputs[1]] is { Rank: > 1 } keys && keys.Dimensions[^2].All(axis => axis.Kind is not (AxisKind.Position or AxisKind.Free)):
                // One position has nothing to attend to.
                Conflicts++;
                goto case Role.Opaque;
            case Role.ScaledAttention when node.Inputs.Length >= 3 && _layouts[node.Inputs[0]] is { Rank: > 1 } query && _layouts[node.Inputs[2]] is { Rank: > 1 } value:
                return query.With(query.Rank - 1, value.Dimensions[^1]);
            case Role.Opaque:
            case Role.ArgMax:
                return null;
            default:
                return input;
        }
    }

    /// <summary>Of two values of which a condition decides: the one's dimensions where the other's hold the same; what is features here and positions there is neither.</summary>
    private Layout? ChosenOf(ModelNode node)
    {
        if (Taken(node) is { } taken)
            return _layouts[node.Inputs[taken]];
        var known = node.Inputs.Select(choice => _layouts[choice]).Where(layout => layout is not null).ToList();
        return known.Skip(1).Any(other => !known[0]!.IsFree && !other!.IsFree && !Held(known[0]!).SequenceEqual(Held(other))) ? null : known.FirstOrDefault();

        static IEnumerable<bool> Held(Layout layout) => layout.Dimensions.Select(axes => axes.Any(axis => axis.Kind == AxisKind.Feature));
    }

    /// <summary>Which of its values a choice takes, where a number of dimensions that is known decides; otherwise null.</summary>
    public int? Taken(ModelNode choice)
    {
        if (Asked.QuestionOf(choice) is not var (node, sign, number) || _layouts[node] is not { Rank: var rank })
            return null;
        var holds = sign switch { "==" => rank == number, "!=" => rank != number, "<" => rank < number, "<=" => rank <= number, ">" => rank > number, _ => rank >= number };
        return holds ? 0 : 1;
    }

    /// <summary>What a model asks for of its values' dimensions before any is known.</summary>
    private sealed class Asked
    {
        private static readonly Regex Dimension = new("#([0-9]{1,9}):([0-9]{1,2})", RegexOptions.CultureInvariant);

        private readonly Dictionary<int, int> _least = [];
        private readonly Dictionary<int, List<(int Choice, int Place)>> _under = [];

        /// <summary>As many dimensions as a node has at least: the code asks for the last of them by its number.</summary>
        public int Least(int node) => _least.TryGetValue(node, out var least) ? least : 0;

        /// <summary>The choices for which a node is computed, each for one of its ways only; null where it is for something else, too.</summary>
        public IReadOnlyList<(int Choice, int Place)>? Under(int node) => _under.TryGetValue(node, out var ways) ? ways : null;

        public static Asked Of(ModelGraph graph)
        {
            var asked = new Asked();
            foreach (var constant in graph.Nodes.SelectMany(node => node.Constants.Values).Where(constant => constant.Sizes.Any(size => !size.IsKnown && size.Text.Length > 3 && size.Text.Contains('#'))))
            {
                foreach (Match match in constant.Sizes.Where(size => !size.IsKnown).SelectMany(size => Dimension.Matches(size.Text).Cast<Match>()))
                {
                    var node = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
                    asked._least[node] = Math.Max(asked.Least(node), int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) + 1);
                }
            }

            var choices = graph.Nodes.Where(node => QuestionOf(node) is not null).ToList();
            if (choices.Count == 0)
                return asked;
            var readers = graph.Nodes.SelectMany(node => node.Inputs.Select((input, place) => (input, way: (Node: node.Index, Place: place)))).ToLookup(pair => pair.input, pair => pair.way);
            foreach (var choice in choices)
            {
                for (var place = 0; place < choice.Inputs.Length; place++)
                {
                    var only = new HashSet<int>();
                    for (var index = choice.Index - 1; index >= 0; index--)
                    {
                        if (readers[index].Any() && !graph.Outputs.Contains(index) && graph.Nodes[index].Role != Role.Input
                            && readers[index].All(reader => only.Contains(reader.Node) || (reader.Node == choice.Index && reader.Place == place)))
                            only.Add(index);
                    }

                    foreach (var index in only)
                    {
                        if (!asked._under.TryGetValue(index, out var ways))
                            asked._under.Add(index, ways = []);
                        ways.Add((choice.Index, place));
                    }
                }
            }

            return asked;
        }

        /// <summary><c>(#3:rank == 4)</c> of a choice, taken apart; null where it is decided otherwise.</summary>
        public static (int Node, string Sign, int Number)? QuestionOf(ModelNode choice)
        {
            if (choice.Role != Role.Choice || !choice.Constants.TryGetValue(ModelGraph.RankQuestion, out var question) || question.Sizes is not [{ Text: var text }])
                return null;
            var parts = text.Trim('(', ')').Split(' ');
            return parts.Length == 3 && parts[0].IndexOf(':') is > 1 and var colon && int.TryParse(parts[0][1..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var node) && node < choice.Index
                && int.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? (node, parts[1], number) : null;
        }
    }

    /// <summary>Dimensions that a layer needs in its input; 0 where it takes any.</summary>
    private static int DimensionsRead(ModelNode node) => node.Role switch
    {
        Role.Permute when node.Constants.TryGetValue("permutation", out var permutation) => permutation.Sizes.Length,
        Role.Conv or Role.ConvTranspose or Role.MaxPool or Role.AvgPool or Role.AdaptiveAvgPool or Role.AdaptiveMaxPool => (Whole(node, "dimensions") ?? 2) + 2,
        Role.Rnn or Role.Lstm or Role.Gru or Role.Attention or Role.Transformer => 3,
        _ => 0,
    };

    /// <summary>
    /// The dimensions of an input as what reads it needs them, behind layers, too, that keep their number, or as the code asks for them; 0 where nothing tells.
    /// </summary>
    private int RankRead(int input)
    {
        var rank = 0;
        var same = new HashSet<int> { input };
        for (var index = input; index < _graph.Nodes.Length; index++)
        {
            var reader = _graph.Nodes[index];
            if (!reader.Inputs.Any(same.Contains))
                continue;
            rank = Math.Max(rank, DimensionsRead(reader));
            if (KeepsRank(reader) && same.Contains(reader.Inputs[0]))
                same.Add(index);
        }

        var least = same.Max(_asked.Least);
        return rank == 0 && least > _rank ? least : rank;
    }

    private static bool KeepsRank(ModelNode node) => node.Role is Role.Linear or Role.Dropout or Role.Identity or Role.LayerNorm or Role.RmsNorm or Role.BatchNorm or Role.GroupNorm or Role.InstanceNorm
        or Role.Relu or Role.Gelu or Role.Silu or Role.Tanh or Role.Sigmoid or Role.LeakyRelu;

    private Layout InputOf(ModelNode node)
    {
        var readers = _graph.Nodes.Where(reader => reader.Inputs.Contains(node.Index)).ToList();
        var rank = RankRead(node.Index);
        if (rank == 0)
            rank = readers.Any(reader => reader.Role == Role.Embedding) && _rank == 3 ? 2 : _rank;
        var isTimeFirst = _isTimeFirst || readers.Any(reader => reader.Role.IsRecurrent() && reader.Truth("batch_first") != true || reader.Role is Role.Attention or Role.Transformer);
        return new(Enumerable.Range(0, rank).Select(dimension => ImmutableArray.Create(New(Extent.Named($"#{node.Index}:{dimension}"),
            dimension == (isTimeFirst && rank == 3 ? 1 : 0) && rank > 1 ? AxisKind.Batch : AxisKind.Free))).ToImmutableArray());
    }

    /// <summary>The last dimension of a parameter of its own holds features, or the only one that is not of size 1.</summary>
    private Layout? ParameterOf(ModelNode node)
    {
        if (node.Parameter is not { Sizes: { IsDefaultOrEmpty: false } sizes })
            return null;
        var extents = sizes.Select(ExtentOf).ToList();
        var wide = extents.Count(extent => !extent.Equals(Extent.One));
        return new(extents.Select((extent, index) => Dimension(New(extent, wide == 1 || index == extents.Count - 1 ? AxisKind.Feature : AxisKind.Position))).ToImmutableArray());
    }

    private Layout? DataOf(ModelNode node) => node.Constants.TryGetValue("sizes", out var sizes) && !sizes.Sizes.IsEmpty
        ? new(sizes.Sizes.Select((size, index) => Dimension(New(ExtentOf(size), index == sizes.Sizes.Length - 1 ? AxisKind.Feature : AxisKind.Position))).ToImmutableArray())
        : null;

    private Layout? EmbeddingOf(ModelNode node, Layout? indices)
    {
        var features = Dimension(New(node.Size("features") is { } size ? ExtentOf(size) : Extent.Named($"#{node.Index}:-1"), AxisKind.Feature));
        if (indices is null)
            return new(ImmutableArray.Create(ImmutableArray<Axis>.Empty, ImmutableArray.Create(New(Extent.Named($"#{node.Index}:1"), AxisKind.Position)), features));
        var read = indices.ReadAs([]);
        return new(read.Dimensions.Add(features));
    }

    /// <summary>A layer reads one dimension as features: what that does to the value's kinds is noted.</summary>
    private Layout Read(ModelNode node, int input, Layout layout, int dimension, Size? expected = null)
    {
        _reads[node.Index][input] = layout.Dimensions[dimension].Select(axis => axis.Id).ToImmutableArray();
        if (expected is { } size)
            Compare(layout.SizeOf(dimension), ExtentOf(size));
        return ReadAs(layout, node, input);
    }

    private Layout ReadAs(Layout layout, ModelNode node, int input) => _reads[node.Index][input] is { IsDefault: false } features ? layout.ReadAs(features) : layout;

    private void Compare(Extent own, Extent expected)
    {
        if (own.Number is { } one && expected.Number is { } other && one != other)
            Conflicts++;
        else if (own.Variable is { } variable && !own.Equals(expected) && !_bound.ContainsKey(variable))
            _bound[variable] = expected;
    }

    private Layout Last(ModelNode node, Layout input, Size? expected, Size? given) =>
        input.Rank == 0 ? input : Read(node, 0, input, input.Rank - 1, expected).With(input.Rank - 1, Dimension(New(given is { } size ? ExtentOf(size) : Extent.Named($"#{node.Index}:-1"), AxisKind.Feature)));

    private Layout? RecurrentOf(ModelNode node, Layout input)
    {
        if (input.Rank == 0)
            return null;
        if (input.Rank != (node.Role is Role.RnnCell or Role.LstmCell or Role.GruCell ? 2 : 3))
            Conflicts++;
        var hidden = node.Size("hidden") is { } size ? ExtentOf(size) : Extent.Named($"#{node.Index}:-1");
        var read = Read(node, 0, input, input.Rank - 1, node.Size("inputs"));
        return read.With(input.Rank - 1, Dimension(New(node.Truth("bidirectional") == true ? hidden.Times(Extent.Of(2)) : hidden, AxisKind.Feature)));
    }

    private Layout? ConvolutionOf(ModelNode node, Layout input)
    {
        var dimensions = Whole(node, "dimensions") ?? 2;
        if (input.Rank != dimensions + 2)
            return null;
        var read = Read(node, 0, input, 1, node.Size("channels_in"));
        var channels = Dimension(New(node.Size("channels_out") is { } size ? ExtentOf(size) : Extent.Named($"#{node.Index}:1"), AxisKind.Feature));
        var result = read.With(1, channels);
        for (var dimension = 2; dimension < result.Rank; dimension++)
            result = result.With(dimension, Slid(node, input, dimension));
        return result;
    }

    /// <summary>A dimension that a window moved over: as long as before, or of a size of its own.</summary>
    private ImmutableArray<Axis> Slid(ModelNode node, Layout input, int dimension)
    {
        int? Of(string meaning) => node.Constants.TryGetValue(meaning, out var constant) && !constant.Sizes.IsEmpty ? constant.Sizes[Math.Min(dimension - 2, constant.Sizes.Length - 1)].Whole : null;
        var stride = Of("stride") ?? (node.Role is Role.MaxPool or Role.AvgPool ? Of("kernel") : 1);
        if (node.Role is Role.Conv or Role.MaxPool or Role.AvgPool && stride == 1 && Of("kernel") is { } kernel && 2 * (Of("padding") ?? 0) == (Of("dilation") ?? 1) * (kernel - 1))
            return input.ReadAs([]).Dimensions[dimension];
        if (input.SizeOf(dimension).Number is { } number && Of("kernel") is { } width && stride is > 0 and { } step && node.Role is Role.Conv or Role.MaxPool or Role.AvgPool)
            return Dimension(New(Extent.Of(Math.Max(1, (number + 2 * (Of("padding") ?? 0) - (Of("dilation") ?? 1) * (width - 1) - 1) / step + 1)), AxisKind.Position));
        return Dimension(New(Extent.Named($"#{node.Index}:{dimension}"), AxisKind.Position));
    }

    private Layout? PooledOf(ModelNode node, Layout input)
    {
        var dimensions = node.Role is Role.Upsample or Role.PixelShuffle ? Math.Max(input.Rank - 2, 1) : Whole(node, "dimensions") ?? 2;
        if (input.Rank != dimensions + 2)
            return input.Rank == dimensions + 1 ? input : null;
        var result = Read(node, 0, input, 1);
        var isAdaptive = node.Role is Role.AdaptiveAvgPool or Role.AdaptiveMaxPool;
        var sizes = node.Constants.TryGetValue("size", out var constant) ? constant.Sizes : ImmutableArray<Size>.Empty;
        for (var dimension = 2; dimension < result.Rank; dimension++)
        {
            result = result.With(dimension, !isAdaptive && node.Role is not (Role.Upsample or Role.PixelShuffle) ? Slid(node, input, dimension)
                : !sizes.IsEmpty ? Dimension(New(ExtentOf(sizes[Math.Min(dimension - 2, sizes.Length - 1)]), AxisKind.Position))
                : Dimension(New(Extent.Named($"#{node.Index}:{dimension}"), AxisKind.Position)));
        }

        return result;
    }

    /// <summary>The dimensions that a mean or sum runs over; null where the call does not tell.</summary>
    public static ImmutableArray<int>? Reduced(ModelNode node, Layout input)
    {
        if (!node.Constants.TryGetValue("dimension", out var constant) || constant.Sizes.IsEmpty)
            return constant is null ? Enumerable.Range(0, input.Rank).ToImmutableArray() : null;
        var reduced = ImmutableArray.CreateBuilder<int>();
        foreach (var size in constant.Sizes)
        {
            if (size.Whole is not { } whole || input.IndexOf(whole) is not (>= 0 and var index))
                return null;
            reduced.Add(index);
        }

        return reduced.ToImmutable();
    }

    private static Layout? ReducedOf(ModelNode node, Layout input)
    {
        if (Reduced(node, input) is not { } reduced)
            return null;
        var keeps = node.Truth("keep") == true;
        return new(input.Dimensions.SelectMany((axes, index) => !reduced.Contains(index) ? ImmutableArray.Create(axes) : keeps ? ImmutableArray.Create(ImmutableArray<Axis>.Empty) : ImmutableArray<ImmutableArray<Axis>>.Empty).ToImmutableArray());
    }

    /// <summary>Of two dimensions the second holds features, whatever it is made of.</summary>
    private Layout Vector(ModelNode node, Layout input, Layout result)
    {
        if (result.Rank != 2 || result.Dimensions[1].Any(axis => axis.Kind == AxisKind.Batch))
            return result;
        var features = result.Dimensions[1].Select(axis => axis.Id).ToList();
        // An axis that the reshape divided is not the input's any more.
        var known = new HashSet<int>(input.Axes.Select(axis => axis.Id));
        if (!features.All(known.Contains) || input.IsFree)
            return result.ReadAs(features);
        _reads[node.Index][0] = features.ToImmutableArray();
        return result.ReadAs(features);
    }

    private Layout? FlattenedOf(ModelNode node, Layout input)
    {
        // The module keeps the batch, the function does not.
        var start = input.IndexOf(Whole(node, "start") ?? (node.Layer is not null ? 1 : 0));
        var end = input.IndexOf(Whole(node, "end") ?? -1);
        return start < 0 || end < start ? null : Vector(node, input, new(input.Dimensions.Take(start).Append(input.Dimensions.Skip(start).Take(end - start + 1).SelectMany(axes => axes).ToImmutableArray()).Concat(input.Dimensions.Skip(end + 1)).ToImmutableArray()));
    }

    private Layout? ReshapedOf(ModelNode node, Layout? input)
    {
        if (node.Constants.TryGetValue("sizes", out var parts) && node.Number("dimension") is { } at && input?.IndexOf((int)at) is >= 0 and var split)
        {
            var inner = new Layout(ImmutableArray.Create(input.Dimensions[split])).Reshaped(Wanted(parts.Sizes), Next);
            return inner is null ? null : new(input.Dimensions.RemoveAt(split).InsertRange(split, inner.Dimensions));
        }

        if (!node.Constants.TryGetValue("shape", out var shape) || shape.Sizes.IsEmpty)
            return null;
        var sizes = LikeOf(shape.Sizes) is { } like ? Enumerable.Range(0, like.Rank).Select(dimension => (Extent?)like.SizeOf(dimension)).ToList() : Wanted(shape.Sizes);
        if (input?.Reshaped(sizes, Next) is { } reshaped)
            return Vector(node, input, reshaped);
        if (input is not null && Regrouped(input, sizes) is { } regrouped)
        {
            _regroups.Add(node.Index);
            return regrouped;
        }

        // A vector of two dimensions is a vector, whatever it was.
        return sizes.Count == 2 && (sizes[0] is null || shape.Sizes[0].Text.EndsWith(":0", StringComparison.Ordinal))
            ? new(ImmutableArray.Create(ImmutableArray.Create(New(Extent.Named($"#{node.Index}:0"), AxisKind.Batch)), ImmutableArray.Create(New(sizes[1] ?? Extent.Named($"#{node.Index}:1"), AxisKind.Feature))))
            : null;
    }

    /// <summary>Features and positions in another order than they are in, as after a transposition that the code forgot; null where the sizes say anything else.</summary>
    private Layout? Regrouped(Layout input, IReadOnlyList<Extent?> sizes)
    {
        var (features, positions) = (Layout.Product(input.Features), Layout.Product(input.Positions));
        if (input.IsFree || features.Equals(Extent.One) || positions.Equals(Extent.One) || features.Equals(positions) || input.Rank < 3 || sizes.Count < 3 || input.Dimensions[0] is not [{ Kind: AxisKind.Batch } batch] || sizes[0]?.Equals(batch.Size) != true)
            return null;
        var places = Enumerable.Range(1, sizes.Count - 1).Where(place => sizes[place]?.Equals(features) == true).ToList();
        var others = Enumerable.Range(1, sizes.Count - 1).Where(place => places is [var only] && place != only).ToList();
        if (places.Count != 1 || others.Any(place => sizes[place] is null) || !others.Aggregate(Extent.One, (product, place) => product.Times(sizes[place]!)).Equals(positions))
            return null;
        return new(sizes.Select((size, place) => place == 0 ? ImmutableArray.Create(batch) : Dimension(New(size!, place == places[0] ? AxisKind.Feature : AxisKind.Position))).ToImmutableArray());
    }

    /// <summary>Whether a reshape mixes features and positions.</summary>
    public bool IsRegrouped(int node) => _regroups.Contains(node);

    /// <summary>The value whose shape is asked for: <c>y.view(x.shape)</c>.</summary>
    private Layout? LikeOf(ImmutableArray<Size> sizes) =>
        sizes is [{ Value: null, Text: ['#', .., ':', 'a', 'l', 'l'] text }] && int.TryParse(text[1..^4], NumberStyles.None, CultureInfo.InvariantCulture, out var node) && node < _layouts.Length ? _layouts[node] : null;

    private List<Extent?> Wanted(ImmutableArray<Size> sizes) => sizes.Select(size => size.Whole == -1 ? null : ExtentOf(size)).ToList();

    private static Layout? PermutedOf(ModelNode node, Layout input)
    {
        if (node.Constants.TryGetValue("permutation", out var permutation))
        {
            var order = permutation.Sizes.Select(size => size.Whole is { } whole ? input.IndexOf(whole) : -1).ToList();
            return order.Count == input.Rank && order.Distinct().Count() == input.Rank && order.All(index => index >= 0) ? new(order.Select(index => input.Dimensions[index]).ToImmutableArray()) : null;
        }

        if (node.Constants.ContainsKey("first") || node.Constants.ContainsKey("swap"))
        {
            var one = node.Constants.ContainsKey("swap") ? input.IndexOf(-2) : Whole(node, "first") is { } first ? input.IndexOf(first) : -1;
            var other = node.Constants.ContainsKey("swap") ? input.IndexOf(-1) : Whole(node, "second") is { } second ? input.IndexOf(second) : -1;
            return one < 0 || other < 0 ? null : new(input.Dimensions.SetItem(one, input.Dimensions[other]).SetItem(other, input.Dimensions[one]));
        }

        if (node.Constants.ContainsKey("added"))
        {
            var place = Whole(node, "added") is { } added ? added < 0 ? added + input.Rank + 1 : added : -1;
            return place < 0 || place > input.Rank ? null : new(input.Dimensions.Insert(place, ImmutableArray<Axis>.Empty));
        }

        if (node.Constants.ContainsKey("squeeze"))
        {
            if (node.Constants.TryGetValue("removed", out var removed) && removed.Text != "null")
                return removed.Size?.Whole is { } whole && input.IndexOf(whole) is >= 0 and var place ? input.Dimensions[place].IsEmpty ? new(input.Dimensions.RemoveAt(place)) : input : null;
            return new(input.Dimensions.RemoveAll(axes => axes.IsEmpty));
        }

        return input;
    }

    private Layout ExpandedOf(ModelNode node, Layout input)
    {
        if (!node.Constants.TryGetValue("sizes", out var sizes) && !node.Constants.TryGetValue("shape", out sizes) || sizes.Sizes.Length < input.Rank)
            return input;
        var added = sizes.Sizes.Length - input.Rank;
        return new(sizes.Sizes.Select((size, index) => index < added ? ImmutableArray<Axis>.Empty
            : IsBetweenHeads(index - added) ? Dimension(New(ExtentOf(size), AxisKind.Feature))
            : input.Dimensions[index - added]).ToImmutableArray());

        // Keys and values of one head for several of queries: heads, copies, positions, features.
        bool IsBetweenHeads(int index) => input.Rank == 5 && index == 2 && input.Dimensions[index].IsEmpty && input.Dimensions[1] is [{ Kind: AxisKind.Feature }, ..];
    }

    private Layout? RepeatedOf(ModelNode node, Layout input) =>
        !node.Constants.TryGetValue("dimension", out var along) || along.Size?.Whole is not { } whole || input.IndexOf(whole) is not (>= 0 and var dimension) ? null
            : Sized(input, dimension, node.Size("count") is { } count ? input.SizeOf(dimension).Times(ExtentOf(count)) : Extent.Named($"#{node.Index}:{dimension}"));

    private Layout? SelectedOf(ModelNode node, Layout? input)
    {
        var text = node.Constants.TryGetValue("index", out var index) ? index.Text : "";
        if (input is null || text == "second result")
            return null;
        if (text == "last step")
        {
            // (layers, batch, features), each with the batch and the features of what came before.
            var batch = input.Axes.Where(axis => axis.Kind == AxisKind.Batch).ToImmutableArray();
            return new(ImmutableArray.Create(ImmutableArray<Axis>.Empty, batch, input.Dimensions[^1]));
        }

        var before = _graph.Nodes[node.Inputs[0]];
        if (before.Role == Role.Split)
        {
            var split = input.IndexOf(Whole(before, "dimension") ?? 0);
            if (split < 0)
                return null;
            if (before.Constants.ContainsKey("unbind"))
                return new(input.Dimensions.RemoveAt(split));
            if (Whole(before, "count") is > 0 and { } count)
                return Part(input, split, Extent.Of(count));
            if (before.Constants.TryGetValue("sizes", out var sizes) && !sizes.Sizes.IsEmpty)
                return Sized(input, split, ExtentOf(sizes.Sizes.Length == 1 ? sizes.Sizes[0] : sizes.Sizes[Math.Min(Math.Max(Whole(node, "index") ?? 0, 0), sizes.Sizes.Length - 1)]));
            return null;
        }

        if (node.Constants.TryGetValue("parts", out var parts))
            return IndexedOf(parts, input);
        if (node.Constants.TryGetValue("dimension", out var dimension) && dimension.Size?.Whole is { } whole && input.IndexOf(whole) is >= 0 and var place)
        {
            return node.Constants.TryGetValue("length", out var length) ? Sized(input, place, ExtentOf(length.Sizes is [var one] ? one : Size.Named($"#{node.Index}:length")))
                : node.Constants.ContainsKey("finish") ? Sized(input, place, Between(node))
                : new(input.Dimensions.RemoveAt(place));
        }

        return null;
    }

    private Extent Between(ModelNode node) => Whole(node, "start") is { } start && Whole(node, "finish") is { } finish && finish > start ? Extent.Of(finish - start) : Extent.Named($"#{node.Index}:length");

    private Layout? IndexedOf(Constant parts, Layout input)
    {
        var kinds = parts.Text.Split(' ');
        var taken = kinds.Count(kind => kind is "one" or "all" or "range" or "tensor");
        if (taken > input.Rank)
            return null;
        var dimensions = ImmutableArray.CreateBuilder<ImmutableArray<Axis>>();
        var current = 0;
        for (var part = 0; part < kinds.Length; part++)
        {
            if (current >= input.Rank && kinds[part] is "one" or "all" or "range")
                return null;
            switch (kinds[part])
            {
                case "one":
                    current++;
                    break;
                case "all":
                    dimensions.Add(input.Dimensions[current++]);
                    break;
                case "range":
                    dimensions.Add(Sized(input, current, ExtentOf(parts.Sizes[part])).Dimensions[current]);
                    current++;
                    break;
                case "new":
                    dimensions.Add(ImmutableArray<Axis>.Empty);
                    break;
                case "rest":
                    for (var rest = input.Rank - taken; rest > 0 && current < input.Rank; rest--)
                        dimensions.Add(input.Dimensions[current++]);
                    break;
                default:
                    return null;
            }
        }

        dimensions.AddRange(input.Dimensions.Skip(current));
        return new(dimensions.ToImmutable());
    }

    /// <summary>One of several equal parts of a dimension.</summary>
    private Layout? Part(Layout input, int dimension, Extent count) => input.SizeOf(dimension).Over(count) is { } size ? Sized(input, dimension, size) : null;

    private Layout Sized(Layout input, int dimension, Extent size) => input.Dimensions[dimension] switch
    {
        [] => input,
        [var only] => input.With(dimension, size.Equals(only.Size) ? ImmutableArray.Create(only) : Dimension(New(size, only.Kind))),
        // Of several axes the part is one new one of the kind of the first.
        var axes => input.With(dimension, Dimension(New(size, axes[0].Kind))),
    };

    private Layout? JoinedOf(ModelNode node)
    {
        var layouts = node.Inputs.Select(input => _layouts[input]).ToList();
        if (layouts.FirstOrDefault(layout => layout is not null) is not { } first || first.IndexOf(Whole(node, "dimension") ?? 0) is not (>= 0 and var dimension))
            return null;
        if (layouts.Any(layout => layout is not null && layout.Rank != first.Rank))
        {
            Conflicts++;
            return null;
        }

        var widest = layouts.OfType<Layout>().OrderByDescending(layout => layout.Axes.Count()).First();
        // Samples are rarely joined to samples.
        if (widest.Dimensions[dimension] is [{ Kind: AxisKind.Batch }])
            Conflicts++;
        var kind = widest.Dimensions[dimension] is [var axis, ..] ? axis.Kind : AxisKind.Position;
        var sizes = layouts.Select(layout => layout?.SizeOf(dimension)).ToList();
        var sum = sizes.All(size => size?.Number is not null) ? Extent.Of(sizes.Sum(size => size!.Number!.Value)) : Extent.Named($"#{node.Index}:{dimension}");
        return widest.With(dimension, Dimension(New(sum, kind)));
    }

    private Layout? StackedOf(ModelNode node)
    {
        if (node.Inputs.Select(input => _layouts[input]).FirstOrDefault(layout => layout is not null) is not { } first)
            return null;
        var dimension = Whole(node, "dimension") ?? 0;
        dimension = dimension < 0 ? dimension + first.Rank + 1 : dimension;
        return dimension < 0 || dimension > first.Rank ? null : new(first.Dimensions.Insert(dimension, Dimension(New(Extent.Of(node.Inputs.Length), AxisKind.Position))));
    }

    /// <summary>Dimensions are compared from the last one on; the one of size 1 is repeated. All inputs are read with the features of the first that has any.</summary>
    private Layout? BroadcastOf(ModelNode node)
    {
        var layouts = node.Inputs.Select(input => _layouts[input]).ToList();
        var known = layouts.OfType<Layout>().ToList();
        if (known.Count == 0)
            return null;
        CompareRanks(node);
        var rank = known.Max(layout => layout.Rank);
        var reference = known.OrderByDescending(layout => layout.Axes.Count()).ThenBy(layout => layout.IsFree).First();
        var dimensions = ImmutableArray.CreateBuilder<ImmutableArray<Axis>>(rank);
        for (var fromEnd = rank; fromEnd > 0; fromEnd--)
        {
            var candidates = known.Where(layout => layout.Rank >= fromEnd).Select(layout => layout.Dimensions[layout.Rank - fromEnd]).ToList();
            var chosen = reference.Rank >= fromEnd && !reference.Dimensions[reference.Rank - fromEnd].IsEmpty ? reference.Dimensions[reference.Rank - fromEnd] : candidates.FirstOrDefault(axes => !axes.IsEmpty);
            chosen = chosen.IsDefault ? ImmutableArray<Axis>.Empty : chosen;
            var size = Layout.Product(chosen).Number;
            if (size is not null && candidates.Any(axes => !axes.IsEmpty && Layout.Product(axes).Number is { } other && other != size))
                Conflicts++;
            dimensions.Add(chosen);
        }

        var result = new Layout(dimensions.ToImmutable());
        for (var input = 0; input < layouts.Count; input++)
        {
            // What nobody has read yet fits itself to the rest.
            if (layouts[input] is not { IsFree: false } layout || result.IsFree)
                continue;
            var features = new List<int>();
            var isDifferent = false;
            for (var fromEnd = layout.Rank; fromEnd > 0; fromEnd--)
            {
                var own = layout.Dimensions[layout.Rank - fromEnd];
                var target = result.Dimensions[rank - fromEnd];
                var isFeature = target.Length > 0 && target.All(axis => axis.Kind == AxisKind.Feature);
                foreach (var axis in own)
                {
                    var staysFeature = isFeature || (target.Any(other => other.Kind == AxisKind.Feature) && axis.Kind == AxisKind.Feature);
                    if (staysFeature)
                        features.Add(axis.Id);
                    isDifferent |= staysFeature != (axis.Kind == AxisKind.Feature) && axis.Kind is AxisKind.Feature or AxisKind.Position;
                }
            }

            if (isDifferent)
                _reads[node.Index][input] = features.ToImmutableArray();
        }

        return result;
    }

    /// <summary>An equation says how many dimensions its operands have.</summary>
    private void CompareRanks(ModelNode node)
    {
        if (!node.Constants.TryGetValue("ranks", out var ranks))
            return;
        for (var input = 0; input < ranks.Sizes.Length && input < node.Inputs.Length; input++)
        {
            if (_layouts[node.Inputs[input]] is { } layout && layout.Rank != ranks.Sizes[input].Whole)
                Conflicts++;
        }
    }

    private Layout? ProductOf(ModelNode node)
    {
        CompareRanks(node);
        if (node.Inputs.Length < 2 || _layouts[node.Inputs[0]] is not { Rank: > 0 } left || _layouts[node.Inputs[1]] is not { Rank: > 0 } right)
            return null;
        if (left.Rank != right.Rank && right.Rank < 3 && left.Rank < 4 && _graph.Nodes[node.Inputs[1]].Role is not (Role.Parameter or Role.Permute or Role.Data))
            Conflicts++;
        if (right.Rank > 1 && left.Rank == right.Rank && _graph.Nodes[node.Inputs[1]].Role == Role.Permute && right.Dimensions[^1].All(axis => axis.Kind == AxisKind.Batch))
            Conflicts++;
        // A matrix of the model's own is a linear layer: it reads the last dimension as features.
        if (right.Rank == 2 && left.Rank > 1 && IsOwn(node.Inputs[1]) && !IsOwn(node.Inputs[0]))
        {
            Compare(left.SizeOf(left.Rank - 1), right.SizeOf(0));
            return Read(node, 0, left, left.Rank - 1).With(left.Rank - 1, Dimension(New(right.SizeOf(1), AxisKind.Feature)));
        }

        var axes = right.Rank == 1 ? ImmutableArray<Axis>.Empty : right.Dimensions[^1];
        var wider = left.Rank >= right.Rank ? left : new Layout(right.Dimensions.SetItem(right.Rank - 2, left.Rank > 1 ? left.Dimensions[^2] : ImmutableArray<Axis>.Empty));
        return wider.With(wider.Rank - 1, axes);
    }

    private bool IsOwn(int node)
    {
        var current = _graph.Nodes[node];
        if (current.Role == Role.Permute)
            current = _graph.Nodes[current.Inputs[0]];
        return current.Role == Role.Parameter;
    }

    private static int? Whole(ModelNode node, string meaning) => node.Size(meaning)?.Whole;
}
