using System.Collections.Immutable;
using GradAnalyzers.Facts;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Testing;
using Xunit;

namespace GradAnalyzers.Tests.Facts;

/// <summary>How a project sees another.</summary>
public enum Seen
{
    /// <summary>Its assembly, built with the package.</summary>
    Assembly,

    /// <summary>Its reference assembly, as a build uses it.</summary>
    ReferenceAssembly,

    /// <summary>Its source, as an editor has it.</summary>
    Source,

    /// <summary>Its assembly, built without the package.</summary>
    Bare,
}

/// <summary>Two projects: a library, and code that uses it.</summary>
internal static class Border
{
    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Latest);

    private static readonly ImmutableArray<DiagnosticAnalyzer> All =
    [
        .. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract && type.Namespace != "GradAnalyzers.Rules.Report").Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!),
    ];

    /// <summary>Exactly the marked places of the user's code are reported, all by this rule.</summary>
    public static async Task Reports(string id, string library, string code, Seen seen)
    {
        TestFileMarkupParser.GetSpans(code, out var plain, out ImmutableArray<Microsoft.CodeAnalysis.Text.TextSpan> marks);
        Assert.NotEmpty(marks);
        Assert.Equal(marks.Select(mark => $"{id} {plain.Substring(mark.Start, mark.Length)}").Order(), await Places(plain, Reference(library, seen)));
    }

    /// <summary>Nothing is reported in the user's code.</summary>
    public static async Task IsSilent(string library, string code, Seen seen) => Assert.Empty(await Places(code.Replace("[|", "").Replace("|]", ""), Reference(library, seen)));

    /// <summary>The library as its user gets it.</summary>
    public static MetadataReference Reference(string library, Seen seen, string name = "Library") => seen switch
    {
        Seen.Source => Compile(library, name).ToMetadataReference(),
        Seen.Bare => Emitted(Compile(library, name), isReferenceAssembly: false),
        _ => Emitted(WithFacts(Compile(library, name)), isReferenceAssembly: seen == Seen.ReferenceAssembly),
    };

    public static CSharpCompilation Compile(string code, string name = "Library", params MetadataReference[] references) => CSharpCompilation.Create(
        name, [CSharpSyntaxTree.ParseText(code, Parsing, $"/home/someone/secret/{name}.cs"), CSharpSyntaxTree.ParseText(Code.Usings, Parsing, "/home/someone/secret/Usings.cs")],
        [.. Code.References, .. references], new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

    /// <summary>The compilation as a build with the package makes it.</summary>
    public static CSharpCompilation WithFacts(CSharpCompilation compilation, string property = "")
    {
        var driver = Driver(property).RunGeneratorsAndUpdateCompilation(compilation, out var updated, out var diagnostics);
        Assert.Empty(diagnostics);
        Assert.All(driver.GetRunResult().Results, result => Assert.Null(result.Exception));
        return (CSharpCompilation)updated;
    }

    public static GeneratorDriver Driver(string property = "", bool isEditor = false) => CSharpGeneratorDriver.Create(
        [new FactsGenerator().AsSourceGenerator()], parseOptions: Parsing, optionsProvider: new Properties(property),
        driverOptions: new GeneratorDriverOptions(isEditor ? IncrementalGeneratorOutputKind.Implementation : IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: false));

    public static MetadataReference Emitted(CSharpCompilation compilation, bool isReferenceAssembly)
    {
        var stream = new MemoryStream();
        var result = compilation.Emit(stream, options: isReferenceAssembly ? new EmitOptions(metadataOnly: true, includePrivateMembers: false) : null);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
        stream.Position = 0;
        return MetadataReference.CreateFromStream(stream);
    }

    /// <summary>The texts that a library carries.</summary>
    public static string[] Texts(CSharpCompilation library) => [.. library.Assembly.GetAttributes()
        .Where(attribute => attribute.AttributeClass?.Name == "AssemblyMetadataAttribute" && attribute.ConstructorArguments[0].Value as string == "GradAnalyzers")
        .Select(attribute => (string)attribute.ConstructorArguments[1].Value!)];

    public static async Task<string[]> Places(string code, params MetadataReference[] libraries) =>
        [.. (await Diagnostics(code, "", libraries)).Select(report => $"{report.Id} {report.Location.SourceTree!.GetText().ToString(report.Location.SourceSpan)}").Order()];

    public static async Task<ImmutableArray<Diagnostic>> Diagnostics(string code, string property, params MetadataReference[] libraries)
    {
        var compilation = Compile(code, "User", libraries);
        var errors = compilation.GetDiagnostics(TestContext.Current.CancellationToken).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.True(!errors.Any(), string.Join('\n', errors));
        var reports = await compilation.WithAnalyzers(All, new AnalyzerOptions([], new Properties(property))).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        Assert.All(reports, report => Assert.True(report.Location.IsInSource, report.ToString()));
        return reports;
    }

    /// <summary>What MSBuild tells the compiler.</summary>
    private sealed class Properties(string facts) : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions { get; } = new Values(facts);

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => GlobalOptions;

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => GlobalOptions;

        private sealed class Values(string facts) : AnalyzerConfigOptions
        {
            public override IEnumerable<string> Keys => [];

            public override bool TryGetValue(string key, out string value)
            {
                value = key == "build_property.GradAnalyzersFacts" ? facts : "";
                return value.Length > 0;
            }
        }
    }
}
