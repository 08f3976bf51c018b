using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

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
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, Location.Create(file.Path, error.Span, text.Lines.GetLinePositionSpan(error.Span)), Message.Fit(Descriptor, [error.Message]).ToArray<object>()));
            }
        });

        start.RegisterCompilationEndAction(context =>
        {
            foreach (var (key, problem) in OptionProblems(context).Distinct().OrderBy(found => found.Problem, StringComparer.Ordinal))
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, PlaceOf(key, context), Message.Fit(Descriptor, [problem]).ToArray<object>()));
        });
    }

    // The compiler hands on which options hold for a file, but not where they are set: the package gives it the configuration files as additional ones.
    private static Location PlaceOf(string key, CompilationAnalysisContext context)
    {
        foreach (var file in context.Options.AdditionalFiles.Where(file => Path.GetFileName(file.Path) is var name && (name.EndsWith(".editorconfig", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".globalconfig", StringComparison.OrdinalIgnoreCase))))
        {
            foreach (var line in file.GetText(context.CancellationToken)?.Lines ?? Enumerable.Empty<TextLine>())
            {
                if (line.ToString().Split('=') is [var name, _, ..] && string.Equals(name.Trim(), key, StringComparison.OrdinalIgnoreCase))
                    return Location.Create(file.Path, line.Span, file.GetText(context.CancellationToken)!.Lines.GetLinePositionSpan(line.Span));
            }
        }

        return Location.None;
    }

    private static IEnumerable<(string Key, string Problem)> OptionProblems(CompilationAnalysisContext context)
    {
        var provider = context.Options.AnalyzerConfigOptionsProvider;
        foreach (var values in context.Compilation.SyntaxTrees.Select(provider.GetOptions).Prepend(provider.GlobalOptions))
        {
            foreach (var key in values.Keys.Where(key => key.StartsWith(GradOptions.Prefix, StringComparison.OrdinalIgnoreCase)))
            {
                if (GradOptions.All.FirstOrDefault(option => string.Equals(option.Key, key, StringComparison.OrdinalIgnoreCase)) is not { } option)
                    yield return (key, $"'{key}' is no option; {Spelling.DidYouMean(key, GradOptions.All.Select(known => known.Key), "docs/configuration.md lists them")}");
                else if (values.TryGetValue(key, out var text) && option.Problem(text) is { } problem)
                    yield return (key, problem);
            }
        }
    }
}
