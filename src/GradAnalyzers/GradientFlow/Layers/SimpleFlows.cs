namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>The model's input: standard normal and independent.</summary>
internal sealed class InputFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => new(0, 1, 0, 0, 0);

    public override void Backward(in Gradient gradient)
    {
    }
}

/// <summary>What is tried in the place of something opaque.</summary>
internal sealed class SourceFlow(Flow flow, int index, Source source) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        var mean = source.Square * source.MeanShare;
        var pair = mean + (source.Square - mean) * source.Alike;
        return new(Math.Sqrt(mean), source.Square, Positions > 1 ? pair : 0, pair, 0);
    }

    public override void Backward(in Gradient gradient)
    {
    }
}

/// <summary>Everything about it is unknown, forward and backward: NaN, which spreads to all that depends on it.</summary>
internal sealed class OpaqueFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => Signal.Unknown;

    public override void Backward(in Gradient gradient)
    {
        foreach (var input in Inputs)
            PassTo(input, gradient.Times(double.NaN));
    }
}

/// <summary>The gradient is cut: the value passes, its derivative does not.</summary>
internal sealed class CutFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => Input;

    public override void Backward(in Gradient gradient)
    {
    }
}

/// <summary>Passes value and derivative on.</summary>
internal sealed class IdentityFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => Input;

    public override void Backward(in Gradient gradient) => PassTo(Inputs[0], gradient);
}

/// <summary>Multiplies by a constant and adds one.</summary>
internal sealed class ScaleFlow(Flow flow, int index, double factor, double shift) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        var scaled = Input.Times(factor, factor * factor);
        var added = 2 * scaled.Mean * shift + shift * shift;
        return shift == 0 ? scaled : new(scaled.Mean + shift, scaled.Square + added, Positions > 1 ? scaled.AcrossPositions + added : 0, scaled.AcrossSamples + added, scaled.Spread);
    }

    public override void Backward(in Gradient gradient) => PassTo(Inputs[0], (gradient.Times(factor * factor) with { Along = gradient.Along, AlongShared = gradient.AlongShared }).AlignedWith(Input));
}

/// <summary>Dropout: a share of the features is zero and the others are larger; masks of two samples, or two positions, are independent.</summary>
internal sealed class DropoutFlow(Flow flow, int index, double probability) : LayerFlow(flow, index)
{
    private readonly double factor = 1 / Math.Max(1 - probability, 1e-6);

    public override Signal Forward() => Input with { Square = Input.Square * factor };

    public override void Backward(in Gradient gradient) => PassTo(Inputs[0], gradient with { Square = gradient.Square * factor });
}

/// <summary>A table of rows, one a token; two tokens are the same one in 1 of as many cases as there are rows.</summary>
internal sealed class EmbeddingFlow(Flow flow, int index, Embedding layer) : LayerFlow(flow, index)
{
    private double Repeats => 1.0 / Math.Max(layer.Tokens, 1);

    public override Signal Forward()
    {
        var mean = layer.Weight.Mean * layer.Weight.Mean;
        var pair = mean + layer.Weight.Variance * Repeats;
        return new(layer.Weight.Mean, mean + layer.Weight.Variance, Positions > 1 ? pair : 0, pair, 0);
    }

    public override void Backward(in Gradient gradient)
    {
        if (Node.WeightPath is null)
            return;
        double n = Positions;
        var same = n * (gradient.Square + (n - 1) * Repeats * gradient.AcrossPositions);
        var cross = n * n * Repeats;
        Flow.Report(Index, Node.WeightPath, true, gradient, 0, Batch * same, Batch * (Batch - 1) * cross * gradient.AcrossSamples, same > 0 ? cross * gradient.Coherence / same : 0);
    }
}

/// <summary>
/// Sum of branches: a residual connection. Branches end in weights of their own with mean zero, so that only their means are correlated; x + f(x) with no weight in f is not seen as correlated.
/// </summary>
internal sealed class AddFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        var sum = default(Signal);
        for (var i = 0; i < Inputs.Length; i++)
        {
            var x = Repeated(Inputs[i]);
            if (i == 0)
            {
                sum = x;
                continue;
            }

            var products = 2 * sum.Mean * x.Mean;
            var square = sum.Square + x.Square + products;
            // What both have in common spreads the sum in full, what each has of its own by the square of its share.
            var common = Math.Min(sum.Spread, x.Spread);
            var share = square > 0 ? sum.Square / square : 0;
            var rest = square > 0 ? x.Square / square : 0;
            sum = new(
                sum.Mean + x.Mean,
                square,
                Positions > 1 ? sum.AcrossPositions + x.AcrossPositions + products : 0,
                sum.AcrossSamples + x.AcrossSamples + products,
                common + share * share * (sum.Spread - common) + rest * rest * (x.Spread - common));
        }

        return sum;
    }

    public override void Backward(in Gradient gradient)
    {
        var sum = Output;
        foreach (var input in Inputs)
        {
            // Of what the derivative shares with the sum, a branch has its part.
            var x = Repeated(input);
            var share = sum.Square > 0 ? Math.Min(x.Square / sum.Square, 1) : 0;
            var part = sum.Square > 0 ? (x.Square + (sum.Mean - x.Mean) * x.Mean) / sum.Square : 0;
            var shared = part * part * gradient.Along;
            var passed = gradient with
            {
                Along = shared + Positions * gradient.Square * Math.Max(x.Square - part * part * sum.Square, 0),
                AlongShared = shared,
                Alignment = share * x.Square / Math.Max(sum.Square, 1e-300) * gradient.Alignment + (1 - share) * x.Square,
                AlignmentAcrossPositions = share * x.Square / Math.Max(sum.Square, 1e-300) * gradient.AlignmentAcrossPositions + (1 - share) * x.AcrossPositions,
                AlignmentAcrossSamples = share * x.Square / Math.Max(sum.Square, 1e-300) * gradient.AlignmentAcrossSamples + (1 - share) * x.AcrossSamples,
            };
            var isRepeated = Flow.Shapes[input].Positions < Positions;
            PassTo(input, isRepeated ? Summed(input, passed).IndependentOf(Flow.Signals[input], Flow.Shapes[input].Positions) : passed);
        }
    }
}

/// <summary>Features side by side.</summary>
internal sealed class ConcatFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        double mean = 0, square = 0, acrossPositions = 0, acrossSamples = 0, spread = 0;
        foreach (var input in Inputs)
        {
            var x = Flow.Signals[input];
            var share = ShareOf(input);
            mean += share * x.Mean;
            square += share * x.Square;
            acrossPositions += share * x.AcrossPositions;
            acrossSamples += share * x.AcrossSamples;
            spread += share * share * x.Square * x.Square * x.Spread;
        }

        return new(mean, square, acrossPositions, acrossSamples, square > 0 ? spread / (square * square) : 0);
    }

    public override void Backward(in Gradient gradient)
    {
        foreach (var input in Inputs)
            PassTo(input, gradient.Times(ShareOf(input)).IndependentOf(Flow.Signals[input], Positions));
    }

    private double ShareOf(int input) => (double)Flow.Shapes[input].Features / Math.Max(Shape.Features, 1);
}

/// <summary>
/// Softmax over the features. As the output: of its derivative, one part in the number of classes arrives (all probabilities are about equal at initialization); the logarithm passes it.
/// Inside, as weights of a mixture: features that sum to 1, more unequal the larger the logits are.
/// </summary>
internal sealed class SoftmaxFlow(Flow flow, int index, bool logarithm) : LayerFlow(flow, index)
{
    private double Classes => Math.Max(Shape.Features, 1);

    public override Signal Forward()
    {
        if (!IsOutput && !logarithm)
        {
            var (same, own) = (Concentration(Input.Square), 1 / (Classes * Classes));
            return new(1 / Classes, same, Positions > 1 ? Concentration(Input.AcrossPositions) : 0, Input.AcrossSamples == 0 ? own : Concentration(Input.AcrossSamples), 0);
        }

        var mean = logarithm ? -Math.Log(Classes) : 1 / Classes;
        var factor = logarithm ? 1 : mean * mean;
        var x = Input;
        return new(mean, mean * mean + factor * x.Square, mean * mean + factor * x.AcrossPositions, mean * mean + factor * x.AcrossSamples, 0);
    }

    public override void Backward(in Gradient gradient)
    {
        if (!IsOutput && !logarithm)
        {
            // w (g - mean of g): the mean over the features goes.
            PassTo(Inputs[0], (gradient with
            {
                Square = gradient.Square * Output.Square,
                AcrossPositions = gradient.AcrossPositions * Output.AcrossPositions,
                AcrossSamples = gradient.AcrossSamples * Output.AcrossSamples,
                Coherence = gradient.Coherence * Output.AcrossSamples,
            }).IndependentOf(Input, Positions));
            return;
        }

        var factor = logarithm ? 1 : 1 / (Classes * Classes);
        PassTo(Inputs[0], gradient.Times(factor).IndependentOf(Input, Positions));
    }

    private bool IsOutput => Flow.Network.Outputs.Contains(Index);

    /// <summary>E[w w'] of one feature's weight where the logits have this covariance.</summary>
    private double Concentration(double covariance)
    {
        var growth = Math.Exp(Math.Min(Math.Max(covariance, 0), 50));
        return growth / (Classes - 1 + growth) / Classes;
    }
}
