namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>
/// What all normalizations share: y = gain (x - mean) / deviation. Backward the derivative loses its mean and its component along y over whatever the statistics run over:
/// (d - mean(d) - y mean(d y)) / deviation (Ioffe and Szegedy 2015). The bias starts at 0.
/// </summary>
internal abstract class NormFlow(Flow flow, int index, Distribution? gain) : LayerFlow(flow, index)
{
    private readonly double gainMean = gain?.Mean ?? 1;
    private readonly double gainSquare = gain is null ? 1 : gain.Variance + gain.Mean * gain.Mean;

    /// <summary>The square of the deviation divided by.</summary>
    protected double Variance { get; private set; }

    /// <summary>The value before the gain.</summary>
    protected Signal Normalized { get; private set; }

    public sealed override Signal Forward()
    {
        var (normalized, variance) = Normalize(Input);
        // A value that does not vary is divided by the square root of epsilon: nothing is known about the sign that is left.
        Variance = Math.Max(variance, 1e-5 * Math.Max(Input.Square, 1e-5));
        Normalized = normalized;
        return normalized.Times(gainMean, gainSquare);
    }

    public sealed override void Backward(in Gradient gradient)
    {
        ReportParameters(gradient);
        // A gain of zero (a residual branch that starts as nothing) lets nothing through.
        var inverse = gainSquare > 0 ? 1 / gainSquare : 0;
        var inner = gradient.Times(gainSquare) with
        {
            Alignment = gradient.Alignment * inverse,
            AlignmentAcrossPositions = gradient.AlignmentAcrossPositions * inverse,
            AlignmentAcrossSamples = gradient.AlignmentAcrossSamples * inverse,
            Along = gradient.Along,
        };
        // What is left is at right angles to the value.
        PassTo(Inputs[0], Project(inner).Times(MeanInverse(Degrees) / Variance) with
        {
            Alignment = 0,
            AlignmentAcrossPositions = 0,
            AlignmentAcrossSamples = 0,
            Along = 0,
            AlongShared = 0,
        });
    }

    protected abstract (Signal Normalized, double Variance) Normalize(in Signal x);

    /// <summary>Independent values that the variance is estimated from.</summary>
    protected abstract double Degrees { get; }

    /// <summary>E[1/s] of a variance s estimated from so many normal values, relative to 1/E[s]: units with a small one count more.</summary>
    private static double MeanInverse(double degrees) => degrees > 4 ? degrees / (degrees - 2) : 2;

    /// <summary>Independent values among correlated ones: (sum of the covariance's eigenvalues)^2 / sum of their squares. Positions are exchangeable within a sample, samples within the batch.</summary>
    protected static double EffectiveDegrees(double own, double acrossPositions, double positions, double samples)
    {
        var within = own - acrossPositions;
        var between = own + (positions - 1) * acrossPositions;
        var sum = samples * (positions - 1) * within + samples * between;
        var squares = samples * (positions - 1) * within * within + samples * between * between;
        return squares > 0 ? sum * sum / squares : samples * positions;
    }

    /// <summary>Takes the mean and the component along the value away.</summary>
    protected abstract Gradient Project(in Gradient gradient);

    private void ReportParameters(in Gradient gradient)
    {
        if (Node.Path is null)
            return;
        var scale = gainSquare > 0 ? 1 / gainSquare : 0;
        double n = Positions;
        var same = n * scale * (gradient.Square * gradient.Alignment + (n - 1) * gradient.AcrossPositions * gradient.AlignmentAcrossPositions);
        var cross = n * n * scale * gradient.AlignmentAcrossSamples;
        var cosine = same > 0 ? cross * gradient.Coherence / same : 0;
        Flow.Report(Index, Node.Path + ".weight", false, gradient, 0, Batch * same, Batch * (Batch - 1) * cross * gradient.AcrossSamples, cosine);
        LinearFlow.ReportBias(Flow, Index, Node.Path + ".bias", gradient, n, Batch);
    }
}

/// <summary>Batch normalization: the statistics of a feature run over the batch and all positions. At depth it separates the samples, and with ReLU the gradients explode (Yang et al. 2019).</summary>
internal sealed class BatchNormFlow(Flow flow, int index, BatchNorm layer) : NormFlow(flow, index, layer.Gain)
{
    protected override (Signal Normalized, double Variance) Normalize(in Signal x)
    {
        var mean = Pool(x.Square, x.AcrossPositions, x.AcrossSamples, Positions, Batch);
        var variance = x.Square - mean;
        return (new(0, 1, (x.AcrossPositions - mean) / variance, (x.AcrossSamples - mean) / variance, 0), variance);
    }

    protected override double Degrees =>
        EffectiveDegrees(1 - Normalized.AcrossSamples, Positions > 1 ? Normalized.AcrossPositions - Normalized.AcrossSamples : 0, Positions, Math.Max(Batch - 1, 1));

    protected override Gradient Project(in Gradient gradient)
    {
        var mean = Pool(gradient.Square, gradient.AcrossPositions, gradient.AcrossSamples, Positions, Batch);
        var along = Pool(
            gradient.Square * gradient.Alignment,
            gradient.AcrossPositions * gradient.AlignmentAcrossPositions,
            gradient.AcrossSamples * gradient.AlignmentAcrossSamples,
            Positions,
            Batch);
        var coherentMean = Pool(gradient.Square, gradient.AcrossPositions, gradient.Coherence, Positions, Batch);
        return gradient with
        {
            Square = Math.Max(gradient.Square - mean - along, 1e-6 * gradient.Square),
            AcrossPositions = Positions > 1 ? gradient.AcrossPositions - mean - Normalized.AcrossPositions * along : 0,
            AcrossSamples = gradient.AcrossSamples - mean - Normalized.AcrossSamples * along,
            Coherence = gradient.Coherence - coherentMean,
            Shift = gradient.Shift + Input.Spread / 2,
        };
    }
}

/// <summary>Layer normalization over the features of one position, or (without taking the mean away) root-mean-square normalization. Correlation between samples and positions stays.</summary>
internal sealed class LayerNormFlow(Flow flow, int index, bool takesMean, Distribution? gain) : NormFlow(flow, index, gain)
{
    protected override (Signal Normalized, double Variance) Normalize(in Signal x)
    {
        var mean = takesMean ? x.Mean * x.Mean : 0;
        var variance = x.Square - mean;
        return (
            new(
                takesMean ? 0 : x.Mean / Math.Sqrt(variance),
                1,
                Positions > 1 ? (x.AcrossPositions - mean) / variance : 0,
                (x.AcrossSamples - mean) / variance,
                0),
            variance);
    }

    protected override double Degrees => Shape.Features;

    protected override Gradient Project(in Gradient gradient)
    {
        // Of n features one or two directions go; the derivative's part in them is 1/n and alignment/n.
        double features = Math.Max(Shape.Features, 1), positions = Positions;
        var chance = gradient.Square * gradient.Alignment;
        var kept = Math.Max(gradient.Square - ((takesMean ? gradient.Square : 0) + chance) / features, 1e-6 * gradient.Square);
        // What the derivative shares with the value at every position goes with it, and so does what that has in common with other positions and samples.
        var shared = Math.Min(Math.Max(gradient.Along / positions - chance, 0) / (positions * features), kept * (1 - 1e-6));
        return gradient with
        {
            Square = kept - shared,
            AcrossPositions = positions > 1 ? gradient.AcrossPositions - shared * Normalized.AcrossPositions : 0,
            AcrossSamples = gradient.AcrossSamples - shared * Normalized.AcrossSamples,
            Shift = gradient.Shift + Input.Spread / 2,
        };
    }
}

/// <summary>Statistics over the positions of one sample and a group of features: group normalization, instance normalization (groups of one), layer normalization over positions too (one group).</summary>
internal sealed class GroupNormFlow(Flow flow, int index, double featuresOfGroup, Distribution? gain) : NormFlow(flow, index, gain)
{
    protected override (Signal Normalized, double Variance) Normalize(in Signal x)
    {
        var square = x.Mean * x.Mean;
        var mean = square + (Pool(x.Square, x.AcrossPositions, 0, Positions, 1) - square) / featuresOfGroup;
        var variance = x.Square - mean;
        return (
            new(
                0,
                1,
                Positions > 1 ? (x.AcrossPositions - mean) / variance : 0,
                (x.AcrossSamples - square) * (1 - 1 / featuresOfGroup) / variance,
                0),
            variance);
    }

    protected override double Degrees => EffectiveDegrees(1, Positions > 1 ? Normalized.AcrossPositions : 0, Positions, featuresOfGroup);

    protected override Gradient Project(in Gradient gradient)
    {
        var mean = Pool(gradient.Square, gradient.AcrossPositions, 0, Positions, 1) / featuresOfGroup;
        var along = Pool(gradient.Square * gradient.Alignment, gradient.AcrossPositions * gradient.AlignmentAcrossPositions, 0, Positions, 1) / featuresOfGroup;
        return gradient with
        {
            Square = Math.Max(gradient.Square - mean - along, 1e-6 * gradient.Square),
            AcrossPositions = Positions > 1 ? gradient.AcrossPositions - mean - Normalized.AcrossPositions * along : 0,
            AcrossSamples = gradient.AcrossSamples * (1 - 1 / featuresOfGroup),
            Coherence = gradient.Coherence * (1 - 1 / featuresOfGroup),
            Shift = gradient.Shift + Input.Spread / 2,
        };
    }
}
