using GradAnalyzers.CodeFixes;
using GradAnalyzers.Rules.Losses;
using Xunit;
using CrossEntropy = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Losses.SoftmaxBeforeCrossEntropy, GradAnalyzers.CodeFixes.SoftmaxBeforeCrossEntropyFixer>;
using Binary = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Losses.SigmoidBeforeBinaryCrossEntropy, GradAnalyzers.CodeFixes.SigmoidBeforeBinaryCrossEntropyFixer>;

namespace GradAnalyzers.Tests.Rules.Losses;

public sealed class LossPairTests
{
    /// <summary>A training step: statements that make <c>loss</c>.</summary>
    private static string Step(string statements) => Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        optimizer.zero_grad();
        {{statements}}
        loss.backward();
        optimizer.step();
        """);

    [Theory]
    [InlineData("var p = functional.softmax(model.forward(x), 1);", "var p = model.forward(x);")]
    [InlineData("var p = torch.softmax(model.forward(x), dim: 1);", "var p = model.forward(x);")]
    [InlineData("var p = model.forward(x).softmax(1);", "var p = model.forward(x);")]
    [InlineData("var p = Softmax(1).forward(model.forward(x));", "var p = model.forward(x);")]
    [InlineData("var p = functional.softmax(model.forward(x), 1).view(-1, 16);", "var p = model.forward(x).view(-1, 16);")]
    [InlineData("using var p = functional.softmax(model.forward(x), 1); var right = p.argmax(1);", "using var p = model.forward(x); var right = p.argmax(1);")]
    public Task TheSoftmaxIsDropped(string statement, string expected) => CrossEntropy.Fixes(
        Step(statement + "\nvar loss = [|functional.cross_entropy(p, y)|];"),
        Step(expected + "\nvar loss = functional.cross_entropy(p, y);"));

    [Fact]
    public Task AStatementThatDoesNothingElseGoes() => CrossEntropy.Fixes(
        Step("var p = model.forward(x);\np = functional.softmax(p, 1);\nvar loss = [|functional.cross_entropy(p, y)|];"),
        Step("var p = model.forward(x);\nvar loss = functional.cross_entropy(p, y);"));

    [Theory]
    [InlineData("var p = functional.softmax(model.forward(x), 1); p.print();")]
    [InlineData("var p = functional.softmax(model.forward(x), 1); var best = p[0];")]
    public Task WhatThePredictionReadsTooIsLeftToThePerson(string statement) => CrossEntropy.OffersNoFix(Step(statement + "\nvar loss = [|functional.cross_entropy(p, y)|];"));

    private static string Classifier(string elements, string after, string loss) => $$"""
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = Sequential({{elements}});
                var criterion = CrossEntropyLoss();
                var optimizer = optim.Adam(model.parameters());
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    {{loss}}.backward();
                    optimizer.step();
                }

                {{after}}
            }
        }
        """;

    [Theory]
    [InlineData("Linear(4, 8), ReLU(), Linear(8, 3), Softmax(1)", "Linear(4, 8), ReLU(), Linear(8, 3)")]
    [InlineData("(\"fc\", Linear(4, 3)), (\"softmax\", Softmax(1))", "(\"fc\", Linear(4, 3))")]
    public Task TheLastElementOfASequentialIsDropped(string elements, string expected) => CrossEntropy.Fixes(
        Classifier(elements, "var best = model.forward(x).argmax(1);", "[|criterion.forward(model.forward(x), y)|]"),
        Classifier(expected, "var best = model.forward(x).argmax(1);", "criterion.forward(model.forward(x), y)"));

    [Fact]
    public Task NotWhereTheSequentialPredictsElsewhere() => CrossEntropy.OffersNoFix(
        Classifier("Linear(4, 3), Softmax(1)", "model.forward(x).print();", "[|criterion.forward(model.forward(x), y)|]"));

    private static string Network(string end, string use) => $$"""
        public class Network : Module<Tensor, Tensor>
        {
            private readonly Linear fc = Linear(4, 3);
            private readonly Module<Tensor, Tensor> softmax = Softmax(1);
            public Network() : base("Network") => RegisterComponents();
            public override Tensor forward(Tensor x)
            {
                x = fc.forward(x);
                {{end}}
            }
        }

        public static class Program
        {
            public static void Train(Network net, optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                var loss = {{use}};
                loss.backward();
                optimizer.step();
            }
        }
        """;

    [Theory]
    [InlineData("return functional.softmax(x, 1);", "return x;")]
    [InlineData("return softmax.forward(x);", "return x;")]
    [InlineData("x = functional.softmax(x, 1);\n        return x;", "return x;")]
    public Task InTheModelItIsDroppedWhereOnlyTheLossReadsIt(string end, string expected) => CrossEntropy.Fixes(
        Network(end, "[|functional.cross_entropy(net.forward(x), y)|]"), Network(expected, "functional.cross_entropy(net.forward(x), y)"));

    [Fact]
    public Task NotWhereTheModelPredictsElsewhere() => CrossEntropy.OffersNoFix(
        Network("return functional.softmax(x, 1);", "[|functional.cross_entropy(net.forward(x), y)|]") + """

        public static class Service
        {
            public static Tensor Probabilities(Network net, Tensor x) => net.forward(x);
        }
        """);

    [Fact]
    public Task AtTheCallThatBringsTheModelIn() => CrossEntropy.Reports(Network("return functional.softmax(x, 1);", "functional.cross_entropy(net.forward(x), y)").Replace("Network net", "Module<Tensor, Tensor> net") + """

        public static class Start
        {
            public static void Main2(Tensor x, Tensor y)
            {
                var net = new Network();
                [|Program.Train(net, optim.Adam(net.parameters()), x, y)|];
            }
        }
        """);

    [Theory]
    [InlineData("var loss = functional.cross_entropy(model.forward(x), y);")]
    [InlineData("var loss = functional.cross_entropy(functional.log_softmax(model.forward(x), 1), y);")]
    [InlineData("var p = functional.softmax(model.forward(x), 1); var loss = functional.mse_loss(p, y);")]
    [InlineData("var p = model.forward(x); var loss = functional.cross_entropy(p, y); p = functional.softmax(p, 1); p.print();")]
    [InlineData("var p = model.forward(x); if (x.dim() > 2) p = functional.softmax(p, 1); var loss = functional.cross_entropy(p, y);")]
    [InlineData("var p = functional.softmax(model.forward(x), 1) * y; var loss = functional.cross_entropy(p, y);")]
    [InlineData("var p = functional.softmax(model.forward(x), 1); var metric = functional.cross_entropy(p, y).item<float>(); var loss = functional.mse_loss(model.forward(x), y);")]
    [InlineData("var loss = functional.cross_entropy(model.forward(x), functional.softmax(y, 1));")]
    public Task WhatReachesTheLossAsLogitsIsFine(string statements) => CrossEntropy.IsSilent(Step(statements));

    [Theory]
    [InlineData("var loss = [|functional.binary_cross_entropy(torch.sigmoid(model.forward(x)), y)|];", "var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);")]
    [InlineData("var bce = BCELoss(); var loss = [|bce.forward(model.forward(x).sigmoid(), y)|];", "var bce = BCEWithLogitsLoss(); var loss = bce.forward(model.forward(x), y);")]
    [InlineData("BCELoss bce = new BCELoss(); var loss = [|bce.call(functional.sigmoid(model.forward(x)), y)|];", "BCEWithLogitsLoss bce = new BCEWithLogitsLoss(); var loss = bce.call(model.forward(x), y);")]
    public Task TheLossOnLogitsIsTaken(string statements, string expected) => Binary.Fixes(Step(statements), Step(expected));

    [Fact]
    public Task WhereTheLossHasASecondUseItStays() => Binary.OffersNoFix(
        Step("var bce = BCELoss(); var q = y.clamp(0, 1); var loss = [|bce.forward(model.forward(x).sigmoid(), y)|] + bce.forward(q, y);"));

    [Theory]
    [InlineData("var p = model.forward(x).sigmoid(); var hits = (p > 0.5).sum(); var loss = [|functional.binary_cross_entropy(p, y)|];")]
    public Task AThresholdReadsTheProbability(string statements) => Binary.OffersNoFix(Step(statements));

    [Theory]
    [InlineData("var loss = functional.binary_cross_entropy(model.forward(x).sigmoid().clamp(1e-6, 1 - 1e-6), y);")]
    [InlineData("var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);")]
    public Task AGuardedSigmoidIsFine(string statements) => Binary.IsSilent(Step(statements));

    [Theory]
    [InlineData("var loss = [|functional.binary_cross_entropy_with_logits(torch.sigmoid(model.forward(x)), y)|];", "var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);")]
    [InlineData("var loss = [|BCEWithLogitsLoss().forward(model.forward(x).sigmoid(), y)|];", "var loss = BCEWithLogitsLoss().forward(model.forward(x), y);")]
    public Task ASecondSigmoidIsDropped(string statements, string expected) => Verify<ActivationAppliedTwice, ActivationAppliedTwiceFixer>.Fixes(Step(statements), Step(expected));

    [Theory]
    [InlineData("var loss = [|functional.nll_loss(functional.softmax(model.forward(x), 1), y)|];", "var loss = functional.nll_loss(functional.log_softmax(model.forward(x), 1), y);")]
    [InlineData("var loss = [|NLLLoss().forward(model.forward(x).softmax(1), y)|];", "var loss = NLLLoss().forward(model.forward(x).log_softmax(1), y);")]
    public Task TheLikelihoodTakesLogarithms(string statements, string expected) => Verify<SoftmaxBeforeNegativeLogLikelihood, SoftmaxBeforeNegativeLogLikelihoodFixer>.Fixes(Step(statements), Step(expected));

    [Fact]
    public Task TwoLossesOfOneSoftmaxAreFixedAtOnce() => CrossEntropy.Fixes(
        Step("var p = functional.softmax(model.forward(x), 1);\nvar loss = [|functional.cross_entropy(model.forward(x).softmax(1), y)|] + [|functional.cross_entropy(model.forward(y).softmax(1), x)|];"),
        Step("var p = functional.softmax(model.forward(x), 1);\nvar loss = functional.cross_entropy(model.forward(x), y) + functional.cross_entropy(model.forward(y), x);"));
}
