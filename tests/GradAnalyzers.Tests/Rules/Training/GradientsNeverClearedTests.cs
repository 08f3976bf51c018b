using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.GradientsNeverCleared, GradAnalyzers.CodeFixes.GradientsNeverClearedFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class GradientsNeverClearedTests
{
    private static Task Reports(string code, bool isProgram = false) => TrainingRules.Report("GRAD2003", code, isProgram);

    private static Task IsSilent(string code, bool isProgram = false) => TrainingRules.AreSilent(code, isProgram);

    [Fact]
    public Task ALoopInOneMethodIsReportedAndClearsBeforeBackward() => Verify.Fixes(
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var epoch = 0; epoch < 10; epoch++)
        {
            // the loss of this epoch
            var loss = functional.mse_loss(model.forward(x), y);
            loss.backward(); // adds to the gradients
            [|optimizer.step()|];
        }
        """),
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var epoch = 0; epoch < 10; epoch++)
        {
            // the loss of this epoch
            var loss = functional.mse_loss(model.forward(x), y);
            optimizer.zero_grad();
            loss.backward(); // adds to the gradients
            optimizer.step();
        }
        """));

    [Fact]
    public Task SeveralBackwardsAreClearedAfterTheStep() => Verify.Fixes(
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            functional.mse_loss(model.forward(input), target).backward();
            functional.l1_loss(model.forward(input), target).backward();
            [|optimizer.step()|];
        }
        """),
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            functional.mse_loss(model.forward(input), target).backward();
            functional.l1_loss(model.forward(input), target).backward();
            optimizer.step();
            optimizer.zero_grad();
        }
        """));

    [Fact]
    public Task AnLbfgsClosureIsClearedInside() => Verify.Fixes(
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.LBFGS(model.parameters());
        for (var i = 0; i < 5; i++)
        {
            [|optimizer.step(() =>
            {
                var loss = functional.mse_loss(model.forward(x), y);
                loss.backward();
                return loss;
            })|];
        }
        """),
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.LBFGS(model.parameters());
        for (var i = 0; i < 5; i++)
        {
            optimizer.step(() =>
            {
                var loss = functional.mse_loss(model.forward(x), y);
                optimizer.zero_grad();
                loss.backward();
                return loss;
            });
        }
        """));

    [Fact]
    public Task AccumulationIsClearedAfterTheStepSoThatItStillAccumulates() => Verify.Fixes(
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < batches.Length; i++)
        {
            (functional.mse_loss(model.forward(batches[i].X), batches[i].Y) / 4).backward();
            if (i % 4 == 3)
                [|optimizer.step()|];
        }
        """),
        Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < batches.Length; i++)
        {
            (functional.mse_loss(model.forward(batches[i].X), batches[i].Y) / 4).backward();
            if (i % 4 == 3)
            {
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """));

    [Fact]
    public Task AStepInAnotherMethodThanBackwardIsClearedAfterIt() => Verify.Fixes(
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            public void Train(Tensor x, Tensor y)
            {
                while (true)
                {
                    functional.mse_loss(_model.forward(x), y).backward();
                    [|Update()|];
                }
            }

            private void Update() => _optimizer.step();
        }
        """,
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            public void Train(Tensor x, Tensor y)
            {
                while (true)
                {
                    functional.mse_loss(_model.forward(x), y).backward();
                    Update();
                }
            }

            private void Update()
            {
                _optimizer.step();
                _optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task ATopLevelProgramIsReportedAndFixed() => Verify.Fixes(
        """
        var model = new Mlp();
        var optimizer = torch.optim.SGD(model.parameters(), 0.1);
        var x = torch.rand(4, 16);
        for (var i = 0; i < 10; i++)
        {
            model.forward(x).pow(2).mean().backward();
            [|optimizer.step()|];
        }
        """,
        """
        var model = new Mlp();
        var optimizer = torch.optim.SGD(model.parameters(), 0.1);
        var x = torch.rand(4, 16);
        for (var i = 0; i < 10; i++)
        {
            optimizer.zero_grad();
            model.forward(x).pow(2).mean().backward();
            optimizer.step();
        }
        """, isProgram: true);

    [Fact]
    public Task TwoLoopsAreBothFixed() => Verify.Fixes(
        """
        public static class Program
        {
            public static void One(Mlp model, torch.optim.Optimizer optimizer, Tensor x)
            {
                while (true)
                {
                    model.forward(x).sum().backward();
                    [|optimizer.step()|];
                }
            }

            public static void Two(Mlp model, torch.optim.Optimizer other, Tensor x)
            {
                while (true)
                {
                    model.forward(x).sum().backward();
                    [|other.step()|];
                }
            }
        }
        """,
        """
        public static class Program
        {
            public static void One(Mlp model, torch.optim.Optimizer optimizer, Tensor x)
            {
                while (true)
                {
                    optimizer.zero_grad();
                    model.forward(x).sum().backward();
                    optimizer.step();
                }
            }

            public static void Two(Mlp model, torch.optim.Optimizer other, Tensor x)
            {
                while (true)
                {
                    other.zero_grad();
                    model.forward(x).sum().backward();
                    other.step();
                }
            }
        }
        """);

    [Fact]
    public Task AnOptimizerThatHasToBeFetchedIsReportedAndNamedThroughItsCall() => Verify.Fixes(
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());
            public torch.optim.Optimizer Optimizer => _optimizer;

            public static void Run(Trainer trainer, Tensor x)
            {
                while (true)
                {
                    trainer._model.forward(x).sum().backward();
                    [|trainer.Optimizer.step()|];
                }
            }
        }
        """,
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());
            public torch.optim.Optimizer Optimizer => _optimizer;

            public static void Run(Trainer trainer, Tensor x)
            {
                while (true)
                {
                    trainer.Optimizer.zero_grad();
                    trainer._model.forward(x).sum().backward();
                    trainer.Optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task AHelperThatIsHandedEverythingIsReportedItself() => Reports(
        """
        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var model = new Mlp();
                Fit(model, torch.optim.Adam(model.parameters()), nn.MSELoss(), x, y);
            }

            private static void Fit(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Loss<Tensor, Tensor, Tensor> loss, Tensor x, Tensor y)
            {
                for (var i = 0; i < 100; i++)
                {
                    loss.forward(model.forward(x), y).backward();
                    [|optimizer.step()|];
                }
            }
        }
        """);

    [Fact]
    public Task AHelperForOneBatchIsReportedWhereItIsRepeated() => Reports(
        """
        public static class Program
        {
            public static void Run((Tensor X, Tensor Y)[] batches)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                foreach (var batch in batches)
                    [|Step(model, optimizer, batch.X, batch.Y)|];
            }

            private static void Step(Mlp model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ATrainerClassIsReported() => Reports(
        """
        public sealed class Trainer(Mlp model)
        {
            private torch.optim.Optimizer Optimizer { get; } = torch.optim.Adam(model.parameters());

            public void Epoch(IEnumerable<(Tensor X, Tensor Y)> batches)
            {
                foreach (var (x, y) in batches)
                {
                    using var scope = torch.NewDisposeScope();
                    using var loss = functional.mse_loss(model.call(x), y);
                    loss.backward();
                    [|Optimizer.step()|];
                }
            }
        }
        """);

    [Fact]
    public Task AFitMethodOfABaseClassIsReported() => Reports(
        """
        public abstract class Trainer(torch.optim.Optimizer optimizer)
        {
            protected abstract Tensor Loss(Tensor x, Tensor y);

            public void Fit((Tensor X, Tensor Y)[] batches)
            {
                foreach (var batch in batches)
                {
                    Loss(batch.X, batch.Y).backward();
                    [|optimizer.step()|];
                }
            }
        }

        public sealed class Regression(Mlp model) : Trainer(torch.optim.Adam(model.parameters()))
        {
            protected override Tensor Loss(Tensor x, Tensor y) => functional.mse_loss(model.forward(x), y);
        }
        """);

    [Fact]
    public Task ALambdaForEveryBatchIsReported() => Reports(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        batches.ToList().ForEach(batch =>
        {
            functional.mse_loss(model.forward(batch.X), batch.Y).backward();
            [|optimizer.step()|];
        });
        """));

    [Fact]
    public Task ALocalFunctionIsReported() => Reports(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < 3; i++)
            Update();

        void Update()
        {
            functional.mse_loss(model.forward(x), y).backward();
            [|optimizer.step()|];
        }
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
            var lossD = discriminator.forward(generator.forward(noise).detach()).mean() - discriminator.forward(real).mean();
            lossD.backward();
            optimizerD.step();
            var lossG = -discriminator.forward(generator.forward(noise)).mean();
            lossG.backward();
            [|optimizerG.step()|];
        }
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
                    model.forward(x).sum().backward();
                    [|optimizer.step()|];
                    await Task.Yield();
                }
            }
        }
        """);

    [Fact]
    public Task ATrainFlagDoesNotHideIt() => Reports(
        """
        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            public double RunEpoch((Tensor X, Tensor Y)[] batches, bool train)
            {
                var total = 0.0;
                using var mode = train ? null : torch.no_grad();
                foreach (var (x, y) in batches)
                {
                    var loss = functional.mse_loss(model.forward(x), y);
                    if (train)
                    {
                        loss.backward();
                        [|optimizer.step()|];
                    }
                    total += loss.item<float>();
                }
                return total;
            }
        }
        """);

    [Fact]
    public Task ClearingAnotherModelIsNotEnough() => Reports(Code.InMethod("""
        var model = new Mlp();
        var other = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
        {
            other.zero_grad();
            functional.mse_loss(model.forward(input), target).backward();
            [|optimizer.step()|];
        }
        """));

    [Fact]
    public Task AnOptimizerMadeForEveryFoldIsReportedForItsBatches() => Reports(Code.InMethod("""
        for (var fold = 0; fold < 5; fold++)
        {
            var model = new Mlp();
            var optimizer = torch.optim.Adam(model.parameters());
            foreach (var (input, target) in batches)
            {
                functional.mse_loss(model.forward(input), target).backward();
                [|optimizer.step()|];
            }
        }
        """));

    [Fact]
    public Task TheMessageNamesTheOptimizer() => Says(
        "GRAD2003: 'optimizer' is stepped in a loop that never clears gradients; every step uses the sum of all so far. Call zero_grad() before backward.",
        """
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        while (true)
        {
            model.forward(x).sum().backward();
            optimizer.step();
        }
        """);

    private static async Task Says(string message, string statements) => Assert.Equal([message], await TrainingRules.Messages(Code.InMethod(statements)));

    [Theory]
    [InlineData("optimizer.zero_grad(); loss.backward(); optimizer.step();")]
    [InlineData("loss.backward(); optimizer.step(); optimizer.zero_grad();")]
    [InlineData("model.zero_grad(); loss.backward(); optimizer.step();")]
    [InlineData("model.zero_grad(set_to_none: false); loss.backward(); optimizer.step();")]
    [InlineData("foreach (var p in model.parameters()) p.grad = null; loss.backward(); optimizer.step();")]
    [InlineData("foreach (var p in model.parameters()) p.grad?.zero_(); loss.backward(); optimizer.step();")]
    [InlineData("foreach (var p in model.parameters()) { using var g = p.grad; if (g is not null) g.zero_(); } loss.backward(); optimizer.step();")]
    [InlineData("foreach (var p in model.parameters()) p.grad = torch.zeros_like(p); loss.backward(); optimizer.step();")]
    [InlineData("foreach (var p in model.parameters()) p.grad?.fill_(0); loss.backward(); optimizer.step();")]
    [InlineData("loss.backward(); if (DateTime.Now.Second % 4 == 0) { optimizer.step(); optimizer.zero_grad(); }")]
    [InlineData("try { loss.backward(); optimizer.step(); } finally { optimizer.zero_grad(); }")]
    [InlineData("if (DateTime.Now.Second % 4 == 0) optimizer.zero_grad(); loss.backward(); optimizer.step();")]
    public Task EveryWayToClearCounts(string round) => IsSilent(Code.InMethod($$"""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        while (true)
        {
            var loss = functional.mse_loss(model.forward(x), y);
            {{round}}
        }
        """));

    [Fact]
    public Task OneStepWithoutALoopIsFine() => IsSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        functional.mse_loss(model.forward(x), y).backward();
        optimizer.step();
        """));

    [Fact]
    public Task SeveralBackwardsBeforeOneStepAreFine() => IsSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var (input, target) in batches)
            functional.mse_loss(model.forward(input), target).backward();
        optimizer.step();
        """));

    [Fact]
    public Task AnOptimizerMadeAnewInEveryRoundIsFine() => IsSilent(Code.InMethod("""
        for (var fold = 0; fold < 5; fold++)
        {
            var model = new Mlp();
            var optimizer = torch.optim.Adam(model.parameters());
            functional.mse_loss(model.forward(x), y).backward();
            optimizer.step();
        }
        """));

    [Fact]
    public Task AnOptimizerMadeAnewByAHelperIsFine() => IsSilent(
        """
        public static class Program
        {
            private static torch.optim.Optimizer Make(Mlp model, double rate) => torch.optim.Adam(model.parameters(), rate);

            public static void Sweep(Tensor x, double[] rates)
            {
                foreach (var rate in rates)
                {
                    var model = new Mlp();
                    var optimizer = Make(model, rate);
                    model.forward(x).sum().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ATrainerMadeAnewInEveryRoundIsFine() => IsSilent(
        """
        public sealed class Trainer
        {
            private readonly Mlp _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            public void Step(Tensor x)
            {
                _model.forward(x).sum().backward();
                _optimizer.step();
            }
        }

        public static class Program
        {
            public static void Sweep(Tensor x)
            {
                for (var i = 0; i < 5; i++)
                    new Trainer().Step(x);
                for (var i = 0; i < 5; i++)
                {
                    var trainer = new Trainer();
                    trainer.Step(x);
                }
            }
        }
        """);

    [Fact]
    public Task AnOptimizerMadeAnewInALambdaIsFine() => IsSilent(Code.InMethod("""
        var results = batches.Select(batch =>
        {
            var model = new Mlp();
            var optimizer = torch.optim.Adam(model.parameters());
            var loss = functional.mse_loss(model.forward(batch.X), batch.Y);
            loss.backward();
            optimizer.step();
            return loss;
        }).ToList();
        """));

    [Fact]
    public Task ACallerThatClearsIsSeen() => IsSilent(
        """
        public static class Program
        {
            public static void Run(Tensor x, int epochs)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                for (var epoch = 0; epoch < epochs; epoch++)
                {
                    optimizer.zero_grad();
                    Epoch(model, optimizer, x);
                }
            }

            private static void Epoch(Mlp model, torch.optim.Optimizer optimizer, Tensor x)
            {
                for (var i = 0; i < 2; i++)
                {
                    model.forward(x).sum().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ACallersCallerThatClearsIsSeen() => IsSilent(
        """
        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            public void Fit(Tensor x)
            {
                optimizer.zero_grad();
                Epochs(x);
            }

            private void Epochs(Tensor x)
            {
                for (var i = 0; i < 3; i++)
                    Epoch(x);
            }

            private void Epoch(Tensor x)
            {
                for (var i = 0; i < 3; i++)
                {
                    model.forward(x).sum().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ClearingInAHelperCounts() => IsSilent(
        """
        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            private Tensor Loss(Tensor x)
            {
                optimizer.zero_grad();
                return model.forward(x).sum();
            }

            public void Fit(Tensor x)
            {
                while (true)
                {
                    Loss(x).backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ACallbackMayClear() => IsSilent(
        """
        public sealed class Trainer(Mlp model, torch.optim.Optimizer optimizer)
        {
            public event Action<int>? BatchEnded;

            public void Fit(Tensor x, Action before)
            {
                for (var i = 0; i < 5; i++)
                {
                    before();
                    model.forward(x).sum().backward();
                    optimizer.step();
                }
            }

            public void Fit(Tensor x)
            {
                for (var i = 0; i < 5; i++)
                {
                    model.forward(x).sum().backward();
                    optimizer.step();
                    BatchEnded?.Invoke(i);
                }
            }
        }
        """);

    [Fact]
    public Task ALossFunctionThatIsHandedInDoesNotHideIt() => Reports(
        """
        public static class Program
        {
            public static void Fit(Mlp model, torch.optim.Optimizer optimizer, Func<Tensor, Tensor, Tensor> loss, Tensor x, Tensor y)
            {
                for (var i = 0; i < 5; i++)
                {
                    loss(model.forward(x), y).backward();
                    [|optimizer.step()|];
                }
            }
        }
        """);

    [Fact]
    public Task AnInterfaceWithoutImplementationMayClear() => IsSilent(
        """
        public interface IHook { void AfterStep(torch.optim.Optimizer optimizer); }

        public static class Program
        {
            public static void Fit(Mlp model, torch.optim.Optimizer optimizer, IHook hook, Tensor x)
            {
                for (var i = 0; i < 5; i++)
                {
                    model.forward(x).sum().backward();
                    optimizer.step();
                    hook.AfterStep(optimizer);
                }
            }
        }
        """);

    [Fact]
    public Task AnOptimizerFromSourceMayClearItself() => IsSilent(
        """
        public sealed class SelfClearing(IEnumerable<Parameter> parameters) : Adam(parameters)
        {
            public override Tensor step(Func<Tensor>? closure = null)
            {
                var loss = base.step(closure);
                zero_grad();
                return loss;
            }
        }

        public static class Program
        {
            public static void Fit(Mlp model, Tensor x)
            {
                var optimizer = new SelfClearing(model.parameters());
                for (var i = 0; i < 5; i++)
                {
                    model.forward(x).sum().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task AWrapperThatClearsIsFollowed() => IsSilent(
        """
        public sealed class Wrapper(torch.optim.Optimizer inner)
        {
            public void Step(Tensor loss)
            {
                inner.zero_grad();
                loss.backward();
                inner.step();
            }
        }

        public static class Program
        {
            public static void Fit(Mlp model, Tensor x)
            {
                var wrapper = new Wrapper(torch.optim.Adam(model.parameters()));
                for (var i = 0; i < 5; i++)
                    wrapper.Step(model.forward(x).sum());
            }
        }
        """);

    [Fact]
    public Task AnLbfgsClosureThatClearsIsFine() => IsSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.LBFGS(model.parameters());
        Tensor Closure()
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(model.forward(x), y);
            loss.backward();
            return loss;
        }
        for (var i = 0; i < 5; i++)
            optimizer.step(Closure);
        """));

    [Fact]
    public Task DynamicCodeIsNotGuessedAt() => IsSilent(
        """
        public static class Program
        {
            public static void Fit(dynamic model, torch.optim.Optimizer optimizer, Tensor x)
            {
                for (var i = 0; i < 5; i++)
                {
                    Tensor loss = model.forward(x);
                    loss.backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ASchedulerIsNoOptimizer() => IsSilent(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        var scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1);
        for (var i = 0; i < 5; i++)
        {
            optimizer.zero_grad();
            model.forward(x).sum().backward();
            optimizer.step();
            scheduler.step();
        }
        """));

    [Fact]
    public Task AdversarialExamplesWithoutAnOptimizerAreFine() => IsSilent(
        """
        public static class Program
        {
            public static void Attack(Mlp model, Tensor[] inputs)
            {
                foreach (var input in inputs)
                {
                    input.requires_grad = true;
                    model.forward(input).sum().backward();
                    var attacked = input + 0.1 * input.grad!.sign();
                    input.grad!.zero_();
                }
            }
        }
        """);

    [Fact]
    public Task AStepByHandOverAModuleClearsTheModule() => Verify.Fixes(
        Code.InMethod("""
        var model = new Mlp();
        for (var i = 0; i < 200; i++)
        {
            functional.mse_loss(model.call(x), y).backward();
            using var _ = torch.no_grad();
            foreach (var p in model.parameters())
                [|p.sub_(0.1f * p.grad!)|];
        }
        """),
        Code.InMethod("""
        var model = new Mlp();
        for (var i = 0; i < 200; i++)
        {
            model.zero_grad();
            functional.mse_loss(model.call(x), y).backward();
            using var _ = torch.no_grad();
            foreach (var p in model.parameters())
                p.sub_(0.1f * p.grad!);
        }
        """));

    [Fact]
    public Task AStepByHandOfOneTensorClearsIt() => Verify.Fixes(
        Code.InMethod("""
        var w = torch.randn(16, 1, requires_grad: true);
        for (var i = 0; i < 200; i++)
        {
            functional.mse_loss(x.mm(w), y).backward();
            using (torch.no_grad())
            {
                [|w.add_(w.grad!, alpha: -0.1)|];
            }
        }
        """),
        Code.InMethod("""
        var w = torch.randn(16, 1, requires_grad: true);
        for (var i = 0; i < 200; i++)
        {
            functional.mse_loss(x.mm(w), y).backward();
            using (torch.no_grad())
            {
                w.add_(w.grad!, alpha: -0.1);
                w.grad?.zero_();
            }
        }
        """));

    [Fact]
    public async Task TheMessageSaysThatItIsClearedTooSeldom() => Assert.Equal(
        ["GRAD2003: 'optimizer' is stepped in a loop that clears gradients outside of it only; every step uses the sum since then. Call zero_grad() before backward."],
        await TrainingRules.Messages(Code.InMethod("""
        var model = new Mlp();
        var optimizer = torch.optim.Adam(model.parameters());
        optimizer.zero_grad();
        foreach (var (input, target) in batches)
        {
            functional.mse_loss(model.call(input), target).backward();
            optimizer.step();
        }
        """)));
}
