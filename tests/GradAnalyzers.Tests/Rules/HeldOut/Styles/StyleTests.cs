using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Styles;

/// <summary>
/// Whole programs in the styles of many hands, each asked with all rules that are on: exactly the lines marked <c>//! GRADnnnn</c> are reported.
/// In a file of programs a line <c>//// name</c> begins the next one; all of them see the data and the model of <c>Prelude.source</c>.
/// </summary>
public sealed partial class StyleTests
{
    private static readonly ImmutableArray<DiagnosticAnalyzer> All =
        [.. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!)];

    private static readonly CSharpParseOptions Options = new(LanguageVersion.Latest);

    private static readonly Dictionary<string, string> Programs = Directory.GetFiles(Folder, "*.programs").SelectMany(Read).ToDictionary(program => program.Name, program => program.Code);

    public static TheoryData<string> Names { get; } = new(Programs.Keys.Order());

    private static string Folder => System.IO.Path.Combine(AppContext.BaseDirectory, "Styles");

    [Theory]
    [MemberData(nameof(Names))]
    public async Task ReportsWhatIsMarked(string name)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var code = Programs[name];
        var trees = new[] { code, await File.ReadAllTextAsync(System.IO.Path.Combine(Folder, "Prelude.source"), cancellation) }.Select(text => CSharpSyntaxTree.ParseText(text, Options, cancellationToken: cancellation)).ToArray();
        var compilation = CSharpCompilation.Create("Program", trees, Code.References, new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        Assert.DoesNotContain(compilation.GetDiagnostics(cancellation), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

        var reports = await compilation.WithAnalyzers(All).GetAnalyzerDiagnosticsAsync(cancellation);

        Assert.All(reports, report => Assert.Same(trees[0], report.Location.SourceTree));
        Assert.Equal(Marked(code), reports.Select(report => $"{report.Id} in line {report.Location.GetLineSpan().StartLinePosition.Line + 1}").Distinct().Order());
    }

    private static IEnumerable<string> Marked(string code) => code.Split('\n')
        .SelectMany((line, index) => Mark().Match(line).Groups["id"].Captures.Select(id => $"{id.Value} in line {index + 1}")).Order();

    private static IEnumerable<(string Name, string Code)> Read(string path) => File.ReadAllText(path).ReplaceLineEndings("\n").Split("//// ").Skip(1)
        .Select(program => (program[..program.IndexOf('\n')], program[(program.IndexOf('\n') + 1)..]));

    [GeneratedRegex(@"//!(?: (?<id>GRAD\d{4}))+")]
    private static partial Regex Mark();
}
