using Microsoft.CodeAnalysis;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>
/// The presets of the package, <c>src/GradAnalyzers.Package/presets</c>, are what the descriptors say. After a change of a descriptor, run these tests with
/// PRESETS set to that folder: it is written anew.
/// </summary>
public sealed class PresetTests
{
    /// <summary>Rules on code that is wrong in any network and on any data, and on what was measured. The others predict, or warn of a risk.</summary>
    private static readonly HashSet<string> Mistakes =
        ["GRAD0001", "GRAD1005", "GRAD1006", "GRAD1007", "GRAD2002", "GRAD2003", "GRAD2004", "GRAD2005", "GRAD2007", "GRAD2008", "GRAD2009", "GRAD2010", "GRAD3001", "GRAD3004", "GRAD3005", "GRAD4001", "GRAD4002", "GRAD4007", "GRAD9001", "GRAD9002", "GRAD9003"];

    private static readonly DiagnosticDescriptor[] Rules =
        [.. typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract)
            .Select(type => ((Rule)Activator.CreateInstance(type)!).SupportedDiagnostics[0]).OrderBy(rule => rule.Id, StringComparer.Ordinal)];

    public static TheoryData<string, bool> Presets { get; } = new(
        from mode in new[] { "Minimum", "Recommended", "All" }
        from asErrors in new[] { false, true }
        select (mode, asErrors));

    [Theory]
    [MemberData(nameof(Presets))]
    public void APresetSaysOfEveryRuleWhatItsDescriptorAndTheModeSay(string mode, bool asErrors)
    {
        var file = $"{mode.ToLowerInvariant()}{(asErrors ? ".errors" : "")}.globalconfig";
        var expected = Text(mode, asErrors);
        if (Environment.GetEnvironmentVariable("PRESETS") is { Length: > 0 } folder)
            File.WriteAllText(Path.Combine(folder, file), expected);
        else
            Assert.Equal(expected, File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Presets", file)).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void EveryMistakeIsARule() => Assert.Empty(Mistakes.Except(Rules.Select(rule => rule.Id)));

    private static string Text(string mode, bool asErrors)
    {
        // Below 100, the level of a project's own .globalconfig.
        var lines = new List<string>
        {
            $"# GradAnalyzersMode={mode}{(asErrors ? " with GradAnalyzersWarningsAsErrors=true" : "")}. An .editorconfig or .globalconfig of the project wins over it.",
            "is_global = true",
            "global_level = -1",
        };
        foreach (var rule in Rules)
        {
            var severity = Severity(rule, mode);
            lines.AddRange(["", $"# {rule.Title}", $"dotnet_diagnostic.{rule.Id}.severity = {(asErrors && severity == "warning" ? "error" : severity)}"]);
        }

        return string.Join('\n', lines) + "\n";
    }

    /// <summary>A rule that is off reports figures, nothing wrong: no mode makes it a warning.</summary>
    private static string Severity(DiagnosticDescriptor rule, string mode) => mode switch
    {
        "Minimum" when rule.IsEnabledByDefault => Mistakes.Contains(rule.Id) ? "warning" : "suggestion",
        "All" => rule.IsEnabledByDefault ? "warning" : "suggestion",
        _ when !rule.IsEnabledByDefault => "none",
        _ => rule.DefaultSeverity == DiagnosticSeverity.Info ? "suggestion" : rule.DefaultSeverity.ToString().ToLowerInvariant(),
    };
}
