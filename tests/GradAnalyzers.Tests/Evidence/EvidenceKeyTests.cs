using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Rules.Flow;
using GradAnalyzers.Rules.Measured;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace GradAnalyzers.Tests.Evidence;

/// <summary>One compilation, and evidence that comes, changes and goes: what is kept of an earlier answer is never mistaken for the new one.</summary>
public sealed class EvidenceKeyTests
{
    private const string Code = """
        public class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(Linear(16, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 1));
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        public static class Training { public static void Step(Tensor loss) => loss.backward(); }
        """;

    private static readonly CSharpCompilation Compilation = CSharpCompilation.Create("Program",
        [CSharpSyntaxTree.ParseText(Code, path: "Net.cs"), CSharpSyntaxTree.ParseText(GradAnalyzers.Tests.Code.Usings, path: "Usings.cs")], GradAnalyzers.Tests.Code.References, new(OutputKind.DynamicallyLinkedLibrary));

    [Fact]
    public async Task TheAnswerIsThatOfTheEvidenceOfTheMoment()
    {
        var refuting = Text("healthy", 0.4);
        var confirming = Text("vanishing", 3e-5);

        foreach (var (evidence, expected) in new[] { (null, "output"), (refuting, ""), (confirming, "measured 3e-5"), (null, "output"), (refuting, ""), (confirming.Replace("3E-05", "7E-05"), "measured 7e-5") })
        {
            var reports = await Reports(new SaturatingStack(), evidence);
            if (expected.Length == 0)
                Assert.Empty(reports);
            else if (expected == "output")
                Assert.DoesNotContain("measured", Assert.Single(reports));
            else
                Assert.Contains(expected, Assert.Single(reports));
        }
    }

    [Fact]
    public async Task WithoutEvidenceItsRulesRegisterNothing()
    {
        foreach (var rule in new DiagnosticAnalyzer[] { new MeasuredVanishing(), new MeasuredExploding(), new MeasuredDead(), new StaleEvidence() })
        {
            Assert.Equal(0, await Registered(rule, null));
            Assert.Equal(1, await Registered(rule, Text("vanishing", 3e-5)));
        }
    }

    private static string Text(string verdict, double first) => MeasuredProgram.File("Net", [.. Enumerable.Range(0, 5).SelectMany(i => new[]
    {
        MeasuredProgram.Row($"layers.{2 * i}.weight", i == 0 ? verdict : "healthy", i == 0 ? first : 1), MeasuredProgram.Row($"layers.{2 * i}.bias", "healthy", 1),
    })]);

    private static async Task<string[]> Reports(DiagnosticAnalyzer rule, string? evidence) =>
        [.. (await With(rule, evidence).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken)).Select(report => report.GetMessage(CultureInfo.InvariantCulture))];

    private static async Task<int> Registered(DiagnosticAnalyzer rule, string? evidence)
    {
        var analysis = With(rule, evidence);
        await analysis.GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        return (await analysis.GetAnalyzerTelemetryInfoAsync(rule, TestContext.Current.CancellationToken)).SemanticModelActionsCount;
    }

    private static CompilationWithAnalyzers With(DiagnosticAnalyzer rule, string? evidence) =>
        Compilation.WithAnalyzers([rule], new AnalyzerOptions(evidence is null ? [] : ImmutableArray.Create<AdditionalText>(new File(evidence))));

    private sealed class File(string text) : AdditionalText
    {
        private readonly SourceText text = SourceText.From(text);

        public override string Path => "Net.gradients.csv";

        public override SourceText GetText(CancellationToken cancellationToken = default) => text;
    }
}
