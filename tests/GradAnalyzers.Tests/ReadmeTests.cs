using System.Text.RegularExpressions;
using GradAnalyzers.CodeFixes;
using Microsoft.CodeAnalysis;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>README's table of rules, and the pages that reports link to, are those of the descriptors.</summary>
public sealed partial class ReadmeTests
{
    private static readonly Dictionary<string, DiagnosticDescriptor> Rules = typeof(Rule).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract)
        .Select(type => ((Rule)Activator.CreateInstance(type)!).SupportedDiagnostics[0]).ToDictionary(rule => rule.Id);

    private static readonly HashSet<string> Fixable =
        [.. typeof(Fixer).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Fixer)) && !type.IsAbstract).SelectMany(type => ((Fixer)Activator.CreateInstance(type)!).FixableDiagnosticIds)];

    public static TheoryData<string> Ids { get; } = new(Rules.Keys.Order(StringComparer.Ordinal));

    private static string Readme { get; } = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "README.md"));

    [Fact]
    public void TheTableHasOneRowForEveryRuleInTheirOrder() =>
        Assert.Equal(Ids.Select(row => row.Data), Row().Matches(Readme).Select(row => row.Groups["id"].Value));

    [Theory]
    [MemberData(nameof(Ids))]
    public void ARowSaysSeverityAndFixOfItsRule(string id)
    {
        var row = Row().Matches(Readme).Single(match => match.Groups["id"].Value == id);
        var rule = Rules[id];

        Assert.Equal($"docs/rules/{id}.md", row.Groups["page"].Value);
        Assert.Equal(rule.IsEnabledByDefault ? rule.DefaultSeverity.ToString() : "Off", row.Groups["severity"].Value);
        Assert.Equal(Fixable.Contains(id), row.Groups["fix"].Value != "-");
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void AReportLinksToThePageOfItsRule(string id)
    {
        Assert.Equal($"https://github.com/GradAnalyzers/GradAnalyzers/blob/main/docs/rules/{id}.md", Rules[id].HelpLinkUri);
        Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "Pages", id + ".md")), $"docs/rules has no page of {id}");
    }

    [GeneratedRegex(@"^\| \[(?<id>GRAD\d+)\]\((?<page>[^)]+)\) \| [^|]+ \| (?<severity>\w+) \| (?<fix>[^|]+) \|\r?$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
