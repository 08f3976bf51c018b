using System.Collections.Immutable;
using GradAnalyzers.Evidence;
using GradAnalyzers.Models;

namespace GradAnalyzers.Diagnosis;

/// <summary>Which models of a program the evidence files are about: by the class's name, by the paths of the parameters, and by what was predicted when the training was built.</summary>
internal sealed class MeasuredModels
{
    /// <summary>In powers of ten: what a prediction may have changed, for a model that is still the one that was measured.</summary>
    private const double SamePrediction = 0.3;

    private MeasuredModels(ImmutableDictionary<ModelGraph, Measurement> measured, ImmutableArray<StaleRun> stale) => (Measured, Stale) = (measured, stale);

    /// <summary>Models that evidence fits.</summary>
    public ImmutableDictionary<ModelGraph, Measurement> Measured { get; }

    /// <summary>Evidence of models that are no longer what was measured.</summary>
    public ImmutableArray<StaleRun> Stale { get; }

    /// <param name="graphs">All models of the program.</param>
    /// <param name="classes">How often a class name occurs.</param>
    /// <param name="evidence">The files.</param>
    /// <param name="areAll">Whether the models of a class are all that the program makes of it.</param>
    /// <param name="predicted">The prediction of a model.</param>
    public static MeasuredModels Of(ImmutableArray<ModelGraph> graphs, Func<string, int> classes, EvidenceFiles evidence, Func<ModelType, bool> areAll, Func<ModelGraph, PredictedModel> predicted)
    {
        var fitting = new Dictionary<ModelGraph, List<MeasuredRun>>();
        var stale = ImmutableArray.CreateBuilder<StaleRun>();
        foreach (var run in evidence.Runs.Where(run => !run.Parameters.IsEmpty))
        {
            // Of two classes of one name it may be either. A Sequential that no class holds is known by its paths alone.
            var candidates = graphs.Where(graph => NameAtRunTime(graph) == run.Model).ToList();
            if (candidates.Count == 0 || classes(run.Model) > 1)
                continue;
            var comparisons = candidates.Select(graph => (Graph: graph, Difference: Compare(predicted(graph), run))).ToList();
            var fits = comparisons.Where(one => one.Difference is null).Select(one => one.Graph).ToList();
            if (fits.Count > 0 && (candidates[0].Type is not null || fits.Count == 1))
            {
                foreach (var graph in fits)
                    (fitting.TryGetValue(graph, out var runs) ? runs : fitting[graph] = []).Add(run);
            }
            else if (fits.Count == 0 && candidates[0].Type is not null && comparisons.OrderBy(one => one.Difference!.Count).First() is { Difference: { IsCertain: true } least, Graph: var nearest }
                && comparisons.All(one => one.Difference!.IsCertain) && (nearest.Arguments.IsEmpty || areAll(nearest.Type!)))
            {
                stale.Add(new StaleRun(nearest, run, least));
            }
        }

        return new(fitting.ToImmutableDictionary(pair => pair.Key, pair => new Measurement(predicted(pair.Key), pair.Value.ToImmutableArray())), stale.ToImmutable());
    }

    /// <summary>What <c>GetType().Name</c> gives: <c>T:Shop.Outer.Net`1</c> is Net`1.</summary>
    public static string NameAtRunTime(string id) => id[(id.LastIndexOfAny(['.', ':']) + 1)..];

    private static string NameAtRunTime(ModelGraph graph) => graph.Type is { } type ? NameAtRunTime(type.Id) : "Sequential";

    /// <summary>What is different between a model and the one that was measured; null where evidence fits.</summary>
    private static Difference? Compare(PredictedModel model, MeasuredRun run)
    {
        var graph = model.Graph;
        var paths = graph.Parameters.Select(parameter => parameter.Path).ToImmutableHashSet(StringComparer.Ordinal);
        // Parameters that are frozen are in the file; whether the source shows them is another matter.
        var gone = run.Parameters.Where(row => row.Verdict != MeasuredVerdict.Frozen && !paths.Contains(row.Path)).Select(row => row.Path).ToImmutableArray();
        var measured = run.Parameters.Select(row => row.Path).ToImmutableHashSet(StringComparer.Ordinal);
        var added = run.IsWhole ? graph.Parameters.Select(parameter => parameter.Path).Where(path => !measured.Contains(path)).ToImmutableArray() : ImmutableArray<string>.Empty;
        if (gone.Length + added.Length > 0)
        {
            // What cannot be read to its end, or is made with arguments that are not known, may have more or fewer: then the parameters that are there count.
            var isCertain = graph.IsComplete && (graph.Creation is not null || graph.Arguments.IsEmpty);
            return isCertain || gone.Length == run.Parameters.Length ? new Difference(gone, added, null, isCertain) : null;
        }

        var predictions = model.Prediction.Parameters.Where(parameter => !double.IsNaN(parameter.LogRelative) && !double.IsInfinity(parameter.LogRelative)).ToDictionary(parameter => parameter.Path, parameter => parameter.LogRelative, StringComparer.Ordinal);
        var changed = run.Parameters.Where(row => row.Predicted > 0 && predictions.TryGetValue(row.Path, out var now) && Math.Abs(now - Math.Log10(row.Predicted)) > SamePrediction)
            .OrderByDescending(row => Math.Abs(predictions[row.Path] - Math.Log10(row.Predicted))).FirstOrDefault();
        return changed is null ? null : new Difference(gone, added, (changed.Path, changed.Predicted, Math.Pow(10, predictions[changed.Path])), IsCertain: true);
    }
}

/// <summary>What is different between a model and the one that was measured.</summary>
/// <param name="Gone">Parameters that were measured and that the model does not have.</param>
/// <param name="Added">Parameters that it has and that were not measured.</param>
/// <param name="Changed">The parameter whose predicted gradient is most different from what the measured training's build had predicted.</param>
/// <param name="IsCertain">The source shows all parameters.</param>
internal sealed record Difference(ImmutableArray<string> Gone, ImmutableArray<string> Added, (string Path, double Then, double Now)? Changed, bool IsCertain)
{
    public int Count => Gone.Length + Added.Length;
}

/// <summary>Evidence of a model that is no longer what was measured.</summary>
internal sealed record StaleRun(ModelGraph Graph, MeasuredRun Run, Difference Difference);
