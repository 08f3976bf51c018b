using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.Evidence;
using GradAnalyzers.GradientFlow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules;

/// <summary>The base of rules that ask a question of a model and its predicted gradients. A finding lies where the code is wrong, in whatever file; one place is reported once, however many models lead to it.</summary>
public abstract class FlowRule(DiagnosticDescriptor descriptor) : Rule(descriptor)
{
    private protected sealed override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var models = PredictedModels.For(start.Compilation, catalogue, EvidenceFiles.Of(start.Options));
        if (!IsAsked(models))
            return;
        start.RegisterSemanticModelAction(context =>
        {
            var tree = context.SemanticModel.SyntaxTree;
            foreach (var finding in In(tree, models, GradOptions.Of(context.Options, tree).Thresholds, context.CancellationToken))
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, finding.Place, finding.Involved, Message.Fit(Descriptor, finding.Arguments).ToArray<object>()));
        });
    }

    /// <summary>What is wrong with the model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="measurement">What trainings of it measured; null where there is no evidence that fits.</param>
    private protected abstract IEnumerable<FlowFinding> Check(PredictedModel model, Measurement? measurement);

    /// <summary>Whether there is anything to ask about.</summary>
    private protected virtual bool IsAsked(PredictedModels models) => true;

    /// <summary>The models with a place in a file.</summary>
    private protected virtual IEnumerable<(PredictedModel Model, Measurement? Measurement)> ModelsIn(SyntaxTree tree, PredictedModels models, Thresholds thresholds, CancellationToken cancellation)
    {
        var measured = models.Measured(thresholds, cancellation)?.Measured;
        return models.In(tree, thresholds, cancellation).Select(model => (model, measured is not null && measured.TryGetValue(model.Graph, out var measurement) ? measurement : null));
    }

    /// <summary>The findings that are placed in a file.</summary>
    internal IEnumerable<FlowFinding> In(SyntaxTree tree, PredictedModels models, Thresholds thresholds, CancellationToken cancellation)
    {
        var places = new HashSet<Location>();
        foreach (var (model, measurement) in ModelsIn(tree, models, thresholds, cancellation))
        {
            foreach (var finding in Check(model, measurement))
            {
                if (finding.Place.SourceTree == tree && places.Add(finding.Place))
                    yield return finding;
            }
        }
    }
}

/// <summary>Something wrong with a model.</summary>
/// <param name="Model">The model.</param>
/// <param name="Place">Where it is reported.</param>
/// <param name="Arguments">What the message says.</param>
internal sealed record FlowFinding(PredictedModel Model, Location Place, params object[] Arguments)
{
    /// <summary>The layers that take part: the diagnostic's additional locations.</summary>
    public ImmutableArray<Location> Involved { get; init; } = ImmutableArray<Location>.Empty;

    /// <summary>The evidence that a finding rests on; null where it rests on a prediction.</summary>
    public Measurement? Measurement { get; init; }

    /// <summary>The layers that the evidence is about.</summary>
    public MeasuredLayers? Layers { get; init; }
}
