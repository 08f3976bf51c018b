using System.Globalization;
using GradAnalyzers.Monitor.Judgement;

namespace GradAnalyzers.Monitor;

/// <content>What was predicted at build, beside what is measured.</content>
public sealed partial class GradientMonitor
{
    /// <summary>In powers of ten: what the alert calls off.</summary>
    private const double Departure = 2;

    /// <summary>Weights with both figures below which nothing is compared: of two, one is always off from the other.</summary>
    private const int FewestCompared = 4;

    private Predictions? predictions;

    private Predictions Predicted => predictions ??= Predictions.For(model);

    /// <summary>The largest of the first norms: what measured gradients are relative to, as predicted ones are.</summary>
    private double LargestFirstNorm => records.Values.Select(record => record.FirstNorm).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Max();

    private double PredictedRelative(string path) => Math.Pow(10, Predicted.Of(path));

    /// <summary>
    /// Weights whose first gradient is off its prediction by a factor of a hundred, seen from the median of all:
    /// a loss that scales everything departs from nothing.
    /// </summary>
    private Finding? Departed()
    {
        (string Path, double Off)[] compared = [.. Records.Where(record => record.Role != Measurement.ParameterRole.Vector && record.FirstNorm > 0 && double.IsFinite(record.FirstNorm))
            .Select(record => (record.Path, Off: Math.Log10(record.FirstNorm) - Predicted.Of(record.Path))).Where(pair => !double.IsNaN(pair.Off))];
        if (compared.Length < FewestCompared)
            return null;
        var median = compared.Select(pair => pair.Off).Order().ElementAt(compared.Length / 2);
        (string Path, double Off)[] far = [.. compared.Where(pair => Math.Abs(pair.Off - median) >= Departure).OrderByDescending(pair => Math.Abs(pair.Off - median))];
        return far.Length == 0 ? null : new(AlertKind.DepartsFromPrediction,
            string.Create(CultureInfo.InvariantCulture, $"its gradient is {Math.Pow(10, far[0].Off - median):G2} times what was predicted at build, beside the other layers. ")
            + "Usual reasons: inputs that are not scaled to about one, an initialization that the source does not show (loaded weights), or a layer that does something else than its class says.",
            null, [.. far.Select(pair => pair.Path)]);
    }

    private bool isCompared;

    /// <summary>Once, when the first gradients are known: later ones are those of a trained model.</summary>
    private void Compare()
    {
        if (isCompared)
            return;
        isCompared = true;
        if (Predicted.Problem is { } problem)
            Raise(new(AlertKind.Monitor, problem, null, []));
        if (Options.AlertOnDeparture && Departed() is { } departed)
            Raise(departed);
    }
}
