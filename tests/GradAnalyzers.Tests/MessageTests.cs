using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using GradAnalyzers.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>What a person reads in a terminal.</summary>
public sealed partial class MessageTests
{
    private const int Longest = 160;

    /// <summary>The cases of the package, as they are, and with names as long as people give them.</summary>
    public static TheoryData<string, bool> Cases { get; } = new(
        from path in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Cases"), "GRAD*.cs").Order()
        where !path.EndsWith(".fixed.cs", StringComparison.Ordinal)
        from hasLongNames in new[] { false, true }
        select (Path.GetFileName(path), hasLongNames));

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task AMessageFitsALineAndIsPrintedOnce(string file, bool hasLongNames)
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Cases", file)).Replace("[|", "").Replace("|]", "");
        var reports = await Reports(hasLongNames ? Lengthened(text) : text);

        Assert.All(reports.Select(report => report.GetMessage(CultureInfo.InvariantCulture)), message => Assert.InRange(message.Length, 20, Longest));
        Assert.All(reports, report => Assert.DoesNotContain("k__BackingField", report.GetMessage(CultureInfo.InvariantCulture)));
        Assert.Distinct(reports.Select(report => (report.Location, report.GetMessage(CultureInfo.InvariantCulture))));
    }

    [Fact]
    public void EveryRuleHasACaseHere() => Assert.Equal(
        typeof(Descriptors).GetFields().Select(field => field.Name).Except(["GRAD0001", "GRAD0002"]).Order(),
        Cases.Select(row => row.Data.Item1[..8]).Distinct().Order());

    [Theory]
    [InlineData("Acme.Dense linaer")]
    [InlineData("Acme.Dense nothing_like_any_role")]
    [InlineData("Acme.Dense.WithAVeryLongNameThatSomebodyGaveToIt.AndAnotherOne.AndYetAnother.AndTheLastOfThem.AndOneMore")]
    [InlineData("Acme.Dense a_role_that_is_as_long_as_nobody_would_ever_write_it_but_for_a_test_of_how_long_a_message_can_be_in_the_end_and_longer")]
    public async Task ABadLineOfACatalogueFitsALine(string line)
    {
        var options = new AnalyzerOptions([new CatalogueFile(line)]);
        var report = Assert.Single(await CSharpCompilation.Create("Any", references: Code.References).WithAnalyzers([new GradAnalyzers.Rules.Configuration.InvalidConfiguration()], options).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken));

        Assert.InRange(report.GetMessage(CultureInfo.InvariantCulture).Length, 20, Longest);
    }

    [Fact]
    public async Task TheVariableIsTheOneAtTheReportedPlace() => Assert.Equal(
        ["GRAD2001: 'CharRnn' is recurrent and is stepped without gradient clipping (reach: 14 steps); call torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0) after backward"],
        await TrainingRules.Messages("""
            public static class Program
            {
                public static void Main2(Tensor x, Tensor y)
                {
                    var network = new CharRnn();
                    Train(network, torch.optim.Adam(network.parameters()), x, y);
                }
                private static void Train(Module<Tensor, Tensor> inner, torch.optim.Optimizer opt, Tensor x, Tensor y)
                {
                    opt.zero_grad();
                    functional.mse_loss(inner.forward(x), y).backward();
                    opt.step();
                }
            }
            """));

    [Fact]
    public async Task WhereNothingHasANameNoneIsMadeUp()
    {
        var message = Assert.Single(await TrainingRules.Messages("""
            public static class Program
            {
                public static void Main2(Tensor x, Tensor y) => Train(Make(), x, y);
                private static CharRnn Make() => new CharRnn();
                private static void Train(Module<Tensor, Tensor> inner, Tensor x, Tensor y)
                {
                    var opt = torch.optim.Adam(inner.parameters());
                    opt.zero_grad();
                    functional.mse_loss(inner.forward(x), y).backward();
                    opt.step();
                }
            }
            """));

        Assert.EndsWith("; call torch.nn.utils.clip_grad_norm_ after backward", message);
    }

    [Fact]
    public async Task AnOptimizerGoesByItsName() => Assert.Equal(
        ["GRAD2003: 'stepper' is stepped in a loop that never clears gradients; every step uses the sum of all so far. Call zero_grad() before backward."],
        await TrainingRules.Messages(Code.InMethod("""
            var model = new Mlp();
            var stepper = torch.optim.Adam(model.parameters());
            foreach (var (a, b) in batches)
            {
                functional.mse_loss(model.forward(a), b).backward();
                stepper.step();
            }
            """)));

    [Fact]
    public async Task TwoStepsInOneCallAreSaidOnce() => Assert.Single(await TrainingRules.Messages("""
        public sealed class Trainer
        {
            public void Run(Mlp model, (Tensor X, Tensor Y)[] batches)
            {
                var optimizer = torch.optim.Adam(model.parameters());
                foreach (var (x, y) in batches)
                    Round(model, optimizer, x, y);
            }
            private static void Round(Mlp model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                if (x.shape[0] > 3)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    optimizer.step();
                }
                else
                {
                    functional.l1_loss(model.forward(x), y).backward();
                    optimizer.step();
                }
            }
        }
        """));

    [Fact]
    public async Task APropertyGoesByItsName()
    {
        var message = Assert.Single(await Reports("""
            using TorchSharp;
            using TorchSharp.Modules;
            using static TorchSharp.torch;
            public sealed class Net : nn.Module<Tensor, Tensor>
            {
                private Linear First { get; } = nn.Linear(64, 64);
                private Linear Second { get; } = nn.Linear(64, 64);
                private Linear Third { get; } = nn.Linear(64, 64);
                private Linear Fourth { get; } = nn.Linear(64, 64);
                private Linear Fifth { get; } = nn.Linear(64, 10);
                public Net() : base("Net") => RegisterComponents();
                public override Tensor forward(Tensor x) => Fifth.forward(sigmoid(Fourth.forward(sigmoid(Third.forward(sigmoid(Second.forward(sigmoid(First.forward(x)))))))));
            }
            public static class Training { public static void Step(Tensor loss) => loss.backward(); }
            """)).GetMessage(CultureInfo.InvariantCulture);

        Assert.Contains("'First'", message);
        Assert.DoesNotContain("BackingField", message);
    }

    [Fact]
    public void WhatIsTooLongTakesItsShorterFormsBeforeItIsCut()
    {
        Assert.Equal(["A", " (more)", "call it"], Message.Fit(Descriptors.GRAD2001, ["A", Forms.Of(" (more)", ""), Forms.Of("call it", "call")]));
        Assert.Equal([new string('a', 60), "", "call it"], Message.Fit(Descriptors.GRAD2001, [new string('a', 60), Forms.Of(new string('m', 60), ""), Forms.Of("call it", "call")]));
        Assert.All(new[] { 100, 200, 400 }, length => Assert.InRange(
            string.Format(CultureInfo.InvariantCulture, Descriptors.GRAD2009.MessageFormat.ToString(CultureInfo.InvariantCulture), Message.Fit(Descriptors.GRAD2009, [new string('a', length), new string('b', length)])).Length, Longest - 2, Longest));
    }

    private static string Lengthened(string text) => Name().Replace(text, name => name.Value + (char.IsUpper(name.Value[0]) ? "OfTheLargeHierarchicalSequenceModelling" : "OfTheEncoderAndTheDecoderTogether"));

    private static async Task<ImmutableArray<Diagnostic>> Reports(string text)
    {
        const string Usings = "global using System; global using System.Collections.Generic; global using System.Linq; global using System.Threading.Tasks;";
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var compilation = CSharpCompilation.Create("Case", new[] { text, Usings }.Select(source => CSharpSyntaxTree.ParseText(source, options)), Code.References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        Assert.DoesNotContain(compilation.GetDiagnostics(TestContext.Current.CancellationToken), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        var rules = typeof(Rule).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Rule)) && !type.IsAbstract).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!).ToImmutableArray();
        var reports = await compilation.WithAnalyzers(rules).GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
        return [.. reports.Where(report => report.Id != "GRAD0002")];
    }

    [GeneratedRegex(@"\b(model|optimizer|net|network|encoder|decoder|fc1|fc2|CharRnn|Mlp|Net)\b")]
    private static partial Regex Name();

    private sealed class CatalogueFile(string text) : AdditionalText
    {
        public override string Path => "company.catalogue.txt";

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
