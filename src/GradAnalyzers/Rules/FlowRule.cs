using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.GradientFlow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules;

/// <summary>The base of rules that ask a question of a model and its predicted gradients. A finding lies where the code is wrong, in whatever file; one place is reported once, however many models lead to it.</summary>
public abstract class FlowRule(DiagnosticDescriptor descriptor) : Rule(descriptor)
{
    private protected sealed override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var models = PredictedModels.For(start.Compilation, catalogue);
        start.RegisterSemanticModelAction(context =>
        {
            var tree = context.SemanticModel.SyntaxTree;
            foreach (var finding in In(tree, models, GradOptions.Of(context.Options, tree).Thresholds, context.CancellationToken))
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, finding.Place, finding.Involved, Message.Fit(Descriptor, finding.Arguments).ToArray<object>()));
        });
    }

    /// <summary>What is wrong with the model.</summary>
    private protected abstract IEnumerable<FlowFinding> Check(PredictedModel model);

    /// <summary>The findings that are placed in a file.</summary>
    internal IEnumerable<FlowFinding> In(SyntaxTree tree, PredictedModels models, Thresholds thresholds, CancellationToken cancellation)
    {
        var places = new HashSet<Location>();
        foreach (var model in models.In(tree, thresholds, cancellation))
        {
            foreach (var finding in Check(model))
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
}
