using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Path;

/// <summary>GRAD3003, GRAD4003, GRAD4004, GRAD4006, written before the rules.</summary>
public sealed class CutGraphs
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
    [InlineData("GRAD4004", "var guess = [|net.call(a).argmax(1)|].to(float32); var error = functional.mse_loss(guess, b); error.requires_grad = true; error.backward();")]
    [InlineData("GRAD4004", "using var guess = [|torch.round(net.call(a))|]; functional.l1_loss(guess, b).requires_grad_().backward();")]
    [InlineData("GRAD4004", "var error = (net.call(a) - b).pow(2).mean(); var shown = torch.tensor([|error.item<float>()|], requires_grad: true); shown.backward();")]
    [InlineData("GRAD4004", "var h = net.call(a); var cut = [|h.detach()|]; var error = cut.sub(b).abs().mean(); error.backward();")]
    [InlineData("GRAD4004", "var hit = [|net.call(a) > 0.5|]; var error = functional.binary_cross_entropy(hit.to(float32), b); error.requires_grad = true; error.backward();")]
    [InlineData("GRAD4004", "Tensor Score(Tensor p) => [|p.sign()|].mul(b).neg().relu().mean(); Score(net.call(a)).backward();")]
    [InlineData("GRAD4003", "Tensor error; using (torch.no_grad()) { error = functional.mse_loss(net.call(a), b); } error.requires_grad = true; [|error.backward()|];")]
    [InlineData("GRAD4003", "Tensor p; using (inference_mode()) p = net.call(a); var error = (p - b).square().mean(); [|error.backward()|];")]
    [InlineData("GRAD4003", "using var off = no_grad(); var error = functional.smooth_l1_loss(net.call(a), b); [|error.backward()|];")]
    public Task NothingComesBack(string id, string statements) => TrainingRules.Report(id, Round(statements));

    [Theory]
    [InlineData("var fake = net.call(a).detach(); var error = functional.mse_loss(net.call(fake), b); error.backward();")]
    [InlineData("var p = net.call(a); var hits = p.argmax(1).eq(b).sum().item<long>(); var error = functional.mse_loss(p, b); error.backward(); Console.WriteLine(hits);")]
    [InlineData("Tensor goal; using (no_grad()) goal = net.call(b); var error = functional.mse_loss(net.call(a), goal); error.backward();")]
    [InlineData("var p = net.call(a); var mask = p.gt(0).to(float32); ((p - b) * mask).abs().mean().backward();")]
    [InlineData("var p = net.call(a); var hard = p.round(); var through = p + (hard - p).detach(); functional.mse_loss(through, b).backward();")]
    [InlineData("var error = functional.mse_loss(x.detach() * y, b); error.backward();")]
    [InlineData("var weight = net.call(a).detach(); (weight * x).mean().backward();")]
    [InlineData("using (torch.no_grad()) net.call(a).print(); functional.mse_loss(net.call(a), b).backward();")]
    [InlineData("var scale = net.call(a).abs().max().item<float>(); (net.call(a) / scale).mean().backward();")]
    [InlineData("using (torch.no_grad()) using (torch.enable_grad()) functional.mse_loss(net.call(a), b).backward();")]
    public Task SomethingComesBack(string statements) => TrainingRules.AreSilent(Round(statements));

    [Theory]
    [InlineData("var q = torch.softmax(net.call(a), 1); var error = -(b * [|q.log()|]).sum(1).mean(); error.backward();")]
    [InlineData("var error = functional.nll_loss([|torch.log(functional.softmax(net.call(a), -1))|], b); error.backward();")]
    [InlineData("Tensor Chance(Tensor z) => z.sigmoid(); var error = -[|Chance(net.call(a)).log()|].mean(); error.backward();")]
    [InlineData("var q = net.call(a).sigmoid(); var error = -(b * [|q.log()|] + (1 - b) * [|(1 - q).log()|]).mean(); error.backward();")]
    public Task LogarithmsOfProbabilities(string statements) => TrainingRules.Report("GRAD3003", Round(statements));

    [Theory]
    [InlineData("var q = torch.softmax(net.call(a), 1); (-(b * (q + 1e-8).log()).sum(1).mean()).backward();")]
    [InlineData("var q = torch.softmax(net.call(a), 1).clamp(1e-6); (-(b * q.log()).sum(1).mean()).backward();")]
    [InlineData("var q = functional.log_softmax(net.call(a), 1); (-(b * q).sum(1).mean()).backward();")]
    [InlineData("using (no_grad()) { var entropy = -torch.softmax(net.call(a), 1).log().mean(); entropy.print(); } net.call(a).mean().backward();")]
    [InlineData("var q = net.call(a).exp(); (-(b * q.log()).mean()).backward();")]
    public Task GuardedLogarithms(string statements) => TrainingRules.AreSilent(Round(statements));

    [Theory]
    [InlineData("net.call(a).mean().backward(); double all = 0; foreach (var p in net.parameters()) all += Math.Pow([|p.grad!.norm(2)|].item<float>(), 2); if (all > 1) adam.zero_grad();")]
    [InlineData("net.call(a).mean().backward(); var size = net.parameters().Select(p => [|p.norm(2)|]).Aggregate((u, v) => u + v); size.print();")]
    [InlineData("var decay = [|torch.norm(net.call(a), 2)|].ToSingle(); net.call(a).mean().backward(); Console.WriteLine(decay);")]
    public Task NormsOverAPlaceInsteadOfAll(string statements) => TrainingRules.Report("GRAD4006", Round(statements));

    [Theory]
    [InlineData("var unit = a / a.norm(2, true); net.call(unit).mean().backward();")]
    [InlineData("var size = a.norm(dim: 2).mean(); net.call(a).mean().backward(); size.print();")]
    [InlineData("net.call(a).mean().backward(); foreach (var p in net.parameters()) Console.WriteLine(p.grad!.norm(2f).item<float>() + p.grad!.norm().item<float>());")]
    [InlineData("var lengths = a.norm(2); (net.call(a) * lengths).mean().backward();")]
    [InlineData("var rows = a.norm(1).item<float>(); net.call(a).mean().backward(); Console.WriteLine(rows);")]
    public Task NormsThatAreMeantSo(string statements) => TrainingRules.AreSilent(Round(statements));
}
