using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.Evidence;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Measured;

/// <summary>An evidence file is about a model that has changed since it was measured: what it says no longer counts.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class StaleEvidence() : Rule(Descriptors.GRAD9004)
{
    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var models = PredictedModels.For(start.Compilation, catalogue, EvidenceFiles.Of(start.Options));
        if (models.Evidence.Runs.IsEmpty)
            return;
        start.RegisterSemanticModelAction(context =>
        {
            var tree = context.SemanticModel.SyntaxTree;
            foreach (var stale in models.Measured(GradOptions.Of(context.Options, tree).Thresholds, context.CancellationToken)!.Stale)
            {
                if (stale.Graph.Location.SourceTree == tree)
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, stale.Graph.Location, Message.Fit(Descriptor, [stale.Run.File, stale.Graph.Name, What(stale.Difference)]).ToArray<object>()));
            }
        });
    }

    private static string What(Difference difference) => difference switch
    {
        { Gone: [var first, .. var others] } => $"it no longer has '{first}'{More(others.Length)}",
        { Added: [var first, .. var others] } => $"'{first}'{More(others.Length)} came later",
        { Changed: var (path, then, now) } => $"for '{path}' {PredictedModel.Short(then)} was predicted, now {PredictedModel.Short(now)}",
        _ => "it has changed",
    };

    private static string More(int others) => others == 0 ? "" : $" and {others} more";
}
