using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Testing;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>All rules on training loops, losses and the gradient's path together on the real TorchSharp: what one reports, the others must leave alone.</summary>
internal static class TrainingRules
{
    private static readonly ImmutableArray<DiagnosticAnalyzer> All =
    [
        .. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract && type.Namespace is "GradAnalyzers.Rules.Training" or "GradAnalyzers.Rules.Losses" or "GradAnalyzers.Rules.GradientPath")
            .Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!),
    ];

    /// <summary>Exactly the places marked <c>[|...|]</c> are reported, all of them by this one rule.</summary>
    /// <param name="id">The rule.</param>
    /// <param name="code">The code.</param>
    /// <param name="isProgram">Whether it has top-level statements.</param>
    /// <param name="besides">A rule that may report too: for faults that have two sides.</param>
    /// <param name="libraries">Other assemblies.</param>
    public static async Task Report(string id, string code, bool isProgram = false, string besides = "", params string[] libraries)
    {
        TestFileMarkupParser.GetSpans(code, out var plain, out ImmutableArray<Microsoft.CodeAnalysis.Text.TextSpan> marks);
        Assert.NotEmpty(marks);
        Assert.Equal(marks.Select(mark => $"{id} {plain.Substring(mark.Start, mark.Length)}").Order(), await Places(plain, isProgram, besides, libraries));
    }

    /// <summary>None of them reports anything.</summary>
    public static async Task AreSilent(string code, bool isProgram = false, string besides = "", params string[] libraries) =>
        Assert.Empty(await Places(code, isProgram, besides, libraries));

    /// <summary>What the user reads.</summary>
    public static async Task<string[]> Messages(string code) => [.. (await Diagnostics(code, isProgram: false, [])).Select(report => $"{report.Id}: {report.GetMessage()}").Order()];

    /// <summary>The declarations, compiled: the program sees their metadata only. A comment on the first line names the assembly.</summary>
    private static MetadataReference Assembly(string declarations)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var stream = new MemoryStream();
        var result = CSharpCompilation.Create(declarations.StartsWith("// ", StringComparison.Ordinal) ? declarations.Split('\n')[0][3..].Trim() : "Library", new[] { Code.Usings, declarations }.Select(text => CSharpSyntaxTree.ParseText(text, options)), Code.References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)).Emit(stream);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        stream.Position = 0;
        return MetadataReference.CreateFromStream(stream);
    }

    private static async Task<IEnumerable<string>> Places(string code, bool isProgram, string besides, string[] libraries) =>
        (await Diagnostics(code, isProgram, libraries)).Where(report => report.Id != besides).Select(report => $"{report.Id} {report.Location.SourceTree!.GetText().ToString(report.Location.SourceSpan)}").Order();

    private static async Task<ImmutableArray<Diagnostic>> Diagnostics(string code, bool isProgram, string[] libraries)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var trees = new[] { code, Code.Usings, Code.Models }.Select(text => CSharpSyntaxTree.ParseText(text, options));
        var compilation = CSharpCompilation.Create("Test", trees, [.. Code.References, .. libraries.Select(Assembly)], new CSharpCompilationOptions(isProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary));
        var errors = compilation.GetDiagnostics(TestContext.Current.CancellationToken).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.True(!errors.Any(), string.Join('\n', errors));
        return await compilation.WithAnalyzers(All).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
    }
}
