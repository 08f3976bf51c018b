using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>GRAD2004: a loop that clears and steps and never differentiates.</summary>
public sealed class NoBackward
{
    [Theory]
    [InlineData("foreach (var (input, target) in batches) { optimizer.zero_grad(); var loss = functional.mse_loss(model.call(input), target); /* loss.backward(); */ [|optimizer.step()|]; }")]
    [InlineData("foreach (var (input, target) in batches) { using var scope = torch.NewDisposeScope(); optimizer.zero_grad(); using var output = model.call(input); using var loss = functional.mse_loss(output, target); Console.WriteLine(loss.ToSingle()); [|optimizer.step()|]; }")]
    [InlineData("for (var i = 0; i < 9; i++) { using (torch.NewDisposeScope()) { using (var output = model.call(x)) { optimizer.zero_grad(); var loss = functional.l1_loss(output, y); [|optimizer.step()|]; Console.Write(loss.item<float>()); } } }")]
    [InlineData("Tensor Loss(Tensor a, Tensor b) => functional.mse_loss(model.forward(a), b); for (var i = 0; i < 9; i++) { optimizer.zero_grad(); var loss = Loss(x, y); [|optimizer.step()|]; }")]
    [InlineData("for (var epoch = 0; epoch < 3; epoch++) foreach (var (input, target) in batches) { model.zero_grad(); double total = functional.mse_loss(model.call(input), target).ToDouble(); [|optimizer.step()|]; }")]
    public Task ALoopWithoutBackwardIsReported(string loop) => TrainingRules.Report("GRAD2004", Code.InMethod($$"""
        using var model = new Mlp();
        using var optimizer = torch.optim.Adam(model.parameters());
        {{loop}}
        """));

    [Fact]
    public Task ATrainerThatNeverDifferentiatesIsReported() => TrainingRules.Report("GRAD2004", """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly Adam _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());
            public float Fit(IEnumerable<(Tensor X, Tensor Y)> data)
            {
                var sum = 0f;
                foreach (var (x, y) in data)
                {
                    using var d = torch.NewDisposeScope();
                    _optimizer.zero_grad();
                    var loss = functional.cross_entropy(_model.call(x), y);
                    sum += loss.ToSingle();
                    [|_optimizer.step()|];
                }
                return sum;
            }
        }
        """);

    [Fact]
    public Task AHelperThatNeverDifferentiatesIsReported() => TrainingRules.Report("GRAD2004", """
        public static class Program
        {
            private static void Epoch(Mlp model, torch.optim.Optimizer optimizer, Loss<Tensor, Tensor, Tensor> criterion, (Tensor, Tensor)[] data)
            {
                foreach (var (x, y) in data)
                {
                    optimizer.zero_grad();
                    using var loss = criterion.call(model.call(x), y);
                    Console.WriteLine($"{loss.item<float>()}");
                    [|optimizer.step()|];
                }
            }

            public static void Run((Tensor, Tensor)[] data)
            {
                var model = new Mlp();
                Epoch(model, torch.optim.Adam(model.parameters()), nn.MSELoss(), data);
            }
        }
        """);

    [Theory]
    [InlineData("for (var i = 0; i < 9; i++) { optimizer.zero_grad(); model.call(x).sum().backward(); optimizer.step(); }")]
    [InlineData("for (var i = 0; i < 9; i++) { optimizer.zero_grad(); torch.autograd.backward([model.call(x).sum()]); optimizer.step(); }")]
    [InlineData("void Differentiate(Tensor loss) => loss.backward(); for (var i = 0; i < 9; i++) { optimizer.zero_grad(); Differentiate(model.call(x).sum()); optimizer.step(); }")]
    [InlineData("for (var i = 0; i < 9; i++) { optimizer.zero_grad(); foreach (var p in model.parameters()) p.grad = randn_like(p); model.call(x); optimizer.step(); }")]
    [InlineData("optimizer.zero_grad(); optimizer.step(); var scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3); scheduler.step();")]
    [InlineData("for (var i = 0; i < 9; i++) { optimizer.zero_grad(); foreach (var (p, g) in model.parameters().Zip(torch.autograd.grad([model.call(x).sum()], model.parameters().ToArray()))) p.grad = g; optimizer.step(); }")]
    public Task GradientsThatComeFromSomewhereAreFine(string loop) => TrainingRules.AreSilent(Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        {{loop}}
        """));
}
