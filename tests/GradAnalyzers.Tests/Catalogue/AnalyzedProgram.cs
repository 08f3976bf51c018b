using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace GradAnalyzers.Tests.Catalogue;

/// <summary>A program on a framework that is known by its assembly and a catalogue alone, through every rule.</summary>
internal static class AnalyzedProgram
{
    /// <summary>Compiles the declarations to an assembly, the program against it, and gives the reports as <c>id line: message</c>.</summary>
    public static async Task<string[]> Reports(string framework, string catalogue, string program)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var compilation = Compile("Program", program, [.. Framework, Assembly(framework)]);
        Assert.Empty(compilation.GetDiagnostics(cancellation).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        var rules = typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract)
            .Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!).ToImmutableArray();
        var options = new AnalyzerOptions([new CatalogueFile(catalogue)]);
        var reports = await compilation.WithAnalyzers(rules, options).GetAnalyzerDiagnosticsAsync(cancellation);
        return [.. reports.Select(report => $"{report.Id} {report.Location.GetLineSpan().StartLinePosition.Line + 1}: {report.GetMessage()}").Order()];
    }

    public static IEnumerable<MetadataReference> Framework { get; } = Code.References.Where(reference => !reference.Display!.Contains("TorchSharp") && !reference.Display!.Contains("GradAnalyzers"));

    public static MetadataReference Assembly(string declarations)
    {
        var stream = new MemoryStream();
        var result = Compile("Framework", declarations, Framework).Emit(stream);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        stream.Position = 0;
        return MetadataReference.CreateFromStream(stream);
    }

    private static CSharpCompilation Compile(string name, string source, IEnumerable<MetadataReference> references)
    {
        const string Usings = "global using System; global using System.Collections.Generic; global using System.Linq;";
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        return CSharpCompilation.Create(
            name, [CSharpSyntaxTree.ParseText(source, options, name + ".cs"), CSharpSyntaxTree.ParseText(Usings, options)], references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
    }

    private sealed class CatalogueFile(string text) : AdditionalText
    {
        public override string Path => "company.catalogue.txt";

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
