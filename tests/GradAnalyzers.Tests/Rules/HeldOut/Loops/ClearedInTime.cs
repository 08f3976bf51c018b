using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>GRAD2003: a clear that comes too seldom is none.</summary>
public sealed class ClearedInTime
{
    [Theory]
    [InlineData("optimizer.zero_grad(); foreach (var (input, target) in batches) { model.call(input).sum().backward(); [|optimizer.step()|]; }")]
    [InlineData("model.zero_grad(); for (var i = 0; i < 500; i++) { var loss = functional.mse_loss(model.call(x), y); loss.backward(); [|optimizer.step()|]; }")]
    [InlineData("for (var epoch = 0; epoch < 9; epoch++) { optimizer.zero_grad(); foreach (var (input, target) in batches) { functional.mse_loss(model.call(input), target).backward(); [|optimizer.step()|]; } }")]
    [InlineData("var epoch = 0; while (epoch++ < 9) { for (var b = 0; b < batches.Length; b++) { functional.mse_loss(model.call(batches[b].X), batches[b].Y).backward(); [|optimizer.step()|]; } optimizer.zero_grad(); }")]
    [InlineData("for (var epoch = 0; epoch < 9; epoch++) { if (epoch % 2 == 0) model.zero_grad(); var left = 20; do { functional.mse_loss(model.call(x), y).backward(); [|optimizer.step()|]; } while (--left > 0); }")]
    public Task AClearOutsideTheLoopThatStepsIsTooSeldom(string loop) => TrainingRules.Report("GRAD2003", Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        {{loop}}
        """));

    [Theory]
    [InlineData("for (var epoch = 0; epoch < 9; epoch++) { var optimizer = torch.optim.Rprop(model.parameters(), 0.1 / (epoch + 1)); foreach (var (input, target) in batches) { functional.mse_loss(model.call(input), target).backward(); [|optimizer.step()|]; } }")]
    [InlineData("foreach (var rate in new[] { 0.1, 0.01 }) { using var optimizer = new Adam(model.parameters(), rate); optimizer.zero_grad(); for (var i = 0; i < 100; i++) { model.call(x).sum().backward(); [|optimizer.step()|]; } }")]
    public Task AnOptimizerMadeAnewInAnOuterRoundClearsNothing(string loop) => TrainingRules.Report("GRAD2003", Code.InMethod("var model = new Mlp();\n" + loop));

    [Fact]
    public Task ATrainerThatClearsOnceAnEpochIsReported() => TrainingRules.Report("GRAD2003", """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.RMSProp(_model.parameters());

            private void Batch(Tensor x, Tensor y)
            {
                functional.mse_loss(_model.call(x), y).backward();
                _optimizer.step();
            }

            private void BeginEpoch() => _optimizer.zero_grad();

            public void Fit(List<(Tensor X, Tensor Y)> data)
            {
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    BeginEpoch();
                    foreach (var (x, y) in data)
                        [|Batch(x, y)|];
                }
            }
        }
        """);

    [Theory]
    [InlineData("foreach (var (input, target) in batches) { if (count++ % 4 == 0) optimizer.zero_grad(); functional.mse_loss(model.call(input), target).backward(); optimizer.step(); }")]
    [InlineData("foreach (var (input, target) in batches) { functional.mse_loss(model.call(input), target).backward(); if (++count % 4 == 0) { optimizer.step(); optimizer.zero_grad(); } }")]
    [InlineData("for (var epoch = 0; epoch < 9; epoch++) { optimizer.zero_grad(); foreach (var (input, target) in batches) functional.mse_loss(model.call(input), target).backward(); optimizer.step(); }")]
    [InlineData("optimizer.zero_grad(); foreach (var (input, target) in batches) { functional.mse_loss(model.call(input), target).backward(); if (++count % 4 != 0) continue; optimizer.step(); optimizer.zero_grad(); }")]
    [InlineData("for (var epoch = 0; epoch < 9; epoch++) { optimizer.zero_grad(); model.call(x).sum().backward(); for (var k = 0; k < 3; k++) optimizer.step(); }")]
    [InlineData("while (true) { optimizer.zero_grad(); model.call(x).sum().backward(); optimizer.step(); if (++count > 10) break; }")]
    [InlineData("void Clear() => optimizer.zero_grad(); void Round() { Clear(); model.call(x).sum().backward(); } for (var i = 0; i < 9; i++) { Round(); optimizer.step(); }")]
    [InlineData("foreach (var (input, target) in batches) { try { model.call(input).sum().backward(); optimizer.step(); } finally { optimizer.zero_grad(); } }")]
    [InlineData("foreach (var chunk in batches.Chunk(4)) { foreach (var (input, target) in chunk) functional.mse_loss(model.call(input), target).backward(); optimizer.step(); model.zero_grad(); }")]
    [InlineData("void Epoch() { foreach (var (input, target) in batches) { functional.mse_loss(model.call(input), target).backward(); optimizer.step(); } } for (var epoch = 0; epoch < 9; epoch++) { optimizer.zero_grad(); Epoch(); }")]
    public Task AClearInTheRoundIsInTime(string loop) => TrainingRules.AreSilent(Code.InMethod($$"""
        var count = 0;
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        {{loop}}
        """));

    [Fact]
    public Task AModelMadeInTheRoundNeedsNoClear() => TrainingRules.AreSilent(Code.InMethod("""
        foreach (var (input, target) in batches)
        {
            var model = nn.Sequential(nn.Linear(16, 4), nn.ReLU(), nn.Linear(4, 1));
            var optimizer = new SGD(model.parameters(), 0.1);
            functional.mse_loss(model.call(input), target).backward();
            optimizer.step();
        }
        """));

    [Fact]
    public Task ACallerThatClearsBeforeEveryBatchIsInTime() => TrainingRules.AreSilent("""
        public sealed class Learner(Mlp model, torch.optim.Optimizer optimizer)
        {
            public void Reset() => optimizer.zero_grad();
            public void Learn(Tensor x) { model.call(x).mean().backward(); optimizer.step(); }
        }

        public static class Program
        {
            public static void Run(List<Tensor> data)
            {
                var model = new Mlp();
                var learner = new Learner(model, torch.optim.Adam(model.parameters()));
                for (var epoch = 0; epoch < 3; epoch++)
                    foreach (var batch in data)
                    {
                        learner.Reset();
                        learner.Learn(batch);
                    }
            }
        }
        """);
}
