namespace GradAnalyzers.GradientFlow;

/// <summary>How far back in time the gradient of a recurrent layer reaches at initialization.</summary>
internal static class RecurrentReach
{
    /// <summary>No reach is reported beyond this.</summary>
    public const int Limit = 10_000;

    /// <summary>Share of the gradient's norm that counts as nothing left: AUTOTRAINER's bound for vanishing.</summary>
    private const double Nothing = 1e-3;

    /// <summary>
    /// Time steps back until the norm of the derivative with respect to the input has fallen below 1e-3 of that at the last step; <see cref="Limit"/> where it never does.
    /// </summary>
    /// <param name="layer">The layer with its hidden units and initialization; its inputs are taken as standard normal.</param>
    public static int Of(Recurrent layer)
    {
        const int Steps = 96;
        var cell = RecurrentCell.Of(layer, Math.Max(layer.Inputs, 1), new Expectation());
        cell.Run(Steps, 1, 0, 0);
        var external = new double[Steps, Steps];
        external[Steps - 1, Steps - 1] = 1;
        var (inputs, _) = cell.Backward(external, ofOneSample: true);
        double NormAt(int back) => Math.Sqrt(inputs[Steps - 1 - back, Steps - 1 - back] / inputs[Steps - 1, Steps - 1]);
        for (var back = 1; back < Steps; back++)
            if (NormAt(back) < Nothing)
                return back;
        // In its steady state each step multiplies by the same factor.
        var factor = NormAt(Steps / 2) / NormAt(Steps / 2 - 1);
        if (factor >= 1)
            return Limit;
        return (int)Math.Min(Limit, Steps / 2 + Math.Ceiling(Math.Log(Nothing / NormAt(Steps / 2)) / Math.Log(factor)));
    }
}
