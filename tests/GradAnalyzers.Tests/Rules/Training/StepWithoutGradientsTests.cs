using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.StepWithoutGradients, GradAnalyzers.CodeFixes.StepWithoutGradientsFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class StepWithoutGradientsTests
{
    private static Task Reports(string code, bool isProgram = false) => TrainingRules.Report("GRAD2004", code, isProgram);

    private static Task IsSilent(string code, bool isProgram = false) => TrainingRules.AreSilent(code, isProgram);

    /// <summary>A round of a loop, with a model and its optimizer.</summary>
    private static string Loop(string round) => Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            {{round.ReplaceLineEndings("\n    ")}}
        }
        """);

    [Fact]
    public Task AClearBetweenBackwardAndStepMovesBeforeBackward() => Verify.Fixes(
        Loop("""
        var loss = functional.mse_loss(model.forward(input), target);
        loss.backward();
        // start afresh
        optimizer.zero_grad(); // for this batch
        [|optimizer.step()|];
        """),
        Loop("""
        var loss = functional.mse_loss(model.forward(input), target);
        // start afresh
        optimizer.zero_grad(); // for this batch
        loss.backward();
        optimizer.step();
        """));

    [Fact]
    public Task ClearingTheModelMovesBeforeBackward() => Verify.Fixes(
        Loop("""
        functional.mse_loss(model.forward(input), target).backward();
        model.zero_grad();
        [|optimizer.step()|];
        """),
        Loop("""
        model.zero_grad();
        functional.mse_loss(model.forward(input), target).backward();
        optimizer.step();
        """));

    [Fact]
    public Task ATopLevelProgramIsFixed() => Verify.Fixes(
        """
        var model = new Mlp();
        var optimizer = torch.optim.SGD(model.parameters(), 0.1);
        var x = torch.rand(4, 16);
        model.forward(x).sum().backward();
        optimizer.zero_grad();
        [|optimizer.step()|];
        """,
        """
        var model = new Mlp();
        var optimizer = torch.optim.SGD(model.parameters(), 0.1);
        var x = torch.rand(4, 16);
        optimizer.zero_grad();
        model.forward(x).sum().backward();
        optimizer.step();
        """, isProgram: true);

    [Fact]
    public Task TwoLoopsAreBothFixed() => Verify.Fixes(
        """
        public static class Program
        {
            public static void One(Mlp model, torch.optim.Optimizer optimizer, Tensor x)
            {
                model.forward(x).sum().backward();
                optimizer.zero_grad();
                [|optimizer.step()|];
            }

            public static void Two(Mlp model, torch.optim.Optimizer optimizer, Tensor x)
            {
                model.forward(x).sum().backward();
                optimizer.zero_grad();
                [|optimizer.step()|];
            }
        }
        """,
        """
        public static class Program
        {
            public static void One(Mlp model, torch.optim.Optimizer optimizer, Tensor x)
            {
                optimizer.zero_grad();
                model.forward(x).sum().backward();
                optimizer.step();
            }

            public static void Two(Mlp model, torch.optim.Optimizer optimizer, Tensor x)
            {
                optimizer.zero_grad();
                model.forward(x).sum().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AStepBeforeBackwardHasNoFix() => Verify.OffersNoFix(Loop("""
        optimizer.zero_grad();
        [|optimizer.step()|];
        functional.mse_loss(model.forward(input), target).backward();
        """));

    [Fact]
    public Task AMissingBackwardHasNoFix() => Verify.OffersNoFix(Loop("""
        optimizer.zero_grad();
        var loss = functional.mse_loss(model.forward(input), target);
        Console.WriteLine(loss.item<float>());
        [|optimizer.step()|];
        """));

    [Fact]
    public Task AMissingBackwardIsReported() => Reports(Loop("""
        optimizer.zero_grad();
        var loss = functional.mse_loss(model.forward(input), target);
        [|optimizer.step()|];
        """));

    [Fact]
    public Task AClearInTheLossIsReported() => Reports(
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            private void Prepare() => _optimizer.zero_grad();

            public void Train(Tensor x)
            {
                while (true)
                {
                    _model.forward(x).sum().backward();
                    Prepare();
                    [|_optimizer.step()|];
                }
            }
        }
        """);

    [Fact]
    public Task AHelperIsReportedItself() => Reports(
        """
        public static class Program
        {
            public static void Run(Tensor x)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters());
                for (var i = 0; i < 5; i++)
                    Step(optimizer, model.forward(x).sum());
            }

            private static void Step(torch.optim.Optimizer optimizer, Tensor loss)
            {
                loss.backward();
                optimizer.zero_grad();
                torch.nn.utils.clip_grad_norm_(optimizer.parameters(), 1.0);
                [|optimizer.step()|];
            }
        }
        """);

    [Fact]
    public Task ALoopSplitOverMethodsIsReportedWhereItComesTogether() => Reports(
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            public void Train(Tensor x)
            {
                Backward(x);
                [|Update()|];
            }

            private void Backward(Tensor x) => _model.forward(x).sum().backward();

            private void Update()
            {
                _optimizer.zero_grad();
                _optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AFitMethodOfABaseClassIsReported() => Reports(
        """
        public abstract class Trainer(torch.optim.Optimizer optimizer)
        {
            protected abstract Tensor Loss(Tensor x);

            public void Fit(Tensor[] batches)
            {
                foreach (var batch in batches)
                {
                    Loss(batch).backward();
                    optimizer.zero_grad();
                    [|optimizer.step()|];
                }
            }
        }

        public sealed class Regression(Mlp model) : Trainer(torch.optim.Adam(model.parameters()))
        {
            protected override Tensor Loss(Tensor x) => model.forward(x).sum();
        }
        """);

    [Fact]
    public Task ALambdaIsReported() => Reports(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        Parallel.For(0, 4, _ =>
        {
            model.forward(x).sum().backward();
            optimizer.zero_grad();
            [|optimizer.step()|];
        });
        """));

    [Fact]
    public Task ALocalFunctionIsReported() => Reports(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        void Update()
        {
            model.forward(x).sum().backward();
            optimizer.zero_grad();
            [|optimizer.step()|];
        }
        for (var i = 0; i < 3; i++)
            Update();
        """));

    [Fact]
    public Task OneOfTwoOptimizersIsReported() => Reports(Code.InMethod("""
        var generator = new Mlp();
        var discriminator = new Mlp();
        var optimizerG = torch.optim.Adam(generator.parameters());
        var optimizerD = torch.optim.Adam(discriminator.parameters());
        foreach (var (real, noise) in batches)
        {
            optimizerD.zero_grad();
            discriminator.forward(generator.forward(noise).detach()).mean().backward();
            optimizerD.step();
            discriminator.forward(generator.forward(noise)).mean().neg().backward();
            optimizerG.zero_grad();
            [|optimizerG.step()|];
        }
        """));

    [Fact]
    public Task SeveralClearsAreReported() => Reports(Loop("""
        functional.mse_loss(model.forward(input), target).backward();
        optimizer.zero_grad();
        model.zero_grad();
        [|optimizer.step()|];
        """));

    [Fact]
    public Task AnAsynchronousLoopIsReported() => Reports(
        """
        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            public async Task Train(IAsyncEnumerable<Tensor> batches)
            {
                await foreach (var x in batches)
                {
                    using var scope = torch.NewDisposeScope();
                    model.forward(x).sum().backward();
                    optimizer.zero_grad();
                    [|optimizer.step()|];
                }
            }
        }
        """);

    [Theory]
    [InlineData("they are cleared between backward and the step", "loss.backward(); optimizer.zero_grad(); optimizer.step();")]
    [InlineData("backward is never called on the loss", "optimizer.zero_grad(); optimizer.step();")]
    public async Task TheMessageSaysWhy(string reason, string round) =>
        Assert.Equal([$"GRAD2004: This step has no gradients to use: {reason}"], await TrainingRules.Messages(Code.InMethod($$"""
            var model = new Mlp();
            var optimizer = torch.optim.Adam(model.parameters());
            while (true)
            {
                var loss = functional.mse_loss(model.forward(x), y);
                {{round}}
            }
            """)));

    [Theory]
    [InlineData("optimizer.zero_grad(); loss.backward(); optimizer.step();")]
    [InlineData("loss.backward(); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("model.zero_grad(); loss.backward(); optimizer.step();")]
    [InlineData("loss.backward(); if (batches.Length > 3) optimizer.zero_grad(); optimizer.step();")]
    [InlineData("loss.backward(); if (batches.Length > 3) { optimizer.step(); optimizer.zero_grad(); }")]
    [InlineData("if (batches.Length > 3) { optimizer.step(); optimizer.zero_grad(); } loss.backward();")]
    [InlineData("loss.backward(); other.zero_grad(); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("loss.backward(); (batches.Length > 3 ? model : other).zero_grad(); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("loss.backward(); foreach (var p in model.parameters().Take(1)) p.grad = null; optimizer.step(); optimizer.zero_grad();")]
    [InlineData("loss.backward(retain_graph: true); optimizer.zero_grad(); loss.backward(); optimizer.step();")]
    [InlineData("torch.autograd.backward(new[] { loss }); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("var grads = torch.autograd.grad(new[] { loss }, model.parameters().ToArray()); foreach (var (p, g) in model.parameters().Zip(grads)) p.grad = g; optimizer.step(); optimizer.zero_grad();")]
    [InlineData("try { loss.backward(); } catch { optimizer.zero_grad(); } optimizer.step(); optimizer.zero_grad();")]
    public Task AStepThatMayHaveGradientsIsFine(string round) => IsSilent(Code.InMethod($$"""
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
    public Task AnLbfgsClosureIsFine() => IsSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.LBFGS(model.parameters());
        for (var i = 0; i < 5; i++)
        {
            optimizer.zero_grad();
            optimizer.step(() =>
            {
                optimizer.zero_grad();
                var loss = functional.mse_loss(model.forward(x), y);
                loss.backward();
                return loss;
            });
        }
        """));

    [Fact]
    public Task ABackwardInAHelperIsSeen() => IsSilent(
        """
        public static class Program
        {
            private static double Backward(Tensor loss)
            {
                loss.backward();
                return loss.item<float>();
            }

            public static void Train(Tensor x)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                while (true)
                {
                    optimizer.zero_grad();
                    Console.WriteLine(Backward(model.forward(x).sum()));
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ABackwardInAnExtensionIsSeen() => IsSilent(
        """
        public static class Extensions
        {
            public static Tensor Differentiate(this Tensor loss)
            {
                loss.backward();
                return loss;
            }

            public static void Train(Tensor x)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                model.forward(x).sum().Differentiate();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ABackwardInALambdaIsSeen() => IsSilent(
        """
        public static class Program
        {
            private static void Measure(Action work) => work();

            public static void Train(Tensor x)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                var loss = model.forward(x).sum();
                Measure(() => loss.backward());
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AnInterfaceMayCallBackward() => IsSilent(
        """
        public interface IObjective { double Evaluate(Module<Tensor, Tensor> model, Tensor x); }

        public static class Program
        {
            public static void Train(IObjective objective, Tensor x)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                objective.Evaluate(model, x);
                var shown = model.forward(x);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ADelegateMayCallBackward() => IsSilent(
        """
        public static class Program
        {
            public static void Train(Func<Tensor> closure, Tensor x)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                var loss = closure();
                var shown = model.forward(x);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AStepOnlyHelperIsFine() => IsSilent(
        """
        public sealed class Trainer(torch.optim.Optimizer optimizer)
        {
            public void Finish()
            {
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task ACallerThatCallsBackwardIsSeen() => IsSilent(
        """
        public sealed class Trainer(Mlp actor, Mlp critic, torch.optim.Optimizer optimizer)
        {
            private void Swap(Tensor x)
            {
                critic.forward(x).sum().backward();
                optimizer.zero_grad();
                actor.forward(x).sum().backward();
                optimizer.step();
            }

            private void Finish(Tensor x)
            {
                optimizer.step();
                optimizer.zero_grad();
                critic.forward(x).sum().backward();
                optimizer.zero_grad();
            }

            public void Train(Tensor x)
            {
                actor.forward(x).sum().backward();
                Finish(x);
                Swap(x);
            }
        }
        """);

    [Fact]
    public Task ActorAndCriticAreFine() => IsSilent(
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

            public void Update(Tensor states, Tensor returns)
            {
                var values = _critic.forward(states);
                var criticLoss = functional.mse_loss(values, returns);
                var actorLoss = -(_actor.forward(states) * (returns - values.detach())).mean();
                _actorOptimizer.zero_grad();
                _criticOptimizer.zero_grad();
                actorLoss.backward();
                criticLoss.backward();
                _criticOptimizer.step();
                _actorOptimizer.step();
            }
        }
        """);

    [Fact]
    public Task AWarmUpStepOfTheSchedulerIsFine() => IsSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        var scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 10);
        optimizer.zero_grad();
        scheduler.step();
        var output = model.forward(x);
        """));

    [Fact]
    public Task AnOptimizerUnderTestThatIsSteppedOnceIsFine() => IsSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        optimizer.step();
        """));

    /// <summary>The code around the step decides alone: what callbacks, injected objects and callers do comes to nothing.</summary>
    [Theory]
    [InlineData("loss.backward(); Optimizer.zero_grad(); [|Optimizer.step()|];")]
    [InlineData("Finished?.Invoke(this); loss.backward(); Optimizer.zero_grad(); [|Optimizer.step()|]; Finished?.Invoke(this);")]
    [InlineData("loss.backward(); if (loss.item<float>() > 1) Finished?.Invoke(this); Optimizer.zero_grad(); torch.nn.utils.clip_grad_norm_(Net.parameters(), 1.0); [|Optimizer.step()|];", "GRAD2002")]
    [InlineData("Optimizer.zero_grad(); [|Optimizer.step()|]; Losses.Add(loss.item<float>());")]
    [InlineData("Optimizer.zero_grad(); torch.nn.utils.clip_grad_norm_(Net.parameters(), 1.0); [|Optimizer.step()|];", "GRAD2002")]
    public Task AnInjectedOptimizerThatIsClearedBeforeItsStep(string update, string besides = "") => TrainingRules.Report("GRAD2004", Agent(update), besides: besides);

    [Fact]
    public Task AHelperThatIsHandedTheLossAndForgetsIt() => TrainingRules.Report("GRAD2004",
        """
        public sealed class Learner(torch.optim.Optimizer optimizer, Module<Tensor, Tensor> net, Action done)
        {
            public void Learn(Tensor input, Tensor target)
            {
                Update(functional.mse_loss(net.call(input), target));
                done();
            }

            private void Update(Tensor loss)
            {
                optimizer.zero_grad();
                torch.nn.utils.clip_grad_value_(net.parameters(), 100);
                [|optimizer.step()|];
                Console.WriteLine(loss.item<float>());
            }
        }
        """, besides: "GRAD2002");

    [Fact]
    public Task AParameterOfAHelperThatAnybodyCalls() => TrainingRules.Report("GRAD2004",
        """
        public static class Steps
        {
            public static void Take(Module<Tensor, Tensor> net, torch.optim.Optimizer optimizer, Tensor input, Action<float> report)
            {
                var loss = net.forward(input).sum();
                loss.backward();
                optimizer.zero_grad();
                [|optimizer.step()|];
                report(loss.item<float>());
            }
        }
        """);

    [Theory]
    [InlineData("loss.backward(); Optimizer.zero_grad(); Finished?.Invoke(this); Optimizer.step();")]
    [InlineData("loss.backward(); if (Losses.Count == 0) Optimizer.zero_grad(); Optimizer.step();")]
    [InlineData("Optimizer.zero_grad(); Differentiate(loss); Optimizer.step();")]
    [InlineData("Optimizer.zero_grad(); Finished?.Invoke(this); Optimizer.step();")]
    [InlineData("loss.backward(); Other.zero_grad(); Optimizer.step();")]
    [InlineData("Optimizer.step(); Optimizer.zero_grad();")]
    [InlineData("Optimizer.zero_grad(); loss.backward(); Optimizer.step();")]
    public Task WhatMayGiveGradientsBetweenThemIsBelieved(string update) => IsSilent(Agent(update));

    /// <summary>The idiom that keeps a schedule from warning: nothing is computed.</summary>
    [Fact]
    public Task AStepThatOnlyStartsAScheduleIsFine() => IsSilent(
        """
        public sealed class Warmup(torch.optim.Optimizer optimizer, Action started)
        {
            public void Start()
            {
                started();
                optimizer.zero_grad();
                optimizer.step();
            }
        }
        """);

    /// <summary>An agent whose network, optimizer and callback come from elsewhere.</summary>
    private static string Agent(string update) => $$"""
        public abstract class Agent
        {
            public Action<Agent> Finished { get; set; }
            public torch.optim.Optimizer Optimizer { get; protected set; }
            public torch.optim.Optimizer Other { get; protected set; }
            public Module<Tensor, Tensor> Net { get; protected set; }
            protected List<float> Losses { get; } = new();
            protected abstract void Differentiate(Tensor loss);
        }

        public abstract class DeepAgent(torch.optim.Optimizer given, torch.optim.Optimizer second, Module<Tensor, Tensor> net) : Agent
        {
            public void Prepare()
            {
                Optimizer = given;
                Other = second;
                Net = net;
            }

            public float Learn((Tensor X, Tensor Y)[] batches)
            {
                foreach (var (input, target) in batches)
                {
                    Update(input, target);
                    Finished?.Invoke(this);
                }

                return Losses.Average();
            }

            private void Update(Tensor input, Tensor target)
            {
                var loss = functional.mse_loss(Net.forward(input), target);
                {{update}}
            }
        }
        """;
}
