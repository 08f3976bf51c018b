using System.Reflection;
using GradAnalyzers.Catalogue;
using GradAnalyzers.CodeFixes;
using GradAnalyzers.Monitor;
using GradAnalyzers.Rules.Training;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis;
using Xunit;

namespace GradAnalyzers.Tests.Rules.Training;

/// <summary>The clip that the package ships, in the forms that its pages show.</summary>
public sealed class MonitorTests
{
    public static TheoryData<string> Clipped { get; } =
    [
        Loop("using var monitor = new GradientMonitor(model);", "monitor.ClipGradNorm(1.0, loss);"),
        Loop("using var monitor = new GradientMonitor(model);", "monitor.ClipEachGradNorm(1.0, loss);"),
        Loop("using var monitor = new GradientMonitor(model).AddSink(new ConsoleProgress()).AddSink(new HtmlReport(\"gradients.html\"));", "monitor.ClipGradNorm(1.0, loss);"),
        Loop("using var monitor = new GradientMonitor(model).WatchActivations();", "var clipped = monitor.ClipGradNorm(maxNorm: 1.0); Console.WriteLine(clipped);"),
        Loop("GradientMonitor monitor = batches.Length > 5 ? new GradientMonitor(model) : null;", "monitor?.ClipEachGradNorm(0.5);"),
    ];

    [Theory]
    [MemberData(nameof(Clipped))]
    public Task TheMonitorsClipIsAClip(string code) => TrainingRules.AreSilent(Header + code, libraries: []);

    [Fact]
    public Task ObservingIsNone() => TrainingRules.Report(
        "GRAD2001",
        Header + Loop("using var monitor = new GradientMonitor(model).AddSink(new ConsoleProgress());", "monitor.Observe(loss);", step: "[|optimizer.step()|]"));

    [Fact]
    public Task AnObservedLoopThatNeverClearsIsReported() => TrainingRules.Report(
        "GRAD2003",
        Header + Loop("using var monitor = new GradientMonitor(model);", "monitor.ClipGradNorm(1.0, loss);", step: "[|optimizer.step()|]").Replace("optimizer.zero_grad();", ""));

    [Theory]
    [InlineData("ClipGradNorm")]
    [InlineData("ClipEachGradNorm")]
    public Task ItsClipAfterTheStepHasNoEffect(string clip) => TrainingRules.Report(
        "GRAD2002", Header + Loop("using var monitor = new GradientMonitor(model);", "", after: $"[|monitor.{clip}(1.0, loss)|];"));

    [Fact]
    public Task ItsClipBeforeBackwardHasNoEffect() => TrainingRules.Report(
        "GRAD2002",
        Header + Loop("using var monitor = new GradientMonitor(model).AddSink(new ConsoleProgress());", "").Replace("loss.backward();", "[|monitor.ClipGradNorm(1.0, loss)|]; loss.backward();"));

    [Fact]
    public Task ItsClipOfAnotherModelHasNoEffect() => TrainingRules.Report(
        "GRAD2002",
        Header + Loop("using var monitor = new GradientMonitor(new CharRnn()).AddSink(new ConsoleProgress());", "[|monitor.ClipGradNorm(1.0, loss)|];"));

    [Fact]
    public Task TheFixMovesIt() => Verify<ClippingHasNoEffect, ClippingHasNoEffectFixer>.Fixes(
        Header + Loop("using var monitor = new GradientMonitor(model);", "", after: "[|monitor.ClipGradNorm(1.0, loss)|];"),
        Header + Loop("using var monitor = new GradientMonitor(model);", "", step: "monitor.ClipGradNorm(1.0, loss);\n    optimizer.step()"));

    /// <summary>Every method of the monitor says in the catalogue what it does to gradients, and every line there binds.</summary>
    [Fact]
    public void EveryMethodOfTheMonitorIsInTheCatalogue()
    {
        var compilation = CSharpCompilation.Create("Any", references: Code.References);
        var catalogue = ModelCatalogue.For(compilation, new AnalyzerOptions([]));
        var monitor = compilation.GetTypeByMetadataName(typeof(GradientMonitor).FullName!)!;
        var methods = typeof(GradientMonitor).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly).Where(method => !method.IsSpecialName).Select(method => method.Name).Distinct().ToList();

        Assert.Contains(nameof(GradientMonitor.ClipGradNorm), methods);
        Assert.All(methods, name => Assert.All(monitor.GetMembers(name), method => Assert.NotNull(catalogue.Find(method))));
        Assert.All(methods.Where(name => name.Contains("Clip", StringComparison.Ordinal)), name => Assert.All(monitor.GetMembers(name), method =>
        {
            Assert.Equal(Role.ClipNorm, catalogue.Find(method)!.Role);
            Assert.Contains(((IMethodSymbol)method).Parameters, parameter => catalogue.Find(method)!.Carries("threshold", parameter.Name));
        }));
        Assert.Equal(Role.Measure, catalogue.Find(monitor)!.Role);
        var lines = ModelCatalogue.BuiltInEntries.Where(entry => entry.Assembly == monitor.ContainingAssembly.Name).ToList();
        Assert.Equal(methods.Count + 1, lines.Count);
        Assert.All(lines.Where(line => line.Member != "GradAnalyzers.Monitor.GradientMonitor"), line => Assert.Contains(line.Member.Split('.')[^1], methods));
    }

    /// <summary>No other type of the monitor's assembly has a public method that is handed a module, a parameter or an optimizer.</summary>
    [Fact]
    public void NothingElseThereIsHandedAModel() => Assert.DoesNotContain(
        typeof(GradientMonitor).Assembly.GetExportedTypes().Where(type => type != typeof(GradientMonitor)).SelectMany(type => type.GetMethods().Cast<MethodBase>().Concat(type.GetConstructors())),
        method => method.GetParameters().Any(parameter => typeof(TorchSharp.torch.nn.Module).IsAssignableFrom(parameter.ParameterType) || typeof(TorchSharp.torch.optim.Optimizer).IsAssignableFrom(parameter.ParameterType)));

    private const string Header = "using GradAnalyzers.Monitor;\n";

    private static string Loop(string before, string clip, string step = "optimizer.step()", string after = "") => Code.InMethod(string.Join('\n', new[]
    {
        "var model = new CharRnn();",
        "var optimizer = torch.optim.Adam(model.parameters());",
        before,
        "foreach (var (input, target) in batches)",
        "{",
        "    optimizer.zero_grad();",
        "    var loss = functional.mse_loss(model.forward(input), target);",
        "    loss.backward();",
        "    " + clip,
        $"    {step};",
        "    " + after,
        "}",
    }.Where(line => line.Trim().Length > 0)));
}
