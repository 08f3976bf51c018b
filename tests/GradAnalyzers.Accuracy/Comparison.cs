using GradAnalyzers.GradientFlow;

namespace GradAnalyzers.Accuracy;

/// <summary>A network's prediction beside its measurement. Numbers are log10.</summary>
internal sealed record Comparison(Case Network, double Predicted, double Measured, double Scatter, Verdict PredictedVerdict, Verdict MeasuredVerdict, string? Reason)
{
    /// <summary>Predicted minus measured log10 of the first/last weight-gradient ratio; NaN where nothing was predicted.</summary>
    public double Error => Predicted - Measured;

    public bool IsUnknown => PredictedVerdict == Verdict.Unknown;

    public bool IsVerdictRight => PredictedVerdict == MeasuredVerdict;

    public override string ToString() =>
        $"{Network.Family,-13} {Network.Name,-44} predicted {Predicted,7:F2} measured {Measured,7:F2} error {Error,6:F2} {PredictedVerdict}"
        + (IsUnknown ? $" ({Reason})" : IsVerdictRight ? "" : $", measured {MeasuredVerdict}");

    public static Comparison Of(Case network, Network? source, Measurement measurement)
    {
        var prediction = source is null ? null : GradientFlowPrediction.Predict(source);
        // Of several heads the ratio is over the one with the largest gradient.
        var last = prediction?.LastWeight is { } path && measurement.LogNorms.ContainsKey(path) ? path : measurement.Weights[^1];
        var measured = measurement.LogNorms[measurement.Weights[0]] - measurement.LogNorms[last];
        // Between the input and the first layer's pre-activation lies one layer of weights; its factor is the predicted one. Token indices have no derivative.
        var attenuation = double.IsNaN(measurement.InputToOutput) || prediction is null || !(prediction.InputAttenuation > 0)
            ? 0
            : measurement.InputToOutput + Math.Log10(prediction.Attenuation / prediction.InputAttenuation);
        return new(
            network,
            Math.Log10(prediction?.FirstToLastRatio ?? double.NaN),
            measured,
            measurement.Scatter,
            prediction?.Verdict ?? Verdict.Unknown,
            Thresholds.Default.Judge(network.IsScaledOnPurpose ? 1 : Math.Pow(10, measured), Math.Pow(10, attenuation)),
            prediction is null ? "not found in the source" : prediction.Reason);
    }
}

/// <summary>How well a group of networks was predicted.</summary>
internal sealed record Summary(string Name, int Count, double Median, double Percentile95, double Largest, double VerdictsRight, double Unknown)
{
    public static Summary Of(string name, IReadOnlyCollection<Comparison> comparisons)
    {
        var known = comparisons.Where(comparison => !comparison.IsUnknown).ToList();
        var errors = known.Select(comparison => Math.Abs(comparison.Error)).Order().ToList();
        return new(
            name,
            comparisons.Count,
            Quantile(errors, 0.5),
            Quantile(errors, 0.95),
            errors.Count > 0 ? errors[^1] : double.NaN,
            known.Count > 0 ? (double)known.Count(comparison => comparison.IsVerdictRight) / known.Count : double.NaN,
            (double)(comparisons.Count - known.Count) / Math.Max(comparisons.Count, 1));
    }

    public override string ToString() =>
        $"{Name}: {Count} networks, error median {Median:F3}, 95th percentile {Percentile95:F3}, largest {Largest:F3}; verdict right {VerdictsRight:P1}, unknown {Unknown:P1}";

    /// <summary>The smallest value that at least this share of the values does not exceed.</summary>
    private static double Quantile(List<double> sorted, double share) =>
        sorted.Count == 0 ? double.NaN : sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Count) - 1)];
}
