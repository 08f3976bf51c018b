using Xunit;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class ClippingScaledGradientsTests
{
    /// <summary>A round of a loop, with a model, its optimizer and a scale.</summary>
    private static string Loop(string round, string scale = "var scale = 65536f;") => Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        {{scale}}
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(model.forward(input), target);
            {{round.ReplaceLineEndings("\n    ")}}
            optimizer.step();
        }
        """);

    [Theory]
    [InlineData("(loss * scale).backward(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; foreach (var p in model.parameters()) p.grad!.div_(scale);")]
    [InlineData("(scale * loss).backward(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; foreach (var p in model.parameters()) p.grad = p.grad! / scale;")]
    [InlineData("loss.mul(scale).backward(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; foreach (var p in model.parameters()) p.grad!.mul_(1 / scale);")]
    [InlineData("var scaled = loss * scale; scaled.backward(); [|torch.nn.utils.clip_grad_value_(model.parameters(), 1.0)|]; foreach (var p in model.parameters()) { using var g = p.grad; g?.div_(scale); }")]
    [InlineData("loss *= scale; loss.backward(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; foreach (var p in model.parameters()) p.grad!.div_(scale);")]
    [InlineData("var inverse = 1f / scale; (loss * scale).backward(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; foreach (var p in model.parameters()) p.grad!.mul_(inverse);")]
    [InlineData("(loss * scale).backward(); var norm = [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; foreach (var (name, p) in model.named_parameters()) p.grad!.div_(scale);")]
    [InlineData("(loss * scale).backward(); [|torch.nn.utils.clip_grad_norm_(optimizer.parameters(), 1.0)|]; foreach (var p in optimizer.parameters()) p.grad!.div_(scale);")]
    public Task AClipBeforeTheGradientsAreUnscaledIsReported(string round) => TrainingRules.Report("GRAD2007", Loop(round));

    [Fact]
    public Task AConstantIsAScaleToo() => TrainingRules.Report("GRAD2007", Loop(
        "(loss * Scale).backward(); [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; foreach (var p in model.parameters()) p.grad!.div_(Scale);", "const float Scale = 1024f;"));

    [Fact]
    public Task AScalerOfTheProgramsOwnIsFollowed() => TrainingRules.Report("GRAD2007", """
        public sealed class Scaler(float scale)
        {
            private float _scale = scale;
            public Tensor Scale(Tensor loss) => loss * _scale;
            public void Unscale(IEnumerable<Parameter> parameters)
            {
                foreach (var p in parameters)
                    p.grad?.div_(_scale);
            }
        }

        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            private readonly Scaler _scaler = new(65536f);

            public void Step(Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                _scaler.Scale(functional.mse_loss(model.forward(x), y)).backward();
                [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
                _scaler.Unscale(model.parameters());
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task UnscalingInAMethodIsFollowed() => TrainingRules.Report("GRAD2007", """
        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            private float _scale = 1024f;

            private void Unscale()
            {
                foreach (var p in model.parameters())
                    p.grad!.div_(_scale);
            }

            public void Train((Tensor X, Tensor Y)[] batches)
            {
                foreach (var (x, y) in batches)
                {
                    using var scope = torch.NewDisposeScope();
                    optimizer.zero_grad();
                    (functional.mse_loss(model.forward(x), y) * _scale).backward();
                    [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
                    Unscale();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public async Task TheMessageNamesTheScale() => Assert.Equal(
        ["GRAD2007: Gradients are clipped while they are still scaled by 'lossScale'; the limit is off by that factor. Unscale before clipping."],
        await TrainingRules.Messages(Loop(
            "var weight = 0.5f; (loss * weight * lossScale).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); foreach (var p in model.parameters()) p.grad!.div_(lossScale);", "var lossScale = 1024f;")));

    [Theory]
    [InlineData("(loss * scale).backward(); foreach (var p in model.parameters()) p.grad!.div_(scale); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("(loss * scale).backward(); foreach (var p in model.parameters()) p.grad = p.grad! / scale; torch.nn.utils.clip_grad_value_(model.parameters(), 1.0);")]
    [InlineData("(loss * scale).backward(); foreach (var p in model.parameters()) p.grad!.mul_(1 / scale); var norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("(loss * scale).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("(loss * scale).backward();")]
    [InlineData("(loss * scale).backward(); foreach (var p in model.parameters()) p.grad!.div_(scale);")]
    [InlineData("(loss * scale).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0 * scale); var shown = loss / scale;")]
    [InlineData("(loss / batches.Length).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); foreach (var p in model.parameters()) p.grad!.div_(scale);")]
    [InlineData("loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); foreach (var p in model.parameters()) p.grad!.add_(torch.randn_like(p) * 0.01f);")]
    [InlineData("(loss * 0.5f).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); foreach (var p in model.parameters()) p.grad!.mul_(2f);")]
    [InlineData("(loss * scale).backward(); if (scale > 1) foreach (var p in model.parameters()) p.grad!.div_(scale); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("(loss * scale).backward(); Unscale(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); void Unscale() { foreach (var p in model.parameters()) p.grad!.div_(scale); }")]
    public Task AClipOfUnscaledGradientsIsFine(string round) => TrainingRules.AreSilent(Loop(round));

    [Fact]
    public Task TheNextRoundsUnscalingIsNotThisRounds() => TrainingRules.AreSilent(Loop("""
        (loss * scale).backward();
        foreach (var p in model.parameters())
            p.grad!.div_(scale);
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        scale *= 2;
        """));

    [Fact]
    public Task AWeightOfALossIsNoScale() => TrainingRules.AreSilent("""
        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            public void Step(Tensor x, Tensor y, float weight, float rate)
            {
                optimizer.zero_grad();
                (functional.mse_loss(model.forward(x), y) * weight).backward();
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                foreach (var p in model.parameters())
                    p.grad!.mul_(rate);
                optimizer.step();
            }
        }
        """);
}
