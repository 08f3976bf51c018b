using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using GradAnalyzers.Tests.Models;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Flow.MissingNormalization, GradAnalyzers.CodeFixes.MissingNormalizationFixer>;

namespace GradAnalyzers.Tests.Rules.Flow;

public sealed class MissingNormalizationTests
{
    [Fact]
    public Task Vgg16WithoutNormalizationIsReportedAndNormalized() => Verify.Fixes(
        WellKnownModels.Vgg16,
        WellKnownModels.Vgg16.Replace("[|", "").Replace("|]", "")
            .Replace("padding: 1));\n", "padding: 1));\n                layers.Add(BatchNorm2d(width));\n")
            .Replace("Linear(512 * 7 * 7, 4096),", "Linear(512 * 7 * 7, 4096), BatchNorm1d(4096),")
            .Replace("Linear(4096, 4096),", "Linear(4096, 4096), BatchNorm1d(4096),"),
        models: Training.Models);

    [Fact]
    public Task ADeepForwardGetsFieldsForItsNormalization() => Verify.Fixes(
        Deep(
            """
                private readonly Linear fc1 = [|Linear(32, 32)|];
                private readonly Linear fc2 = Linear(32, 32);
                private readonly Linear fc3;
                private readonly Linear fc4 = Linear(32, 32);
                private readonly Linear fc5 = Linear(32, 32);
                private readonly Linear fc6 = Linear(32, 32);
                private readonly Linear fc7 = Linear(32, 32);
                private readonly Linear fc8 = Linear(32, 32);
                private readonly Linear fc9 = Linear(32, 32);
                private readonly Linear fc10 = Linear(32, 32);
                private readonly Linear fc11 = Linear(32, 32);
                private readonly Linear fc12 = Linear(32, 32);
                private readonly Linear fc13 = Linear(32, 32);
                private readonly Linear fc14 = Linear(32, 32);
                private readonly Linear head = Linear(32, 10);

            """,
            "        fc3 = Linear(32, 32);\n",
            number => $"        x = functional.relu(fc{number}.forward(x));\n"),
        Deep(
            "    private readonly Linear fc1 = Linear(32, 32);\n    private readonly BatchNorm1d fc1Norm = BatchNorm1d(32);\n"
            + "    private readonly Linear fc2 = Linear(32, 32);\n    private readonly BatchNorm1d fc2Norm = BatchNorm1d(32);\n"
            + "    private readonly Linear fc3;\n    private readonly BatchNorm1d fc3Norm;\n"
            + string.Concat(Enumerable.Range(4, 11).Select(number => $"    private readonly Linear fc{number} = Linear(32, 32);\n    private readonly BatchNorm1d fc{number}Norm = BatchNorm1d(32);\n"))
            + "    private readonly Linear head = Linear(32, 10);\n",
            "        fc3 = Linear(32, 32);\n        fc3Norm = BatchNorm1d(32);\n",
            number => $"        x = functional.relu(fc{number}Norm.forward(fc{number}.forward(x)));\n"),
        models: Training.Models);

    [Fact]
    public Task KaimingInitializationIsTheLastChoice() => Verify.Fixes(
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> layers;

            public Net() : base(nameof(Net))
            {
                var elements = new List<(string, Module<Tensor, Tensor>)>();
                for (var i = 0; i < 20; i++)
                {
                    elements.Add(($"fc{i}", [|Linear(32, 32)|]));
                    elements.Add(($"act{i}", ReLU()));
                }

                elements.Add(("head", Linear(32, 10)));
                layers = Sequential(elements);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => layers.call(x);
        }
        """,
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> layers;

            public Net() : base(nameof(Net))
            {
                var elements = new List<(string, Module<Tensor, Tensor>)>();
                for (var i = 0; i < 20; i++)
                {
                    elements.Add(($"fc{i}", Linear(32, 32)));
                    elements.Add(($"act{i}", ReLU()));
                }

                elements.Add(("head", Linear(32, 10)));
                layers = Sequential(elements);
                RegisterComponents();
                foreach (var module in modules())
                {
                    if (module is Linear linear)
                        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                }
            }

            public override Tensor forward(Tensor x) => layers.call(x);
        }
        """, choice: 2, models: Training.Models);

    [Fact]
    public Task ANamedListGetsANamedNormalization() => Verify.Fixes(
        Named("            elements.Add(($\"fc{i}\", [|nn.Linear(32, 32)|]));\n"),
        Named("            elements.Add(($\"fc{i}\", nn.Linear(32, 32)));\n            elements.Add(($\"fc{i}_norm\", nn.BatchNorm1d(32)));\n"),
        models: Training.Models);

    [Fact]
    public Task AModuleListElementBecomesASequentialOfBoth() => Verify.Fixes(
        List("[|Linear(width, width)|]"), List("Sequential(Linear(width, width), BatchNorm1d(width))"), models: Training.Models);

    [Theory]
    [InlineData("layers.append([|Linear(32, 32)|]);\n            layers.append(ReLU());", "layers.append(Linear(32, 32));\n            layers.append(BatchNorm1d(32));\n            layers.append(ReLU());")]
    [InlineData("layers.append([|Linear(32, 32)|]).append(ReLU());", "layers.append(Linear(32, 32)).append(BatchNorm1d(32)).append(ReLU());")]
    public Task WhatIsAppendedToASequentialIsFollowedByItsNormalization(string appended, string normalized) =>
        Verify.Fixes(Appended(appended), Appended(normalized), models: Training.Models);

    private static string Appended(string statements) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential();

            public Net() : base(nameof(Net))
            {
                for (var i = 0; i < 20; i++)
                {
                    {{statements}}
                }
                layers.append(Linear(32, 10));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        """;

    [Fact]
    public Task ElementsOnLinesOfTheirOwnKeepTheirComments() => Verify.Fixes(
        Lines("[|Linear(32, 32)|], // first", "Linear(32, 32), // next"),
        Lines("Linear(32, 32), // first\n        BatchNorm1d(32),", "Linear(32, 32), // next\n        BatchNorm1d(32),"),
        models: Training.Models);

    [Fact]
    public Task SeveralLayersOfOneDeclarationGetFieldsOfTheirOwn() => Verify.Fixes(
        Together("", "[|Linear(32, 32)|]", "a = {0}; b = Linear(32, 32);", "b.forward(functional.relu(a.forward(x)))"),
        Together("\n    private readonly BatchNorm1d bNorm;\n    private readonly BatchNorm1d aNorm;", "Linear(32, 32)", "a = {0};\n        aNorm = BatchNorm1d(32);\n        b = Linear(32, 32);\n        bNorm = BatchNorm1d(32);", "bNorm.forward(b.forward(functional.relu(aNorm.forward(a.forward(x)))))"),
        models: Training.Models);

    private static string Together(string fields, string first, string assignments, string step) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear a, b;{{fields}}
            private readonly Sequential rest = Sequential({{string.Concat(Enumerable.Repeat(fields.Length == 0 ? "Linear(32, 32), ReLU(), " : "Linear(32, 32), BatchNorm1d(32), ReLU(), ", 14))}}Linear(32, 10));

            public Net() : base(nameof(Net))
            {
                {{string.Format(System.Globalization.CultureInfo.InvariantCulture, assignments, first).Replace("; b", ";\n        b")}}
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => rest.forward(functional.relu({{step}}));
        }
        """;

    [Fact]
    public Task OverTokensItIsLayerNorm() => Verify.Fixes(
        Tokens("[|Linear(32, 32)|], ReLU()"), Tokens("Linear(32, 32), LayerNorm(32), ReLU()"), models: Training.Models);

    [Fact]
    public void ThresholdsAreTheUsers()
    {
        var compilation = ModelSource.Compile(Lines("Linear(32, 32),", "Linear(32, 32),") + Training.Step);
        var models = PredictedModels.For(compilation, ModelCatalogue.For(compilation, new AnalyzerOptions([])));

        Assert.Single(Found(Thresholds.Default));
        Assert.Empty(Found(new Thresholds(VanishingRatio: 1e-9, VanishingAttenuation: 1e-9)));

        IEnumerable<FlowFinding> Found(Thresholds thresholds) =>
            compilation.SyntaxTrees.SelectMany(tree => new MissingNormalization().In(tree, models, thresholds, TestContext.Current.CancellationToken));
    }

    private static string Tokens(string block) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Embedding tokens = Embedding(100, 32);
            private readonly Sequential body = Sequential(
        {{string.Concat(Enumerable.Repeat($"        {block.Replace("[|", "").Replace("|]", "")},\n", 14))}}        Linear(32, 100));

            public Net() : base(nameof(Net)) => RegisterComponents();

            public override Tensor forward(Tensor x) => body.forward(tokens.forward(x));
        }
        """.Replace("tokens = Embedding(100, 32)", block.Contains("[|") ? "tokens = [|Embedding(100, 32)|]" : "tokens = Embedding(100, 32)");

    private static string Deep(string fields, string assignment, Func<int, string> use) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
        {{fields}}
            public Net() : base(nameof(Net))
            {
        {{assignment}}        RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
        {{string.Concat(Enumerable.Range(1, 14).Select(use))}}        return head.forward(x);
            }
        }
        """;

    private static string Named(string add) => $$"""
        public static class Program
        {
            public static Module<Tensor, Tensor> Create()
            {
                var elements = new List<(string, Module<Tensor, Tensor>)>();
                for (var i = 0; i < 20; i++)
                {
        {{add}}            elements.Add(($"act{i}", ReLU()));
                }

                elements.Add(("head", Linear(32, 10)));
                return Sequential(elements);
            }
        }
        """;

    private static string List(string creation) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> layers = new();
            private readonly Linear head;

            public Net(int width = 32, int depth = 18) : base(nameof(Net))
            {
                for (var i = 0; i < depth; i++)
                    layers.Add({{creation}});
                head = Linear(width, 10);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                foreach (var layer in layers)
                    x = functional.relu(layer.call(x));
                return head.call(x);
            }
        }
        """;

    private static string Lines(string first, string next) => $$"""
        public static class Program
        {
            public static Module<Tensor, Tensor> Create() => Sequential(
                {{first}}
                ReLU(),
        {{string.Concat(Enumerable.Repeat($"        {next}\n        ReLU(),\n", 14))}}        Linear(32, 10));
        }
        """;
}
