using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Evidence;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

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
        var first = new Lazy<ILookup<SyntaxTree, Setting>>(() => trees.SelectMany((tree, index) => ProblemsOf(provider.GetOptions(tree)).Concat(index == 0 ? ProblemsOf(provider.GlobalOptions) : []).Select(setting => (Tree: tree, Setting: setting)))
            .GroupBy(pair => pair.Setting.Problem, StringComparer.Ordinal).Select(group => group.First()).OrderBy(pair => pair.Setting.Problem, StringComparer.Ordinal).ToLookup(pair => pair.Tree, pair => pair.Setting));
        start.RegisterSyntaxTreeAction(context =>
        {
            foreach (var setting in first.Value[context.Tree])
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, PlaceOf(setting, context.Tree, context.Options, context.CancellationToken), Message.Fit(Descriptor, [setting.Problem]).ToArray<object>()));
        });
    }

    // The first file of a project is often a generated one.
    private protected override GeneratedCodeAnalysisFlags GeneratedCode => GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics;

    // The compiler hands on which options hold for a file, but not where they are set: the package gives it the configuration files as additional ones. The nearest folder that sets the value is the one that counts.
    private static Location PlaceOf(Setting setting, SyntaxTree tree, AnalyzerOptions options, CancellationToken cancellation)
    {
        var lines = options.AdditionalFiles.Where(file => file.Path.EndsWith(".editorconfig", StringComparison.OrdinalIgnoreCase) || file.Path.EndsWith(".globalconfig", StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(file => Nearness(file.Path, tree.FilePath))
            .SelectMany(file => file.GetText(cancellation) is { } text ? text.Lines.Select(line => (file.Path, Text: text, Line: line)) : [])
            .Where(place => place.Line.ToString().Split(['='], 2) is [var name, _] && string.Equals(name.Trim(), setting.Key, StringComparison.OrdinalIgnoreCase)).ToList();
        var (path, content, found) = lines.FirstOrDefault(place => place.Line.ToString().Split(['='], 2)[1].Trim() == setting.Value) is { Path: not null } exact ? exact : lines.FirstOrDefault();
        return path is null ? Location.None : Location.Create(path, found.Span, content.Lines.GetLinePositionSpan(found.Span));
    }

    /// <summary>How deep the folder of a configuration file lies, of those that the source file is in; -1 where it is in another.</summary>
    private static int Nearness(string configuration, string source) =>
        Path.GetDirectoryName(configuration) is { } folder && source.StartsWith(folder, StringComparison.Ordinal) && source.Length > folder.Length && (folder.Length == 0 || source[folder.Length] is '/' or '\\' || folder[folder.Length - 1] is '/' or '\\') ? folder.Length : -1;

    private static IEnumerable<Setting> ProblemsOf(AnalyzerConfigOptions values)
    {
        foreach (var key in values.Keys.Where(key => key.StartsWith(GradOptions.Prefix, StringComparison.OrdinalIgnoreCase)))
        {
            if (GradOptions.All.FirstOrDefault(option => string.Equals(option.Key, key, StringComparison.OrdinalIgnoreCase)) is not { } option)
                yield return new(key, values.TryGetValue(key, out var given) ? given : "", $"'{key}' is no option; {Spelling.DidYouMean(key, GradOptions.All.Select(known => known.Key), "docs/configuration.md lists them")}");
            else if (values.TryGetValue(key, out var text) && option.Problem(text) is { } problem)
                yield return new(key, text, problem);
        }
    }

    /// <summary>An option as it is set for a file.</summary>
    private sealed record Setting(string Key, string Value, string Problem);
}
