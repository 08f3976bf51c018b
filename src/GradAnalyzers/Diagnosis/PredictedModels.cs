using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Evidence;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Diagnosis;

/// <summary>The models of a program with their predictions, shared by all flow rules. A prediction stays with its graph, which outlives the compilation.</summary>
internal sealed class PredictedModels
{
    private static readonly ConditionalWeakTable<WholeProgram, ConcurrentDictionary<EvidenceFiles, PredictedModels>> ByProgram = new();
    private static readonly ConditionalWeakTable<ModelGraph, ConcurrentDictionary<Thresholds, PredictedModel>> ByGraph = new();

    private readonly WholeProgram _program;
    private readonly ConcurrentDictionary<Thresholds, Judging> _judged = new();
    private readonly ConcurrentDictionary<Thresholds, MeasuredModels> _measured = new();

    /// <summary>The program that the models are of.</summary>
    public WholeProgram Program => _program;

    private PredictedModels(WholeProgram program, EvidenceFiles evidence) => (_program, Evidence) = (program, evidence);

    /// <summary>What trainings of the program's models measured.</summary>
    public EvidenceFiles Evidence { get; }

    public static PredictedModels For(Compilation compilation, ModelCatalogue catalogue, EvidenceFiles? evidence = null)
    {
        var program = WholeProgram.Of(compilation, catalogue);
        return ByProgram.GetValue(program, static _ => new()).GetOrAdd(evidence ?? EvidenceFiles.None, key => new PredictedModels(program, key));
    }

    /// <summary>What trainings measured of the models, and what they measured of earlier ones; null where there is no evidence.</summary>
    public MeasuredModels? Measured(Thresholds thresholds, CancellationToken cancellation)
    {
        if (Evidence.Runs.IsEmpty)
            return null;
        if (_measured.TryGetValue(thresholds, out var known))
            return known;
        var graphs = ModelGraphs.Of(_program);
        var names = graphs.Classes(cancellation).Select(type => type.Id).Distinct(StringComparer.Ordinal).ToLookup(MeasuredModels.NameAtRunTime, StringComparer.Ordinal);
        return _measured.GetOrAdd(thresholds, MeasuredModels.Of(graphs.All(cancellation), name => names[name].Count(), Evidence, type => graphs.KnowsAllOf(type, cancellation), graph => Of(graph, thresholds)));
    }

    /// <summary>Models with a place in this file that evidence fits, whether the program trains them or another does.</summary>
    public IEnumerable<Measurement> MeasuredIn(SyntaxTree tree, Thresholds thresholds, CancellationToken cancellation) =>
        Measured(thresholds, cancellation)?.Measured.Values.Where(measurement => Trees(measurement.Model.Graph).Contains(tree)).OrderBy(measurement => measurement.Model.Graph.Location, Comparer<Location>.Create(ModelSites.Order)) ?? Enumerable.Empty<Measurement>();

    /// <summary>Whether a rule's reports are seen in a file: nobody has switched it off, or down to a suggestion.</summary>
    public bool IsSeen(string rule, SyntaxTree tree, CancellationToken cancellation)
    {
        var options = _program.Compilation.Options;
        var severity = options.SyntaxTreeOptionsProvider is { } provider && (provider.TryGetDiagnosticValue(tree, rule, cancellation, out var own) || provider.TryGetGlobalDiagnosticValue(rule, cancellation, out own)) ? own
            : options.SpecificDiagnosticOptions.TryGetValue(rule, out var specific) ? specific : ReportDiagnostic.Default;
        return severity is ReportDiagnostic.Default or ReportDiagnostic.Warn or ReportDiagnostic.Error;
    }

    /// <summary>Models with a place in this file. None where the program trains nothing: a port for inference loads its weights.</summary>
    public IEnumerable<PredictedModel> In(SyntaxTree tree, Thresholds thresholds, CancellationToken cancellation) =>
        Judge(thresholds, cancellation) is { } judged ? judged.ByTree[tree] : [];

    /// <summary>All models of a program that trains.</summary>
    public ImmutableArray<PredictedModel> All(Thresholds thresholds, CancellationToken cancellation) =>
        Judge(thresholds, cancellation)?.Models ?? ImmutableArray<PredictedModel>.Empty;

    /// <summary>All models, parts of others too, whether the program trains or not: what a training measured elsewhere may be of any.</summary>
    public ImmutableArray<PredictedModel> Every(Thresholds thresholds, CancellationToken cancellation) =>
        ModelGraphs.Of(_program).All(cancellation).Select(graph => Of(graph, thresholds)).ToImmutableArray();

    private Judged? Judge(Thresholds thresholds, CancellationToken cancellation)
    {
        if (!_program.MembersFor(cancellation).Trains)
            return null;
        var graphs = ModelGraphs.Of(_program).All(cancellation);
        var judging = _judged.GetOrAdd(thresholds, key => new Judging(new SharedWork<PredictedModel>(graphs.Length, (part, _) => Of(graphs[part], key))));
        return judging.Result ??= new Judged(Reportable(judging.Models.All(cancellation)));
    }

    /// <summary>A model's prediction, made once for its graph.</summary>
    public static PredictedModel Of(ModelGraph graph, Thresholds thresholds) =>
        ByGraph.GetValue(graph, static _ => new()).GetOrAdd(thresholds, key => new PredictedModel(graph, key));

    /// <summary>Leaves out what is part of a model that has a prediction: there the whole chain is judged.</summary>
    private static ImmutableArray<PredictedModel> Reportable(IReadOnlyList<PredictedModel> models)
    {
        var judged = new HashSet<ModelType>();
        var places = new HashSet<Location>();
        // What is judged in part says nothing about its other parts.
        foreach (var model in models.Where(model => model.Prediction.Verdict != Verdict.Unknown && !model.IsPartial))
        {
            foreach (var layer in model.Graph.Layers.Where(layer => layer.Path.Length > 0))
            {
                places.Add(layer.Creation);
                if (layer is { IsSource: true, Type: { } type })
                    judged.Add(type);
            }
        }

        // A part that is a model of its own, and bad there already, is reported there.
        var bad = new HashSet<ModelType>(models.Where(model => model.Cause != Cause.None && !model.IsPartial).Select(model => model.Graph.Type).OfType<ModelType>());
        return models.Where(model => !model.IsPartial || !model.Weighted.Any(node => IsIn(node.Layer?.Owner, bad))).Where(model => model.Graph.Type is { } type ? !judged.Contains(type) : !places.Contains(model.Graph.Location)).ToImmutableArray();
    }

    private static bool IsIn(ModelLayer? layer, HashSet<ModelType> types)
    {
        for (var current = layer; current is not null; current = current.Owner)
        {
            if (current is { IsSource: true, Path.Length: > 0, Type: { } type } && types.Contains(type))
                return true;
        }

        return false;
    }

    private static IEnumerable<SyntaxTree> Trees(ModelGraph graph) =>
        graph.Layers.SelectMany(layer => layer.Parameters.Select(parameter => parameter.Initialization.Location).Append(layer.Creation))
            .Concat(graph.Applications.Select(application => application.Location))
            .Append(graph.Location)
            .Select(location => location?.SourceTree).OfType<SyntaxTree>().Distinct();

    /// <summary>All models at one set of thresholds.</summary>
    private sealed class Judged(ImmutableArray<PredictedModel> models)
    {
        public ImmutableArray<PredictedModel> Models { get; } = models;

        /// <summary>By the files that they have a place in.</summary>
        public ILookup<SyntaxTree, PredictedModel> ByTree { get; } = models.SelectMany(model => Trees(model.Graph).Select(tree => (tree, model))).ToLookup(pair => pair.tree, pair => pair.model);
    }

    private sealed class Judging(SharedWork<PredictedModel> models)
    {
        public SharedWork<PredictedModel> Models { get; } = models;

        public Judged? Result { get; set; }
    }
}
