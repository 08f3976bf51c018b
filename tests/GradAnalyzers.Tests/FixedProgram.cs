using System.Collections.Immutable;
using GradAnalyzers.CodeFixes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>A program as an editor has it, with references and a catalogue of its own: what a rule reports in it and what its fixer offers and does.</summary>
internal sealed record FixedProgram(string Source, IEnumerable<MetadataReference> References, string? Catalogue = null, string Usings = Code.Usings)
{
    /// <summary>Files beside the source that the rules read.</summary>
    public IReadOnlyList<(string Path, string Text)> Files { get; init; } = [];

    public static FixedProgram OnTorchSharp(string source) => new(source, Code.References);

    /// <summary>What a rule reports.</summary>
    public async Task<ImmutableArray<Diagnostic>> Reports(string id)
    {
        using var workspace = new AdhocWorkspace();
        return (await Reports(workspace, id)).Reports;
    }

    /// <summary>The titles of the fixes that are offered for the first report of a rule.</summary>
    public async Task<string[]> Offers(string id)
    {
        using var workspace = new AdhocWorkspace();
        var (document, reports) = await Reports(workspace, id);
        Assert.NotEmpty(reports);
        var actions = new List<CodeAction>();
        await FixerOf(id).RegisterCodeFixesAsync(new CodeFixContext(document, reports[0], (action, _) => actions.Add(action), TestContext.Current.CancellationToken));
        return [.. actions.Select(action => action.Title)];
    }

    /// <summary>The text after the first fix of every report, as <c>dotnet format</c> makes it; it compiles.</summary>
    public async Task<string> Fixed(string id)
    {
        using var workspace = new AdhocWorkspace();
        var (document, reports) = await Reports(workspace, id);
        Assert.NotEmpty(reports);
        var solution = await FixerOf(id).Apply(document.Project.Solution, [.. reports], key: null, TestContext.Current.CancellationToken);
        var changed = solution.GetDocument(document.Id)!;
        var compilation = await changed.Project.GetCompilationAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain(compilation!.GetDiagnostics(TestContext.Current.CancellationToken), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        return (await changed.GetTextAsync(TestContext.Current.CancellationToken)).ToString();
    }

    private async Task<(Document Document, ImmutableArray<Diagnostic> Reports)> Reports(AdhocWorkspace workspace, string id)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var project = workspace.AddProject("Program", LanguageNames.CSharp)
            .WithParseOptions(new CSharpParseOptions(LanguageVersion.Latest))
            .WithCompilationOptions(new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary))
            .AddMetadataReferences(References)
            .AddDocument("Usings.cs", Usings).Project;
        if (Catalogue is not null)
            project = project.AddAdditionalDocument("company.catalogue.txt", SourceText.From(Catalogue), filePath: "company.catalogue.txt").Project;
        foreach (var (path, text) in Files)
            project = project.AddAdditionalDocument(path, SourceText.From(text), filePath: path).Project;
        if (Usings == Code.Usings)
            project = project.AddDocument("Models.cs", Code.Models).Project;
        var document = project.AddDocument("Program.cs", Source);
        var compilation = await document.Project.GetCompilationAsync(cancellation);
        Assert.DoesNotContain(compilation!.GetDiagnostics(cancellation), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        var rule = typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract)
            .Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!).Single(candidate => candidate.SupportedDiagnostics[0].Id == id);
        var reports = await compilation.WithAnalyzers([rule], document.Project.AnalyzerOptions).GetAnalyzerDiagnosticsAsync(cancellation);
        return (document, reports);
    }

    private static Fixer FixerOf(string id) => typeof(Fixer).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Fixer)) && !type.IsAbstract)
        .Select(type => (Fixer)Activator.CreateInstance(type)!).Single(fixer => fixer.FixableDiagnosticIds[0] == id);
}
