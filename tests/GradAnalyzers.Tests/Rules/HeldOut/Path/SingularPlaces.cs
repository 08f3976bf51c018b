using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Path;

/// <summary>GRAD4005, written before the rule.</summary>
public sealed class SingularPlaces
{
    private static string Round(string statements) => Code.InMethod($$"""
        var net = new Mlp();
        var adam = torch.optim.Adam(net.parameters(), 1e-3);
        foreach (var (a, b) in batches)
        {
            adam.zero_grad();
            {{statements}}
            adam.step();
        }
        """);

    [Theory]
    [InlineData("var d = net.call(a) - net.call(b); var far = [|(d * d).sum(1).sqrt()|]; functional.relu(1 - far).mean().backward();")]
    [InlineData("var rmse = [|functional.mse_loss(net.call(a), b).sqrt()|]; rmse.backward();")]
    [InlineData("var criterion = MSELoss(); using var error = [|torch.sqrt(criterion.call(net.call(a), b))|]; error.backward();")]
    [InlineData("Tensor Far(Tensor one, Tensor two) => [|(one - two).pow(2).sum(-1).sqrt()|]; var hinge = functional.relu(Far(net.call(a), net.call(b)) - Far(net.call(a), net.call(x)) + 0.2); hinge.mean().backward();")]
    [InlineData("var mixed = a.clone().requires_grad_(); var slopes = torch.autograd.grad(new[] { net.call(mixed).sum() }, new[] { mixed }, create_graph: true)[0]; var length = [|slopes.square().sum(1).sqrt()|]; (length - 1).pow(2).mean().backward();")]
    [InlineData("var p = net.call(a); var z = (p - p.mean()) / ([|p.var(false).sqrt()|] + 1e-5); z.mean().backward();")]
    [InlineData("var q = net.call(a).abs().mean(); var error = -[|torch.log(q)|]; error.backward();")]
    [InlineData("var angle = [|functional.cosine_similarity(net.call(a), net.call(b)).acos()|]; angle.mean().backward();")]
    [InlineData("var gap = torch.abs(net.call(a) - b); var error = [|gap.pow(0.5)|].mean(); error.backward();")]
    public Task NothingGuardsThem(string statements) => TrainingRules.Report("GRAD4005", Round(statements));

    [Theory]
    [InlineData("var d = net.call(a) - net.call(b); (d * d).sum(1).add(1e-9).sqrt().mean().backward();")]
    [InlineData("var far = (net.call(a) - b).pow(2).sum(1).clamp(1e-9).sqrt(); far.mean().backward();")]
    [InlineData("(net.call(a) - b).norm().backward();")]
    [InlineData("net.call(a).std().backward();")]
    [InlineData("var weight = (a - b).pow(2).sum(1).sqrt(); (weight * net.call(a).mean(new long[] { 1 })).mean().backward();")]
    [InlineData("var error = functional.mse_loss(net.call(a), b); error.backward(); Console.WriteLine(error.sqrt().item<float>());")]
    [InlineData("var error = functional.mse_loss(net.call(a), b); error.backward(); using (no_grad()) (net.call(a) - b).pow(2).mean().sqrt().print();")]
    [InlineData("functional.softplus(net.call(a)).sqrt().mean().backward();")]
    [InlineData("var d = (net.call(a) - b).pow(2).sum(1); torch.sqrt(torch.maximum(d, torch.tensor(1e-6f))).mean().backward();")]
    [InlineData("var d = (net.call(a) - b).pow(2).sum(1); d = torch.where(d.gt(0), d, torch.ones_like(d)); d.sqrt().mean().backward();")]
    [InlineData("var s = net.call(a).exp().pow(2).sum().sqrt(); s.backward();")]
    [InlineData("((net.call(a) - b).abs() + 1).log().mean().backward();")]
    [InlineData("(net.call(a) - b).pow(2).mean().pow(2).backward();")]
    public Task GuardedOrNotOnTheWay(string statements) => TrainingRules.AreSilent(Round(statements));

    [Fact]
    public Task InAModelsOwnNorm() => TrainingRules.Report("GRAD4005", """
        public sealed class Scaled : Module<Tensor, Tensor>
        {
            private readonly Parameter _gain = new Parameter(torch.ones(32));
            public Scaled() : base("Scaled") => RegisterComponents();
            public override Tensor forward(Tensor x) => x / ([|x.pow(2).mean(new long[] { -1 }, true).sqrt()|] + 1e-6) * _gain;
        }

        public sealed class Block : Module<Tensor, Tensor>
        {
            private readonly Linear _in = Linear(32, 32);
            private readonly Scaled _norm = new();
            public Block() : base("Block") => RegisterComponents();
            public override Tensor forward(Tensor x) => x + _in.call(_norm.call(x));
        }

        public static class Training
        {
            public static void Run(Block block, Tensor x, Tensor y, optim.Optimizer optimizer)
            {
                optimizer.zero_grad();
                functional.mse_loss(block.call(x), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task InALossOfTheHouse() => TrainingRules.Report("GRAD4005", """
        public sealed class Contrast : Module<Tensor, Tensor, Tensor>
        {
            public Contrast() : base("Contrast") => RegisterComponents();
            public override Tensor forward(Tensor one, Tensor two)
            {
                using var scope = torch.NewDisposeScope();
                var squares = torch.square(one - two).sum(1);
                var far = [|torch.sqrt(squares)|];
                return far.mean().MoveToOuterDisposeScope();
            }
        }

        public static class Training
        {
            public static void Run(Mlp net, Contrast contrast, Tensor x, Tensor y, optim.Optimizer optimizer)
            {
                optimizer.zero_grad();
                contrast.call(net.call(x), net.call(y)).backward();
                optimizer.step();
            }
        }
        """);
}
