using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules;

/// <summary>The base of rules that ask a question of a model. Each model is asked about once, in the file of its class.</summary>
public abstract class ModelRule(DiagnosticDescriptor descriptor) : Rule(descriptor)
{
    private protected sealed override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var models = ModelGraphs.For(start.Compilation, catalogue);
        start.RegisterSemanticModelAction(context =>
        {
            var options = GradOptions.Of(context.Options, context.SemanticModel.SyntaxTree);
            foreach (var graph in models.In(context.SemanticModel.SyntaxTree, context.CancellationToken))
                Check(graph, options, context.ReportDiagnostic);
        });
    }

    /// <summary>What is wrong with the model.</summary>
    private protected abstract void Check(ModelGraph graph, GradOptions options, Action<Diagnostic> report);
}
