using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>What was right stays right.</summary>
public sealed class StayRight
{
    [Theory]
    [InlineData("var loss = functional.mse_loss(model.call(input), target); optimizer.zero_grad(); loss.backward(); optimizer.step();")]
    [InlineData("var output = model.call(input); model.zero_grad(); functional.mse_loss(output, target).backward(); optimizer.step();")]
    [InlineData("optimizer.zero_grad(); functional.mse_loss(model.call(input), target).backward(); optimizer.step(); scheduler.step();")]
    [InlineData("scheduler.step(); optimizer.zero_grad(); functional.mse_loss(model.call(input), target).backward(); optimizer.step();")]
    [InlineData("optimizer.zero_grad(); using (no_grad()) { foreach (var (a, b) in target_network.parameters().Zip(model.parameters())) a.copy_(a * 0.9 + b * 0.1); } functional.mse_loss(model.call(input), target_network.call(input).detach()).backward(); optimizer.step();")]
    [InlineData("optimizer.zero_grad(); var wanted = target_network.call(input); functional.mse_loss(model.call(input), wanted.detach()).backward(); optimizer.step(); target_network.load_state_dict(model.state_dict());")]
    [InlineData("foreach (var p in target_network.parameters()) p.requires_grad = false; optimizer.zero_grad(); (model.call(input) - target_network.call(input)).pow(2).mean().backward(); optimizer.step();")]
    [InlineData("optimizer.zero_grad(); functional.mse_loss(model.call(input), target).backward(); using (no_grad()) { foreach (var p in model.parameters()) p.clamp_(-1, 1); } optimizer.step();")]
    public Task InARound(string round) => TrainingRules.AreSilent(Code.InMethod($$"""
        var model = new Mlp();
        var target_network = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        var scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10);
        foreach (var (input, target) in batches)
        {
            {{round}}
        }
        """));

    [Theory]
    [InlineData("h = gru.call(input, h).Item2; functional.mse_loss(h, target).backward(); h.detach_();")]
    [InlineData("if (h is not null) h.detach_(); (_, h) = gru.call(input, h); functional.mse_loss(h, target).backward();")]
    [InlineData("var (output, next) = gru.call(input, h); functional.mse_loss(output, target).backward(); h = next.detach();")]
    public Task AStateCutInPlaceIsFine(string round) => TrainingRules.AreSilent(Code.InMethod($$"""
        var gru = nn.GRU(16, 16);
        var optimizer = torch.optim.Adam(gru.parameters());
        Tensor? h = zeros(1, 4, 16);
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            {{round}}
            torch.nn.utils.clip_grad_norm_(gru.parameters(), 1.0);
            optimizer.step();
        }
        """));
}
