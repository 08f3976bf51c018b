namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>
/// Attention at initialization (Noci et al. 2022; Dong et al. 2021). A logit is a dot product of independent projections, normal with a variance that comes from what keys have of their own:
/// what they share moves all logits of a query alike, and softmax does not see it. With n keys and logits of variance s the weights' squares sum to about e^s / (n - 1 + e^s): near 1/n,
/// the mean of the values, where logits are small. Positions become more alike by it. Backward the values get the derivative spread by the weights;
/// through the logits queries and keys get what the values' own parts leave of it, which sums to zero over the keys.
/// </summary>
internal sealed class AttentionFlow : LayerFlow
{
    private readonly Attention layer;
    private readonly double queries;
    private readonly double keys;
    private double same;
    private double across;

    public AttentionFlow(Flow flow, int index, Attention layer)
        : base(flow, index)
    {
        this.layer = layer;
        queries = Math.Max(Flow.Shapes[Inputs[0]].Positions, 1);
        keys = Math.Max(Flow.Shapes[Inputs[1]].Positions, 1);
    }

    private Signal Query => Flow.Signals[Inputs[0]];

    private Signal Key => Flow.Signals[Inputs[1]];

    private Signal Value => Flow.Signals[Inputs[2]];

    /// <summary>Square of the scale times the features of a head.</summary>
    private double Gain
    {
        get
        {
            var features = Math.Max((double)Flow.Shapes[Inputs[0]].Features / Math.Max(layer.Heads, 1), 1);
            return layer.Scale is { } scale ? scale * scale * features : 1;
        }
    }

    private static double Own(in Signal signal, double positions) => positions > 1 ? Math.Max(signal.Square - signal.AcrossPositions, 0) : 0;

    private static double Pair(in Signal signal, double positions) => positions > 1 ? signal.AcrossPositions : signal.Square;

    public override Signal Forward()
    {
        var own = Gain * Query.Square * Own(Key, keys);
        var shared = Gain * Pair(Query, queries) * Own(Key, keys);
        same = Concentration(own, isPair: false);
        across = Concentration(shared, isPair: true);
        var value = Value;
        var common = Pair(value, keys);
        var fresh = Own(value, keys);
        return new(value.Mean, common + fresh * same, Positions > 1 ? common + fresh * across : 0, value.AcrossSamples, value.Spread);
    }

    /// <summary>E[sum over the keys of w w'] of the weights of one query, or of two.</summary>
    private double Concentration(double variance, bool isPair)
    {
        var growth = Math.Exp(Math.Min(variance, 50));
        if (!layer.Causal || queries != keys)
            return growth / (keys - 1 + growth);
        double sum = 0, count = 0;
        for (var seen = 1; seen <= Math.Min(keys, 4096); seen++)
        {
            // A pair of queries shares the keys of the earlier one, and the later one spreads over more.
            var pairs = isPair ? seen - 1.0 : 1;
            sum += pairs * growth / (seen - 1 + growth);
            count += pairs;
        }

        return count > 0 ? sum / count : 1;
    }

    public override void Backward(in Gradient gradient)
    {
        var pair = Positions > 1 ? gradient.AcrossPositions : 0;
        var all = queries * gradient.Square + queries * (queries - 1) * pair;
        var arrived = (queries * gradient.Square * same + queries * (queries - 1) * pair * across) / keys;
        PassTo(Inputs[2], (gradient with
        {
            Square = Math.Max(arrived, 0),
            AcrossPositions = keys > 1 ? (all - keys * arrived) / (keys * (keys - 1)) : 0,
            AcrossSamples = gradient.AcrossSamples * queries * queries / (keys * keys),
            Coherence = gradient.Coherence * queries * queries / (keys * keys),
        }).IndependentOf(Value, keys));

        // d(logit) = w (g - mean of g), with g the derivative's product with what a value has of its own.
        var fresh = Own(Value, keys);
        var logits = gradient.Square * fresh * same;
        var logitPairs = pair * fresh * across;
        var toQuery = Gain * Own(Key, keys);
        PassTo(Inputs[0], (gradient with
        {
            Square = toQuery * logits,
            AcrossPositions = toQuery * logitPairs,
            AcrossSamples = 0,
            Coherence = 0,
        }).IndependentOf(Query, queries));
        var toKey = Gain * (queries * Query.Square * logits + queries * (queries - 1) * Pair(Query, queries) * logitPairs) / keys;
        PassTo(Inputs[1], (gradient with
        {
            Square = Math.Max(toKey, 0),
            AcrossPositions = keys > 1 ? -Math.Max(toKey, 0) / (keys - 1) : 0,
            AcrossSamples = 0,
            Coherence = 0,
        }).IndependentOf(Key, keys));
    }
}

/// <summary>Softmax over the positions: weights that sum to 1.</summary>
internal sealed class PositionSoftmaxFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        double n = Math.Max(Positions, 1);
        var growth = Math.Exp(Math.Min(n > 1 ? Math.Max(Input.Square - Input.AcrossPositions, 0) : 0, 50));
        var square = growth / (n - 1 + growth) / n;
        return new(1 / n, square, n > 1 ? (1 / n - square) / (n - 1) : 0, 1 / (n * n), 0);
    }

    public override void Backward(in Gradient gradient)
    {
        double n = Math.Max(Positions, 1);
        var square = Output.Square * Math.Max(gradient.Square - (n > 1 ? gradient.AcrossPositions : gradient.Square), 0);
        PassTo(Inputs[0], (gradient with { Square = square, AcrossPositions = n > 1 ? -square / (n - 1) : 0, AcrossSamples = 0, Coherence = 0 }).IndependentOf(Input, n));
    }
}
