using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.ClippingHasNoEffect, GradAnalyzers.CodeFixes.ClippingHasNoEffectFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class ClippingHasNoEffectTests
{
    private static Task Reports(string code, bool isProgram = false) => TrainingRules.Report("GRAD2002", code, isProgram);

    private static Task IsSilent(string code, bool isProgram = false) => TrainingRules.AreSilent(code, isProgram);

    /// <summary>A round of a loop, with a model and its optimizer.</summary>
    private static string Loop(string round) => Code.InMethod($$"""
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            {{round.ReplaceLineEndings("\n    ")}}
        }
        """);

    [Fact]
    public Task AClipBeforeBackwardMovesBeforeTheStep() => Verify.Fixes(
        Loop("""
        optimizer.zero_grad();
        var loss = functional.mse_loss(model.forward(input), target);
        // keep gradients small
        [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|]; // at most 1
        loss.backward();
        optimizer.step();
        """),
        Loop("""
        optimizer.zero_grad();
        var loss = functional.mse_loss(model.forward(input), target);
        loss.backward();
        // keep gradients small
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); // at most 1
        optimizer.step();
        """));

    [Fact]
    public Task AClipAfterTheStepMovesBeforeIt() => Verify.Fixes(
        Loop("""
        optimizer.zero_grad();
        functional.mse_loss(model.forward(input), target).backward();
        optimizer.step();
        [|torch.nn.utils.clip_grad_value_(model.parameters(), 0.5)|];
        """),
        Loop("""
        optimizer.zero_grad();
        functional.mse_loss(model.forward(input), target).backward();
        torch.nn.utils.clip_grad_value_(model.parameters(), 0.5);
        optimizer.step();
        """));

    [Fact]
    public Task AClipAfterClearingMovesBeforeTheStep() => Verify.Fixes(
        Loop("""
        functional.mse_loss(model.forward(input), target).backward();
        optimizer.step();
        optimizer.zero_grad();
        [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
        """),
        Loop("""
        functional.mse_loss(model.forward(input), target).backward();
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
        optimizer.zero_grad();
        """));

    [Fact]
    public Task AccumulationClipsInsideTheCondition() => Verify.Fixes(
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < batches.Length; i++)
        {
            functional.mse_loss(model.forward(batches[i].X), y).backward();
            if (i % 4 == 3)
            {
                optimizer.step();
                optimizer.zero_grad();
                [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
            }
        }
        """),
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < batches.Length; i++)
        {
            functional.mse_loss(model.forward(batches[i].X), y).backward();
            if (i % 4 == 3)
            {
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """));

    [Fact]
    public Task ATopLevelProgramIsFixed() => Verify.Fixes(
        """
        var model = new Mlp();
        var optimizer = torch.optim.SGD(model.parameters(), 0.1);
        var loss = model.forward(torch.rand(4, 16)).pow(2).mean();
        [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
        loss.backward();
        optimizer.step();
        """,
        """
        var model = new Mlp();
        var optimizer = torch.optim.SGD(model.parameters(), 0.1);
        var loss = model.forward(torch.rand(4, 16)).pow(2).mean();
        loss.backward();
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
        """, isProgram: true);

    [Fact]
    public Task SeveralAreFixedAtOnce() => Verify.Fixes(
        Code.InMethod("""
        var one = new Mlp();
        var two = new Mlp();
        var first = torch.optim.Adam(one.parameters());
        var second = torch.optim.Adam(two.parameters());
        first.zero_grad();
        second.zero_grad();
        [|torch.nn.utils.clip_grad_norm_(one.parameters(), 1.0)|];
        [|torch.nn.utils.clip_grad_norm_(two.parameters(), 1.0)|];
        functional.mse_loss(one.forward(x), two.forward(x)).backward();
        first.step();
        second.step();
        """),
        Code.InMethod("""
        var one = new Mlp();
        var two = new Mlp();
        var first = torch.optim.Adam(one.parameters());
        var second = torch.optim.Adam(two.parameters());
        first.zero_grad();
        second.zero_grad();
        functional.mse_loss(one.forward(x), two.forward(x)).backward();
        torch.nn.utils.clip_grad_norm_(one.parameters(), 1.0);
        first.step();
        torch.nn.utils.clip_grad_norm_(two.parameters(), 1.0);
        second.step();
        """));

    [Fact]
    public Task OtherParametersHaveNoFix() => Verify.OffersNoFix(Code.InMethod("""
        var model = new Mlp();
        var other = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        var loss = functional.mse_loss(model.forward(x), y);
        loss.backward();
        [|torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0)|];
        optimizer.step();
        """));

    [Fact]
    public Task AClipWhoseResultIsKeptHasNoFix() => Verify.OffersNoFix(Loop("""
        optimizer.zero_grad();
        functional.mse_loss(model.forward(input), target).backward();
        optimizer.step();
        var norm = [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
        """));

    [Fact]
    public Task AClipOutsideAnLbfgsClosureHasNoFix() => Verify.OffersNoFix(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.LBFGS(model.parameters());
        for (var i = 0; i < 5; i++)
        {
            optimizer.step(() =>
            {
                optimizer.zero_grad();
                var loss = functional.mse_loss(model.forward(x), y);
                loss.backward();
                return loss;
            });
            optimizer.zero_grad();
            [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
        }
        """));

    [Fact]
    public Task AClipInAHelperIsReportedWhereItIsCalledAndHasNoFix() => Verify.OffersNoFix(
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            private void Clip() => torch.nn.utils.clip_grad_norm_(_model.parameters(), 1.0);

            public void Train(Tensor x)
            {
                _optimizer.zero_grad();
                var loss = _model.forward(x).sum();
                [|Clip()|];
                loss.backward();
                _optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AHelperForOneBatchIsReportedItself() => Reports(
        """
        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters());
                for (var i = 0; i < 5; i++)
                    Step(model, optimizer, x, y);
            }

            private static void Step(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                var loss = functional.mse_loss(model.forward(x), y);
                [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
                loss.backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ClippingTheOptimizersOwnParametersIsReportedToo() => Reports(Loop("""
        optimizer.zero_grad();
        functional.mse_loss(model.forward(input), target).backward();
        optimizer.step();
        [|torch.nn.utils.clip_grad_norm_(optimizer.parameters(), 1.0)|];
        """));

    [Fact]
    public Task ATrainerWithFieldsIsReported() => Reports(
        """
        public sealed class Trainer
        {
            private readonly CharRnn _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            public void Epoch((Tensor X, Tensor Y)[] batches)
            {
                foreach (var (x, y) in batches)
                {
                    using var scope = torch.NewDisposeScope();
                    _optimizer.zero_grad();
                    using var loss = functional.mse_loss(_model.call(x), y);
                    [|torch.nn.utils.clip_grad_norm_(_model.parameters(), max_norm: 5)|];
                    loss.backward();
                    _optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ALambdaIsReported() => Reports(Code.InMethod("""
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        Task.Run(() =>
        {
            functional.mse_loss(model.forward(x), y).backward();
            optimizer.step();
            optimizer.zero_grad();
            [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
        });
        """));

    [Fact]
    public Task ALocalFunctionIsReported() => Reports(Code.InMethod("""
        var model = new CharRnn();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var batch in batches)
            Update(batch.X);

        void Update(Tensor input)
        {
            optimizer.zero_grad();
            [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
            model.forward(input).sum().backward();
            optimizer.step();
        }
        """));

    [Fact]
    public Task AClipInsideAnLbfgsClosureBeforeBackwardIsReported() => Reports(Code.InMethod("""
        var model = new CharRnn();
        var optimizer = torch.optim.LBFGS(model.parameters());
        for (var i = 0; i < 5; i++)
        {
            optimizer.step(() =>
            {
                optimizer.zero_grad();
                [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
                var loss = functional.mse_loss(model.forward(x), y);
                loss.backward();
                return loss;
            });
        }
        """));

    [Fact]
    public Task ClippingTheCriticForTheActorsStepIsReported() => Reports(
        """
        public sealed class Agent
        {
            private readonly CharRnn _actor = new();
            private readonly Mlp _critic = new();
            private readonly torch.optim.Optimizer _actorOptimizer;
            public Agent() => _actorOptimizer = torch.optim.Adam(_actor.parameters());

            public void Update(Tensor states, Tensor advantages)
            {
                var loss = -(_actor.forward(states) * advantages).mean();
                _actorOptimizer.zero_grad();
                loss.backward();
                [|torch.nn.utils.clip_grad_norm_(_critic.parameters(), 0.5)|];
                _actorOptimizer.step();
            }
        }
        """);

    [Fact]
    public Task OnlyTheMisplacedOneOfTwoClipsIsReported() => Reports(Code.InMethod("""
        var generator = new Mlp();
        var discriminator = new Mlp();
        var optimizerG = torch.optim.Adam(generator.parameters());
        var optimizerD = torch.optim.Adam(discriminator.parameters());
        foreach (var (real, noise) in batches)
        {
            optimizerD.zero_grad();
            discriminator.forward(generator.forward(noise).detach()).mean().backward();
            torch.nn.utils.clip_grad_norm_(discriminator.parameters(), 1.0);
            optimizerD.step();
            optimizerG.zero_grad();
            var loss = -discriminator.forward(generator.forward(noise)).mean();
            [|torch.nn.utils.clip_grad_norm_(generator.parameters(), 1.0)|];
            loss.backward();
            optimizerG.step();
        }
        """));

    [Fact]
    public Task ATrainFlagDoesNotHideIt() => Reports(
        """
        public sealed class Trainer(CharRnn model, torch.optim.Optimizer optimizer)
        {
            public void RunEpoch((Tensor X, Tensor Y)[] batches, bool train)
            {
                foreach (var (x, y) in batches)
                {
                    var loss = functional.mse_loss(model.forward(x), y);
                    if (train)
                    {
                        optimizer.zero_grad();
                        [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
                        loss.backward();
                        optimizer.step();
                    }
                }
            }
        }
        """);

    [Theory]
    [InlineData("it comes before backward, when there are no gradients yet", "optimizer.zero_grad(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); loss.backward(); optimizer.step();")]
    [InlineData("it comes after the step, which has used the gradients already", "optimizer.zero_grad(); loss.backward(); optimizer.step(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("the gradients have been cleared by then", "loss.backward(); optimizer.step(); optimizer.zero_grad(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);")]
    [InlineData("the optimizer steps other parameters", "optimizer.zero_grad(); loss.backward(); torch.nn.utils.clip_grad_norm_(other.parameters(), 1.0); optimizer.step();")]
    public async Task TheMessageSaysWhy(string reason, string round) =>
        Assert.Equal(
            [$"GRAD2002: This clipping has no effect: {reason}; clip what is stepped, between backward and step"],
            await TrainingRules.Messages(Code.InMethod($$"""
            var model = new CharRnn();
            var other = new Mlp();
            var optimizer = torch.optim.Adam(model.parameters());
            while (true)
            {
                var loss = functional.mse_loss(model.forward(x), y);
                {{round}}
            }
            """)));

    [Theory]
    [InlineData("optimizer.zero_grad(); loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step();")]
    [InlineData("loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("loss.backward(); torch.nn.utils.clip_grad_value_(optimizer.parameters(), 1.0); optimizer.step(); model.zero_grad();")]
    [InlineData("loss.backward(); if (batches.Length > 3) torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); model.zero_grad();")]
    [InlineData("loss.backward(); if (batches.Length > 3) { torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step(); optimizer.zero_grad(); }")]
    [InlineData("loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); if (batches.Length > 3) { optimizer.step(); optimizer.zero_grad(); }")]
    [InlineData("loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters().Where(p => p.ndim > 1), 1.0); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("loss.backward(); torch.nn.utils.clip_grad_norm_(model.parameters().Concat(other.parameters()), 1.0); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("loss.backward(); var norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("loss.backward(); try { torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); } finally { optimizer.step(); optimizer.zero_grad(); }")]
    public Task AClipBetweenBackwardAndStepIsFine(string round) => IsSilent(Code.InMethod($$"""
        var model = new Mlp();
        var other = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        while (true)
        {
            var loss = functional.mse_loss(model.forward(x), y);
            {{round}}
        }
        """));

    [Fact]
    public Task SeveralBackwardsBeforeAClipAreFine() => IsSilent(Loop("""
        optimizer.zero_grad();
        functional.mse_loss(model.forward(input), target).backward();
        functional.l1_loss(model.forward(input), target).backward();
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
        """));

    [Fact]
    public Task AClipInsideTheInHouseOptimizerIsFine() => IsSilent(
        """
        public sealed class Clipping(CharRnn model, torch.optim.Optimizer inner)
        {
            public void Step()
            {
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                inner.step();
                inner.zero_grad();
            }
        }

        public static class Program
        {
            public static void Run(CharRnn model, Tensor x)
            {
                var optimizer = new Clipping(model, torch.optim.Adam(model.parameters()));
                while (true)
                {
                    model.forward(x).sum().backward();
                    optimizer.Step();
                }
            }
        }
        """);

    [Fact]
    public Task AHelperThatClipsForItsCallersIsFine() => IsSilent(
        """
        public static class Gradients
        {
            public static void ClipAndStep(Module model, torch.optim.Optimizer optimizer)
            {
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task ABackwardInTheCallerIsSeen() => IsSilent(
        """
        public sealed class Trainer(CharRnn model, torch.optim.Optimizer optimizer)
        {
            private void Finish(Tensor regularization)
            {
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                optimizer.step();
                optimizer.zero_grad();
                regularization.backward();
            }

            public void Train(Tensor x, Tensor regularization)
            {
                while (true)
                {
                    model.forward(x).sum().backward();
                    Finish(regularization);
                }
            }
        }
        """);

    [Fact]
    public Task AClipForAStepInAnotherMethodIsFine() => IsSilent(
        """
        public sealed class Agent
        {
            private readonly Mlp _actor = new();
            private readonly Mlp _critic = new();
            private readonly torch.optim.Optimizer _actorOptimizer;
            private readonly torch.optim.Optimizer _criticOptimizer;
            public Agent()
            {
                _actorOptimizer = torch.optim.Adam(_actor.parameters());
                _criticOptimizer = torch.optim.Adam(_critic.parameters());
            }

            public void Update(Tensor states)
            {
                _actorOptimizer.zero_grad();
                _criticOptimizer.zero_grad();
                StepActor(states);
                _criticOptimizer.step();
            }

            private void StepActor(Tensor states)
            {
                (_actor.forward(states) * _critic.forward(states)).mean().backward();
                torch.nn.utils.clip_grad_norm_(_actor.parameters(), 0.5);
                torch.nn.utils.clip_grad_norm_(_critic.parameters(), 0.5);
                _actorOptimizer.step();
            }
        }
        """);

    [Fact]
    public Task APartOfTheModelIsFine() => IsSilent(
        """
        public sealed class Translator : Module<Tensor, Tensor>
        {
            public readonly CharRnn Encoder = new();
            public readonly Mlp Head = new();
            public Translator() : base("Translator") => RegisterComponents();
            public override Tensor forward(Tensor x) => Head.forward(Encoder.forward(x));
        }

        public static class Program
        {
            public static void Run(Tensor x)
            {
                var model = new Translator();
                var optimizer = torch.optim.Adam(model.parameters());
                while (true)
                {
                    optimizer.zero_grad();
                    model.forward(x).sum().backward();
                    torch.nn.utils.clip_grad_norm_(model.Encoder.parameters(), 1.0);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task AClipInsideAnLbfgsClosureIsFine() => IsSilent(Code.InMethod("""
        var model = new CharRnn();
        var optimizer = torch.optim.LBFGS(model.parameters());
        for (var i = 0; i < 5; i++)
        {
            optimizer.step(() =>
            {
                optimizer.zero_grad();
                var loss = functional.mse_loss(model.forward(x), y);
                loss.backward();
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                return loss;
            });
        }
        """));

    [Fact]
    public Task CodeThatIsNotToBeSeenMayDoTheRest() => IsSilent(
        """
        public static class Program
        {
            public static void Run(CharRnn model, torch.optim.Optimizer optimizer, Action afterBackward, Tensor x)
            {
                while (true)
                {
                    optimizer.zero_grad();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                    model.forward(x).sum().backward();
                    afterBackward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ClampingARatioIsNoGradientClipping() => IsSilent(
        """
        public sealed class Ppo(Mlp actor, torch.optim.Optimizer optimizer)
        {
            public void Update(Tensor states, Tensor old, Tensor advantages)
            {
                var ratio = (actor.forward(states) - old).exp();
                var clipped = torch.clamp(ratio, 0.8, 1.2);
                var loss = -torch.min(ratio * advantages, clipped * advantages).mean();
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ALearningRateOfFiveIsNoConcernOfClipping() => IsSilent(
        """
        public static class TextClassification
        {
            public static void Train(Mlp model, Loss<Tensor, Tensor, Tensor> criterion, torch.optim.Optimizer optimizer, IEnumerable<(Tensor, Tensor)> data)
            {
                foreach (var (labels, texts) in data)
                {
                    optimizer.zero_grad();
                    using (var predicted = model.forward(texts))
                    {
                        var loss = criterion.forward(predicted, labels);
                        loss.backward();
                        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5);
                        optimizer.step();
                    }
                }
            }

            public static void Run(IEnumerable<(Tensor, Tensor)> data)
            {
                var model = new Mlp();
                Train(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 5.0), data);
            }
        }
        """);
}
