using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>GRAD2010: cleared in every round, stepped only in some.</summary>
public sealed class ErasedGradients
{
    private static string Loop(string loop) => Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        var count = 0;
        {{loop}}
        """);

    [Theory]
    [InlineData("foreach (var (input, target) in batches) { [|optimizer.zero_grad()|]; functional.mse_loss(model.call(input), target).backward(); if (++count % 4 == 0) optimizer.step(); }")]
    [InlineData("for (var i = 0; i < batches.Length; i++) { [|model.zero_grad()|]; (functional.mse_loss(model.call(batches[i].X), batches[i].Y) / 8).backward(); if ((i + 1) % 8 == 0 || i == batches.Length - 1) { optimizer.step(); } }")]
    [InlineData("for (var i = 0; i < batches.Length; i++) { [|optimizer.zero_grad()|]; model.call(batches[i].X).sum().backward(); if (i % 4 != 3) continue; optimizer.step(); }")]
    [InlineData("foreach (var (input, target) in batches) { [|optimizer.zero_grad()|]; model.call(input).sum().backward(); count++; if (count == 4) { optimizer.step(); count = 0; } }")]
    [InlineData("foreach (var (input, target) in batches) { model.call(input).sum().backward(); var isLast = ++count % 4 == 0; if (isLast) optimizer.step(); [|optimizer.zero_grad()|]; }")]
    [InlineData("for (var i = 0; i < batches.Length; i++) { [|optimizer.zero_grad()|]; model.call(batches[i].X).sum().backward(); if (i % 4 == 3) { torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); } }")]
    public Task AccumulationThatIsErasedIsReported(string loop) => TrainingRules.Report("GRAD2010", Loop(loop));

    [Fact]
    public Task ATrainerThatErasesIsReported() => TrainingRules.Report("GRAD2010", """
        public sealed class Trainer(Mlp model, int every)
        {
            private readonly torch.optim.Optimizer _optimizer = torch.optim.AdamW(model.parameters());
            private int _seen;

            public void Fit(IEnumerable<Tensor> data)
            {
                foreach (var batch in data)
                {
                    [|_optimizer.zero_grad()|];
                    model.call(batch).sum().backward();
                    _seen += 1;
                    if (_seen % every == 0)
                        _optimizer.step();
                }
            }
        }
        """);

    [Theory]
    [InlineData("foreach (var (input, target) in batches) { model.call(input).sum().backward(); if (++count % 4 == 0) { optimizer.step(); optimizer.zero_grad(); } }")]
    [InlineData("foreach (var (input, target) in batches) { if (count % 4 == 0) optimizer.zero_grad(); model.call(input).sum().backward(); if (++count % 4 == 0) optimizer.step(); }")]
    [InlineData("foreach (var (input, target) in batches) { optimizer.zero_grad(); var loss = model.call(input).sum(); loss.backward(); if (!loss.isnan().ToBoolean()) optimizer.step(); }")]
    [InlineData("foreach (var (input, target) in batches) { optimizer.zero_grad(); model.call(input).sum().backward(); if (clip_grad(model) < 100) optimizer.step(); } static double clip_grad(Module m) => torch.nn.utils.clip_grad_norm_(m.parameters(), 1e9);")]
    [InlineData("var isTraining = batches.Length > 3; foreach (var (input, target) in batches) { optimizer.zero_grad(); model.call(input).sum().backward(); if (isTraining) optimizer.step(); }")]
    [InlineData("foreach (var (input, target) in batches) { optimizer.zero_grad(); var loss = model.call(input).sum(); loss.backward(); optimizer.step(); if (++count % 10 == 0) Console.WriteLine(loss.ToSingle()); }")]
    [InlineData("for (var epoch = 0; epoch < 9; epoch++) { optimizer.zero_grad(); foreach (var (input, target) in batches) model.call(input).sum().backward(); if (epoch % 2 == 0) optimizer.step(); else optimizer.step(); }")]
    public Task WhatIsMeantIsFine(string loop) => TrainingRules.AreSilent(Loop(loop));

    [Fact]
    public Task AnActorThatIsTrainedEverySecondRoundIsFine() => TrainingRules.AreSilent(Code.InMethod("""
        var actor = new Mlp();
        var critic = new Mlp();
        var forActor = torch.optim.Adam(actor.parameters());
        var forCritic = torch.optim.Adam(critic.parameters());
        for (var i = 0; i < 100; i++)
        {
            forCritic.zero_grad();
            functional.mse_loss(critic.call(actor.call(x)), y).backward();
            forCritic.step();
            if (i % 2 == 0)
            {
                forActor.zero_grad();
                critic.call(actor.call(x)).mean().neg().backward();
                forActor.step();
            }
        }
        """));
}
