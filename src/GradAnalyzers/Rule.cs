using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers;

/// <summary>
/// The base of every rule: concurrent, silent on generated code, and registered only where the compilation can contain a model.
/// One rule, one class, one descriptor: <c>dotnet format</c> mixes up diagnostics of an analyzer that reports several.
/// </summary>
public abstract class Rule(DiagnosticDescriptor descriptor) : DiagnosticAnalyzer
{
    protected DiagnosticDescriptor Descriptor { get; } = descriptor;

    public sealed override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = ImmutableArray.Create(descriptor);

    public sealed override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCode);
        context.RegisterCompilationStartAction(start =>
        {
            var catalogue = ModelCatalogue.For(start.Compilation, start.Options);
            if (catalogue.IsRelevant)
                Register(start, catalogue);
        });
    }

    /// <summary>Whether generated code is looked at.</summary>
    private protected virtual GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.None;

    private protected abstract void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue);
}
