using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Evidence;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Rules.Configuration;

/// <summary>A catalogue line or a row of evidence that cannot be read, an option that does not exist, or a value that an option cannot have. What is wrong is ignored; the rest counts.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class InvalidConfiguration() : Rule(Descriptors.GRAD0001)
{
    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var errors = catalogue.Errors.Select(wrong => (wrong.File, wrong.Error.Span, wrong.Error.Message))
            .Concat(EvidenceFiles.Of(start.Options).Errors.Select(wrong => (wrong.File, wrong.Error.Span, wrong.Error.Message))).ToLookup(wrong => wrong.File.Path, StringComparer.Ordinal);
        start.RegisterAdditionalFileAction(context =>
        {
            foreach (var (file, span, message) in errors[context.AdditionalFile.Path])
            {
                if (file.GetText(context.CancellationToken) is { } text)
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, Location.Create(file.Path, span, span.End == 0 ? default : text.Lines.GetLinePositionSpan(span)), Message.Fit(Descriptor, [message]).ToArray<object>()));
            }
        });

        // Each problem is reported with the first file that has it: none waits for the end of the compilation.
        var provider = start.Options.AnalyzerConfigOptionsProvider;
        var trees = start.Compilation.SyntaxTrees.ToImmutableArray();
        var first = new Lazy<ILookup<SyntaxTree, (string Key, string Problem)>>(() => trees.SelectMany((tree, index) => ProblemsOf(provider.GetOptions(tree)).Concat(index == 0 ? ProblemsOf(provider.GlobalOptions) : []).Select(problem => (Tree: tree, Problem: problem)))
            .GroupBy(pair => pair.Problem.Problem, StringComparer.Ordinal).Select(group => group.First()).OrderBy(pair => pair.Problem.Problem, StringComparer.Ordinal).ToLookup(pair => pair.Tree, pair => pair.Problem));
        start.RegisterSyntaxTreeAction(context =>
        {
            foreach (var (key, problem) in first.Value[context.Tree])
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, PlaceOf(key, context.Options, context.CancellationToken), Message.Fit(Descriptor, [problem]).ToArray<object>()));
        });
    }

    // The first file of a project is often a generated one.
    private protected override GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics;

    // The compiler hands on which options hold for a file, but not where they are set: the package gives it the configuration files as additional ones.
    private static Location PlaceOf(string key, AnalyzerOptions options, CancellationToken cancellation)
    {
        foreach (var file in options.AdditionalFiles.Where(file => Path.GetFileName(file.Path) is var name && (name.EndsWith(".editorconfig", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".globalconfig", StringComparison.OrdinalIgnoreCase))))
        {
            foreach (var line in file.GetText(cancellation)?.Lines ?? Enumerable.Empty<TextLine>())
            {
                if (line.ToString().Split('=') is [var name, _, ..] && string.Equals(name.Trim(), key, StringComparison.OrdinalIgnoreCase))
                    return Location.Create(file.Path, line.Span, file.GetText(cancellation)!.Lines.GetLinePositionSpan(line.Span));
            }
        }

        return Location.None;
    }

    private static IEnumerable<(string Key, string Problem)> ProblemsOf(AnalyzerConfigOptions values)
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
