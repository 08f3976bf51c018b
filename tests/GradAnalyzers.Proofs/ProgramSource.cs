using System.Collections.Immutable;
using GradAnalyzers.CodeFixes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Proofs;

/// <summary>A program of Programs/ in a project of its own: what is reported in it, what the code fixes make of it, and how it runs.</summary>
internal sealed class ProgramSource
{
    private const string Usings = "global using System; global using System.Collections.Generic; global using System.Linq;";

    private static readonly ImmutableArray<DiagnosticAnalyzer> Rules =
        [.. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!)];

    private static readonly ImmutableArray<Fixer> Fixers =
        [.. typeof(Fixer).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Fixer)) && !type.IsAbstract).Select(type => (Fixer)Activator.CreateInstance(type)!)];

    private static readonly ImmutableArray<MetadataReference> References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    private const string EvidenceName = "Net.gradients.csv";

    private readonly Document document;

    private ImmutableArray<Diagnostic> reports;

    private ProgramSource(Document document, string text) => (this.document, Text) = (document, text);

    /// <summary>The rules that offer a fix.</summary>
    public static IEnumerable<string> Fixable { get; } = Fixers.Select(fixer => fixer.FixableDiagnosticIds[0]).Order();

    public string Text { get; }

    public static ProgramSource Of(string name, string text)
    {
        var project = new AdhocWorkspace().AddProject(name, LanguageNames.CSharp)
            .WithParseOptions(new CSharpParseOptions(LanguageVersion.Latest))
            .WithCompilationOptions(new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release))
            .AddMetadataReferences(References)
            .AddDocument("Usings.cs", Usings).Project
            .AddDocument("Support.cs", Repository.Program("Support.cs")).Project;
        return new(project.AddDocument(name, text), text);
    }

    /// <summary>The program with what the monitor measured of it beside it, where it has a training that is measured.</summary>
    public async Task<ProgramSource> Measured(CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            if (await Trial.Measure(this, Path.Combine(folder.FullName, EvidenceName), cancellation) is not { } evidence)
                return this;
            var project = document.Project.AdditionalDocuments.Aggregate(document.Project, (rest, earlier) => rest.RemoveAdditionalDocument(earlier.Id));
            return new(project.AddAdditionalDocument(EvidenceName, evidence, filePath: EvidenceName).Project.GetDocument(document.Id)!, Text);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>What all rules report, suggestions included.</summary>
    public async Task<ImmutableArray<Diagnostic>> Reports(CancellationToken cancellation)
    {
        if (!reports.IsDefault)
            return reports;
        var compilation = (await document.Project.GetCompilationAsync(cancellation))!;
        return reports = await compilation.WithAnalyzers(Rules, document.Project.AnalyzerOptions).GetAnalyzerDiagnosticsAsync(cancellation);
    }

    /// <summary>What a person finds in the light bulb of a report.</summary>
    public async Task<IReadOnlyList<CodeAction>> Offers(Diagnostic report, CancellationToken cancellation)
    {
        var actions = new List<CodeAction>();
        await Fixers.Single(fixer => fixer.FixableDiagnosticIds.Contains(report.Id)).RegisterCodeFixesAsync(new CodeFixContext(document, report, (action, _) => actions.Add(action), cancellation));
        return actions;
    }

    /// <summary>The program after Fix All in the solution with the fix of this key, as <c>dotnet format</c> and the editor apply it.</summary>
    public async Task<ProgramSource> Fixed(string id, string key, CancellationToken cancellation)
    {
        var fixer = Fixers.Single(fixer => fixer.FixableDiagnosticIds.Contains(id));
        var context = new FixAllContext(document, fixer, FixAllScope.Solution, key, fixer.FixableDiagnosticIds, new Reported(await Reports(cancellation)), cancellation);
        var fix = await fixer.GetFixAllProvider().GetFixAsync(context) ?? throw new InvalidOperationException($"{document.Name}: no fix '{key}' for {id}.");
        var operations = await fix.GetOperationsAsync(cancellation);
        var changed = operations.OfType<ApplyChangesOperation>().Single().ChangedSolution.GetDocument(document.Id)!;
        return new(changed, (await changed.GetTextAsync(cancellation)).ToString());
    }

    /// <summary>The program's assembly.</summary>
    public async Task<byte[]> Compile(CancellationToken cancellation)
    {
        using var image = new MemoryStream();
        var result = (await document.Project.GetCompilationAsync(cancellation))!.Emit(image, cancellationToken: cancellation);
        return result.Success ? image.ToArray() : throw new InvalidOperationException($"{document.Name} does not compile: {string.Join("; ", result.Diagnostics)}");
    }

    private sealed class Reported(ImmutableArray<Diagnostic> reports) : FixAllContext.DiagnosticProvider
    {
        public override Task<IEnumerable<Diagnostic>> GetAllDiagnosticsAsync(Project project, CancellationToken cancellationToken) => Task.FromResult<IEnumerable<Diagnostic>>(reports);

        public override Task<IEnumerable<Diagnostic>> GetDocumentDiagnosticsAsync(Document document, CancellationToken cancellationToken) => Task.FromResult<IEnumerable<Diagnostic>>(reports);

        public override Task<IEnumerable<Diagnostic>> GetProjectDiagnosticsAsync(Project project, CancellationToken cancellationToken) => Task.FromResult<IEnumerable<Diagnostic>>([]);
    }
}
