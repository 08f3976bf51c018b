using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Configuration;

/// <summary>A catalogue line that cannot be read, an option that does not exist, or a value that an option cannot have. What is wrong is ignored; the rest counts.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class InvalidConfiguration() : Rule(Descriptors.GRAD0001)
{
    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        start.RegisterAdditionalFileAction(context =>
        {
            foreach (var (file, error) in catalogue.Errors)
            {
                if (file.Path == context.AdditionalFile.Path && file.GetText(context.CancellationToken) is { } text)
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, Location.Create(file.Path, error.Span, text.Lines.GetLinePositionSpan(error.Span)), error.Message));
            }
        });

        start.RegisterCompilationEndAction(context =>
        {
            foreach (var problem in OptionProblems(context).Distinct(StringComparer.Ordinal).OrderBy(problem => problem, StringComparer.Ordinal))
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, Location.None, problem));
        });
    }

    // The compiler hands on which options hold for a file, but not the place in the .editorconfig that sets them.
    private static IEnumerable<string> OptionProblems(CompilationAnalysisContext context)
    {
        var provider = context.Options.AnalyzerConfigOptionsProvider;
        foreach (var values in context.Compilation.SyntaxTrees.Select(provider.GetOptions).Prepend(provider.GlobalOptions))
        {
            foreach (var key in values.Keys.Where(key => key.StartsWith(GradOptions.Prefix, StringComparison.OrdinalIgnoreCase)))
            {
                if (GradOptions.All.FirstOrDefault(option => string.Equals(option.Key, key, StringComparison.OrdinalIgnoreCase)) is not { } option)
                    yield return $"'{key}' is no option; the options are {string.Join(", ", GradOptions.All.Select(known => known.Key))}";
                else if (values.TryGetValue(key, out var text) && option.Problem(text) is { } problem)
                    yield return problem;
            }
        }
    }
}
