using GradAnalyzers.Monitor;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace GradAnalyzers.Detection;

/// <summary>The trainings of the suite. None is tuned to the monitor: the settings are those one would write, or the fault as one would make it.</summary>
internal static partial class Scenarios
{
    private static readonly AlertKind[] Blown = [AlertKind.Exploding, AlertKind.Spike, AlertKind.NonFinite, AlertKind.Dead];

    private static readonly AlertKind[] Exploded = [AlertKind.Exploding, AlertKind.Spike, AlertKind.NonFinite];

    public static IEnumerable<Scenario> All => [.. Healthy, .. Faulty, .. OtherHealthy, .. OtherFaulty, .. Unseen, .. Later];

    public static IEnumerable<Scenario> Healthy =>
    [
        new("MLP", "ReLU, 3 layers, Adam", () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-3))),
        new("MLP", "tanh, 4 layers, SGD", () => Regress(Networks.Mlp(4, 32, 1, () => nn.Tanh()), Sgd(0.05))),
        new("MLP", "GELU, 4 layers, AdamW", () => Classify(Networks.Mlp(4, 32, Tasks.Classes, () => nn.GELU()), p => optim.AdamW(p, 1e-3, weight_decay: 0.01))),
        new("MLP", "sigmoid, 1 layer, SGD with momentum", () => Classify(Networks.Mlp(1, 32, Tasks.Classes, () => nn.Sigmoid()), Sgd(0.1, 0.9))),
        new("MLP", "logistic regression", () => Classify(Networks.Mlp(0, 0, Tasks.Classes, () => nn.ReLU()), Sgd(0.1))),
        new("MLP", "8 ReLU layers, Kaiming", () => Classify(Networks.Mlp(8, 32, Tasks.Classes, () => nn.ReLU(), initialize: Networks.Kaiming), Adam(1e-3))),
        new("MLP", "BatchNorm and ReLU, 6 layers", () => Classify(Networks.Mlp(6, 32, Tasks.Classes, () => nn.ReLU(), w => nn.BatchNorm1d(w)), Adam(1e-3))),
        new("MLP", "LayerNorm and GELU, 6 layers", () => Classify(Networks.Mlp(6, 32, Tasks.Classes, () => nn.GELU(), w => nn.LayerNorm(w)), Adam(1e-3))),
        new("MLP", "residual, 12 blocks", () => Classify(new Residual(12), Adam(1e-3))),
        new("MLP", "RMSProp", () => Regress(Networks.Mlp(3, 32, 1, () => nn.ReLU()), p => optim.RMSProp(p, 1e-3))),
        new("MLP", "targets of size 100", () => Regress(Networks.Mlp(2, 32, 1, () => nn.ReLU()), Adam(1e-2), scale: 100)),
        new("MLP", "labels that can't be learned", () => Classify(Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-3), noise: 60)),
        new("MLP", "last layer starts at zero", () => Classify(ZeroOutput(), Adam(1e-3))),
        new("MLP", "one batch, learned by heart", () => Memorize(Networks.Mlp(2, 64, 1, () => nn.Tanh()), Adam(1e-2))),
        new("MLP", "four backwards a step", () => Classify(Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-3)) with { Backwards = 4 }),
        new("MLP", "frozen encoder, requires_grad false", FrozenOnPurpose),
        new("CNN", "BatchNorm, Adam", () => Picture(Networks.Cnn(), Adam(1e-3))),
        new("CNN", "without norm, Adam", () => Picture(Networks.Cnn(norm: false), Adam(1e-3))),
        new("CNN", "SGD with momentum", () => Picture(Networks.Cnn(), Sgd(0.02, 0.9))),
        new("CNN", "dropout 0.5", () => Picture(Networks.Cnn(dropout: 0.5), Adam(1e-3))),
        new("GRU", "20 steps, clipped", () => Sequence(new Recurrent(nn.GRU(8, 32, batchFirst: true), 32), 20, Adam(3e-3)) with { Clip = 1 }),
        new("GRU", "next symbol, embedding, clipped", () => Symbols(new NextSymbol(), Adam(3e-3)) with { Clip = 1 }),
        new("LSTM", "20 steps, clipped", () => Sequence(new Recurrent(nn.LSTM(8, 32, batchFirst: true), 32), 20, Adam(3e-3)) with { Clip = 1 }),
        new("RNN", "tanh, 10 steps, clipped", () => Sequence(new Recurrent(nn.RNN(8, 32, batchFirst: true), 32), 10, Adam(3e-3)) with { Clip = 1 }),
        new("transformer", "1 layer", () => Sequence(new Attention(1), 12, Adam(1e-3))),
        new("transformer", "3 layers", () => Sequence(new Attention(3), 12, Adam(5e-4))),
        new("transformer", "2 layers, warm-up", () => WarmUp(Sequence(new Attention(2), 12, Adam(1e-3)))),
        new("GAN", "generator", () => Gan(watchGenerator: true)),
        new("GAN", "discriminator", () => Gan(watchGenerator: false)),
        new("schedule", "one cycle", () => With(Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Sgd(0.01, 0.9)), o => optim.lr_scheduler.OneCycleLR(o, 0.05, Runner.Steps))),
        new("schedule", "cosine to zero", () => With(Picture(Networks.Cnn(), Adam(3e-3)), o => optim.lr_scheduler.CosineAnnealingLR(o, Runner.Steps))),
        new("schedule", "a tenth every 100 steps", () => With(Regress(Networks.Mlp(3, 32, 1, () => nn.Tanh()), Sgd(0.1)), o => optim.lr_scheduler.StepLR(o, 100))),
        new("schedule", "exponential decay", () => With(Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-2)), o => optim.lr_scheduler.ExponentialLR(o, 0.99))),
        new("schedule", "warm-up from zero", () => WarmUp(Classify(Networks.Mlp(4, 32, Tasks.Classes, () => nn.GELU()), Adam(1e-3)))),
        new("schedule", "rate of zero for the first 30 steps", () => With(Classify(Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-3)), o => optim.lr_scheduler.LambdaLR(o, e => e < 30 ? 0 : 1))),
        new("MLP", "autoencoder", Autoencoder),
    ];

    public static IEnumerable<Scenario> Faulty =>
    [
        Fault("deep sigmoid", "6 layers, SGD", [AlertKind.Vanishing], IsEarly, () => Classify(Networks.Mlp(6, 32, Tasks.Classes, () => nn.Sigmoid()), Sgd(0.1))),
        Fault("deep sigmoid", "8 layers, Adam", [AlertKind.Vanishing], IsEarly, () => Classify(Networks.Mlp(8, 32, Tasks.Classes, () => nn.Sigmoid()), Adam(1e-3))),
        Fault("deep sigmoid", "12 layers, regression", [AlertKind.Vanishing], IsEarly, () => Regress(Networks.Mlp(12, 64, 1, () => nn.Sigmoid()), Sgd(0.05))),
        Fault("deep sigmoid", "20 layers, LayerNorm", [AlertKind.Vanishing], IsEarly, () => Classify(Networks.Mlp(20, 32, Tasks.Classes, () => nn.Sigmoid(), w => nn.LayerNorm(w)), Adam(1e-3))),

        // Cells with tanh or sigmoid saturate where their recurrent weights are large, and then vanish; what explodes is a rectified recurrence, or a rate that is too high for one.
        Fault("long, unclipped", "ReLU RNN, 60 steps", Exploded, IsRecurrent, () => Sequence(Stretched(nn.RNN(8, 32, nonLinearity: nn.NonLinearities.ReLU, batchFirst: true), 32, 2.4), 60, Sgd(0.01))),
        Fault("long, unclipped", "ReLU RNN, 150 steps", Exploded, IsRecurrent, () => Sequence(Stretched(nn.RNN(8, 64, nonLinearity: nn.NonLinearities.ReLU, batchFirst: true), 64, 3), 150, Sgd(0.01))),
        Fault("long, unclipped", "ReLU RNN from 1.1 identity, 100 steps", Exploded, IsRecurrent, () => Sequence(FromIdentity(1.1), 100, Sgd(0.01))),
        Fault("long, unclipped", "ReLU RNN, 2 layers, 80 steps", Exploded, IsRecurrent, () => Sequence(Stretched(nn.RNN(8, 32, 2, nonLinearity: nn.NonLinearities.ReLU, batchFirst: true), 32, 3), 80, Sgd(0.01))),

        Fault("dead ReLU", "first layer, bias -10", [AlertKind.Dead], Is("fc0"), () => Classify(Biased(0), Adam(1e-3))),
        Fault("dead ReLU", "third layer, bias -10", [AlertKind.Dead], Is("fc2"), () => Classify(Biased(2), Adam(1e-3))),
        Fault("dead ReLU", "second convolution, bias -20", [AlertKind.Dead], Is("conv1"), () => Picture(Networks.Cnn(norm: false, initialize: (c, i) => { if (i == 1) nn.init.constant_(c.bias!, -20); }), Adam(1e-3))),
        Fault("dead ReLU", "weights all negative, inputs positive", [AlertKind.Dead], Is("fc0"), NegativeWeights),

        Fault("constant init", "zeros", [AlertKind.Identical, AlertKind.Dead], IsHidden, () => Classify(Everywhere(p => nn.init.zeros_(p)), Adam(1e-3))),
        Fault("constant init", "0.05", [AlertKind.Identical, AlertKind.Dead], IsHidden, () => Classify(Everywhere(p => nn.init.constant_(p, 0.05)), Adam(1e-3))),
        Fault("constant init", "trunc_normal_, as TorchSharp 0.107 has it", [AlertKind.Identical, AlertKind.Dead], IsHidden, () => Classify(Everywhere(p => _ = p.dim() > 1 ? nn.init.trunc_normal_(p, std: 0.02) : nn.init.zeros_(p)), Adam(1e-3))),
        Fault("constant init", "convolutions of 0.1", [AlertKind.Identical, AlertKind.Dead], p => p.StartsWith("conv"), () => Picture(Networks.Cnn(initialize: (c, _) => { nn.init.constant_(c.weight!, 0.1); nn.init.zeros_(c.bias!); }), Adam(1e-3))),

        Fault("huge rate", "SGD, 30, regression", Blown, null, () => Regress(Networks.Mlp(3, 32, 1, () => nn.ReLU()), Sgd(30))),
        Fault("huge rate", "SGD with momentum, 20", Blown, null, () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Sgd(20, 0.9))),
        Fault("huge rate", "Adam, 1", Blown, null, () => Classify(Networks.Mlp(4, 32, Tasks.Classes, () => nn.ReLU()), Adam(1))),
        Fault("huge rate", "Adam, 3, CNN without norm", Blown, null, () => Picture(Networks.Cnn(norm: false), Adam(3))),

        HalfOverflow("loss scale 2^24, MLP", 1 << 24, () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-3))),
        HalfOverflow("targets of size 1000", 1 << 10, () => Regress(Networks.Mlp(2, 32, 1, () => nn.ReLU()), Adam(1e-3), scale: 1000)),
        HalfOverflow("inputs of 100, clipped", 1 << 16, () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-4), scale: 100) with { Clip = 1 }),
        HalfOverflow("CNN, features of size 50, clipped", 1 << 15, () => Picture(LargeFeatures(), Adam(1e-3)) with { Clip = 1 }),

        Fault("frozen layer", "encoder detached", [AlertKind.NoGradient], p => p.StartsWith("encoder"), () => Classify(Parts(detached: true), Adam(1e-3))),
        Fault("frozen layer", "encoder in no optimizer", [AlertKind.NeverUpdated], p => p.StartsWith("encoder"), () => { var model = Parts(detached: false); return Classify(model, _ => optim.Adam(model.head.parameters(), 1e-3)); }),
        Fault("frozen layer", "recurrent layer detached", [AlertKind.NoGradient], p => p.StartsWith("rnn"), () => Sequence(new Recurrent(nn.GRU(8, 32, batchFirst: true), 32, detached: true), 12, Adam(3e-3))),
        Fault("frozen layer", "first convolution in no optimizer", [AlertKind.NeverUpdated], Is("conv0"), () => { var model = Networks.Cnn(); return Picture(model, _ => optim.Adam(model.parameters().Skip(2), 1e-3)); }),

        Fault("never cleared", "MLP, SGD", [AlertKind.NeverCleared, AlertKind.Exploding], null, () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Sgd(0.05)) with { Clears = false }),
        Fault("never cleared", "MLP, Adam", [AlertKind.NeverCleared, AlertKind.Exploding], null, () => Regress(Networks.Mlp(3, 32, 1, () => nn.Tanh()), Adam(1e-3)) with { Clears = false }),
        Fault("never cleared", "CNN", [AlertKind.NeverCleared, AlertKind.Exploding], null, () => Picture(Networks.Cnn(), Adam(1e-3)) with { Clears = false }),
        Fault("never cleared", "GRU, clipped", [AlertKind.NeverCleared, AlertKind.Exploding], null, () => Sequence(new Recurrent(nn.GRU(8, 32, batchFirst: true), 32), 12, Adam(3e-3)) with { Clears = false, Clip = 1 }),

        Fault("softmax + cross-entropy", "MLP, inputs of size 50", [AlertKind.Vanishing], Is("out"), () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU(), initialize: Networks.Kaiming, softmax: true), Sgd(0.1), scale: 50)),
        Fault("softmax + cross-entropy", "MLP, Kaiming, pixels to 255", [AlertKind.Vanishing], Is("out"), () => Classify(Networks.Mlp(2, 64, Tasks.Classes, () => nn.ReLU(), initialize: Networks.Kaiming, softmax: true), Adam(1e-2), scale: 255)),
        Fault("softmax + cross-entropy", "CNN without norm, pixels to 255", [AlertKind.Vanishing], Is("out"), () => Picture(Networks.Cnn(norm: false, softmax: true, initialize: (c, _) => nn.init.kaiming_normal_(c.weight!, nonlinearity: nn.init.NonlinearityType.ReLU)), Sgd(0.1), scale: 255)),
    ];

    private static Scenario Fault(string family, string name, AlertKind[] expected, Func<string, bool>? isRightLayer, Func<Setup> create) =>
        new(family, name, create) { Expected = expected, IsRightLayer = isRightLayer };

    private static Func<string, bool> Is(string layer) => path => path.StartsWith(layer + ".");

    private static bool IsEarly(string path) => path.StartsWith("fc0.") || path.StartsWith("fc1.");

    private static bool IsHidden(string path) => path.StartsWith("fc");

    private static bool IsRecurrent(string path) => path.StartsWith("rnn.");

    private static Func<IEnumerable<Parameter>, optim.Optimizer> Adam(double rate) => p => optim.Adam(p, rate);

    private static Func<IEnumerable<Parameter>, optim.Optimizer> Sgd(double rate, double momentum = 0) => p => optim.SGD(p, rate, momentum);

    private static Setup Classify(nn.Module<Tensor, Tensor> model, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer, double scale = 1, double noise = 1)
    {
        var data = Tasks.Classification(scale: scale, noise: noise);
        return new(model, optimizer(model.parameters()), () => { var (x, y) = data(); return cross_entropy(model.call(x), y); });
    }

    private static Setup Regress(nn.Module<Tensor, Tensor> model, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer, double scale = 1)
    {
        var data = Tasks.Regression(scale: scale);
        return new(model, optimizer(model.parameters()), () => { var (x, y) = data(); return mse_loss(model.call(x), y); });
    }

    private static Setup Picture(nn.Module<Tensor, Tensor> model, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer, double scale = 1)
    {
        var data = Tasks.Images(scale: scale);
        return new(model, optimizer(model.parameters()), () => { var (x, y) = data(); return cross_entropy(model.call(x), y); });
    }

    private static Setup Sequence(nn.Module<Tensor, Tensor> model, int time, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer)
    {
        var data = Tasks.Sequences(time);
        return new(model, optimizer(model.parameters()), () => { var (x, y) = data(); return cross_entropy(model.call(x), y); });
    }

    private static Setup Symbols(nn.Module<Tensor, Tensor> model, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer)
    {
        var data = Tasks.Text();
        return new(model, optimizer(model.parameters()), () => { var (x, y) = data(); return cross_entropy(model.call(x), y); });
    }

    private static Setup Memorize(nn.Module<Tensor, Tensor> model, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer)
    {
        var (x, y) = Tasks.Regression()();
        return new(model, optimizer(model.parameters()), () => mse_loss(model.call(x), y));
    }

    private static Setup Autoencoder()
    {
        var model = nn.Sequential(("down", nn.Linear(Tasks.Features, 8)), ("act0", nn.Tanh()), ("narrow", nn.Linear(8, 4)), ("wide", nn.Linear(4, 8)), ("act1", nn.Tanh()), ("up", nn.Linear(8, Tasks.Features)));
        var data = Tasks.Classification();
        return new(model, optim.Adam(model.parameters(), 3e-3), () => { var (x, _) = data(); return mse_loss(model.call(x), x); });
    }

    private static Setup FrozenOnPurpose()
    {
        var model = Parts(detached: false);
        foreach (var p in model.encoder.parameters())
            p.requires_grad = false;
        return Classify(model, _ => optim.Adam(model.head.parameters(), 1e-3));
    }

    private static TwoParts Parts(bool detached) => new(
        nn.Sequential(("fc0", nn.Linear(Tasks.Features, 32)), ("act0", nn.ReLU()), ("fc1", nn.Linear(32, 32)), ("act1", nn.ReLU())),
        nn.Sequential(("fc2", nn.Linear(32, 32)), ("act2", nn.ReLU()), ("out", nn.Linear(32, Tasks.Classes))), detached);

    private static Sequential ZeroOutput()
    {
        var model = Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU());
        nn.init.zeros_(model.get_parameter("out.weight")!);
        nn.init.zeros_(model.get_parameter("out.bias")!);
        return model;
    }

    private static Sequential Everywhere(Action<Tensor> initialize)
    {
        var model = Networks.Mlp(3, 32, Tasks.Classes, () => nn.Tanh());
        foreach (var p in model.parameters())
            initialize(p);
        return model;
    }

    private static Sequential Biased(int layer)
    {
        var model = Networks.Mlp(4, 32, Tasks.Classes, () => nn.ReLU());
        nn.init.constant_(model.get_parameter($"fc{layer}.bias")!, -10);
        return model;
    }

    private static Setup NegativeWeights()
    {
        var model = Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU());
        nn.init.uniform_(model.get_parameter("fc0.weight")!, -0.5, -0.1);
        var data = Tasks.Classification();
        return new(model, optim.Adam(model.parameters(), 1e-3), () => { var (x, y) = data(); return cross_entropy(model.call(x.abs() + 1), y); });
    }

    /// <summary>Recurrent weights as they are after a training that made them grow.</summary>
    private static Recurrent Stretched(nn.Module rnn, int hidden, double factor)
    {
        using (no_grad())
            foreach (var (name, p) in rnn.named_parameters())
                if (name.StartsWith("weight_hh"))
                    p.mul_(factor);
        return new(rnn, hidden);
    }

    private static Recurrent FromIdentity(double factor)
    {
        var rnn = nn.RNN(8, 32, nonLinearity: nn.NonLinearities.ReLU, batchFirst: true);
        using (no_grad())
            rnn.get_parameter("weight_hh_l0")!.copy_(eye(32) * factor);
        return new(rnn, 32);
    }

    /// <summary>
    /// What loss scaling does to gradients in half precision: they are multiplied, cast, and divided again. The right layers are those that overflow first.
    /// Observed every tenth step, NaN has spread to all layers when it is seen; clipping through the monitor sees the step in which it begins.
    /// </summary>
    private static Scenario HalfOverflow(string name, double scale, Func<Setup> create)
    {
        var overflowed = new HashSet<string>();
        Setup Create()
        {
            overflowed.Clear();
            var setup = create();
            return setup with { AfterBackward = () => Cast(setup) };
        }
        void Cast(Setup setup)
        {
            using var _ = no_grad();
            var isFirst = overflowed.Count == 0;
            foreach (var (path, p) in setup.Model.named_parameters())
            {
                p.grad!.mul_(scale).copy_(p.grad!.to(ScalarType.Float16)).div_(scale);
                if (isFirst && !p.grad!.isfinite().all().item<bool>())
                    overflowed.Add(path);
            }
        }
        return Fault("half overflow", name, [AlertKind.NonFinite], overflowed.Contains, Create);
    }

    /// <summary>Features of size 50 before the last layer: its gradient is the largest.</summary>
    private static Sequential LargeFeatures()
    {
        var model = Networks.Cnn();
        nn.init.constant_(model.get_parameter("norm2.weight")!, 50);
        using (no_grad())
            model.get_parameter("out.weight")!.div_(50);
        return model;
    }

    private static Setup With(Setup setup, Func<optim.Optimizer, optim.lr_scheduler.LRScheduler> scheduler) => setup with { Scheduler = scheduler(setup.Optimizer) };

    private static Setup WarmUp(Setup setup) => With(setup, o => optim.lr_scheduler.LambdaLR(o, e => Math.Min(1, (e + 1) / 100.0)));

    private static Setup Gan(bool watchGenerator)
    {
        nn.Module<Tensor, Tensor> generator = nn.Sequential(("fc0", nn.Linear(8, 32)), ("act0", nn.ReLU()), ("fc1", nn.Linear(32, 32)), ("act1", nn.ReLU()), ("out", nn.Linear(32, 2)));
        nn.Module<Tensor, Tensor> critic = nn.Sequential(("fc0", nn.Linear(2, 32)), ("act0", nn.LeakyReLU(0.2)), ("fc1", nn.Linear(32, 32)), ("act1", nn.LeakyReLU(0.2)), ("out", nn.Linear(32, 1)));
        var (generate, judge) = (optim.Adam(generator.parameters(), 1e-3, 0.5), optim.Adam(critic.parameters(), 1e-3, 0.5));
        const int batch = 32;
        Tensor Real()
        {
            var angle = rand(batch, 1) * (2 * Math.PI);
            return cat([angle.cos(), angle.sin()], 1) * 2 + 0.1 * randn(batch, 2);
        }
        Tensor CriticLoss() =>
            binary_cross_entropy_with_logits(critic.call(Real()), ones(batch, 1)) + binary_cross_entropy_with_logits(critic.call(generator.call(randn(batch, 8)).detach()), zeros(batch, 1));
        Tensor GeneratorLoss() => binary_cross_entropy_with_logits(critic.call(generator.call(randn(batch, 8))), ones(batch, 1));
        Action Other(optim.Optimizer optimizer, Func<Tensor> loss) => () =>
        {
            optimizer.zero_grad();
            loss().backward();
            optimizer.step();
        };
        return watchGenerator
            ? new(generator, generate, GeneratorLoss) { Before = Other(judge, CriticLoss) }
            : new(critic, judge, CriticLoss) { Before = Other(generate, GeneratorLoss) };
    }
}
