using GradAnalyzers.CodeFixes;
using GradAnalyzers.Rules.Losses;
using Xunit;

namespace GradAnalyzers.Tests.Rules.Losses;

/// <summary>Written before the rules were run, in styles of public code, and not looked at while they were made.</summary>
public sealed class LossPairHeldOutTests
{
    [Fact]
    public Task ASequentialWithASoftmaxAtItsEnd() => Verify<SoftmaxBeforeCrossEntropy, SoftmaxBeforeCrossEntropyFixer>.Reports("""
        var mnist = Sequential(("fc1", Linear(784, 128)), ("relu1", ReLU()), ("fc2", Linear(128, 10)), ("softmax", Softmax(1)));
        var criterion = CrossEntropyLoss();
        var sgd = optim.SGD(mnist.parameters(), 0.01);
        for (int i = 0; i < 10; i++)
        {
            sgd.zero_grad();
            var output = mnist.forward(randn(4, 784));
            var loss = [|criterion.forward(output, zeros(4).to(int64))|];
            loss.backward();
            sgd.step();
        }
        """, isProgram: true);

    private const string Network = """
        public class Network : Module<Tensor, Tensor>
        {
            private Linear l1, l2;
            public Network() : base("Network") { l1 = Linear(4, 8); l2 = Linear(8, 3); RegisterComponents(); }
            public override Tensor forward(Tensor x)
            {
                x = l1.forward(x);
                x = functional.relu(x);
                x = l2.forward(x);
                RETURN
            }
        }
        """;

    [Theory]
    [InlineData("return functional.softmax(x, 1);")]
    [InlineData("var p = x.softmax(dim: -1); return p;")]
    [InlineData("x = torch.softmax(x, 1); return x.view(-1, 3);")]
    public Task AClassTrainedByAHelper(string end) => Verify<SoftmaxBeforeCrossEntropy, SoftmaxBeforeCrossEntropyFixer>.Reports(Network.Replace("RETURN", end) + """


        public class Fit
        {
            private readonly Network network = new();
            private readonly Loss<Tensor, Tensor, Tensor> loss = new CrossEntropyLoss();
            private readonly optim.Optimizer adam;
            public Fit() => adam = optim.Adam(network.parameters());
            public float Step(Tensor data, Tensor target)
            {
                adam.zero_grad();
                using var prediction = network.call(data);
                using var error = [|loss.call(prediction, target)|];
                error.backward();
                adam.step();
                return error.ToSingle();
            }
        }
        """);

    [Fact]
    public Task BinaryWithASigmoid() => Verify<SigmoidBeforeBinaryCrossEntropy, SigmoidBeforeBinaryCrossEntropyFixer>.Reports("""
        public class Judge : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> body = Sequential(Linear(4, 8), LeakyReLU(0.2), Linear(8, 1), Sigmoid());
            public Judge() : base("Judge") => RegisterComponents();
            public override Tensor forward(Tensor x) => body.forward(x).squeeze();
        }

        public static class Gan
        {
            public static void Train(Judge judge, optim.Optimizer optimizer, Tensor real, Tensor fake)
            {
                var bce = BCELoss();
                optimizer.zero_grad();
                var first = [|bce.forward(judge.forward(real), ones(4))|];
                var second = [|bce.forward(judge.forward(fake.detach()), zeros(4))|];
                var total = first + second;
                total.backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task LogitsLossOfASigmoid() => Verify<ActivationAppliedTwice, ActivationAppliedTwiceFixer>.Reports("""
        public static class Program
        {
            public static void Run(Linear model, optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                var probability = torch.sigmoid(model.forward(x));
                var loss = [|functional.binary_cross_entropy_with_logits(probability, y)|];
                loss.backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task LikelihoodOfASoftmax() => Verify<SoftmaxBeforeNegativeLogLikelihood, SoftmaxBeforeNegativeLogLikelihoodFixer>.Reports(Network.Replace("RETURN", "return functional.softmax(x, dim: 1);") + """


        public static class Program
        {
            public static void Run(IEnumerable<(Tensor x, Tensor y)> loader)
            {
                var net = new Network();
                var optimizer = optim.Adam(net.parameters());
                foreach (var (x, y) in loader)
                {
                    optimizer.zero_grad();
                    [|functional.nll_loss(net.forward(x), y)|].backward();
                    optimizer.step();
                }
            }
        }
        """);

    private const string Fine = """
        public class Actor : Module<Tensor, (Tensor, Tensor)>
        {
            private readonly Linear body = Linear(4, 8), policy = Linear(8, 2), value = Linear(8, 1);
            public Actor() : base("Actor") => RegisterComponents();
            public override (Tensor, Tensor) forward(Tensor x)
            {
                var h = functional.relu(body.forward(x));
                return (functional.softmax(policy.forward(h), 1), value.forward(h));
            }
        }

        public class Careful : Module<Tensor, Tensor>
        {
            private readonly Linear fc = Linear(4, 3);
            public Careful() : base("Careful") => RegisterComponents();
            public override Tensor forward(Tensor x)
            {
                var logits = fc.forward(x);
                if (!training)
                    logits = functional.softmax(logits, -1);
                return logits;
            }
        }

        public class Attention : Module<Tensor, Tensor>
        {
            private readonly Linear q = Linear(4, 4), o = Linear(4, 3);
            public Attention() : base("Attention") => RegisterComponents();
            public override Tensor forward(Tensor x) => o.forward(functional.softmax(q.forward(x), 1) * x);
        }

        public static class Uses
        {
            public static void Run(Actor actor, Careful careful, Attention attention, optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                var (p, v) = actor.forward(x);
                var policy = functional.binary_cross_entropy_with_logits(v, y);
                var a = functional.cross_entropy(careful.forward(x), y);
                var b = functional.cross_entropy(attention.forward(x), y);
                var logits = attention.forward(x);
                var sample = functional.softmax(logits, 1).multinomial(1);
                var c = CrossEntropyLoss().forward(logits, y);
                var d = functional.nll_loss(functional.log_softmax(logits, 1), y);
                var e = functional.cross_entropy(logits, functional.softmax(careful.forward(x), 1));
                (policy + a + b + c + d + e).backward();
                optimizer.step();
                using (no_grad())
                    functional.cross_entropy(functional.softmax(logits, 1), y).print();
            }
        }
        """;

    [Fact]
    public Task WhatReachesTheLossDecides() => Task.WhenAll(
        Verify<SoftmaxBeforeCrossEntropy, SoftmaxBeforeCrossEntropyFixer>.IsSilent(Fine),
        Verify<SigmoidBeforeBinaryCrossEntropy, SigmoidBeforeBinaryCrossEntropyFixer>.IsSilent(Fine),
        Verify<ActivationAppliedTwice, ActivationAppliedTwiceFixer>.IsSilent(Fine),
        Verify<SoftmaxBeforeNegativeLogLikelihood, SoftmaxBeforeNegativeLogLikelihoodFixer>.IsSilent(Fine));
}
