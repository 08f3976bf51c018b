using Xunit;

namespace GradAnalyzers.Tests;

/// <summary>Where fixes of the training loop write, and where they had better not.</summary>
public sealed class FixPlaceTests
{
    [Fact]
    public async Task ALoopOnOneLineKeepsItWithTheClear() => Assert.Contains(
        "foreach (var (a, b) in batches) { optimizer.zero_grad(); functional.mse_loss(model.forward(a), b).backward(); optimizer.step(); }",
        await Method("var model = new Mlp(); var optimizer = torch.optim.Adam(model.parameters());\n        foreach (var (a, b) in batches) { functional.mse_loss(model.forward(a), b).backward(); optimizer.step(); }").Fixed("GRAD2003"));

    [Fact]
    public async Task ALoopOnOneLineKeepsItWithTheClip() => Assert.Contains(
        "foreach (var (a, b) in batches) { optimizer.zero_grad(); functional.mse_loss(model.forward(a), b).backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0); optimizer.step(); }",
        await Method("var model = new CharRnn(); var optimizer = torch.optim.Adam(model.parameters());\n        foreach (var (a, b) in batches) { optimizer.zero_grad(); functional.mse_loss(model.forward(a), b).backward(); optimizer.step(); }").Fixed("GRAD2001"));

    [Fact]
    public async Task ALoopOnOneLineKeepsItWhenTheClipMoves() => Assert.Contains(
        "foreach (var (a, b) in batches) { optimizer.zero_grad(); functional.mse_loss(model.forward(a), b).backward(); nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); }\n",
        await Method("var model = new CharRnn(); var optimizer = torch.optim.Adam(model.parameters());\n        foreach (var (a, b) in batches) { optimizer.zero_grad(); functional.mse_loss(model.forward(a), b).backward(); optimizer.step(); nn.utils.clip_grad_norm_(model.parameters(), 1.0); }").Fixed("GRAD2002"));

    [Fact]
    public async Task SeveralBackwardsOnOneLineAreClearedBehindTheStep() => Assert.Contains(
        "optimizer.step(); optimizer.zero_grad(); }",
        await Method("var model = new Mlp(); var optimizer = torch.optim.Adam(model.parameters());\n        foreach (var (a, b) in batches) { model.forward(a).sum().backward(); model.forward(b).sum().backward(); optimizer.step(); }").Fixed("GRAD2003"));

    [Fact]
    public async Task NothingIsWrittenBehindAReturn() => Assert.Empty(await Class("""
        public Tensor Step(Tensor x, Tensor y)
        {
            _model.forward(x).sum().backward();
            _model.forward(y).sum().backward();
            return _optimizer.step();
        }
        """).Offers("GRAD2003"));

    [Fact]
    public async Task NothingIsWrittenBehindAnExpressionThatIsTheResult() => Assert.Empty(await Class("""
        public Tensor Step(Tensor x, Tensor y)
        {
            _model.forward(x).sum().backward();
            _model.forward(y).sum().backward();
            return Finish();
        }
        private Tensor Finish() => _optimizer.step();
        """).Offers("GRAD2003"));

    [Fact]
    public async Task BeforeAReturnIsFine() => Assert.Contains(
        "torch.nn.utils.clip_grad_norm_(_model.parameters(), max_norm: 1.0);\n        return _optimizer.step();",
        await Class("""
            public Tensor Step(Tensor x, Tensor y)
                {
                    _optimizer.zero_grad();
                    _model.forward(x).sum().backward();
                    return _optimizer.step();
                }
            """, "CharRnn").Fixed("GRAD2001"));

    [Fact]
    public async Task AnExpressionBodyBecomesABlock() => Assert.Contains(
        "    private Tensor Finish()\n    {\n        torch.nn.utils.clip_grad_norm_(_optimizer.parameters(), max_norm: 1.0);\n        return _optimizer.step();\n    }",
        await Class("""
            public void Step(Tensor x, Tensor y)
                {
                    _optimizer.zero_grad();
                    _model.forward(x).sum().backward();
                    Finish();
                }
                private Tensor Finish() => _optimizer.step();
            """, "CharRnn").Fixed("GRAD2001"));

    [Fact]
    public async Task AnAsynchronousExpressionBodyReturnsNothing() => Assert.Contains(
        "        torch.nn.utils.clip_grad_norm_(_optimizer.parameters(), max_norm: 1.0);\n        _optimizer.step();\n    }",
        await Class("""
            public async Task Step(Tensor x, Tensor y)
                {
                    _optimizer.zero_grad();
                    _model.forward(x).sum().backward();
                    await Finish();
                }
                private async Task Finish() => _optimizer.step();
            """, "CharRnn").Fixed("GRAD2001"));

    [Fact]
    public async Task TheStepOfAForLoopHasNoPlaceBesideIt() => Assert.Empty(await Method("""
        var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters());
                for (var i = 0; i < batches.Length; i++, optimizer.step())
                {
                    optimizer.zero_grad();
                    functional.mse_loss(model.forward(batches[i].X), batches[i].Y).backward();
                }
        """).Offers("GRAD2001"));

    [Fact]
    public async Task AModelThatIsMadeAnewIsNotGivenTwice()
    {
        var program = Method("""
            var model = new Mlp();
                    var optimizer = torch.optim.Adam(model.parameters());
                    model = new Mlp();
                    foreach (var (a, b) in batches)
                    {
                        optimizer.zero_grad();
                        functional.mse_loss(model.forward(a), b).backward();
                        optimizer.step();
                    }
            """);

        Assert.Equal(["Make the optimizer after the model"], await program.Offers("GRAD2009"));
        Assert.Contains("var model = new Mlp();\n        model = new Mlp();\n        var optimizer = torch.optim.Adam(model.parameters());\n", await program.Fixed("GRAD2009"));
    }

    [Fact]
    public async Task AnOptimizerThatIsUsedBetweenIsNotMoved() => Assert.Empty(await Method("""
        var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                var scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10);
                model = new Mlp();
                foreach (var (a, b) in batches)
                {
                    optimizer.zero_grad();
                    functional.mse_loss(model.forward(a), b).backward();
                    optimizer.step();
                }
                scheduler.step();
        """).Offers("GRAD2009"));

    [Fact]
    public async Task ThatTheOptimizerHoldsAnEarlierObjectIsSaid() => Assert.Equal(
        ["GRAD2009: 'Mlp' takes part in the loss, but the optimizer was made for an earlier object in 'model'; it never learns"],
        await TrainingRules.Messages(Code.InMethod("""
            var model = new Mlp();
            var optimizer = torch.optim.Adam(model.parameters());
            model = new Mlp();
            foreach (var (a, b) in batches)
            {
                optimizer.zero_grad();
                functional.mse_loss(model.forward(a), b).backward();
                optimizer.step();
            }
            """)));

    private static FixedProgram Method(string statements) => FixedProgram.OnTorchSharp($$"""
        public static class Program
        {
            public static void Train((Tensor X, Tensor Y)[] batches)
            {
                {{statements}}
            }
        }
        """);

    private static FixedProgram Class(string members, string model = "Mlp") => FixedProgram.OnTorchSharp($$"""
        public sealed class Trainer
        {
            private readonly {{model}} _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.SGD(_model.parameters(), 0.1);
            public void Train((Tensor X, Tensor Y)[] batches)
            {
                foreach (var (x, y) in batches)
                    Step(x, y);
            }
            {{members}}
        }
        """);
}
