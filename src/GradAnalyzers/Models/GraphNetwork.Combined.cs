using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;

namespace GradAnalyzers.Models;

/// <summary>Operations that are one thing together: attention, normalizations and activations that are written out.</summary>
internal sealed partial class GraphNetwork
{
    /// <summary>Operations between two parts of a pattern.</summary>
    private const int MaximumBetween = 12;

    /// <summary>Copies of a value that are followed.</summary>
    private const int MaximumCopies = 64;

    /// <summary>More than that, beside a root mean square of about one, is no guard but another function.</summary>
    private const double LargestEpsilon = 0.01;

    private NetworkNode? Combined(ModelNode node) => node.Role switch
    {
        _ when node.Inputs.IsEmpty => null,
        Role.MatMul when node.Inputs.Length >= 2 => AttentionOf(node.Inputs[0], node.Inputs[1]) ?? AttentionTurned(node) ?? WeightedMeanOf(node) ?? ProductOf(node),
        Role.Multiply when node.Inputs.Length == 2 => ActivationWrittenOut(node) ?? GeluWrittenOut(node) ?? NormWrittenOut(node),
        Role.Add when node.Inputs.Length == 2 => GateBesideItsValue(node),
        Role.Divide when node.Inputs.Length == 2 => NormWrittenOut(node),
        Role.Repeat or Role.Expand => RepeatedOf(node),
        Role.Power when node.Number("exponent") == -1 => SigmoidWrittenOut(node),
        Role.Divide when node.Inputs.Length == 1 && node.Truth("operand_first") == true && node.Number("operand") == 1 => SigmoidWrittenOut(node),
        _ => null,
    };

    /// <summary><c>v softmax(scale q k^T)^T</c>: channels before positions.</summary>
    private NetworkNode? AttentionTurned(ModelNode node) =>
        Behind(node.Inputs[1], Role.Permute, Role.Dropout, Role.Identity) is { Inputs: [var weights] } && Behind(weights, Role.Softmax, Role.Dropout, Role.Identity) is not null ? AttentionOf(weights, node.Inputs[0]) : null;

    /// <summary><c>softmax(scale q k^T + mask) v</c>.</summary>
    private NetworkNode? AttentionOf(int weights, int values)
    {
        if (Behind(weights, Role.Softmax, Role.Dropout, Role.Identity, Role.Reshape, Role.Permute, Role.Mask, Role.Choice) is not { Inputs.IsEmpty: false } softmax)
            return null;
        var scale = 1.0;
        var isScaleKnown = true;
        var isScaled = false;
        var isCausal = false;
        var current = _graph.Nodes[softmax.Inputs[0]];
        for (var steps = 0; steps < MaximumBetween && current.Role != Role.MatMul; steps++)
        {
            switch (current.Role)
            {
                case Role.Multiply or Role.Divide when current.Inputs.Length == 1:
                    isScaled = true;
                    if (current.Number("operand") is { } number and not 0)
                        scale *= current.Role == Role.Multiply ? number : 1 / number;
                    else
                        isScaleKnown = false;
                    break;
                case Role.Multiply or Role.Divide when current.Inputs.Skip(1).All(IsGiven):
                    (isScaled, isScaleKnown) = (true, false);
                    break;
                // Masks and biases of positions move logits, and start small or at minus infinity.
                case Role.Mask or Role.Add or Role.Subtract:
                    isCausal |= current.Inputs.Skip(1).Any(IsTriangle);
                    break;
                case Role.Identity or Role.Dropout or Role.Reshape or Role.Choice or Role.Hardtanh:
                    break;
                default:
                    return null;
            }

            // A mask may come before what it masks: torch.where(mask, logits, minus infinity).
            var next = current.Inputs.Where(LeadsToProduct).DefaultIfEmpty(-1).First();
            if (next < 0)
                return null;
            current = _graph.Nodes[next];
        }

        if (current.Role != Role.MatMul || current.Inputs.Length < 2)
            return null;
        // Where dimensions are not followed, the form alone says it: the keys are transposed, and the softmax runs over what they attend to.
        if (_layouts[current.Inputs[0]] is not { } query || _layouts[current.Inputs[1]] is not { Rank: > 1 } keyTransposed)
        {
            return Behind(current.Inputs[1], Role.Permute) is not null && softmax.Number("dimension") is null or -1 or 2 or 3
                ? new NetworkNode(new Attention(UnknownParts, isScaled && isScaleKnown ? scale : null, isCausal), ImmutableArray.Create(current.Inputs[0], current.Inputs[1], values))
                : null;
        }

        // Features are contracted and positions attend; anything else is another kind of product.
        if (query.Rank < 2 || !query.Dimensions[^1].All(axis => axis.Kind == AxisKind.Feature) || keyTransposed.Dimensions[^2].Any(axis => axis.Kind != AxisKind.Feature)
            || query.Dimensions[^2].Any(axis => axis.Kind == AxisKind.Feature))
            return null;
        return new NetworkNode(new Attention(HeadsOf(query), isScaled && !isScaleKnown ? null : scale, isCausal), ImmutableArray.Create(current.Inputs[0], current.Inputs[1], values));
    }

    /// <summary>A softmax over positions times their values: their weighted mean.</summary>
    private NetworkNode? WeightedMeanOf(ModelNode node)
    {
        if (Behind(node.Inputs[0], Role.Softmax, Role.Dropout, Role.Identity, Role.Reshape, Role.Permute, Role.Expand) is null || _layouts[node.Inputs[0]] is not { IsFree: false, Rank: > 0 } weights)
            return null;
        // One weight for each position, and nothing else.
        var positions = weights.Dimensions[^1];
        return positions.Length > 0 && positions.All(axis => axis.Kind == AxisKind.Position) && weights.Positions.Length == positions.Length && weights.Features.All(axis => axis.Size.Equals(Extent.One))
            ? new NetworkNode(AttentionBlock.WeightedMean, ImmutableArray.Create(node.Inputs[0], node.Inputs[1]))
            : null;
    }

    /// <summary>The first node of a role on the way back through others; null where something else comes first.</summary>
    private ModelNode? Behind(int from, Role wanted, params Role[] through)
    {
        var current = _graph.Nodes[from];
        for (var steps = 0; steps < MaximumBetween; steps++)
        {
            if (current.Role == wanted)
                return current;
            if (!through.Contains(current.Role) || current.Inputs.IsEmpty)
                return null;
            current = _graph.Nodes[current.Inputs[0]];
        }

        return null;
    }

    private bool LeadsToProduct(int from)
    {
        var current = _graph.Nodes[from];
        for (var steps = 0; steps < MaximumBetween; steps++)
        {
            if (current.Role == Role.MatMul)
                return true;
            if (current.Role is not (Role.Multiply or Role.Divide or Role.Mask or Role.Add or Role.Subtract or Role.Identity or Role.Dropout or Role.Reshape or Role.Choice or Role.Hardtanh) || current.Inputs.IsEmpty)
                return false;
            current = current.Role == Role.Mask ? current.Inputs.Select(input => _graph.Nodes[input]).FirstOrDefault(input => input.Role is not (Role.Data or Role.Triangle or Role.Permute or Role.Select)) ?? _graph.Nodes[current.Inputs[0]] : _graph.Nodes[current.Inputs[0]];
        }

        return false;
    }

    private bool IsGiven(int node) => _graph.Nodes[node].Role is Role.Data or Role.Parameter;

    private bool IsTriangle(int from) => Behind(from, Role.Triangle, Role.Reshape, Role.Permute, Role.Select, Role.Identity, Role.Expand, Role.Mask, Role.Negate, Role.Subtract, Role.Add, Role.Multiply) is not null;

    /// <summary>A product with a parameter of the model's own is a linear layer.</summary>
    private NetworkNode? ProductOf(ModelNode node)
    {
        var weight = Behind(node.Inputs[1], Role.Parameter, Role.Permute, Role.Identity);
        if (weight?.Parameter is not { Sizes: [.., var rows, var columns] } parameter || Behind(node.Inputs[0], Role.Parameter, Role.Permute, Role.Identity) is not null)
            return null;
        var isTransposed = _graph.Nodes[node.Inputs[1]].Role == Role.Permute;
        var (inputs, outputs) = isTransposed ? (columns, rows) : (rows, columns);
        var isKnown = inputs.IsKnown && outputs.IsKnown;
        // The library takes the second dimension for the fan-in, whichever side the product puts it on.
        return Start(parameter.Initialization, Width(columns), Width(columns), Width(rows), isKnown, isKnown) is { } start && !parameter.Initialization.IsDefault
            ? new NetworkNode(new Linear(Width(inputs), Width(outputs), start, null), ImmutableArray.Create(node.Inputs[0])) { WeightPath = parameter.Path.Length > 0 ? parameter.Path : null }
            : new NetworkNode(new Opaque($"how '{parameter.Path}' starts is not known"), node.Inputs);
    }

    /// <summary><c>x + x * gate</c>: x times one more than the gate. As a sum of two values it would be one of independent ones.</summary>
    private NetworkNode? GateBesideItsValue(ModelNode node)
    {
        for (var place = 0; place < 2; place++)
        {
            var value = node.Inputs[place];
            var product = _graph.Nodes[node.Inputs[1 - place]];
            if (product is { Role: Role.Multiply, Inputs: [var one, var other] } && one != other && (one == value || other == value))
                return new NetworkNode(AttentionBlock.GateBesideItsValue, ImmutableArray.Create(value, one == value ? other : one));
        }

        return null;
    }

    /// <summary>Features several times over, as keys and values of few heads for the queries of more; or each position so often.</summary>
    private NetworkNode? RepeatedOf(ModelNode node)
    {
        var value = ImmutableArray.Create(node.Inputs[0]);
        if (_isGiven[node.Index] || _layouts[node.Inputs[0]] is not { } before || _layouts[node.Index] is not { } after)
            return null;
        if (Layout.Product(after.Features).Over(Layout.Product(before.Features))?.Number is > 1 and <= MaximumCopies and var copies)
            return new NetworkNode(new Concat(), ImmutableArray.CreateRange(Enumerable.Repeat(value[0], (int)copies)));
        if (node.Role == Role.Expand)
            return null;
        var times = Layout.Product(after.Positions).Over(Layout.Product(before.Positions)) ?? Extent.One;
        return new NetworkNode(times.Equals(Extent.One) ? new Identity() : new Upsample((int)Math.Min(times.Number ?? 2, MaximumCopies)) { IsAlongOne = true }, value);
    }

    /// <summary><c>1 / (1 + exp(x))</c>: the sigmoid of -x, which has the moments of that of x.</summary>
    private NetworkNode? SigmoidWrittenOut(ModelNode node) =>
        _graph.Nodes[node.Inputs[0]] is { Role: Role.Add, Inputs: [var exponential] } sum && sum.Number("operand") == 1 && _graph.Nodes[exponential] is { Role: Role.Exponential, Inputs: [var value] }
            ? new NetworkNode(new Activation(ActivationKind.Sigmoid), ImmutableArray.Create(value)) : null;

    /// <summary>
    /// GELU by hand, <c>0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))</c>, with the one half at x or around the sum. What the tanh is given must be x and its cube;
    /// tanh of another multiple of x would be another activation.
    /// </summary>
    private NetworkNode? GeluWrittenOut(ModelNode node)
    {
        for (var place = 0; place < 2; place++)
        {
            var (value, factor) = Unscaled(node.Inputs[place]);
            var (sum, around) = Unscaled(node.Inputs[1 - place]);
            if (Math.Abs((factor * around) - 0.5) < 1e-6 && _graph.Nodes[sum] is { Role: Role.Add, Inputs: [var tanh] } one && one.Number("operand") == 1 && _graph.Nodes[tanh] is { Role: Role.Tanh, Inputs: [var inner, ..] }
                && Unscaled(inner) is var (cubic, scale) && Math.Abs(scale - Math.Sqrt(2 / Math.PI)) < 1e-3 && _graph.Nodes[cubic] is { Role: Role.Add, Inputs: [var left, var right] }
                && ((left == value && IsCube(right, value)) || (right == value && IsCube(left, value))))
            {
                return new NetworkNode(new Activation(ActivationKind.GELU), ImmutableArray.Create(value));
            }
        }

        return null;
    }

    private bool IsCube(int node, int value) => Unscaled(node) is var (power, factor) && Math.Abs(factor - 0.044715) < 1e-4 && _graph.Nodes[power] switch
    {
        { Role: Role.Power, Inputs: [var raised, ..] } cube => cube.Number("exponent") == 3 && raised == value,
        { Role: Role.Multiply, Inputs: [var one, var other] } => (one == value && IsSquareOf(other, value)) || (other == value && IsSquareOf(one, value)),
        _ => false,
    };

    /// <summary>What is multiplied by numbers, and their product.</summary>
    private (int Node, double Factor) Unscaled(int from)
    {
        var factor = 1.0;
        for (var steps = 0; steps < MaximumBetween; steps++)
        {
            var current = _graph.Nodes[from];
            if (current.Role is not (Role.Multiply or Role.Divide) || current.Inputs is not [var inner] || current.Number("operand") is not { } number || number == 0)
                break;
            factor = current.Role == Role.Multiply ? factor * number : factor / number;
            from = inner;
        }

        return (from, factor);
    }

    /// <summary><c>x * sigmoid(x)</c>, <c>x * tanh(softplus(x))</c>, <c>x * x</c>.</summary>
    private NetworkNode? ActivationWrittenOut(ModelNode node)
    {
        for (var place = 0; place < 2; place++)
        {
            var value = node.Inputs[place];
            var gate = _graph.Nodes[node.Inputs[1 - place]];
            ActivationKind? kind = gate switch
            {
                _ when gate.Index == value => ActivationKind.Square,
                { Role: Role.Sigmoid, Inputs: [var inner, ..] } when inner == value => ActivationKind.SiLU,
                { Role: Role.Hardsigmoid, Inputs: [var inner, ..] } when inner == value => ActivationKind.Hardswish,
                { Role: Role.Tanh, Inputs: [var inner, ..] } when _graph.Nodes[inner] is { Role: Role.Softplus, Inputs: [var innermost, ..] } && innermost == value => ActivationKind.Mish,
                _ => null,
            };
            if (kind is { } known)
                return new NetworkNode(new Activation(known), ImmutableArray.Create(value));
        }

        return null;
    }

    /// <summary><c>x * rsqrt(mean(x^2) + eps)</c>, <c>(x - mean(x)) / sqrt(var(x) + eps)</c>, <c>x / norm</c>: normalization over the last dimension.</summary>
    private NetworkNode? NormWrittenOut(ModelNode node)
    {
        for (var place = 0; place < (node.Role == Role.Divide ? 1 : 2); place++)
        {
            var value = node.Inputs[place];
            if (Behind(WithoutEpsilon(node.Inputs[1 - place]), Role.Power, Role.Identity, Role.Expand) is not { Inputs.IsEmpty: false } root || root.Number("exponent") != (node.Role == Role.Divide ? 0.5 : -0.5))
                continue;
            var inside = _graph.Nodes[root.Inputs[0]];
            for (var steps = 0; steps < MaximumBetween && !inside.Inputs.IsEmpty && (inside.Role is Role.Identity or Role.Hardtanh || (inside.Role is Role.Add or Role.Multiply && inside.Inputs.Length == 1)); steps++)
                inside = _graph.Nodes[inside.Inputs[0]];
            if (inside.Role is not (Role.Mean or Role.Variance or Role.Sum) || inside.Inputs.IsEmpty || !RunsOverFeatures(inside))
                continue;
            var of = inside.Inputs[0];
            var source = Uncentered(value);
            var features = FeaturesOf(source);
            // Of x - mean(x), the variance of x or the mean square of itself.
            if (inside.Role == Role.Variance ? of == source || of == value : IsSquareOf(of, value))
            {
                Layer norm = source != value ? new LayerNorm(features) : new RootMeanSquareNorm(features);
                return new NetworkNode(inside.Role == Role.Sum ? AttentionBlock.UnitLength(features) : norm, ImmutableArray.Create(source));
            }
        }

        return null;
    }

    /// <summary>The root of <c>root + 1e-6</c>: beside ordinary values nothing is added.</summary>
    private int WithoutEpsilon(int divisor) =>
        _graph.Nodes[divisor] is { Role: Role.Add, Inputs: [var root] } sum && sum.Number("operand") is >= 0 and < LargestEpsilon ? root : divisor;

    private bool RunsOverFeatures(ModelNode node) => _layouts[node.Inputs[0]] is { Rank: > 0 } layout
        ? Layouts.Reduced(node, layout) is [var only] && layout.Dimensions[only] is { Length: > 0 } axes && axes.All(axis => axis.Kind is AxisKind.Feature or AxisKind.Free)
        : node.Constants.TryGetValue("dimension", out var dimension) && dimension.Size?.Whole == -1;

    private bool IsSquareOf(int node, int value) => _graph.Nodes[node] switch
    {
        { Role: Role.Square, Inputs: [var squared, ..] } => squared == value,
        { Role: Role.Power, Inputs: [var raised, ..] } power => power.Number("exponent") == 2 && raised == value,
        { Role: Role.Multiply, Inputs: [var one, var other] } => one == value && other == value,
        _ => false,
    };

    /// <summary>x of x - mean(x).</summary>
    private int Uncentered(int value) =>
        _graph.Nodes[value] is { Role: Role.Subtract, Inputs: [var whole, var mean] } && _graph.Nodes[mean] is { Role: Role.Mean, Inputs: [var averaged, ..] } average && averaged == whole && RunsOverFeatures(average) ? whole : value;
}
