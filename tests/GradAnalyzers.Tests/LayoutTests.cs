using System.Collections.Immutable;
using System.Text.RegularExpressions;
using GradAnalyzers.CodeFixes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>
/// What every fixer keeps: tabs, line endings and comments. The code is the package's cases, so a new fixer joins by having a case.
/// </summary>
public sealed partial class LayoutTests
{
    public static TheoryData<string> FixedCases { get; } = new(
        Directory.EnumerateFiles(CasesFolder, "*.fixed.cs").Select(path => Path.GetFileName(path).Replace(".fixed.cs", ".cs")).Order());

    private static string CasesFolder => Path.Combine(AppContext.BaseDirectory, "Cases");

    private static IEnumerable<Fixer> Fixers { get; } =
        [.. typeof(Fixer).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Fixer)) && !type.IsAbstract).Select(type => (Fixer)Activator.CreateInstance(type)!)];

    [Fact]
    public void EveryFixerHasACase() =>
        Assert.Empty(Fixers.Select(fixer => fixer.FixableDiagnosticIds[0]).Except(FixedCases.Select(row => row.Data[..8])));

    [Theory]
    [MemberData(nameof(FixedCases))]
    public async Task TabsAreKept(string file) => Assert.Equal(WithTabs(Fixed(file)), await Fix(file, WithTabs(Source(file))));

    [Theory]
    [MemberData(nameof(FixedCases))]
    public async Task LineEndingsAreKept(string file) => Assert.Equal(Fixed(file).ReplaceLineEndings("\r\n"), await Fix(file, Source(file).ReplaceLineEndings("\r\n")));

    [Theory]
    [MemberData(nameof(FixedCases))]
    public async Task CommentsAreKept(string file)
    {
        var count = 0;
        var commented = CodeLine().Replace(Source(file), line => $"{line.Value} // note {++count}.");

        var result = await Fix(file, commented);

        Assert.All(Enumerable.Range(1, count), number => Assert.Single(Regex.Matches(result, $"// note {number}\\.")));
    }

    private static string Source(string file) => File.ReadAllText(Path.Combine(CasesFolder, file)).Replace("[|", "").Replace("|]", "");

    private static string Fixed(string file) => File.ReadAllText(Path.Combine(CasesFolder, file.Replace(".cs", ".fixed.cs"))).Replace("[|", "").Replace("|]", "");

    private static string WithTabs(string text) => Indentation().Replace(text, indentation => indentation.Value.Replace("    ", "\t"));

    /// <summary>Applies the rule's first choice everywhere, as <c>dotnet format</c> does.</summary>
    private static async Task<string> Fix(string file, string text)
    {
        var fixer = Fixers.Single(candidate => candidate.FixableDiagnosticIds[0] == file[..8]);
        var rule = typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract)
            .Select(type => (Rule)Activator.CreateInstance(type)!).Single(candidate => candidate.SupportedDiagnostics[0].Id == file[..8]);

        using var workspace = new AdhocWorkspace();
        var project = workspace.AddProject("Case", LanguageNames.CSharp)
            .WithParseOptions(new CSharpParseOptions(LanguageVersion.Latest))
            .WithCompilationOptions(new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary))
            .AddMetadataReferences(Code.References)
            .AddDocument("Usings.cs", "global using System; global using System.Collections.Generic; global using System.Linq; global using System.Threading.Tasks;").Project;
        if (Path.Combine(CasesFolder, Path.ChangeExtension(file, ".gradients.csv")) is var evidence && File.Exists(evidence))
            project = project.AddAdditionalDocument(Path.GetFileName(evidence), SourceText.From(File.ReadAllText(evidence)), filePath: evidence).Project;
        var document = project.AddDocument(file, text);
        var compilation = await document.Project.GetCompilationAsync(TestContext.Current.CancellationToken);
        var diagnostics = await compilation!.WithAnalyzers([rule], document.Project.AnalyzerOptions).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        Assert.NotEmpty(diagnostics);

        var solution = await fixer.Apply(document.Project.Solution, diagnostics.ToImmutableArray(), key: null, TestContext.Current.CancellationToken);
        return (await solution.GetDocument(document.Id)!.GetTextAsync(TestContext.Current.CancellationToken)).ToString();
    }

    [GeneratedRegex("^( {4})+", RegexOptions.Multiline)]
    private static partial Regex Indentation();

    [GeneratedRegex(@"^[^\n/]*[;{}]$", RegexOptions.Multiline)]
    private static partial Regex CodeLine();
}
