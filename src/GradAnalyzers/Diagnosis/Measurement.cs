using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Evidence;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Diagnosis;

/// <summary>What trainings of a model measured, as the model is written now.</summary>
/// <param name="model">The model with its prediction.</param>
/// <param name="runs">The trainings, at least one.</param>
internal sealed class Measurement(PredictedModel model, ImmutableArray<MeasuredRun> runs)
{
    /// <summary>A row that was measured less often says nothing of the start (the monitor's patience).</summary>
    private const int FewestObservations = 5;

    /// <summary>A prediction is for the fresh network: what was first looked at later is a trained one.</summary>
    private const long LatestStart = 100;

    /// <summary>In powers of ten, as for a predicted remedy.</summary>
    private const double LeastImprovement = 1;

    public PredictedModel Model { get; } = model;

    public ImmutableArray<MeasuredRun> Runs { get; } = runs;

    /// <summary>
    /// Whether every training says that what is predicted does not happen: first and last weight were measured from the start, the ratio of their gradients was healthy there and in the median,
    /// and no layer has a verdict that says otherwise. Where the prediction rests on the attenuation, which no weight's gradient shows, nothing refutes it.
    /// </summary>
    public bool Refutes => Model.Prediction.Verdict is Verdict.Vanishing or Verdict.Exploding && Model.IsInRatio && Runs.All(Refuted);

    /// <summary>Whether a training says that what is predicted does happen.</summary>
    public bool Confirms => Model.Prediction.Verdict is Verdict.Vanishing or Verdict.Exploding && Runs.Any(Confirmed);

    /// <summary>For the message of a prediction that is confirmed: ", measured 3e-5".</summary>
    public string Confirmation => !Confirms ? ""
        : Model.IsInRatio && Worst(Runs.Where(Confirmed).Select(AtStart).Where(ratio => Judge(ratio) == Model.Prediction.Verdict)) is { } ratio && !double.IsNaN(ratio) ? $", measured {PredictedModel.Short(ratio)}"
        : ", and so it was measured";

    /// <summary>The layers that a verdict was measured of, by the place where they are created: those that one piece of code makes, as in a loop, together.</summary>
    public IEnumerable<MeasuredLayers> Of(MeasuredVerdict verdict)
    {
        var layers = new Dictionary<string, ModelLayer>(StringComparer.Ordinal);
        foreach (var layer in Model.Graph.Layers.Where(layer => layer.Registration == Registration.Registered))
        {
            foreach (var parameter in layer.Parameters)
                layers[parameter.Path] = layer;
        }

        var predicted = Model.Prediction.Parameters.Where(parameter => !double.IsNaN(parameter.LogRelative)).ToDictionary(parameter => parameter.Path, parameter => Math.Pow(10, parameter.LogRelative), StringComparer.Ordinal);
        return Runs.SelectMany(run => Rows(run))
            .GroupBy(measured => Place(measured.Layer))
            .Select(place => new MeasuredLayers(place.Key, place.Select(measured => measured.Layer.Path).Where(path => path.Length > 0).Distinct().ToImmutableArray(), place.Select(measured => measured.Figure).ToImmutableArray()));

        IEnumerable<(ModelLayer Layer, MeasuredFigure Figure)> Rows(MeasuredRun run)
        {
            var reference = Reference(run);
            return run.Parameters.Where(row => row.Verdict == verdict && layers.ContainsKey(row.Path)).Select(row => (layers[row.Path], Figure(run, row, reference, predicted)));
        }
    }

    /// <summary>The first weight's gradient over the last one's in the median of the training that says most; NaN where it was not measured.</summary>
    public double MedianRatio => Worst(Runs.Select(run => Ratio(run, row => row.MedianNorm)).Where(ratio => !double.IsNaN(ratio)));

    /// <summary>What a change of the model is expected to make of the measured ratio: as much as it changes the predicted one.</summary>
    public double Expected(GradientFlowPrediction after) => MedianRatio * after.FirstToLastRatio / Model.Prediction.FirstToLastRatio;

    /// <summary>Whether a change brings the measured ratio back to what is healthy, by more than anything would give.</summary>
    public bool IsHealedBy(GradientFlowPrediction after, MeasuredVerdict verdict)
    {
        var expected = Expected(after);
        return after.Verdict == Verdict.Healthy && Judge(MedianRatio) == (verdict == MeasuredVerdict.Vanishing ? Verdict.Vanishing : Verdict.Exploding)
            && Judge(expected) == Verdict.Healthy && Math.Abs(Math.Log10(expected / MedianRatio)) >= LeastImprovement;
    }

    private bool Refuted(MeasuredRun run) => Ends(run) is var (first, last) && first.Observations >= FewestObservations && last.Observations >= FewestObservations
        && first.FirstStep <= LatestStart && last.FirstStep <= LatestStart && Judge(AtStart(run)) == Verdict.Healthy && Judge(Ratio(run, row => row.MedianNorm)) == Verdict.Healthy
        && run.Parameters.All(row => row.Verdict is not (MeasuredVerdict.Vanishing or MeasuredVerdict.Exploding or MeasuredVerdict.Dead or MeasuredVerdict.NonFinite or MeasuredVerdict.NoGradient));

    private bool Confirmed(MeasuredRun run)
    {
        var verdict = Model.Prediction.Verdict == Verdict.Vanishing ? MeasuredVerdict.Vanishing : MeasuredVerdict.Exploding;
        return run.Parameters.Any(row => row.Verdict == verdict) || (Model.IsInRatio && Ends(run) is var (first, last) && first.FirstStep <= LatestStart && last.FirstStep <= LatestStart && Judge(AtStart(run)) == Model.Prediction.Verdict);
    }

    private double AtStart(MeasuredRun run) => Ratio(run, row => row.FirstNorm);

    private double Ratio(MeasuredRun run, Func<MeasuredParameter, double> norm) => Ends(run) is var (first, last) ? norm(first) / norm(last) : double.NaN;

    private (MeasuredParameter First, MeasuredParameter Last)? Ends(MeasuredRun run) =>
        Model.FirstWeight is { } first && Model.LastWeight is { } last && first != last && run[first] is { } one && run[last] is { } other ? (one, other) : null;

    private Verdict Judge(double ratio) => Model.Thresholds.Judge(ratio, attenuation: 1);

    /// <summary>The ratio that is furthest from one.</summary>
    private static double Worst(IEnumerable<double> ratios) => ratios.DefaultIfEmpty(double.NaN).OrderByDescending(ratio => Math.Abs(Math.Log10(ratio))).First();

    /// <summary>Where a layer is created; for one of another project, or the model's own parameters, the model.</summary>
    private Location Place(ModelLayer layer) => layer.Path.Length > 0 && layer.Creation.IsInSource ? layer.Creation : Model.Graph.Location;

    /// <summary>What rows are compared with: the last weight, in the order of evaluation where that is known.</summary>
    private MeasuredParameter? Reference(MeasuredRun run) =>
        Model.LastWeight is { } last ? run[last] : run.Parameters.LastOrDefault(row => row.Path.EndsWith(".weight", StringComparison.Ordinal));

    /// <summary>A row's median beside that of the last weight, and what is predicted of both: now, or else when the measured training was built.</summary>
    private static MeasuredFigure Figure(MeasuredRun run, MeasuredParameter row, MeasuredParameter? last, Dictionary<string, double> predicted)
    {
        var reference = last?.Path == row.Path ? null : last;
        var ratio = reference is { MedianNorm: > 0 } && !double.IsInfinity(reference.MedianNorm) ? row.MedianNorm / reference.MedianNorm : double.NaN;
        return new MeasuredFigure(run, row, reference?.Path, ratio, reference is null ? double.NaN : Predicted(row) / Predicted(reference));

        double Predicted(MeasuredParameter parameter) => predicted.TryGetValue(parameter.Path, out var now) ? now : parameter.Predicted;
    }
}

/// <summary>Layers that one piece of code makes, and what was measured of their parameters.</summary>
internal sealed record MeasuredLayers(Location Place, ImmutableArray<string> Paths, ImmutableArray<MeasuredFigure> Figures)
{
    /// <summary>'fc1'; of a loop 'layers.0, 2, 4'; of any others 'a' and 'b'.</summary>
    public string Names
    {
        get
        {
            if (Paths.Length < 2)
                return Paths.IsEmpty ? $"'{Figures[0].Row.Path}'" : $"'{Paths[0]}'";
            var parts = Paths.Select(path => path.Split('.')).ToList();
            var different = Enumerable.Range(0, parts[0].Length).Where(index => parts.Any(path => path.Length != parts[0].Length || path[index] != parts[0][index])).ToList();
            if (different is [var at] && parts.All(path => path.Length == parts[0].Length && int.TryParse(path[at], NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            {
                var indices = Indices(parts.Select(path => int.Parse(path[at], CultureInfo.InvariantCulture)).OrderBy(index => index).ToList());
                return $"'{string.Join(".", parts[0].Take(at).Append(indices).Concat(parts[0].Skip(at + 1)))}'";
            }

            return Paths.Length == 2 ? $"'{Paths[0]}' and '{Paths[1]}'" : $"'{Paths[0]}' and {Paths.Length - 1} more";
        }
    }

    /// <summary>0, 2, 4; from four neighbours on 0-3.</summary>
    private static string Indices(List<int> indices) =>
        indices.Count > 3 && indices[^1] - indices[0] == indices.Count - 1 ? $"{indices[0]}-{indices[^1]}" : string.Join(", ", indices);
}

/// <summary>What was measured of one parameter, beside what is predicted.</summary>
/// <param name="Run">The training.</param>
/// <param name="Row">The parameter.</param>
/// <param name="Reference">The last weight, which it is compared with; null where it is that itself.</param>
/// <param name="Ratio">Its gradient over that of the reference; NaN where that is not known.</param>
/// <param name="Predicted">The same, predicted.</param>
internal sealed record MeasuredFigure(MeasuredRun Run, MeasuredParameter Row, string? Reference, double Ratio, double Predicted);
