using System.Text.RegularExpressions;
using GradAnalyzers.CodeFixes;
using Microsoft.CodeAnalysis;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>
/// Every page of docs/rules says what its rule does. A page is laid out as: <c># GRADnnnn: title</c>, with a small first letter; a table with the rows
/// Severity and Fix ("None" where there is no fixer); <c>## What you see</c>, a text block with the message; <c>## Bad</c> and <c>## Good</c>, each beginning with
/// a <c>csharp</c> block, a <see cref="PageSample"/>; <c>## The fix</c>, with a block where what the fix makes of the bad sample is not the good one.
/// A block marked <c>csharp fragment</c> is not compiled. A block marked <c>csv</c> under <c>## Evidence</c> is an evidence file beside all samples of the page.
/// </summary>
public sealed partial class PageTests
{
    private static readonly Rule[] Rules =
        [.. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract).Select(type => (Rule)Activator.CreateInstance(type)!)];

    private static readonly HashSet<string> Fixable =
        [.. typeof(Fixer).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Fixer)) && !type.IsAbstract).Select(type => ((Fixer)Activator.CreateInstance(type)!).FixableDiagnosticIds[0])];

    public static TheoryData<string> Pages { get; } = new(Directory.EnumerateFiles(PagesFolder, "GRAD*.md").Select(path => Path.GetFileNameWithoutExtension(path)!).Order());

    /// <summary>The pages with code: all but those on configuration and reports.</summary>
    public static TheoryData<string> Samples { get; } = new(Pages.Select(row => row.Data).Where(id => Sample(id, "Bad") is not null));

    public static TheoryData<string> FixableSamples { get; } = new(Samples.Select(row => row.Data).Where(Fixable.Contains));

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
        var message = Placeholder().Replace(Regex.Escape(rule.MessageFormat.ToString()), ".*");
        Assert.Matches($@"(warning|{severity.ToLowerInvariant()}) {id}: {message}", Space().Replace(Section(page, "What you see"), " "));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void ThePageSaysWhetherThereIsAFix(string id) =>
        Assert.Equal(Fixable.Contains(id), !Regex.IsMatch(Read(id), @"\| Fix \| (None|-)"));

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task TheBadSampleIsReportedWhereItIsMarked(string id)
    {
        var sample = Parsed(id, "Bad");

        Assert.NotEmpty(sample.Marks);
        Assert.Equal(sample.Marks, await sample.Reports(id));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task ThePageShowsTheMessageOfTheBadSample(string id) =>
        Assert.EndsWith($" {(await Parsed(id, "Bad").Messages(id)).First()} ", Space().Replace(Section(Read(id), "What you see").Split("```")[1], " "));

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task TheGoodSampleIsNotReported(string id) => Assert.Empty(await Parsed(id, "Good").Reports(id));

    [Theory]
    [MemberData(nameof(FixableSamples))]
    public async Task TheFixMakesTheShownResultOfTheBadSample(string id) =>
        Assert.Equal(Sample(id, "The fix") ?? Sample(id, "Good"), await Parsed(id, "Bad").Fixed(id));

    private static DiagnosticDescriptor DescriptorOf(string id) => RuleOf(id).SupportedDiagnostics[0];

    private static Rule RuleOf(string id) => Rules.Single(rule => rule.SupportedDiagnostics[0].Id == id);

    private static string Read(string id) => File.ReadAllText(Path.Combine(PagesFolder, id + ".md")).ReplaceLineEndings("\n");

    /// <summary>The text below a heading, up to the next one.</summary>
    private static string Section(string page, string heading) => Regex.Match(page, $@"\n## {heading}\n(?<text>.*?)(\n## |\z)", RegexOptions.Singleline).Groups["text"].Value;

    private static string? Sample(string id, string heading, string language = "csharp") =>
        Regex.Match(Section(Read(id), heading), $@"```{language}\n(?<code>.*?)```", RegexOptions.Singleline) is { Success: true } match ? match.Groups["code"].Value : null;

    private static PageSample Parsed(string id, string heading) => PageSample.Parse(Sample(id, heading)!, Sample(id, "Evidence", "csv"));

    [GeneratedRegex(@"\\\{\d+\}?}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
