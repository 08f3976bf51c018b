namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>An elementwise function f of normal values: forward E[f f'], backward E[f'(u) f'(u')], for one value and for pairs.</summary>
internal sealed class ActivationFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    private SingleMoments single;
    private PairMoments acrossPositions;
    private PairMoments acrossSamples;

    public override Signal Forward()
    {
        var function = ActivationFunction.Of((Activation)Node.Layer);
        var u = Input;
        var square = u.Mean * u.Mean;
        single = Flow.Expectation.Single(function, u.Mean, u.Variance);
        acrossSamples = Flow.Expectation.Pair(function, single, u.Mean, u.Variance, u.AcrossSamples - square);
        acrossPositions = Positions > 1 ? Flow.Expectation.Pair(function, single, u.Mean, u.Variance, u.AcrossPositions - square) : default;
        return new(single.Value, single.ValueSquare, acrossPositions.Values, acrossSamples.Values, Spread(u));
    }

    /// <summary>The spread that arrives is changed by the elasticity d ln E[f^2] / d ln q = E[f f' u] / E[f^2]; this layer's finite number of features adds the relative variance of f^2 over their number.</summary>
    private double Spread(in Signal u)
    {
        if (single.ValueSquare <= 0)
            return 0;
        var elasticity = single.ValueSlopeArgument / single.ValueSquare;
        var own = Math.Max(single.ValueFourth / (single.ValueSquare * single.ValueSquare) - 1, 0);
        return u.Spread * elasticity * elasticity + own * Alike(u) / Shape.Features;
    }

    /// <summary>Share of a feature's fluctuation that survives the average over batch and positions.</summary>
    private double Alike(in Signal u) => Pool(
        1,
        SquaredCorrelation(u.AcrossPositions - u.Mean * u.Mean, u.Variance),
        SquaredCorrelation(u.AcrossSamples - u.Mean * u.Mean, u.Variance),
        Positions,
        Batch);

    public override void Backward(in Gradient gradient)
    {
        var u = Input;
        // Relative variance of f'^2, of a feature whose derivative is normal (fourth moment 3), over the number of features.
        var own = single.SlopeSquare > 0 ? Math.Max(single.SlopeFourth / (single.SlopeSquare * single.SlopeSquare) - 1, 0) : 0;
        var alike = Pool(
            3,
            (1 + 2 * SquaredCorrelation(gradient.AcrossPositions, gradient.Square)) * SquaredCorrelation(u.AcrossPositions - u.Mean * u.Mean, u.Variance),
            (1 + 2 * SquaredCorrelation(gradient.AcrossSamples, gradient.Square)) * SquaredCorrelation(u.AcrossSamples - u.Mean * u.Mean, u.Variance),
            Positions,
            Batch);
        // The part of the derivative along the value meets the slopes where the value is large; the rest meets all alike.
        double positions = Positions;
        var squared = single.ValueSquare;
        var along = Math.Max(gradient.Along / (positions * positions * Shape.Features * Math.Max(squared, 1e-300)) - gradient.Square / Shape.Features, 0);
        var square = gradient.Square * single.SlopeSquare + along * (Ratio(single.ValueSlopeSquare, squared) - single.SlopeSquare);
        var kept = Ratio(single.ValueSlopeArgument, squared);
        var fresh = Math.Max(single.SlopeArgumentSquare - kept * kept * squared, 0) * positions * gradient.Square;
        PassTo(Inputs[0], new(
            square,
            gradient.AcrossPositions * acrossPositions.Slopes,
            gradient.AcrossSamples * acrossSamples.Slopes,
            gradient.Coherence * acrossSamples.Slopes,
            gradient.Shift - own * alike / (2 * Shape.Features),
            Ratio(single.SlopeArgumentSquare, single.SlopeSquare),
            Ratio(acrossPositions.SlopesTimesArguments, acrossPositions.Slopes),
            Ratio(acrossSamples.SlopesTimesArguments, acrossSamples.Slopes),
            kept * kept * gradient.Along + fresh,
            kept * kept * gradient.AlongShared));
    }

    private static double Ratio(double part, double whole) => whole > 0 ? part / whole : 0;
}
