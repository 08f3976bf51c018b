using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using Distribution = GradAnalyzers.GradientFlow.Distribution;

namespace GradAnalyzers.Models;

/// <summary>
/// Weights that forward computes: <c>g * v / v.norm()</c> (Salimans and Kingma 2016), <c>mu + sigma * noise</c> (Fortunato et al. 2018), standardized ones (Qiao et al. 2019).
/// Their elements are followed as independent numbers; what is taken over many of them (a norm, a mean, a deviation) is nearly the same number at every initialization, and passes one of many directions of the derivative.
/// </summary>
internal sealed partial class GraphNetwork
{
    /// <summary>A weight that is computed: how its elements start, and what each parameter's element moves it by.</summary>
    private sealed record MadeWeight(Distribution Start, ImmutableArray<WeightShare> Shares)
    {
        public MadeWeight Scaled(double factor) => new(
            new Distribution(Start.Mean * factor, Start.Variance * factor * factor),
            Shares.Select(share => share with { Scale = share.Scale * Math.Abs(factor) }).ToImmutableArray());

        public static MadeWeight Number(double number) => new(Distribution.Constant(number), ImmutableArray<WeightShare>.Empty);
    }

    private static double SecondMoment(Distribution distribution) => distribution.Variance + distribution.Mean * distribution.Mean;

    /// <summary>The start of a value that is made of parameters; null where something in it is not known.</summary>
    /// <param name="index">The value's node.</param>
    /// <param name="fans">Fan-in, fan-out, and whether they are the real ones.</param>
    /// <param name="nesting">How many operations may still be opened.</param>
    private MadeWeight? WeightOf(int index, (int In, int Out, bool IsKnown) fans, int nesting = MaximumBetween) =>
        // What is made of random numbers only (sign(x) sqrt(|x|) and the like) is one more of them.
        OpenedWeight(index, fans, nesting) ?? (nesting > 0 && _isGiven[index] ? Noise() : null);

    private MadeWeight? OpenedWeight(int index, (int In, int Out, bool IsKnown) fans, int nesting)
    {
        var node = _graph.Nodes[index];
        if (nesting == 0)
            return null;
        switch (node.Role)
        {
            case Role.Parameter when node.Parameter is { } parameter:
                var isMatrix = parameter.Sizes.Count(size => size.Whole != 1) > 1 || parameter.Sizes.IsEmpty;
                // What has no start of its own is a layer's, as the library starts it; a parameter that is made of nothing known has none.
                return (!parameter.Initialization.IsDefault || parameter.Sizes.IsEmpty) && Start(parameter.Initialization, fans.In, fans.In, fans.Out, fans.IsKnown, fans.IsKnown) is { } start
                    ? new MadeWeight(start, ImmutableArray.Create(new WeightShare(parameter.Path, 1, isMatrix))) : null;
            case Role.Data:
                return node.Number("value") is { } value ? MadeWeight.Number(value)
                    : node.Number("mean") is { } mean && node.Number("deviation") is { } deviation ? new(Distribution.Normal(mean, deviation), ImmutableArray<WeightShare>.Empty)
                    : node.Number("low") is { } low && node.Number("high") is { } high ? new(Distribution.Uniform(low, high), ImmutableArray<WeightShare>.Empty) : Noise();
            case Role.Identity or Role.Reshape or Role.Permute or Role.Expand or Role.Hardtanh or Role.Flatten when node.Inputs.Length >= 1:
                return WeightOf(node.Inputs[0], fans, nesting - 1);
            case Role.Detach when WeightOf(node.Inputs[0], fans, nesting - 1) is { } cut:
                return new(cut.Start, ImmutableArray<WeightShare>.Empty);
            case Role.Negate when WeightOf(node.Inputs[0], fans, nesting - 1) is { } negated:
                return negated.Scaled(-1);
            case Role.Add or Role.Subtract or Role.Multiply or Role.Divide when node.Inputs.Length == 1:
                return node.Number("operand") is { } operand && WeightOf(node.Inputs[0], fans, nesting - 1) is { } single ? WithOperand(node, single, operand) : null;
            case Role.Add or Role.Subtract or Role.Multiply or Role.Divide or Role.Outer when node.Inputs.Length == 2:
                return WeightOf(node.Inputs[0], fans, nesting - 1) is { } one && WeightOf(node.Inputs[1], fans, nesting - 1) is { } other ? Combined(node.Role, one, other) : null;
            case Role.Absolute when WeightOf(node.Inputs[0], fans, nesting - 1) is { Shares.IsEmpty: true, Start.Mean: 0 } signed:
                // Of a normal number.
                var half = Math.Sqrt(2 / Math.PI * signed.Start.Variance);
                return new(new(half, signed.Start.Variance - half * half), ImmutableArray<WeightShare>.Empty);
            case Role.Square or Role.Power when WeightOf(node.Inputs[0], fans, nesting - 1) is { } raised:
                return Raised(raised, node.Role == Role.Square ? 2 : node.Number("exponent"));
            case Role.Mean or Role.Sum or Role.Norm or Role.Variance or Role.StandardDeviation when WeightOf(node.Inputs[0], fans, nesting - 1) is { } many && NumberOfElements(node, fans) is > 1 and var count:
                return MadeWeight.Number(node.Role switch
                {
                    Role.Mean => many.Start.Mean,
                    Role.Sum => count * many.Start.Mean,
                    Role.Variance => many.Start.Variance,
                    Role.StandardDeviation => Math.Sqrt(many.Start.Variance),
                    _ => Math.Sqrt(count * SecondMoment(many.Start)),
                });
            default:
                return null;
        }
    }

    /// <summary>A tensor that is given and that nobody describes, beside parameters: noise of about one.</summary>
    private MadeWeight Noise()
    {
        _dependsOnNumbers = true;
        return new(Distribution.Normal(0, _assumed.Gain), ImmutableArray<WeightShare>.Empty);
    }

    private static MadeWeight? WithOperand(ModelNode node, MadeWeight value, double operand)
    {
        var isFirst = node.Truth("operand_first") == true;
        return node.Role switch
        {
            Role.Multiply => value.Scaled(operand),
            Role.Divide when !isFirst && operand != 0 => value.Scaled(1 / operand),
            Role.Divide when isFirst && value.Start is { IsConstant: true, Mean: not 0 } => MadeWeight.Number(operand / value.Start.Mean),
            Role.Add => value with { Start = value.Start with { Mean = value.Start.Mean + operand } },
            Role.Subtract when isFirst => value.Scaled(-1) is var turned ? turned with { Start = turned.Start with { Mean = turned.Start.Mean + operand } } : null,
            Role.Subtract => value with { Start = value.Start with { Mean = value.Start.Mean - operand } },
            _ => null,
        };
    }

    private static MadeWeight? Combined(Role role, MadeWeight one, MadeWeight other)
    {
        switch (role)
        {
            case Role.Add or Role.Subtract:
                var sign = role == Role.Add ? 1 : -1;
                return new(new(one.Start.Mean + sign * other.Start.Mean, one.Start.Variance + other.Start.Variance), one.Shares.AddRange(other.Shares));
            case Role.Divide:
                return other.Start is { IsConstant: true, Mean: not 0 } divisor ? one.Scaled(1 / divisor.Mean) : null;
            default:
                var mean = one.Start.Mean * other.Start.Mean;
                double Root(MadeWeight factor) => Math.Sqrt(SecondMoment(factor.Start));
                return new(
                    new(mean, SecondMoment(one.Start) * SecondMoment(other.Start) - mean * mean),
                    one.Shares.Select(share => share with { Scale = share.Scale * Root(other) }).Concat(other.Shares.Select(share => share with { Scale = share.Scale * Root(one) })).ToImmutableArray());
        }
    }

    /// <summary>A square by its moments, which only a mean or a sum asks for; a power of a number; the root of a positive random one.</summary>
    private static MadeWeight? Raised(MadeWeight value, double? exponent) => exponent switch
    {
        2 => new(new(SecondMoment(value.Start), 2 * value.Start.Variance * value.Start.Variance), ImmutableArray<WeightShare>.Empty),
        { } power when value.Start is { IsConstant: true, Mean: > 0 } number => MadeWeight.Number(Math.Pow(number.Mean, power)),
        // Its square is known, and its mean about that of a logarithmically normal number with the same moments.
        0.5 when value is { Shares.IsEmpty: true, Start.Mean: > 0 } positive && Math.Sqrt(positive.Start.Mean) * Math.Pow(1 + positive.Start.Variance / (positive.Start.Mean * positive.Start.Mean), -0.125) is var root =>
            new(new(root, positive.Start.Mean - root * root), ImmutableArray<WeightShare>.Empty),
        _ => null,
    };

    /// <summary>How many elements of a weight a reduction takes together.</summary>
    private double NumberOfElements(ModelNode node, (int In, int Out, bool IsKnown) fans)
    {
        var sizes = SizesOf(node.Inputs[0]);
        if (!node.Constants.TryGetValue("dimension", out var dimension) || dimension.Sizes.IsEmpty)
            return sizes.IsEmpty ? (double)fans.In * fans.Out : sizes.Aggregate(1.0, (product, size) => product * Width(size));
        if (sizes.IsEmpty)
            return fans.In;
        var product = 1.0;
        foreach (var size in dimension.Sizes)
        {
            if (size.Whole is not { } whole || (whole < 0 ? whole + sizes.Length : whole) is not (>= 0 and var place) || place >= sizes.Length)
                return fans.In;
            product *= Width(sizes[place]);
        }

        return product;
    }

    /// <summary>The sizes of the parameter that a value of its shape is made of.</summary>
    private ImmutableArray<Size> SizesOf(int index)
    {
        for (var steps = 0; steps < MaximumBetween; steps++)
        {
            var node = _graph.Nodes[index];
            if (node.Parameter is { Sizes.IsEmpty: false } parameter)
                return parameter.Sizes;
            if (node.Inputs.IsEmpty)
                break;
            index = node.Inputs[0];
        }

        return ImmutableArray<Size>.Empty;
    }

    /// <summary>What a layer needs of a weight that is computed, and of its bias; the reason where something is not known.</summary>
    private (MadeWeight Weight, MadeWeight? Bias)? Computed(ModelNode node, int place, (int In, int Out, bool IsKnown) fans, out string? reason)
    {
        reason = null;
        if (WeightOf(node.Inputs[place], fans) is not { Shares.IsEmpty: false } weight)
        {
            reason = _graph.Nodes[node.Inputs[place]] is { Role: Role.Parameter, Parameter: { } named } ? $"how '{(named.Path.Length > 0 ? named.Path : named.Name)}' starts is not known" : $"the weight of '{node.Name}' is not known";
            return null;
        }

        if (node.Inputs.Length <= place + 1)
            return (weight, null);
        if (WeightOf(node.Inputs[place + 1], fans) is { } bias)
            return (weight, bias);
        _dependsOnNumbers = true;
        return (weight, new MadeWeight(_assumed.Bias, _graph.Nodes[node.Inputs[place + 1]].Parameter is { } own ? ImmutableArray.Create(new WeightShare(own.Path, 1, IsWeight: false)) : ImmutableArray<WeightShare>.Empty));
    }
}
