using Xunit;

namespace GradAnalyzers.Package.Tests;

/// <summary>The presets in a project: one property chooses what is reported, and the project's own settings win over it.</summary>
public sealed class PresetTests(PackedPackage package)
{
    /// <summary>A risk (GRAD2001, a warning), a mistake (GRAD2003, a warning), and a threshold that never acts (GRAD2006, a suggestion).</summary>
    private const string Source = """
        using TorchSharp;
        using static TorchSharp.torch;

        namespace Demo;

        public static class Training
        {
            public static void Unclipped(Tensor input, Tensor target)
            {
                var model = nn.GRU(16, 32);
                var optimizer = optim.Adam(model.parameters());
                optimizer.zero_grad();
                nn.functional.mse_loss(model.call(input).Item1, target).backward();
                optimizer.step();
            }

            public static void NeverCleared(Tensor input, Tensor target)
            {
                var model = nn.Linear(16, 32);
                var optimizer = optim.Adam(model.parameters());
                for (var i = 0; i < 10; i++)
                {
                    nn.functional.mse_loss(model.call(input), target).backward();
                    nn.utils.clip_grad_norm_(model.parameters(), 1e9);
                    optimizer.step();
                }
            }
        }
        """;

    [Theory]
    [InlineData("", "warning GRAD2001", "warning GRAD2003")]
    [InlineData("Minimum", "warning GRAD2003")]
    [InlineData("Recommended", "warning GRAD2001", "warning GRAD2003")]
    [InlineData("all", "warning GRAD2001", "warning GRAD2003", "warning GRAD2006")]
    public async Task TheModeChoosesWhatABuildPrints(string mode, params string[] expected)
    {
        var consumer = Consumer().WithProperties($"<GradAnalyzersMode>{mode}</GradAnalyzersMode>");

        Assert.Equal(expected, Reports((await consumer.Build()).Succeeded()));
    }

    [Theory]
    [InlineData("", "error GRAD2001", "error GRAD2003")]
    [InlineData("Minimum", "error GRAD2003")]
    [InlineData("All", "error GRAD2001", "error GRAD2003", "error GRAD2006")]
    public async Task WarningsAreErrorsWhereTheProjectAsksForIt(string mode, params string[] expected)
    {
        var consumer = Consumer().WithProperties($"<GradAnalyzersMode>{mode}</GradAnalyzersMode><GradAnalyzersWarningsAsErrors>true</GradAnalyzersWarningsAsErrors>");

        Assert.Equal(expected, Reports((await consumer.Build()).Exited(1)));
    }

    [Fact]
    public async Task ThePresetGivesWayToEditorConfigAndIsObeyedByFormat()
    {
        var consumer = Consumer().WithProperties("<GradAnalyzersMode>All</GradAnalyzersMode>").WithEditorConfig("dotnet_diagnostic.GRAD2001.severity = none");

        // It takes a preset's lower severity, but not its higher one: GRAD2006 is a suggestion to it.
        (await consumer.FormatAnalyzers("--severity", "info")).Succeeded();

        var text = consumer.Read("Training.cs");
        Assert.DoesNotContain("max_norm: 1.0", text);
        Assert.Contains("nn.utils.clip_grad_norm_(model.parameters(), 1.0);", text);
    }

    [Fact]
    public async Task ThePresetGivesWayToAGlobalConfigOfTheProject()
    {
        var consumer = Consumer().WithProperties("<GradAnalyzersMode>All</GradAnalyzersMode><GradAnalyzersWarningsAsErrors>true</GradAnalyzersWarningsAsErrors>")
            .With(".globalconfig", "is_global = true\ndotnet_diagnostic.GRAD2001.severity = none\ndotnet_diagnostic.GRAD2003.severity = warning\n");

        Assert.Equal(["error GRAD2006", "warning GRAD2003"], Reports((await consumer.Build()).Exited(1)));
    }

    [Fact]
    public async Task ThePresetOfErrorsLeavesOtherWarningsAlone()
    {
        var consumer = new Consumer(package, Setting.TorchSharpVersion).WithProperties("<GradAnalyzersWarningsAsErrors>true</GradAnalyzersWarningsAsErrors>")
            .With("Unused.cs", "namespace Demo; public static class Unused { public static void Run() { int unused; } }");

        var build = (await consumer.Build()).Succeeded();

        Assert.Equal(("warning", "CS0168"), Assert.Single(build.Diagnostics.Select(diagnostic => (diagnostic.Severity, diagnostic.Id))));
    }

    [Fact]
    public async Task AModeThatDoesNotExistNamesThoseThatDo()
    {
        var build = (await Consumer().WithProperties("<GradAnalyzersMode>Strict</GradAnalyzersMode>").Build()).Exited(1);

        Assert.Contains("GradAnalyzersMode is 'Strict'; write Minimum, Recommended or All", build.Output);
    }

    private Consumer Consumer() => new Consumer(package, Setting.TorchSharpVersion).With("Training.cs", Source);

    private static IEnumerable<string> Reports(Run run) => run.Reports.Select(report => $"{report.Severity} {report.Id}").Order(StringComparer.Ordinal);
}
