using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>
/// Linear layers and convolutions, transposed or not. With E[W^2] the second moment of a weight, forward q' = fan_in E[W^2] q + Var(b) (He et al. 2015), backward the same factor on the total;
/// covariances across samples and positions take the same factors, because different weights are independent (Poole et al. 2016, Xiao et al. 2018).
/// </summary>
internal sealed class LinearFlow : LayerFlow
{
    private readonly Distribution weight;
    private readonly Distribution? bias;
    private readonly Overlap overlap;
    private readonly double fanIn;

    /// <summary>Positions of the side that every weight touches once a position: the output of a convolution, the input of a transposed one.</summary>
    private readonly double few;

    /// <summary>Forward: sums of products a position, relative to the fan-in; differs from 1 only for transposed convolutions.</summary>
    private readonly double gather;

    /// <summary>Backward: likewise.</summary>
    private readonly double scatter;

    public LinearFlow(Flow flow, int index)
        : base(flow, index)
    {
        if (Node.Layer is Convolution convolution)
        {
            (weight, bias) = (convolution.Weight, convolution.Bias);
            overlap = convolution.Transposed
                ? Overlap.Of(convolution.Window, few: InputShape.Sizes, many: Shape.Sizes)
                : Overlap.Of(convolution.Window, few: Shape.Sizes, many: InputShape.Sizes);
            fanIn = (double)convolution.Inputs / Math.Max(convolution.Groups, 1) * convolution.Window.Area;
            var ratio = (double)Positions / InputShape.Positions;
            (few, gather, scatter) = convolution.Transposed ? (InputShape.Positions, 1 / ratio, 1.0) : (Positions, 1.0, ratio);
        }
        else
        {
            var linear = (Linear)Node.Layer;
            (weight, bias, overlap, fanIn) = (linear.Weight, linear.Bias, Overlap.Full, linear.Inputs);
            // Where the positions became features without a flatten that anybody saw, the output has one position.
            (few, gather, scatter) = (Positions, 1, (double)Positions / InputShape.Positions);
        }
    }

    public override Signal Forward()
    {
        var x = Input;
        var gain = fanIn * weight.Variance;
        // A weight with a mean adds the sum of the features, the same to every unit.
        var common = fanIn * overlap.Same * gather * weight.Mean * x.Mean + (bias?.Mean ?? 0);
        var extra = fanIn * weight.Mean * weight.Mean;
        var constant = common * common + (bias?.Variance ?? 0);
        var square = Sum(x.Square, overlap.Same * gather);
        return new(
            common,
            square,
            Positions > 1 ? Sum(x.AcrossPositions, overlap.DistinctPositions * gather) : 0,
            Sum(x.AcrossSamples, overlap.AllPositions * gather),
            square > 0 ? x.Spread * Math.Pow(gain * overlap.Same * gather * x.Square / square, 2) : 0);

        double Sum(double product, double share) => share * (gain * product + extra * (product - x.Mean * x.Mean)) + constant;
    }

    public override void Backward(in Gradient gradient)
    {
        ReportParameters(gradient);
        if (Inputs.IsEmpty)
            return;

        var positions = (double)InputShape.Positions;
        var factor = fanIn * (weight.Variance + weight.Mean * weight.Mean);
        var pairs = positions > 1 ? Positions * (Positions - 1.0) / (positions * (positions - 1)) : 0;
        var isTransposed = gather != 1;
        var acrossSamples = factor * overlap.AllPositions * scatter * (isTransposed ? 1 : scatter);
        // The derivative of each input is a normal sum over the outputs: its square has spread 2 over the inputs.
        var spread = 2 * Pool(
            1,
            SquaredCorrelation(gradient.AcrossPositions, gradient.Square),
            SquaredCorrelation(gradient.AcrossSamples, gradient.Square),
            Positions,
            Batch) / InputShape.Features;
        // d . h = d . W x + d . b, in the proportion of their variances, and d . W x is the input's d . x. What it has beyond independent vectors is one direction of all features;
        // only growth is followed, because the loss of one direction is below the other effects of finite width.
        var x = Input;
        var square = gradient.Square * factor * overlap.Same * scatter;
        var part = Output.Square > 0 ? Math.Min(fanIn * weight.Variance * overlap.Same * gather * x.Square / Output.Square, 1) : 0;
        var along = part * part * gradient.Along + part * (1 - part) * Positions * gradient.Square * Output.Square;
        var independent = positions * square * x.Square;
        var excess = independent > 0 ? Math.Max(along / independent - 1, 0) / (positions * InputShape.Features) : 0;
        var alike = x.Square > 0 ? x.AcrossSamples / x.Square : 0;
        acrossSamples *= 1 + excess * alike * alike;
        var passed = gradient with
        {
            Along = along,
            AlongShared = part * part * gradient.AlongShared,
            Square = square * (1 + excess),
            AcrossPositions = gradient.AcrossPositions * factor * overlap.DistinctPositions * (isTransposed ? 1 : pairs),
            AcrossSamples = gradient.AcrossSamples * acrossSamples,
            Coherence = gradient.Coherence * acrossSamples,
            Shift = gradient.Shift - spread / 2,
        };
        PassTo(Inputs[0], passed.AlignedWith(x));
    }

    private void ReportParameters(in Gradient gradient)
    {
        var x = Input;
        var shared = gradient;
        if (Node.WeightPath is not null)
        {
            // |dL/dW|^2 = fan_in * sum over pairs of (sample, position) of d d' x x', where the same weight joins both. Of the fan-in directions of x one is the weight itself:
            // there x is the pre-activation, on which d depends. The sum of d h over many positions and samples counts where a kernel is small.
            var gain = fanIn * weight.Variance;
            var part = Output.Square > 0 ? Math.Min(gain * x.Square / Output.Square, 1) : 0;
            double Products(double product, double alignment) =>
                gain > 0 ? (fanIn - part) * product + part * part * alignment / gain : fanIn * product;
            var same = few * (overlap.Same * gradient.Square * Products(x.Square, gradient.Alignment)
                + (few - 1) * overlap.DistinctPositions * gradient.AcrossPositions * Products(x.AcrossPositions, gradient.AlignmentAcrossPositions));
            var cross = few * few * overlap.AllPositions * Products(x.AcrossSamples, gradient.AlignmentAcrossSamples);
            if (Node.WeightShares.IsDefault)
                Report(Node.WeightPath, true, 1);
            // A number for each unit gets the derivative's part along that unit's row, one of as many directions as the fan-in.
            foreach (var share in Node.WeightShares.IsDefault ? ImmutableArray<WeightShare>.Empty : Node.WeightShares)
                Report(share.Path, share.IsWeight, share.Scale * share.Scale / (share.IsWeight ? 1 : fanIn));

            void Report(string path, bool isWeight, double factor) =>
                Flow.Report(Index, path, isWeight, shared, x.Spread, factor * Batch * same, factor * Batch * (Batch - 1) * cross * shared.AcrossSamples, Cosine(cross * shared.Coherence, same));
        }

        if (bias is not null && Node.BiasShares.IsDefault && Node.BiasPath is { } biasPath)
            ReportBias(Flow, Index, biasPath, gradient, Positions, Batch);
        foreach (var share in Node.BiasShares.IsDefault ? ImmutableArray<WeightShare>.Empty : Node.BiasShares)
            ReportBias(Flow, Index, share.Path, gradient, Positions, Batch, share.Scale * share.Scale);
    }

    private static double Cosine(double cross, double same) => same > 0 ? Math.Min(cross / same, 1) : 0;

    /// <summary>|dL/db|^2: the sum over pairs of (sample, position) of d d'.</summary>
    public static void ReportBias(Flow flow, int index, string path, in Gradient gradient, double positions, double batch, double factor = 1)
    {
        var same = factor * positions * (gradient.Square + (positions - 1) * gradient.AcrossPositions);
        var cross = factor * positions * positions;
        flow.Report(index, path, false, gradient, 0, batch * same, batch * (batch - 1) * cross * gradient.AcrossSamples, Cosine(cross * gradient.Coherence, same));
    }
}
