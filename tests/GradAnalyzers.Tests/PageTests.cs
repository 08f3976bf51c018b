using System.Text.RegularExpressions;
using GradAnalyzers.CodeFixes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>
/// Every page of docs/rules says what its rule does. A page is laid out as: <c># GRADnnnn: title</c>, with a small first letter; a table with the rows
/// Severity and Fix ("None" where there is no fixer); <c>## What you see</c>, a text block with the message; <c>## Bad</c> and <c>## Good</c>, each beginning with
/// a <c>csharp</c> block that this test compiles: statements, with a recurrent <c>model</c>, its <c>optimizer</c>, the tensors <c>input</c> and <c>target</c> and
/// <c>batches</c> of them in scope where the block does not declare them itself, or whole classes. A block marked <c>csharp fragment</c> is not compiled.
/// </summary>
public sealed partial class PageTests
{
    private static readonly Rule[] Rules =
        [.. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract).Select(type => (Rule)Activator.CreateInstance(type)!)];

    private static readonly HashSet<string> Fixable =
        [.. typeof(Fixer).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Fixer)) && !type.IsAbstract).Select(type => ((Fixer)Activator.CreateInstance(type)!).FixableDiagnosticIds[0])];

    public static TheoryData<string> Pages { get; } = new(Directory.EnumerateFiles(PagesFolder, "GRAD*.md").Select(path => Path.GetFileNameWithoutExtension(path)!).Order());

    private static string PagesFolder => Path.Combine(AppContext.BaseDirectory, "Pages");

    [Fact]
    public void EveryRuleHasAPage() =>
        Assert.Empty(Rules.Select(rule => rule.SupportedDiagnostics[0]).Select(rule => rule.Id).Except(Pages.Select(row => row.Data)));

    [Theory]
    [MemberData(nameof(Pages))]
    public void ThePageNamesTitleSeverityAndMessageOfItsRule(string id)
    {
        var page = Read(id);
        var rule = DescriptorOf(id);
        var title = rule.Title.ToString();
        var severity = rule.DefaultSeverity.ToString();

        Assert.Equal($"# {id}: {char.ToLowerInvariant(title[0])}{title[1..]}", page.Split('\n')[0]);
        Assert.Contains($"| Severity | {severity}", page);
        var message = Placeholder().Replace(Regex.Escape(rule.MessageFormat.ToString()), ".+");
        Assert.Matches($@"(warning|{severity.ToLowerInvariant()}) {id}: {message}", Space().Replace(Section(page, "What you see"), " "));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void ThePageSaysWhetherThereIsAFix(string id) =>
        Assert.Equal(Fixable.Contains(id), !Regex.IsMatch(Read(id), @"\| Fix \| (None|-)"));

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task TheBadSampleIsReportedAndTheGoodOneIsNot(string id)
    {
        if (Sample(id, "Bad") is { } bad)
            Assert.NotEmpty(await Reports(id, bad));
        if (Sample(id, "Good") is { } good)
            Assert.Empty(await Reports(id, good));
    }

    private static DiagnosticDescriptor DescriptorOf(string id) => RuleOf(id).SupportedDiagnostics[0];

    private static Rule RuleOf(string id) => Rules.Single(rule => rule.SupportedDiagnostics[0].Id == id);

    private static string Read(string id) => File.ReadAllText(Path.Combine(PagesFolder, id + ".md")).ReplaceLineEndings("\n");

    /// <summary>The text below a heading, up to the next one.</summary>
    private static string Section(string page, string heading) => Regex.Match(page, $@"\n## {heading}\n(?<text>.*?)(\n## |\z)", RegexOptions.Singleline).Groups["text"].Value;

    private static string? Sample(string id, string heading) =>
        Regex.Match(Section(Read(id), heading), @"```csharp\n(?<code>.*?)```", RegexOptions.Singleline) is { Success: true } match ? match.Groups["code"].Value : null;

    private static async Task<IEnumerable<Diagnostic>> Reports(string id, string sample)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var trees = new[] { Framed(sample), Code.Usings, Code.Models }.Select(text => CSharpSyntaxTree.ParseText(text, options));
        var compilation = CSharpCompilation.Create("Page", trees, Code.References, new CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary, specificDiagnosticOptions: [new(id, ReportDiagnostic.Warn)]));
        var errors = compilation.GetDiagnostics(TestContext.Current.CancellationToken).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.True(!errors.Any(), string.Join('\n', errors));
        return await compilation.WithAnalyzers([RuleOf(id)]).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The rules on models speak of programs that train.</summary>
    private const string Trained = "public static class Training { public static void Step(Tensor loss) => loss.backward(); }";

    private static string Framed(string sample)
    {
        if (Regex.IsMatch(sample, @"\bclass \w"))
            return sample + Trained;
        var declared = new[] { ("model", "new CharRnn()"), ("optimizer", "torch.optim.Adam(model.parameters())") }
            .Where(variable => !Regex.IsMatch(sample, $@"\b(var|Optimizer|Module<.*?>) {variable.Item1}\b"))
            .Select(variable => $"var {variable.Item1} = {variable.Item2};");
        return $$"""
            public static class Page
            {
                public static void Sample(Tensor input, Tensor target, (Tensor Input, Tensor Target)[] batches)
                {
                    {{string.Join(' ', declared)}}
                    {{sample}}
                }
            }
            """;
    }

    [GeneratedRegex(@"\\\{\d+\}?}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
