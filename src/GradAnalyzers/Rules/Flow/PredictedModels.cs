using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Rules.Flow;

/// <summary>The models of a compilation with their predictions, each predicted once, shared by all flow rules and forgotten with the compilation.</summary>
internal sealed class PredictedModels
{
    private static readonly ConditionalWeakTable<Compilation, PredictedModels> ByCompilation = new();

    private readonly Compilation _compilation;
    private readonly ModelGraphs _graphs;
    private readonly ModelCatalogue _catalogue;
    private readonly ConcurrentDictionary<(Thresholds Thresholds, int Group), Judging> _judged = new();
    private readonly Lazy<bool> _trains;

    private PredictedModels(Compilation compilation, ModelCatalogue catalogue)
    {
        (_compilation, _catalogue, _graphs) = (compilation, catalogue, ModelGraphs.For(compilation, catalogue));
        _trains = new(Trains);
    }

    public static PredictedModels For(Compilation compilation, ModelCatalogue catalogue) =>
        ByCompilation.GetValue(compilation, key => new PredictedModels(key, catalogue));

    /// <summary>Models with a place in this file. None where the compilation trains nothing: a port for inference loads its weights.</summary>
    public IEnumerable<PredictedModel> In(SyntaxTree tree, Thresholds thresholds, CancellationToken cancellation) => Around(tree, thresholds, cancellation).ByTree[tree];

    /// <summary>The models of all files that may have to do with this one.</summary>
    public ImmutableArray<PredictedModel> Together(SyntaxTree tree, Thresholds thresholds, CancellationToken cancellation) => Around(tree, thresholds, cancellation).Models;

    private Judged Around(SyntaxTree tree, Thresholds thresholds, CancellationToken cancellation)
    {
        if (!_trains.Value || _graphs.GroupOf(tree, cancellation) is not { } group)
            return Judged.Nothing;
        var judging = _judged.GetOrAdd((thresholds, group), static _ => new Judging());
        lock (judging)
            return judging.Result ??= new Judged(Reportable(_graphs.Together(group, cancellation).Select(graph => new PredictedModel(graph, thresholds)).ToImmutableArray()));
    }

    /// <summary>Leaves out what is part of a model that has a prediction: there the whole chain is judged.</summary>
    private static ImmutableArray<PredictedModel> Reportable(ImmutableArray<PredictedModel> models)
    {
        var judged = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        var places = new HashSet<Location>();
        foreach (var model in models.Where(model => model.Prediction.Verdict != Verdict.Unknown))
        {
            foreach (var layer in model.Graph.Layers.Where(layer => layer.Path.Length > 0))
            {
                places.Add(layer.Creation);
                if (layer is { IsSource: true, Type: { } type })
                    judged.Add(type.OriginalDefinition);
            }
        }

        return models.Where(model => model.Graph.Type is { } type ? !judged.Contains(type.OriginalDefinition) : !places.Contains(model.Graph.Location)).ToImmutableArray();
    }

    private static IEnumerable<SyntaxTree> Trees(ModelGraph graph) =>
        graph.Layers.SelectMany(layer => layer.Parameters.Select(parameter => parameter.Initialization.Location).Append(layer.Creation))
            .Concat(graph.Applications.Select(application => application.Location))
            .Append(graph.Location)
            .Select(location => location?.SourceTree).OfType<SyntaxTree>().Distinct();

    /// <summary>Whether the compilation makes an optimizer, steps one, or runs a backward pass.</summary>
    private bool Trains()
    {
        var names = _catalogue.NamesOf(Role.Step).Union(_catalogue.NamesOf(Role.Backward));
        foreach (var tree in _compilation.SyntaxTrees)
        {
            SemanticModel? semantics = null;
            foreach (var name in tree.GetRoot().DescendantNodes().OfType<IdentifierNameSyntax>())
            {
                if (!names.Contains(name.Identifier.ValueText))
                    continue;
                semantics ??= _compilation.GetSemanticModel(tree);
                if (_catalogue.Find(semantics.GetSymbolInfo(name).Symbol)?.Role is Role.Step or Role.Backward)
                    return true;
            }
        }

        return false;
    }

    /// <summary>The models of one group of files at one set of thresholds.</summary>
    private sealed class Judged(ImmutableArray<PredictedModel> models)
    {
        public static readonly Judged Nothing = new(ImmutableArray<PredictedModel>.Empty);

        public ImmutableArray<PredictedModel> Models { get; } = models;

        /// <summary>By the files that they have a place in.</summary>
        public ILookup<SyntaxTree, PredictedModel> ByTree { get; } = models.SelectMany(model => Trees(model.Graph).Select(tree => (tree, model))).ToLookup(pair => pair.tree, pair => pair.model);
    }

    private sealed class Judging
    {
        public Judged? Result { get; set; }
    }
}
