using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.UnclippedRecurrentTraining, GradAnalyzers.CodeFixes.UnclippedRecurrentTrainingFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class UnclippedRecurrentTrainingTests
{
    [Fact]
    public Task AStepInOneMethodIsReportedAndClippedBeforeIt() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters(), 1e-3);
                var loss = nn.CrossEntropyLoss();
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    var output = loss.forward(model.forward(x), y);
                    output.backward();
                    [|optimizer.step()|];
                }
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters(), 1e-3);
                var loss = nn.CrossEntropyLoss();
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    var output = loss.forward(model.forward(x), y);
                    output.backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task FieldsOfATrainerClassAreFollowed() => Verify.Reports(
        """
        public sealed class Trainer
        {
            private readonly CharRnn _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            private readonly Loss<Tensor, Tensor, Tensor> _loss = nn.CrossEntropyLoss();

            public Trainer() => _optimizer = torch.optim.SGD(_model.parameters(), 0.1);

            public void Epoch(IEnumerable<(Tensor X, Tensor Y)> batches)
            {
                foreach (var (x, y) in batches)
                {
                    _optimizer.zero_grad();
                    var loss = _loss.call(_model.call(x), y);
                    loss.backward();
                    [|_optimizer.step()|];
                }
            }
        }
        """);

    [Fact]
    public Task AModelFieldOfBaseTypeIsFollowedToItsConstructor() => Verify.Reports(
        """
        public sealed class Trainer
        {
            private readonly Module<Tensor, Tensor> model;
            public torch.optim.Optimizer Optimizer { get; }

            public Trainer()
            {
                model = new CharRnn().to(torch.CPU);
                Optimizer = new Adam(model.parameters(), 1e-3);
            }

            public void Step(Tensor x, Tensor y)
            {
                Optimizer.zero_grad();
                using var loss = functional.mse_loss(model.forward(x), y);
                loss.backward();
                [|Optimizer.step()|];
            }
        }
        """);

    [Fact]
    public Task AHelperThatIsHandedTheModelIsReportedWhereItIsCalled() => Verify.Reports(
        """
        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var rnn = new CharRnn();
                var mlp = new Mlp();
                [|Train(rnn, torch.optim.Adam(rnn.parameters()), nn.CrossEntropyLoss(), x, y)|];
                Train(mlp, torch.optim.Adam(mlp.parameters()), nn.CrossEntropyLoss(), x, y);
            }

            private static void Train(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Loss<Tensor, Tensor, Tensor> criterion, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                var loss = criterion.forward(model.forward(x), y);
                loss.backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AHelperWhoseParameterIsARecurrentClassIsReportedItself() => Verify.Reports(
        """
        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var rnn = new CharRnn();
                Train(rnn, torch.optim.Adam(rnn.parameters()), x, y);
            }

            private static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                functional.mse_loss(model.forward(x), y).backward();
                [|optimizer.step()|];
            }
        }
        """);

    [Fact]
    public Task ATopLevelProgramIsReported() => Verify.Reports(
        """
        var model = new CharRnn();
        var optimizer = torch.optim.AdamW(model.parameters());
        var x = torch.rand(4, 10, 16);
        for (var i = 0; i < 10; i++)
        {
            var loss = (model.forward(x) - x).pow(2).mean();
            optimizer.zero_grad();
            loss.backward();
            [|optimizer.step()|];
        }
        """, isProgram: true);

    [Fact]
    public Task ALambdaHandedToFrameworkCodeIsReported() => Verify.Reports(
        """
        public static class Program
        {
            public static Task Run(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters());
                return Task.Run(() =>
                {
                    optimizer.zero_grad();
                    functional.mse_loss(model.forward(x), y).backward();
                    [|optimizer.step()|];
                });
            }
        }
        """);

    [Fact]
    public Task ALocalFunctionIsReported() => Verify.Reports(
        """
        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                var optimizer = torch.optim.Adam(model.parameters());
                for (var i = 0; i < 3; i++)
                    Update();

                void Update()
                {
                    optimizer.zero_grad();
                    functional.mse_loss(model.forward(x), y).backward();
                    [|optimizer.step()|];
                }
            }
        }
        """);

    [Fact]
    public Task ALoopSplitOverMethodsIsReportedWhereItComesTogether() => Verify.Reports(
        """
        public sealed class Trainer
        {
            private readonly CharRnn _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_model.parameters());

            public void Train(Tensor x, Tensor y)
            {
                Backward(x, y);
                [|Update()|];
            }

            private void Backward(Tensor x, Tensor y) => functional.mse_loss(_model.forward(x), y).backward();

            private void Update()
            {
                _optimizer.step();
                _optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task AFitMethodOfABaseClassIsReportedWhereItRunsOnARecurrentModel() => Verify.Reports(
        """
        public abstract class Trainer
        {
            protected readonly Module<Tensor, Tensor> Model;
            protected readonly torch.optim.Optimizer Optimizer;

            protected Trainer(Module<Tensor, Tensor> model)
            {
                Model = model;
                Optimizer = torch.optim.Adam(model.parameters());
            }

            protected abstract Tensor Loss(Tensor x, Tensor y);

            public void Fit(Tensor x, Tensor y)
            {
                Optimizer.zero_grad();
                Loss(x, y).backward();
                Optimizer.step();
            }
        }

        public sealed class Regression(Module<Tensor, Tensor> model) : Trainer(model)
        {
            protected override Tensor Loss(Tensor x, Tensor y) => functional.mse_loss(Model.forward(x), y);
        }

        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var trainer = new Regression(new CharRnn());
                [|trainer.Fit(x, y)|];
                new Regression(new Mlp()).Fit(x, y);
            }
        }
        """);

    [Fact]
    public Task GradientAccumulationWithoutAClipIsReported() => Verify.Reports(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor[] xs, Tensor y)
            {
                for (var i = 0; i < xs.Length; i++)
                {
                    var loss = functional.mse_loss(model.forward(xs[i]), y) / 4;
                    loss.backward();
                    if (i % 4 == 3)
                    {
                        [|optimizer.step()|];
                        optimizer.zero_grad();
                    }
                }
            }
        }
        """);

    [Fact]
    public Task AnLbfgsClosureIsClippedAfterItsBackward() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(CharRnn model, Tensor x, Tensor y)
            {
                var optimizer = torch.optim.LBFGS(model.parameters());
                for (var i = 0; i < 5; i++)
                {
                    [|optimizer.step(() =>
                    {
                        optimizer.zero_grad();
                        var loss = functional.mse_loss(model.forward(x), y);
                        loss.backward();
                        return loss;
                    })|];
                }
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(CharRnn model, Tensor x, Tensor y)
            {
                var optimizer = torch.optim.LBFGS(model.parameters());
                for (var i = 0; i < 5; i++)
                {
                    optimizer.step(() =>
                    {
                        optimizer.zero_grad();
                        var loss = functional.mse_loss(model.forward(x), y);
                        loss.backward();
                        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0);
                        return loss;
                    });
                }
            }
        }
        """);

    [Fact]
    public Task AModelWithAnRNNInASubmoduleIsRecurrent() => Verify.Reports(
        """
        public sealed class Encoder : Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.RNN _layer;
            public Encoder() : base("Encoder")
            {
                _layer = nn.RNN(8, 8);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _layer.call(x).Item1;
        }

        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> _parts = new();
            public Net() : base("Net")
            {
                _parts.Add(Make());
                RegisterComponents();
            }
            private static Module<Tensor, Tensor> Make() => new Encoder();
            public override Tensor forward(Tensor x) => _parts[0].forward(x);
        }

        public static class Program
        {
            public static void Train(Net net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task AModelWithAnLSTMInASubmoduleIsRecurrent() => Verify.Reports(
        """
        public sealed class Encoder : Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.LSTM _layer;
            public Encoder() : base("Encoder")
            {
                _layer = nn.LSTM(8, 8);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _layer.call(x).Item1;
        }

        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> _parts = new();
            public Net() : base("Net")
            {
                _parts.Add(Make());
                RegisterComponents();
            }
            private static Module<Tensor, Tensor> Make() => new Encoder();
            public override Tensor forward(Tensor x) => _parts[0].forward(x);
        }

        public static class Program
        {
            public static void Train(Net net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task AModelWithAnRNNCellInASubmoduleIsRecurrent() => Verify.Reports(
        """
        public sealed class Encoder : Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.RNNCell _layer;
            public Encoder() : base("Encoder")
            {
                _layer = nn.RNNCell(8, 8);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _layer.forward(x);
        }

        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> _parts = new();
            public Net() : base("Net")
            {
                _parts.Add(Make());
                RegisterComponents();
            }
            private static Module<Tensor, Tensor> Make() => new Encoder();
            public override Tensor forward(Tensor x) => _parts[0].forward(x);
        }

        public static class Program
        {
            public static void Train(Net net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task AModelWithAnLSTMCellInASubmoduleIsRecurrent() => Verify.Reports(
        """
        public sealed class Encoder : Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.LSTMCell _layer;
            public Encoder() : base("Encoder")
            {
                _layer = nn.LSTMCell(8, 8);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _layer.call(x).Item1;
        }

        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> _parts = new();
            public Net() : base("Net")
            {
                _parts.Add(Make());
                RegisterComponents();
            }
            private static Module<Tensor, Tensor> Make() => new Encoder();
            public override Tensor forward(Tensor x) => _parts[0].forward(x);
        }

        public static class Program
        {
            public static void Train(Net net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task AModelWithAnGRUCellInASubmoduleIsRecurrent() => Verify.Reports(
        """
        public sealed class Encoder : Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.GRUCell _layer;
            public Encoder() : base("Encoder")
            {
                _layer = nn.GRUCell(8, 8);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _layer.forward(x);
        }

        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> _parts = new();
            public Net() : base("Net")
            {
                _parts.Add(Make());
                RegisterComponents();
            }
            private static Module<Tensor, Tensor> Make() => new Encoder();
            public override Tensor forward(Tensor x) => _parts[0].forward(x);
        }

        public static class Program
        {
            public static void Train(Net net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task ALayerUnrolledOverTimeIsRecurrent() => Verify.Reports(
        """
        public sealed class HandMade : Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.Linear _input = nn.Linear(8, 16);
            private readonly TorchSharp.Modules.Linear _hidden = nn.Linear(16, 16);
            public HandMade() : base("HandMade") => RegisterComponents();
            public override Tensor forward(Tensor x)
            {
                var h = torch.zeros(x.shape[0], 16);
                for (var t = 0; t < x.shape[1]; t++)
                {
                    var drive = _input.forward(x.select(1, t));
                    h = torch.tanh(drive + _hidden.forward(h));
                }
                return h;
            }
        }

        public static class Program
        {
            public static void Train(HandMade net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task AStepInAPropertyIsReported() => Verify.Reports(
        """
        public sealed class Trainer
        {
            private readonly CharRnn _model = new();
            private readonly torch.optim.Optimizer _optimizer;
            private Tensor _x = torch.zeros(1), _y = torch.zeros(1);

            public Trainer() => _optimizer = torch.optim.SGD(_model.parameters(), 0.1);

            public Tensor Stepped => [|_optimizer.step(() =>
            {
                _optimizer.zero_grad();
                var loss = nn.functional.mse_loss(_model.call(_x), _y);
                loss.backward();
                return loss;
            })|];

            public Tensor? Next => Backward() ? [|_optimizer.step()|] : null;

            public Tensor Following
            {
                get
                {
                    Backward();
                    return [|_optimizer.step()|];
                }
            }

            private bool Backward()
            {
                _optimizer.zero_grad();
                var loss = nn.functional.mse_loss(_model.call(_x), _y);
                loss.backward();
                return true;
            }
        }
        """);

    [Fact]
    public Task AStepInAPropertyIsReportedWhereItIsRead() => Verify.Reports(
        """
        public sealed class Trainer(torch.optim.Optimizer optimizer)
        {
            private Tensor Stepped => optimizer.step();

            private bool IsCleared
            {
                get
                {
                    optimizer.zero_grad();
                    return true;
                }
            }

            public void Train(Tensor x, Tensor y)
            {
                var model = new CharRnn();
                if (IsCleared)
                {
                    nn.functional.mse_loss(model.call(x), y).backward();
                    _ = [|Stepped|];
                }
            }
        }
        """);

    [Fact]
    public Task AClippedStepIsFine() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    optimizer.zero_grad();
                    functional.mse_loss(model.forward(x), y).backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task ClippingByValueCounts() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    torch.nn.utils.clip_grad_value_(model.parameters(), 1.0);
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
        """);

    [Fact]
    public Task AConditionalClipCounts() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    if (maxNorm > 0)
                        torch.nn.utils.clip_grad_norm_(model.parameters(), maxNorm);
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
        """);

    [Fact]
    public Task AccumulationWithAClipIsFine() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    if (i % 4 == 0)
                    {
                        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5);
                        optimizer.step();
                        optimizer.zero_grad();
                    }
                }
            }
        }
        """);

    [Fact]
    public Task AClipOnSomeOfTheParametersCounts() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters().Where(p => p.ndim > 1), 0.5);
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
        """);

    [Fact]
    public Task ClampingGradientsByHandCounts() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    foreach (var p in model.parameters())
                        p.grad.clamp_(-1, 1);
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
        """);

    [Fact]
    public Task SettingClampedGradientsCounts() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    foreach (var p in model.parameters())
                    {
                        var g = p.grad;
                        if (g is not null)
                            p.grad = g.clamp(-1, 1);
                    }
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
        """);

    [Fact]
    public Task AClipInAHelperCounts() => Verify.IsSilent(
        """
        public static class Program
        {
            private static void Limit(IEnumerable<Parameter> parameters) => torch.nn.utils.clip_grad_norm_(parameters, 1.0);

            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, double maxNorm)
            {
                for (var i = 0; i < 10; i++)
                {
                    functional.mse_loss(model.forward(x), y).backward();
                    Limit(model.parameters());
                    optimizer.step();
                    optimizer.zero_grad();
                }
            }
        }
        """);

    [Fact]
    public Task AClipInTheInHouseOptimizerCounts() => Verify.IsSilent(
        """
        public sealed class ClippingOptimizer
        {
            private readonly IEnumerable<Parameter> _parameters;
            public torch.optim.Optimizer Optimizer { get; }
            public ClippingOptimizer(IEnumerable<Parameter> parameters)
            {
                _parameters = parameters.ToArray();
                Optimizer = torch.optim.Adam(_parameters);
            }

            public void Step()
            {
                torch.nn.utils.clip_grad_norm_(_parameters, 1.0);
                Optimizer.step();
            }
        }

        public static class Program
        {
            public static void Train(CharRnn model, Tensor x, Tensor y)
            {
                var optimizer = new ClippingOptimizer(model.parameters());
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.Step();
            }
        }
        """);

    [Fact]
    public Task AClipInsideAnLbfgsClosureCounts() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, Tensor x, Tensor y)
            {
                var optimizer = torch.optim.LBFGS(model.parameters());
                Func<Tensor> closure = () =>
                {
                    optimizer.zero_grad();
                    var loss = functional.mse_loss(model.forward(x), y);
                    loss.backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                    return loss;
                };
                optimizer.step(closure);
            }
        }
        """);

    [Fact]
    public Task AModelThatIsNotRecurrentIsFine() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new Mlp();
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ALoopOverDifferentLayersIsNotRecurrent() => Verify.IsSilent(
        """
        public sealed class Deep : Module<Tensor, Tensor>
        {
            private readonly ModuleList<TorchSharp.Modules.Linear> _layers = new(nn.Linear(8, 8), nn.Linear(8, 8));
            public Deep() : base("Deep") => RegisterComponents();
            public override Tensor forward(Tensor x)
            {
                for (var i = 0; i < _layers.Count; i++)
                    x = functional.relu(_layers[i].forward(x));
                foreach (var layer in _layers)
                    x = layer.forward(x);
                return x;
            }
        }

        public static class Program
        {
            public static void Train(Deep net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task TheStepOfASchedulerIsNotTheStepOfAnOptimizer() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.lr_scheduler.LRScheduler scheduler, Tensor x, Tensor y)
            {
                functional.mse_loss(model.forward(x), y).backward();
                scheduler.step();
            }
        }
        """);

    [Fact]
    public Task AnInferenceOnlyModelIsFine() => Verify.IsSilent(
        """
        public static class Program
        {
            public static Tensor Predict(CharRnn model, Tensor x)
            {
                using var _ = torch.no_grad();
                return model.forward(x);
            }
        }
        """);

    [Fact]
    public Task TheOptimizerOfAnotherModelIsFine() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn frozen, Tensor x, Tensor y)
            {
                var head = new Mlp();
                var optimizer = torch.optim.Adam(head.parameters());
                optimizer.zero_grad();
                functional.mse_loss(head.forward(frozen.forward(x)), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task CodeThatIsNotToBeSeenMayClip() => Verify.IsSilent(
        """
        public interface ILimiter
        {
            void Limit(Module<Tensor, Tensor> model);
        }

        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, ILimiter limiter, Tensor x, Tensor y)
            {
                functional.mse_loss(model.forward(x), y).backward();
                limiter.Limit(model);
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task DynamicCodeIsNotGuessedAt() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(dynamic model, dynamic optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss((Tensor)model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task LookAlikeNamesAreNotMatched() => Verify.IsSilent(
        """
        public sealed class LSTM { public Tensor forward(Tensor x) => x; public IEnumerable<Parameter> parameters() => []; }
        public sealed class Optimizer { public void step() { } }

        public static class Program
        {
            public static void Train(Tensor x)
            {
                var model = new LSTM();
                var optimizer = new Optimizer();
                model.forward(x).sum().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ClipUnderATrainingFlagIsFine() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void RunEpoch(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y, bool train)
            {
                using var guard = train ? null : torch.no_grad();
                var loss = functional.mse_loss(model.forward(x), y);
                if (train)
                {
                    optimizer.zero_grad();
                    loss.backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task TheSecondChoiceClipsByValue() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(model.forward(x), y).backward();
                [|optimizer.step()|];
                optimizer.zero_grad();
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(model.forward(x), y).backward();
                torch.nn.utils.clip_grad_value_(optimizer.parameters(), clip_value: 1.0);
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """, choice: 1);

    [Fact]
    public Task ASingleStatementBodyGetsBraces() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor[] xs, Tensor y)
            {
                for (var i = 0; i < xs.Length; i++)
                {
                    functional.mse_loss(model.forward(xs[i]), y).backward();
                    if (i % 2 == 0)
                        [|optimizer.step()|]; // now
                    else
                        Console.WriteLine(i);
                }
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor[] xs, Tensor y)
            {
                for (var i = 0; i < xs.Length; i++)
                {
                    functional.mse_loss(model.forward(xs[i]), y).backward();
                    if (i % 2 == 0)
                    {
                        torch.nn.utils.clip_grad_norm_(optimizer.parameters(), max_norm: 1.0);
                        optimizer.step(); // now
                    }
                    else
                        Console.WriteLine(i);
                }
            }
        }
        """);

    [Fact]
    public Task AnExpressionBodyBecomesABlock() => Verify.Fixes(
        """
        public sealed class Trainer(CharRnn model, torch.optim.Optimizer optimizer)
        {
            public void Train(Tensor x, Tensor y)
            {
                functional.mse_loss(model.forward(x), y).backward();
                [|Update()|];
                optimizer.zero_grad();
            }

            private void Update() => optimizer.step();
        }
        """,
        """
        public sealed class Trainer(CharRnn model, torch.optim.Optimizer optimizer)
        {
            public void Train(Tensor x, Tensor y)
            {
                functional.mse_loss(model.forward(x), y).backward();
                Update();
                optimizer.zero_grad();
            }

            private void Update()
            {
                torch.nn.utils.clip_grad_norm_(optimizer.parameters(), max_norm: 1.0);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task OneStepReachedFromTwoCallsIsClippedOnce() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var one = new CharRnn();
                var two = new CharRnn();
                [|Train(one, torch.optim.Adam(one.parameters()), x, y)|];
                [|Train(two, torch.optim.Adam(two.parameters()), x, y)|];
            }

            private static void Train(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """,
        """
        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var one = new CharRnn();
                var two = new CharRnn();
                Train(one, torch.optim.Adam(one.parameters()), x, y);
                Train(two, torch.optim.Adam(two.parameters()), x, y);
            }

            private static void Train(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                functional.mse_loss(model.forward(x), y).backward();
                torch.nn.utils.clip_grad_norm_(optimizer.parameters(), max_norm: 1.0);
                optimizer.step();
            }
        }
        """, iterations: 1);

    [Fact]
    public Task ATopLevelProgramIsFixed() => Verify.Fixes(
        """
        var model = new CharRnn();
        var optimizer = torch.optim.AdamW(model.parameters());
        model.forward(torch.rand(4, 10, 16)).sum().backward();
        [|optimizer.step()|];
        optimizer.zero_grad();
        """,
        """
        var model = new CharRnn();
        var optimizer = torch.optim.AdamW(model.parameters());
        model.forward(torch.rand(4, 10, 16)).sum().backward();
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0);
        optimizer.step();
        optimizer.zero_grad();
        """, isProgram: true);

    [Fact]
    public Task TheNameBindsWithOnlyTheStaticUsing() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(CharRnn model, TorchSharp.torch.optim.Optimizer optimizer, TorchSharp.torch.Tensor x)
            {
                model.forward(x).sum().backward();
                [|optimizer.step()|];
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(CharRnn model, TorchSharp.torch.optim.Optimizer optimizer, TorchSharp.torch.Tensor x)
            {
                model.forward(x).sum().backward();
                nn.utils.clip_grad_norm_(optimizer.parameters(), max_norm: 1.0);
                optimizer.step();
            }
        }
        """, usings: "global using static TorchSharp.torch;");

    [Fact]
    public Task TheNameBindsWithNoUsing() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(CharRnn model, TorchSharp.torch.optim.Optimizer optimizer, TorchSharp.torch.Tensor x)
            {
                model.forward(x).sum().backward();
                [|optimizer.step()|];
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(CharRnn model, TorchSharp.torch.optim.Optimizer optimizer, TorchSharp.torch.Tensor x)
            {
                model.forward(x).sum().backward();
                TorchSharp.torch.nn.utils.clip_grad_norm_(optimizer.parameters(), max_norm: 1.0);
                optimizer.step();
            }
        }
        """, usings: "global using Unrelated = System.String;");

    [Fact]
    public Task TheNameBindsWithBothStaticUsings() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Train(CharRnn model, TorchSharp.torch.optim.Optimizer optimizer, TorchSharp.torch.Tensor x)
            {
                model.forward(x).sum().backward();
                [|optimizer.step()|];
            }
        }
        """,
        """
        public static class Program
        {
            public static void Train(CharRnn model, TorchSharp.torch.optim.Optimizer optimizer, TorchSharp.torch.Tensor x)
            {
                model.forward(x).sum().backward();
                torch.nn.utils.clip_grad_norm_(optimizer.parameters(), max_norm: 1.0);
                optimizer.step();
            }
        }
        """, usings: "global using TorchSharp;\nglobal using static TorchSharp.torch;\nglobal using static TorchSharp.torch.nn;");

    [Fact]
    public Task ALayerAfterAnotherInALoopIsNotItsOwnPast() => Verify.IsSilent(
        """
        public sealed class Backbone : Module<Tensor, Tensor>
        {
            private readonly ModuleList<TorchSharp.Modules.Linear> _layers = new(nn.Linear(8, 8), nn.Linear(8, 8));
            private readonly TorchSharp.Modules.Linear _head = nn.Linear(8, 8);
            public Backbone() : base("Backbone") => RegisterComponents();
            public override Tensor forward(Tensor x)
            {
                Tensor output = x;
                for (var i = 0; i < _layers.Count; i++)
                {
                    output = _layers[i].forward(x);
                    x = functional.relu(output);
                    output = _head.forward(output);
                }
                return output;
            }
        }

        public static class Program
        {
            public static void Train(Backbone net, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                functional.mse_loss(net.forward(x), y).backward();
                optimizer.step();
                optimizer.zero_grad();
            }
        }
        """);

    [Fact]
    public Task ALayerOfAListCalledThroughAMethodIsNotUnrolledOverTime() => Verify.IsSilent(
        """
        public sealed class Block : Module<Tensor, Tensor>
        {
            public readonly Linear Inner = nn.Linear(8, 8);

            public Block() : base(nameof(Block)) => RegisterComponents();

            public override Tensor forward(Tensor x) => Inner.call(x);
        }

        public sealed class Encoder : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Block> layers = nn.ModuleList(new Block(), new Block());
            private Block current;

            public Encoder() : base(nameof(Encoder))
            {
                current = layers[0];
                RegisterComponents();
            }

            public override Tensor forward(Tensor input)
            {
                var x = input;
                for (var i = 0; i < layers.Count; i++)
                    x = One(x, i);
                foreach (var layer in layers)
                    x = Run(layer, x);
                foreach (var layer in layers)
                    x = layer.Inner.call(x);
                for (var i = 1; i < layers.Count; i++)
                {
                    x = current.call(x);
                    current = layers[i];
                }

                return x;
            }

            private Tensor One(Tensor x, int i)
            {
                var found = layers[i];
                var layer = found;
                return layer.call(x).relu();
            }

            private Tensor Run(Block layer, Tensor x) => layer.call(x).relu();
        }

        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new Encoder();
                var optimizer = torch.optim.SGD(model.parameters(), 0.1);
                optimizer.zero_grad();
                nn.functional.mse_loss(model.call(x), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ASharedLayerHandedToAMethodIsUnrolledOverTime() => Verify.Reports(
        """
        public sealed class Rollout : Module<Tensor, Tensor>
        {
            private readonly Linear transition = nn.Linear(8, 8);

            public Rollout() : base(nameof(Rollout)) => RegisterComponents();

            public override Tensor forward(Tensor input) => Repeat(transition, input);

            private static Tensor Repeat(Linear layer, Tensor input)
            {
                var state = input;
                for (var i = 0; i < 50; i++)
                    state = layer.call(state);
                return state;
            }
        }

        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = new Rollout();
                var optimizer = torch.optim.SGD(model.parameters(), 0.1);
                optimizer.zero_grad();
                nn.functional.mse_loss(model.call(x), y).backward();
                [|optimizer.step()|];
            }
        }
        """);

    [Fact]
    public Task ARolloutOfAModelInATrainingMethodDoesNotMakeTheModelRecurrent() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                for (var i = 0; i < 5; i++)
                    x = model.call(x);
                optimizer.zero_grad();
                nn.functional.mse_loss(x, y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task TheStepThatAnOverrideReplacesDoesNotFollowItsOwnBackward() => Verify.IsSilent(
        """
        public abstract class Trainer(torch.optim.Optimizer optimizer)
        {
            public void Fit()
            {
                optimizer.zero_grad();
                Backward();
                Step();
            }

            protected abstract void Backward();

            protected virtual void Step() => optimizer.step();
        }

        public sealed class CharTrainer(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y) : Trainer(optimizer)
        {
            private readonly torch.optim.Optimizer _optimizer = optimizer;

            protected override void Backward() => nn.functional.mse_loss(model.call(x), y).backward();

            protected override void Step()
            {
                nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                _optimizer.step();
            }
        }

        public sealed class ImageTrainer(Mlp model, torch.optim.Optimizer optimizer, Tensor x, Tensor y) : Trainer(optimizer)
        {
            protected override void Backward() => nn.functional.mse_loss(model.call(x), y).backward();
        }
        """);

    [Fact]
    public Task AStepOfTheBaseClassIsFollowed() => Verify.Reports(
        """
        public class Trainer
        {
            protected readonly Module<Tensor, Tensor> Model;
            protected readonly torch.optim.Optimizer Optimizer;

            protected Trainer(Module<Tensor, Tensor> model)
            {
                Model = model;
                Optimizer = torch.optim.SGD(model.parameters(), 0.1);
            }

            public virtual void Step(Tensor x, Tensor y)
            {
                Optimizer.zero_grad();
                nn.functional.mse_loss(Model.call(x), y).backward();
                Optimizer.step();
            }
        }

        public sealed class LoggingTrainer : Trainer
        {
            public LoggingTrainer(Module<Tensor, Tensor> model) : base(model) { }

            public override void Step(Tensor x, Tensor y)
            {
                Console.WriteLine("step");
                base.Step(x, y);
            }
        }

        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var trainer = new LoggingTrainer(new CharRnn());
                [|trainer.Step(x, y)|];
            }
        }
        """);

    [Fact]
    public Task WhatAnOptimizerMadeByADerivedClassHoldsIsKnown() => Verify.IsSilent(
        """
        public abstract class Wrapper
        {
            public torch.optim.Optimizer Optimizer { get; protected set; } = null!;
        }

        public sealed class Sgd : Wrapper
        {
            public Sgd(IEnumerable<TorchSharp.Modules.Parameter> parameters) => Optimizer = torch.optim.SGD(parameters, 0.1);
        }

        public static class Program
        {
            public static void Train(CharRnn features, Tensor x, Tensor y)
            {
                var model = new Mlp();
                var wrapper = new Sgd(model.parameters());
                wrapper.Optimizer.zero_grad();
                nn.functional.mse_loss(model.call(features.call(x)), y).backward();
                wrapper.Optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AModelThatIsCalledThroughAnInterfaceIsFound() => Verify.Reports(
        """
        public interface IEvaluator
        {
            Tensor Evaluate(Tensor x);
        }

        public class Net : Module<Tensor, Tensor>
        {
            private readonly GRU rnn = nn.GRU(8, 8);

            public Net() : base(nameof(Net)) => RegisterComponents();

            public override Tensor forward(Tensor x) => rnn.call(x).Item1;
        }

        public sealed class EvaluatedNet : Net, IEvaluator
        {
            public Tensor Evaluate(Tensor x) => call(x);
        }

        public static class Program
        {
            public static void Train(Net model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                var evaluator = (IEvaluator)model;
                optimizer.zero_grad();
                nn.functional.mse_loss(evaluator.Evaluate(x), y).backward();
                [|optimizer.step()|];
            }
        }
        """);

    [Fact]
    public Task TwoOptimizersThatShareALoopAndAVariableStepWhatTheirOwnLossUses() => Verify.Reports(
        """
        public sealed class ActorCritic(Mlp actor, CharRnn critic, torch.optim.Optimizer actorOptimizer, torch.optim.Optimizer criticOptimizer)
        {
            public void Train(Tensor x, Tensor y)
            {
                for (var i = 0; i < 10; i++)
                {
                    var loss = nn.functional.mse_loss(actor.call(x), y);
                    actorOptimizer.zero_grad();
                    loss.backward();
                    actorOptimizer.step();
                    loss = nn.functional.mse_loss(critic.call(x), y);
                    criticOptimizer.zero_grad();
                    loss.backward();
                    [|criticOptimizer.step()|];
                }
            }
        }
        """);

    [Fact]
    public Task AMethodThatOnlyReadsAGradientDoesNotClipIt() => Verify.Reports(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                x.requires_grad = true;
                nn.functional.mse_loss(model.call(x), y).backward();
                var attacked = Attack(x, x.grad!);
                [|optimizer.step()|];
                Console.WriteLine(attacked);
            }

            private static Tensor Attack(Tensor image, Tensor gradient)
            {
                using var sign = gradient.sign();
                return (image + 0.1 * sign).clamp(0.0, 1.0);
            }
        }
        """);

    [Fact]
    public Task AMethodThatChangesAGradientMayClipIt() => Verify.IsSilent(
        """
        public static class Program
        {
            public static void Train(CharRnn model, torch.optim.Optimizer optimizer, Tensor x, Tensor y)
            {
                optimizer.zero_grad();
                nn.functional.mse_loss(model.call(x), y).backward();
                foreach (var parameter in model.parameters())
                    Limit(parameter.grad!);
                optimizer.step();
            }

            private static void Limit(Tensor gradient)
            {
                var same = gradient;
                same.clamp_(-1, 1);
            }
        }
        """);

    [Fact]
    public Task AnOptimizerThatHasToBeFetchedIsReportedWithoutAFix() => Verify.OffersNoFix(
        """
        public sealed class Trainer
        {
            private readonly CharRnn[] _models = [new()];
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_models[0].parameters());
            private torch.optim.Optimizer Optimizer() => _optimizer;

            public void Step(Tensor x, Tensor y)
            {
                functional.mse_loss(_models[0].forward(x), y).backward();
                [|Optimizer().step()|];
                Optimizer().zero_grad();
            }
        }
        """);

    [Fact]
    public Task TheOptimizerOfAnotherObjectIsNamedThroughIt() => Verify.Fixes(
        """
        public sealed class Trainer
        {
            public Trainer() => Optimizer = torch.optim.Adam(Model.parameters());
            public CharRnn Model { get; } = new();
            public torch.optim.Optimizer Optimizer { get; }
        }

        public static class Program
        {
            public static void Run(Trainer trainer, Tensor x, Tensor y)
            {
                trainer.Optimizer.zero_grad();
                functional.mse_loss(trainer.Model.forward(x), y).backward();
                [|trainer.Optimizer.step()|];
            }
        }
        """,
        """
        public sealed class Trainer
        {
            public Trainer() => Optimizer = torch.optim.Adam(Model.parameters());
            public CharRnn Model { get; } = new();
            public torch.optim.Optimizer Optimizer { get; }
        }

        public static class Program
        {
            public static void Run(Trainer trainer, Tensor x, Tensor y)
            {
                trainer.Optimizer.zero_grad();
                functional.mse_loss(trainer.Model.forward(x), y).backward();
                torch.nn.utils.clip_grad_norm_(trainer.Model.parameters(), max_norm: 1.0);
                trainer.Optimizer.step();
            }
        }
        """);
}
