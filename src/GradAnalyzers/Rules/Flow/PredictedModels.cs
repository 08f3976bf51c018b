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

    private readonly object _gate = new();
    private readonly Compilation _compilation;
    private readonly ModelCatalogue _catalogue;
    private readonly Dictionary<Thresholds, (ImmutableArray<PredictedModel> All, ILookup<SyntaxTree, PredictedModel> ByTree)> _judged = [];

    private PredictedModels(Compilation compilation, ModelCatalogue catalogue) => (_compilation, _catalogue) = (compilation, catalogue);

    public static PredictedModels For(Compilation compilation, ModelCatalogue catalogue) =>
        ByCompilation.GetValue(compilation, key => new PredictedModels(key, catalogue));

    /// <summary>Models with a place in this file. None where the compilation trains nothing: a port for inference loads its weights.</summary>
    public IEnumerable<PredictedModel> In(SyntaxTree tree, Thresholds thresholds, CancellationToken cancellation) => Judged(thresholds, cancellation).ByTree[tree];

    public ImmutableArray<PredictedModel> All(Thresholds thresholds, CancellationToken cancellation) => Judged(thresholds, cancellation).All;

    private (ImmutableArray<PredictedModel> All, ILookup<SyntaxTree, PredictedModel> ByTree) Judged(Thresholds thresholds, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_judged.TryGetValue(thresholds, out var judged))
            {
                var graphs = Trains(cancellation) ? ModelGraphs.For(_compilation, _catalogue).All(cancellation) : ImmutableArray<ModelGraph>.Empty;
                var all = Reportable(graphs.Select(graph => new PredictedModel(graph, thresholds)).ToImmutableArray());
                judged = (all, all.SelectMany(model => Trees(model.Graph).Select(tree => (tree, model))).ToLookup(pair => pair.tree, pair => pair.model));
                _judged.Add(thresholds, judged);
            }

            return judged;
        }
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
    private bool Trains(CancellationToken cancellation)
    {
        var names = _catalogue.NamesOf(Role.Step).Union(_catalogue.NamesOf(Role.Backward));
        foreach (var tree in _compilation.SyntaxTrees)
        {
            SemanticModel? semantics = null;
            foreach (var name in tree.GetRoot(cancellation).DescendantNodes().OfType<IdentifierNameSyntax>())
            {
                if (!names.Contains(name.Identifier.ValueText))
                    continue;
                semantics ??= _compilation.GetSemanticModel(tree);
                if (_catalogue.Find(semantics.GetSymbolInfo(name, cancellation).Symbol)?.Role is Role.Step or Role.Backward)
                    return true;
            }
        }

        return false;
    }
}
