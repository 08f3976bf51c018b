using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>GRAD2001, 2003 and 2004 for steps that are written out.</summary>
public sealed class HandMadeSteps
{
    private const string Header = "var model = new Mlp(); var rnn = new CharRnn(); var rate = 0.05f; var w = randn(16, 1, requires_grad: true);\n";

    [Theory]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(x.mm(w), y).backward(); using (no_grad()) [|w.sub_(rate * w.grad!)|]; }")]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(model.call(x), y).backward(); using var _ = no_grad(); foreach (var p in model.parameters()) [|p.add_(p.grad!, alpha: -rate)|]; }")]
    [InlineData("model.zero_grad(); for (var i = 0; i < 200; i++) { functional.mse_loss(model.call(x), y).backward(); using (torch.no_grad()) { foreach (var p in model.parameters()) { var g = p.grad; if (g is null) continue; [|p.sub_(g.mul(rate))|]; } } }")]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(x.mm(w), y).backward(); using (no_grad()) { [|w.copy_(w - rate * w.grad!)|]; } }")]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(model.call(x), y).backward(); using (no_grad()) foreach (var (_, p) in model.named_parameters()) [|p.addcmul_(p.grad!, ones_like(p), -rate)|]; }")]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(x.mm(w), y).backward(); [|w.detach().sub_(w.grad! * rate)|]; }")]
    public Task NeverCleared(string loop) => TrainingRules.Report("GRAD2003", Code.InMethod(Header + loop));

    [Theory]
    [InlineData("for (var i = 0; i < 200; i++) { rnn.zero_grad(); functional.mse_loss(rnn.call(x), y).backward(); using (no_grad()) foreach (var p in rnn.parameters()) [|p.sub_(rate * p.grad!)|]; }")]
    [InlineData("foreach (var (input, target) in batches) { functional.mse_loss(rnn.call(input), target).backward(); using var _ = no_grad(); foreach (var p in rnn.parameters()) { [|p.add_(p.grad!, alpha: -rate)|]; p.grad!.zero_(); } }")]
    [InlineData("foreach (var (input, target) in batches) { functional.mse_loss(rnn.call(input), target).backward(); using (no_grad()) { foreach (var (name, p) in rnn.named_parameters()) { [|p.copy_(p - p.grad! * rate)|]; p.grad = null; } } }")]
    public Task Unclipped(string loop) => TrainingRules.Report("GRAD2001", Code.InMethod(Header + loop));

    [Theory]
    [InlineData("for (var i = 0; i < 9; i++) { functional.mse_loss(model.call(x), y).backward(); model.zero_grad(); using (no_grad()) foreach (var p in model.parameters()) [|p.sub_(rate * p.grad!)|]; }")]
    [InlineData("for (var i = 0; i < 9; i++) { functional.mse_loss(x.mm(w), y).backward(); w.grad!.zero_(); using (no_grad()) [|w.sub_(rate * w.grad!)|]; }")]
    public Task ClearedBeforeIt(string loop) => TrainingRules.Report("GRAD2004", Code.InMethod(Header + loop));

    [Theory]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(x.mm(w), y).backward(); using (no_grad()) { w.sub_(rate * w.grad!); w.grad!.zero_(); } }")]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(model.call(x), y).backward(); using (no_grad()) foreach (var p in model.parameters()) p.sub_(rate * p.grad!); model.zero_grad(); }")]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(model.call(x), y).backward(); using (no_grad()) foreach (var p in model.parameters()) { p.sub_(rate * p.grad!); p.grad = null; } }")]
    [InlineData("for (var i = 0; i < 200; i++) { functional.mse_loss(x.mm(w), y).backward(); using (no_grad()) w -= rate * w.grad!; w.requires_grad_(); }")]
    [InlineData("for (var i = 0; i < 200; i++) { rnn.zero_grad(); rnn.call(x).sum().backward(); torch.nn.utils.clip_grad_norm_(rnn.parameters(), 1.0); using (no_grad()) foreach (var p in rnn.parameters()) p.sub_(rate * p.grad!); }")]
    [InlineData("for (var i = 0; i < 200; i++) { rnn.zero_grad(); rnn.call(x).sum().backward(); using (no_grad()) foreach (var p in rnn.parameters()) { var g = p.grad!.clamp(-1, 1); p.sub_(rate * g); } }")]
    [InlineData("var average = new Mlp(); for (var i = 0; i < 200; i++) { using (no_grad()) foreach (var (a, p) in average.parameters().Zip(model.parameters())) a.mul_(0.99).add_(p, alpha: 0.01); }")]
    [InlineData("var image = rand(4, 16, requires_grad: true); functional.mse_loss(model.call(image), y).backward(); using (no_grad()) image.add_(image.grad!.sign() * 0.01f);")]
    [InlineData("functional.mse_loss(x.mm(w), y).backward(); using (no_grad()) { w.sub_(rate * w.grad!); }")]
    public Task WhatIsRightIsFine(string loop) => TrainingRules.AreSilent(Code.InMethod(Header + loop));
}
