using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Testing;
using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Path;

/// <summary>All rules on losses and on the gradient's path, and all of the training loop, together.</summary>
internal static class PathRules
{
    private static readonly ImmutableArray<DiagnosticAnalyzer> All =
    [
        .. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract && type.Namespace is "GradAnalyzers.Rules.Training" or "GradAnalyzers.Rules.Losses" or "GradAnalyzers.Rules.GradientPath")
            .Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!),
    ];

    /// <summary>Exactly the marked places are reported, by this one rule.</summary>
    public static async Task Report(string id, string code)
    {
        TestFileMarkupParser.GetSpans(code, out var plain, out ImmutableArray<Microsoft.CodeAnalysis.Text.TextSpan> marks);
        Assert.NotEmpty(marks);
        Assert.Equal(marks.Select(mark => $"{id} {plain.Substring(mark.Start, mark.Length)}").Order(), await Places(plain));
    }

    public static async Task AreSilent(string code) => Assert.Empty(await Places(code));

    /// <summary>What the user reads.</summary>
    public static async Task<string[]> Messages(string code) => [.. (await Diagnostics(code)).Select(report => $"{report.Id}: {report.GetMessage()}").Order()];

    private static async Task<IEnumerable<string>> Places(string code) =>
        (await Diagnostics(code)).Select(report => $"{report.Id} {report.Location.SourceTree!.GetText().ToString(report.Location.SourceSpan)}").Order();

    private static async Task<ImmutableArray<Diagnostic>> Diagnostics(string code)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var compilation = CSharpCompilation.Create("Test", new[] { code, Code.Usings, Code.Models }.Select(text => CSharpSyntaxTree.ParseText(text, options)), Code.References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        var errors = compilation.GetDiagnostics(TestContext.Current.CancellationToken).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.True(!errors.Any(), string.Join('\n', errors));
        return await compilation.WithAnalyzers(All).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
    }
}
