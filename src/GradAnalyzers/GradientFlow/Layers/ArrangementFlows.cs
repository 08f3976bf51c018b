namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>
/// Features become positions and positions features. Different features are independent; positions that became features meet weights of their own, so that the derivatives there are independent.
/// </summary>
internal sealed class RearrangeFlow : LayerFlow
{
    private readonly double split;
    private readonly double kept;

    public RearrangeFlow(Flow flow, int index, Rearrange layer)
        : base(flow, index)
    {
        split = Shapes.SplitOf(layer, InputShape);
        kept = Math.Max((double)InputShape.Positions / Shapes.JoinedOf(layer, InputShape), 1);
    }

    public override Signal Forward()
    {
        var x = Input;
        var mean = x.Mean * x.Mean;
        var after = kept * split;
        return x with
        {
            AcrossPositions = after > 1 ? ((kept > 1 ? (kept - 1) * x.AcrossPositions : 0) + (after - kept) * mean) / (after - 1) : 0,
            AcrossSamples = (x.AcrossSamples + (split - 1) * mean) / split,
        };
    }

    public override void Backward(in Gradient gradient)
    {
        double before = InputShape.Positions;
        var after = kept * split;
        PassTo(Inputs[0], (gradient with
        {
            Square = gradient.Square * after / before,
            AcrossPositions = before > 1 && kept > 1 ? split * kept * (kept - 1) * gradient.AcrossPositions / (before * (before - 1)) : 0,
            AcrossSamples = gradient.AcrossSamples * split * kept * kept / (before * before),
            Coherence = gradient.Coherence * split * kept * kept / (before * before),
        }).AlignedWith(Input));
    }
}

/// <summary>
/// Of two elements of one new feature, at two positions or in two samples, one in as many as there are features belongs to one old feature, too; the others are independent.
/// </summary>
internal sealed class RegroupFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    private double Features => Math.Max(InputShape.Features, 1);

    public override Signal Forward()
    {
        var x = Input;
        var mean = x.Mean * x.Mean;
        return x with { AcrossPositions = Positions > 1 ? mean + (x.AcrossPositions - mean) / Features : 0, AcrossSamples = mean + (x.AcrossSamples - mean) / Features };
    }

    public override void Backward(in Gradient gradient) => PassTo(Inputs[0], (gradient with
    {
        AcrossPositions = gradient.AcrossPositions / Features,
        AcrossSamples = gradient.AcrossSamples / Features,
        Coherence = gradient.Coherence / Features,
    }).AlignedWith(Input));
}

/// <summary>The average over independent features.</summary>
internal sealed class FeatureMeanFlow(Flow flow, int index, bool isSum) : LayerFlow(flow, index)
{
    private double Features => Math.Max(InputShape.Features, 1);

    private double Factor => isSum ? Features : 1;

    public override Signal Forward()
    {
        var x = Input;
        var mean = x.Mean * x.Mean;
        double Of(double product) => mean + (product - mean) / Features;
        return new Signal(x.Mean, Of(x.Square), Positions > 1 ? Of(x.AcrossPositions) : 0, Of(x.AcrossSamples), x.Spread).Times(Factor, Factor * Factor);
    }

    public override void Backward(in Gradient gradient) => PassTo(Inputs[0], gradient.Times(Factor * Factor / Features).AlignedWith(Input));
}

/// <summary>
/// The largest of independent normal features; one of them gets the derivative. Of two positions or samples whose values correlate by c, the largest correlate by about c^2, and so often it is the same feature.
/// </summary>
internal sealed class FeatureMaximumFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        var x = Input;
        var (largest, variance) = MaxPoolingFlow.LargestNormal(Math.Max(InputShape.Features, 1));
        var mean = x.Mean + largest * Math.Sqrt(x.Variance);
        double Of(double product) => mean * mean + x.Variance * variance * Alike(x, product);
        return new(mean, mean * mean + x.Variance * variance, Positions > 1 ? Of(x.AcrossPositions) : 0, Of(x.AcrossSamples), x.Spread);
    }

    public override void Backward(in Gradient gradient) => PassTo(Inputs[0], (gradient with
    {
        AcrossPositions = gradient.AcrossPositions * Alike(Input, Input.AcrossPositions),
        AcrossSamples = gradient.AcrossSamples * Alike(Input, Input.AcrossSamples),
        Coherence = gradient.Coherence * Alike(Input, Input.AcrossSamples),
    }).AlignedWith(Input));

    private static double Alike(in Signal x, double product) => SquaredCorrelation(Math.Max(product - x.Mean * x.Mean, 0), x.Variance);
}

/// <summary>Some of the features: the others get no derivative.</summary>
internal sealed class SliceFeaturesFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => Input;

    public override void Backward(in Gradient gradient) => PassTo(Inputs[0], gradient);
}

/// <summary>Some of the positions: the others get no derivative.</summary>
internal sealed class SlicePositionsFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => Input with { AcrossPositions = Positions > 1 ? Input.AcrossPositions : 0 };

    public override void Backward(in Gradient gradient)
    {
        double before = InputShape.Positions, after = Positions;
        PassTo(Inputs[0], gradient with
        {
            Square = gradient.Square * after / before,
            AcrossPositions = before > 1 ? gradient.AcrossPositions * after * (after - 1) / (before * (before - 1)) : 0,
            AcrossSamples = gradient.AcrossSamples * after * after / (before * before),
            Coherence = gradient.Coherence * after * after / (before * before),
        });
    }
}

/// <summary>Positions of several values, one after the other.</summary>
internal sealed class AppendFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        double mean = 0, square = 0, pairs = 0, samples = 0, spread = 0, total = Positions;
        foreach (var input in Inputs)
        {
            var x = Flow.Signals[input];
            double n = Flow.Shapes[input].Positions;
            var share = n / total;
            mean += share * x.Mean;
            square += share * x.Square;
            pairs += n * (n - 1) * (n > 1 ? x.AcrossPositions : 0) - n * n * x.Mean * x.Mean;
            samples += share * share * (x.AcrossSamples - x.Mean * x.Mean);
            spread += share * x.Spread;
        }

        return new(mean, square, total > 1 ? (pairs + total * total * mean * mean) / (total * (total - 1)) : 0, samples + mean * mean, spread);
    }

    public override void Backward(in Gradient gradient)
    {
        foreach (var input in Inputs)
            PassTo(input, gradient.IndependentOf(Flow.Signals[input], Flow.Shapes[input].Positions));
    }
}

/// <summary>
/// Product of two values that are independent: moments multiply, and the derivative of the one is the other. What has fewer positions is the same at several of them.
/// </summary>
internal sealed class MultiplyFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        var product = new Signal(1, 1, 1, 1, 0);
        foreach (var input in Inputs)
        {
            var x = Repeated(input);
            product = new(product.Mean * x.Mean, product.Square * x.Square, product.AcrossPositions * x.AcrossPositions, product.AcrossSamples * x.AcrossSamples, product.Spread + x.Spread);
        }

        return Positions > 1 ? product : product with { AcrossPositions = 0 };
    }

    public override void Backward(in Gradient gradient)
    {
        for (var place = 0; place < Inputs.Length; place++)
        {
            var factor = new Signal(1, 1, 1, 1, 0);
            for (var other = 0; other < Inputs.Length; other++)
            {
                if (other == place)
                    continue;
                var x = Repeated(Inputs[other]);
                factor = new(0, factor.Square * x.Square, factor.AcrossPositions * x.AcrossPositions, factor.AcrossSamples * x.AcrossSamples, 0);
            }

            PassTo(Inputs[place], Summed(Inputs[place], gradient with
            {
                Square = gradient.Square * factor.Square,
                AcrossPositions = gradient.AcrossPositions * factor.AcrossPositions,
                AcrossSamples = gradient.AcrossSamples * factor.AcrossSamples,
                Coherence = gradient.Coherence * factor.AcrossSamples,
            }).IndependentOf(Flow.Signals[Inputs[place]], Flow.Shapes[Inputs[place]].Positions));
        }
    }
}

/// <summary>A tensor that is the same in all samples; its gradient is the sum over them.</summary>
internal sealed class OwnParameterFlow(Flow flow, int index, OwnParameter layer) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        var mean = layer.Start.Mean * layer.Start.Mean;
        var square = mean + layer.Start.Variance;
        return new(layer.Start.Mean, square, Positions > 1 ? mean : 0, (square + (Positions - 1) * mean) / Positions, 0);
    }

    public override void Backward(in Gradient gradient)
    {
        if (Node.WeightPath is not { } path)
            return;
        double n = Positions;
        Flow.Report(Index, path, false, gradient, 0, Batch * n * gradient.Square, Batch * (Batch - 1) * n * gradient.AcrossSamples, gradient.Square > 0 ? gradient.Coherence / gradient.Square : 0);
    }
}
