using GradAnalyzers.Monitor;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace GradAnalyzers.Detection;

/// <content>Trainings of other styles: full batches, reinforcement, mixtures, late heads, odd losses, the monitor in other places; and the faults that hide in them.</content>
internal static partial class Scenarios
{
    public static IEnumerable<Scenario> OtherHealthy =>
    [
        new("converged", "least squares at its noise floor, full batch", () => LeastSquares(0.05)),
        new("converged", "logistic regression at its optimum, full batch", () => Logistic(0.5)),
        new("converged", "a factorization, full batch", Factorization) { IsHeldOut = true },
        new("converged", "least squares, Rprop", () => FullBatch(nn.Linear(4, 1), p => optim.Rprop(p, 0.01), (x, y) => mse_loss(x, y))) { IsHeldOut = true },
        new("converged", "a constant fitted to noise", ConstantFit),
        new("converged", "Huber loss, full batch", () => FullBatch(nn.Linear(4, 1), Sgd(0.1), (x, y) => huber_loss(x, y))) { IsHeldOut = true },
        new("sparse reward", "reward in one of eight episodes", () => Reinforce(8, baseline: false)),
        new("sparse reward", "reward in one of twenty episodes", () => Reinforce(20, baseline: false)),
        new("sparse reward", "with a baseline", () => Reinforce(4, baseline: true)) { IsHeldOut = true },
        new("sparse reward", "hinge loss that is mostly kept", () => Hinge()) { IsHeldOut = true },
        new("large values", "prices of 200,000, Adam", () => Regress(Networks.Mlp(2, 32, 1, () => nn.ReLU()), Adam(0.1), scale: 2e5)),
        new("large values", "prices of 200,000, rate 1", () => Regress(Networks.Mlp(2, 32, 1, () => nn.Tanh()), Adam(1), scale: 2e5)),
        new("large values", "inputs of 30, targets of 1000", () => Scaled(30, 1000)) { IsHeldOut = true },
        new("large values", "sum of squares instead of the mean", () => SumLoss()) { IsHeldOut = true },
        new("large values", "harder data after step 200", Curriculum),
        new("large values", "noisier labels after step 150", () => Noisier()) { IsHeldOut = true },
        new("batch of one", "SGD with momentum", () => Small(Sgd(0.005, 0.9))),
        new("batch of one", "Adam", () => Small(Adam(1e-3))) { IsHeldOut = true },
        new("batch of one", "clipped", () => Small(Sgd(0.01, 0.9)) with { Clip = 1 }) { IsHeldOut = true },
        new("late", "a head used from step 150", () => LateHead(150)),
        new("late", "a head with weight zero until step 120", () => LateWeight(120)),
        new("late", "an encoder thawed at step 200", () => Thaw(200)) { IsHeldOut = true },
        new("late", "an auxiliary loss that ends at step 100", () => EndsEarly(100)) { IsHeldOut = true },
        new("place", "Observe beside ClipGradNorm", () => Usual() with { Watch = (m, l) => { m.Observe(l); m.ClipGradNorm(1, l); } }),
        new("place", "two calls a step", () => Usual() with { Watch = (m, l) => { m.Observe(l); m.Observe(l); } }),
        new("place", "validation every 10 steps", () => Usual() is var s ? s with { AfterStep = (m, i) => { if (i % 10 == 0) { s.Optimizer.zero_grad(); m.Observe(1.0); } } } : s),
        new("place", "the library's clipping behind Observe", () => Usual() is var s ? s with { BeforeStep = () => nn.utils.clip_grad_norm_(s.Model.parameters(), 0.5) } : s) { IsHeldOut = true },
        new("place", "clearing after the step", () => Usual() is var s ? s with { Clears = false, AfterStep = (_, _) => s.Optimizer.zero_grad() } : s) { IsHeldOut = true },
        new("place", "clearing to null", () => Usual() is var s ? s with { Clears = false, AfterStep = (_, _) => s.Model.zero_grad() } : s),
        new("place", "accumulation over four calls", () => Accumulate(4)),
        new("place", "accumulation over ten calls", () => Accumulate(10)) { IsHeldOut = true },
        new("mixture", "four experts, the best one chosen", () => Experts(4, hard: true)),
        new("mixture", "four experts, soft", () => Experts(4, hard: false)) { IsHeldOut = true },
        new("mixture", "dropped layers", () => StochasticDepth()) { IsHeldOut = true },
        new("mixture", "four units", () => Classify(Networks.Mlp(1, 4, Tasks.Classes, () => nn.ReLU()), Adam(1e-2))),
        new("mixture", "six units, SGD", () => Classify(Networks.Mlp(2, 6, Tasks.Classes, () => nn.ReLU()), Sgd(0.05))) { IsHeldOut = true },
        new("odd loss", "negative likelihood", NegativeLoss),
        new("odd loss", "cosine similarity", () => Cosine()) { IsHeldOut = true },
        new("odd loss", "KL annealed from zero", () => Variational()) ,
        new("odd loss", "smooth L1", () => FullBatch(Networks4(), Adam(1e-2), (x, y) => smooth_l1_loss(x, y))) { IsHeldOut = true },
        new("odd loss", "focal loss", () => Focal()) { IsHeldOut = true },
        new("odd loss", "triplet margin", () => Triplet()),
        new("rates", "cyclic", () => With(Usual(), o => optim.lr_scheduler.CyclicLR(o, 1e-4, 1e-2, 50, cycle_momentum: false))),
        new("rates", "weight decay 0.1", () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), p => optim.AdamW(p, 1e-3, weight_decay: 0.1))) { IsHeldOut = true },
        new("rates", "Adagrad", () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), p => optim.Adagrad(p, 0.02))) { IsHeldOut = true },
        new("rates", "Adam, 1e-5", () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-5))),
        new("rates", "double precision", () => DoubleModel()) { IsHeldOut = true },
        new("deep", "SELU, 16 layers", () => Classify(Networks.Mlp(16, 32, Tasks.Classes, () => nn.SELU(), initialize: l => nn.init.kaiming_normal_(l.weight!, nonlinearity: nn.init.NonlinearityType.Linear)), Adam(1e-3))),
        new("deep", "tanh, 10 layers, Xavier gain 5/3", () => Classify(Networks.Mlp(10, 32, Tasks.Classes, () => nn.Tanh(), initialize: l => nn.init.xavier_normal_(l.weight!, 5.0 / 3)), Adam(1e-3))) { IsHeldOut = true },
        new("deep", "residual, 24 blocks, SGD", () => Classify(new Residual(24), Sgd(0.02, 0.9))) { IsHeldOut = true },
        new("deep", "siren", () => Siren()),
    ];

    private static readonly AlertKind[] Starved = [AlertKind.Vanishing, AlertKind.Dead, AlertKind.NoGradient];

    public static IEnumerable<Scenario> OtherFaulty =>
    [
        Fault("stands still", "zero_grad between backward and step", [AlertKind.NeverUpdated], null, () => Usual() is var s ? s with { BeforeStep = () => s.Optimizer.zero_grad() } : s),
        Fault("stands still", "rate of zero", [AlertKind.NeverUpdated], null, () => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Sgd(0))),
        Fault("stands still", "rate of 1e-12, Adam", [AlertKind.NeverUpdated], null, () => Regress(Networks.Mlp(3, 32, 1, () => nn.Tanh()), Adam(1e-12))),
        Fault("stands still", "schedule that ends at zero at step 20", [AlertKind.NeverUpdated], null, () => With(Usual(), o => optim.lr_scheduler.LambdaLR(o, e => e < 20 ? 1 : 0))) with { IsHeldOut = true },
        Fault("stands still", "optimizer of another model, clipped", [AlertKind.NeverUpdated], null, () => Classify(Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU()), _ => optim.Adam(nn.Linear(3, 3).parameters())) with { Clip = 1 }) with { IsHeldOut = true },
        Fault("stands still", "CNN, rate of 1e-13", [AlertKind.NeverUpdated], null, () => Picture(Networks.Cnn(norm: false), Sgd(1e-13))) with { IsHeldOut = true },
        Fault("wrong place", "Observe after zero_grad", [AlertKind.NoGradient], null, () => Usual() is var s ? s with { Watch = (_, l) => last = l.ToDouble(), AfterStep = (m, _) => { s.Optimizer.zero_grad(); m.Observe(last); } } : s),
        Fault("wrong place", "Observe between zero_grad and step", [AlertKind.NoGradient, AlertKind.NeverUpdated], null, () => Usual() is var s ? s with { Watch = (m, l) => { s.Optimizer.zero_grad(); m.Observe(l); } } : s),
        Fault("wrong place", "Observe before backward, nulls", [AlertKind.NoGradient], null, () => Usual() is var s ? s with { Watch = (m, l) => { }, AfterStep = (m, _) => { s.Model.zero_grad(); m.Observe(); } } : s) with { IsHeldOut = true },
        Fault("gate", "tanh, 12 layers, std 1", [AlertKind.Exploding, AlertKind.Spike], null, () => Classify(Networks.Mlp(12, 64, Tasks.Classes, () => nn.Tanh(), initialize: l => nn.init.normal_(l.weight!, 0, 1)), Adam(1e-3))),
        Fault("gate", "std 1 at width 512, Adam", [AlertKind.Exploding], null, () => Classify(Networks.Mlp(3, 512, Tasks.Classes, () => nn.ReLU(), initialize: l => nn.init.normal_(l.weight!, 0, 1)), Adam(1e-3))),
        Fault("gate", "std 0.5, five layers of 256", [AlertKind.Exploding], null, () => Classify(Networks.Mlp(5, 256, Tasks.Classes, () => nn.ReLU(), initialize: l => nn.init.normal_(l.weight!, 0, 0.5)), Adam(1e-4))) with { IsHeldOut = true },
        Fault("gate", "round in a branch", Starved, p => p.StartsWith("branch"), () => Branch(x => x.round())),
        Fault("gate", "sign in a branch", Starved, p => p.StartsWith("branch"), () => Branch(x => x.sign())) with { IsHeldOut = true },
        Fault("gate", "a branch times zero", Starved, p => p.StartsWith("branch"), () => Branch(x => x * 0)) with { IsHeldOut = true },
        Fault("gate", "a branch detached", [AlertKind.NoGradient], p => p.StartsWith("branch"), () => Branch(x => x.detach())) with { IsHeldOut = true },
        Fault("mostly zero", "saturated tanh head", [AlertKind.Vanishing], null, () => Saturated(30)),
        Fault("mostly zero", "saturated sigmoid head", [AlertKind.Vanishing], null, () => SaturatedSigmoid()) with { IsHeldOut = true },
        Fault("mostly zero", "clamped output", [AlertKind.Vanishing, AlertKind.Dead, AlertKind.NoGradient], null, () => Clamped()) with { IsHeldOut = true },
        Fault("spike", "clipped, at step 237", [AlertKind.Spike], null, () => Spiked(237) with { Clip = 1 }),
        Fault("spike", "clipped, at step 303", [AlertKind.Spike], null, () => Spiked(303) with { Clip = 5 }) with { IsHeldOut = true },
        Fault("units", "of eight, all dead", [AlertKind.Dead], Is("fc0"), () => Classify(Narrow(8), Adam(1e-3))) with { IsHeldOut = true },
        Fault("units", "of sixteen, all dead", [AlertKind.Dead], Is("fc0"), () => Classify(Narrow(16), Adam(1e-3))),
        Fault("diverging", "SGD, rate 3, regression with tanh and inputs of 10", [AlertKind.Exploding, AlertKind.Spike, AlertKind.NonFinite, AlertKind.Vanishing], null, () => Scaled(10, 1, rate: 3)) with { IsHeldOut = true },
        Fault("diverging", "linear, rate beyond the curvature", [AlertKind.Exploding, AlertKind.Spike, AlertKind.NonFinite], null, () => Regress(Networks.Mlp(0, 0, 1, () => nn.ReLU()), Sgd(1.2))),
        Fault("diverging", "RMSProp, rate 0.5", [AlertKind.Exploding, AlertKind.Spike, AlertKind.NonFinite, AlertKind.Dead], null, () => Regress(Networks.Mlp(3, 32, 1, () => nn.ReLU()), p => optim.RMSProp(p, 0.5))) with { IsHeldOut = true },
        Fault("not cleared", "SGD, clipped, 16 layers", [AlertKind.NeverCleared], null, () => Classify(new Residual(8), Sgd(1e-3)) with { Clears = false, Clip = 1 }) with { IsHeldOut = true },
        Fault("not cleared", "cleared in the wrong optimizer", [AlertKind.NeverCleared, AlertKind.Exploding], null, () => Usual() with { Clears = false, BeforeStep = () => optim.SGD(nn.Linear(2, 2).parameters(), 1).zero_grad() }),
        Fault("not finite", "log of zero at step 100", [AlertKind.NonFinite], null, () => LogAt(100)),
        Fault("not finite", "division by zero at step 57, clipped", [AlertKind.NonFinite], null, () => LogAt(57) with { Clip = 1 }) with { IsHeldOut = true },
        Fault("identical", "equal weights, regression", [AlertKind.Identical], p => p.StartsWith("fc"), () => Regress(EverywhereOf(Networks.Mlp(2, 32, 1, () => nn.Tanh()), p => nn.init.constant_(p, 0.2)), Adam(1e-3))) with { IsHeldOut = true },
    ];

    private static double last;

    private static Setup Usual() => Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-3));

    private static Setup FullBatch(nn.Module<Tensor, Tensor> model, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer, Func<Tensor, Tensor, Tensor> loss, double noise = 1)
    {
        var x = randn(200, 4);
        var y = x.matmul(randn(4, 1)) + noise * randn(200, 1);
        return new(model, optimizer(model.parameters()), () => loss(model.call(x), y));
    }

    private static Setup LeastSquares(double rate) => FullBatch(nn.Linear(4, 1), Sgd(rate), (x, y) => mse_loss(x, y));

    private static Setup Logistic(double rate)
    {
        var model = nn.Linear(4, 1);
        var x = randn(200, 4);
        var y = (x.matmul(randn(4, 1)) + randn(200, 1) * 2 > 0).to(ScalarType.Float32);
        return new(model, optim.SGD(model.parameters(), rate), () => binary_cross_entropy_with_logits(model.call(x), y));
    }

    private static Setup ConstantFit()
    {
        var model = nn.Linear(1, 1);
        var (x, y) = (ones(100, 1), randn(100, 1) + 3);
        return new(model, optim.SGD(model.parameters(), 0.1), () => mse_loss(model.call(x), y));
    }

    private static Setup Factorization()
    {
        var model = nn.Sequential(("left", nn.Linear(10, 2, hasBias: false)), ("right", nn.Linear(2, 10, hasBias: false)));
        var (x, y) = (eye(10), randn(10, 10));
        return new(model, optim.Adam(model.parameters(), 0.05), () => mse_loss(model.call(x), y));
    }

    private static Setup Reinforce(int seldom, bool baseline)
    {
        var model = nn.Sequential(("fc", nn.Linear(4, 16)), ("act", nn.Tanh()), ("out", nn.Linear(16, 3)));
        var random = new Random(1);
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var logits = model.call(randn(1, 4));
            var logp = log_softmax(logits, 1);
            var action = random.Next(3);
            var reward = random.Next(seldom) == 0 ? 1.0 : 0.0;
            return -logp[0, action] * (baseline ? reward - 1.0 / seldom : reward);
        });
    }

    private static Setup Hinge()
    {
        var model = Networks.Mlp(1, 32, 1, () => nn.ReLU());
        var w = randn(Tasks.Features, 1);
        return new(model, optim.Adam(model.parameters(), 1e-2), () =>
        {
            var x = randn(8, Tasks.Features) * 3;
            var y = x.matmul(w).sign();
            return relu(1 - y * model.call(x)).mean();
        });
    }

    private static Setup Scaled(double inputs, double targets, double rate = 0)
    {
        var model = Networks.Mlp(2, 32, 1, () => nn.Tanh());
        var data = Tasks.Regression(scale: targets);
        return new(model, rate > 0 ? optim.SGD(model.parameters(), rate) : optim.Adam(model.parameters(), 0.05), () => { var (x, y) = data(); return mse_loss(model.call(x * inputs), y); });
    }

    private static Setup SumLoss()
    {
        var model = Networks.Mlp(2, 32, 1, () => nn.ReLU());
        var data = Tasks.Regression(batch: 256);
        return new(model, optim.Adam(model.parameters(), 1e-3), () => { var (x, y) = data(); return mse_loss(model.call(x), y, nn.Reduction.Sum); });
    }

    private static Setup Curriculum()
    {
        var model = Networks.Mlp(2, 32, 1, () => nn.ReLU());
        var (easy, hard) = (Tasks.Regression(scale: 1), Tasks.Regression(scale: 20));
        var step = 0;
        return new(model, optim.Adam(model.parameters(), 1e-3), () => { var (x, y) = step++ < 200 ? easy() : hard(); return mse_loss(model.call(x), y); });
    }

    private static Setup Noisier()
    {
        var model = Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU());
        var data = Tasks.Classification();
        var step = 0;
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var (x, y) = data();
            return cross_entropy(model.call(x), step++ < 150 ? y : randint(Tasks.Classes, y.shape, ScalarType.Int64));
        });
    }

    private static Setup Small(Func<IEnumerable<Parameter>, optim.Optimizer> optimizer)
    {
        var model = Networks.Mlp(2, 32, 1, () => nn.ReLU());
        var data = Tasks.Regression(batch: 1);
        return new(model, optimizer(model.parameters()), () => { var (x, y) = data(); return mse_loss(model.call(x), y); });
    }

    private static Setup LateHead(int from)
    {
        var (trunk, first, second) = (nn.Linear(Tasks.Features, 32), nn.Linear(32, Tasks.Classes), nn.Linear(32, 1));
        var model = nn.Sequential(("trunk", trunk), ("first", first), ("second", second));
        var data = Tasks.Classification();
        var step = 0;
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var (x, y) = data();
            var h = functional_relu(trunk.call(x));
            var loss = cross_entropy(first.call(h), y);
            return step++ < from ? loss : loss + mse_loss(second.call(h), x[.., ..1]);
        });
    }

    private static Setup LateWeight(int from)
    {
        var (trunk, first, second) = (nn.Linear(Tasks.Features, 32), nn.Linear(32, Tasks.Classes), nn.Linear(32, 1));
        var model = nn.Sequential(("trunk", trunk), ("first", first), ("second", second));
        var data = Tasks.Classification();
        var step = 0;
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var (x, y) = data();
            var h = functional_relu(trunk.call(x));
            return cross_entropy(first.call(h), y) + (step++ < from ? 0 : 1) * mse_loss(second.call(h), x[.., ..1]);
        });
    }

    private static Tensor functional_relu(Tensor x) => relu(x);

    private static Setup Thaw(int at)
    {
        var model = Parts(detached: false);
        foreach (var p in model.encoder.parameters())
            p.requires_grad = false;
        return Classify(model, p => optim.Adam(p, 1e-3)) with
        {
            AfterStep = (_, step) =>
            {
                if (step == at)
                    foreach (var p in model.encoder.parameters())
                        p.requires_grad = true;
            },
        };
    }

    private static Setup EndsEarly(int at)
    {
        var (trunk, first, second) = (nn.Linear(Tasks.Features, 32), nn.Linear(32, Tasks.Classes), nn.Linear(32, 1));
        var model = nn.Sequential(("trunk", trunk), ("first", first), ("second", second));
        var data = Tasks.Classification();
        var step = 0;
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var (x, y) = data();
            var h = relu(trunk.call(x));
            return cross_entropy(first.call(h), y) + (step++ < at ? 0.5 : 0.01) * mse_loss(second.call(h), x[.., ..1]);
        });
    }

    private static Setup Accumulate(int calls)
    {
        var setup = Usual();
        var step = 0;
        // step and clear only in each n-th call: the others leave the gradients, and the optimizer's rate is zero in them
        return setup with
        {
            Clears = false,
            AfterStep = (_, _) => { },
            Before = () => { if (step++ % calls == 0) setup.Optimizer.zero_grad(); },
        };
    }

    private static Setup Experts(int count, bool hard)
    {
        var model = new Mixture(count, hard);
        return Classify(model, Adam(3e-3));
    }

    private static Setup StochasticDepth()
    {
        var model = new Dropped(4);
        return Classify(model, Adam(1e-3));
    }

    private static Setup NegativeLoss()
    {
        var model = nn.Sequential(("fc", nn.Linear(4, 32)), ("act", nn.Tanh()), ("out", nn.Linear(32, 2)));
        var w = randn(4, 1);
        return new(model, optim.Adam(model.parameters(), 3e-3), () =>
        {
            var x = randn(64, 4);
            var y = x.matmul(w) + 0.01 * randn(64, 1);
            var p = model.call(x);
            var (mean, log) = (p[.., ..1], p[.., 1..].clamp(-6, 6));
            return (log + 0.5 * (y - mean).square() / log.exp().square()).mean();
        });
    }

    private static Setup Cosine()
    {
        var model = Networks.Mlp(2, 32, 8, () => nn.Tanh());
        var w = randn(Tasks.Features, 8);
        return new(model, optim.Adam(model.parameters(), 1e-3), () => { var x = randn(32, Tasks.Features); return -cosine_similarity(model.call(x), x.matmul(w)).mean(); });
    }

    private static Setup Variational()
    {
        var (down, mean, log, up) = (nn.Linear(Tasks.Features, 16), nn.Linear(16, 4), nn.Linear(16, 4), nn.Linear(4, Tasks.Features));
        var model = nn.Sequential(("down", down), ("mean", mean), ("log", log), ("up", up));
        var data = Tasks.Classification();
        var step = 0;
        return new(model, optim.Adam(model.parameters(), 3e-3), () =>
        {
            var (x, _) = data();
            var h = down.call(x).tanh();
            var (m, l) = (mean.call(h), log.call(h));
            var z = m + (0.5 * l).exp() * randn_like(l);
            var weight = Math.Min(1, step++ / 300.0);
            return mse_loss(up.call(z), x) + weight * 0.1 * -0.5 * (1 + l - m.square() - l.exp()).mean();
        });
    }

    private static Setup Focal()
    {
        var model = Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU());
        var data = Tasks.Classification();
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var (x, y) = data();
            var log = log_softmax(model.call(x), 1).gather(1, y.unsqueeze(1));
            return -((1 - log.exp()).square() * log).mean();
        });
    }

    private static Setup Triplet()
    {
        var model = Networks.Mlp(2, 32, 8, () => nn.ReLU());
        var centres = randn(Tasks.Classes, Tasks.Features) * 1.5;
        Tensor Of(long c) => centres[c] + randn(16, Tasks.Features);
        var random = new Random(2);
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var c = random.Next(Tasks.Classes);
            return triplet_margin_loss(model.call(Of(c)), model.call(Of(c)), model.call(Of((c + 1) % Tasks.Classes)));
        });
    }

    private static Sequential Networks4() => nn.Sequential(("fc", nn.Linear(4, 16)), ("act", nn.ReLU()), ("out", nn.Linear(16, 1)));

    private static Setup Spiked(int at)
    {
        var setup = Classify(Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU()), Adam(1e-3), noise: 3);
        var step = 0;
        return setup with
        {
            AfterBackward = () =>
            {
                if (++step != at)
                    return;
                using var _ = no_grad();
                foreach (var p in setup.Model.parameters())
                    p.grad!.mul_(1000);
            },
        };
    }

    private static Setup DoubleModel()
    {
        var model = Networks.Mlp(3, 32, Tasks.Classes, () => nn.ReLU());
        model.to(ScalarType.Float64);
        var data = Tasks.Classification();
        return new(model, optim.Adam(model.parameters(), 1e-3), () => { var (x, y) = data(); return cross_entropy(model.call(x.to(ScalarType.Float64)), y); });
    }

    private static Setup Siren()
    {
        var layers = Enumerable.Range(0, 4).Select(i => nn.Linear(i == 0 ? 1 : 64, i == 3 ? 1 : 64)).ToArray();
        foreach (var (layer, i) in layers.Select((l, i) => (l, i)))
            nn.init.uniform_(layer.weight!, i == 0 ? -1 : -Math.Sqrt(6.0 / 64) / 30, i == 0 ? 1 : Math.Sqrt(6.0 / 64) / 30);
        var model = nn.Sequential(layers.Select((l, i) => ($"l{i}", (nn.Module<Tensor, Tensor>)l)));
        return new(model, optim.Adam(model.parameters(), 1e-4), () =>
        {
            var x = rand(64, 1) * 2 - 1;
            var h = x;
            for (var i = 0; i < 3; i++)
                h = (30 * layers[i].call(h)).sin();
            return mse_loss(layers[3].call(h), (8 * x).sin());
        });
    }

    private static Setup Branch(Func<Tensor, Tensor> cut)
    {
        var model = new TwoBranches(cut);
        return Classify(model, Adam(1e-3));
    }

    private static Setup Saturated(double size)
    {
        var model = nn.Sequential(("fc", nn.Linear(Tasks.Features, 32)), ("act", nn.ReLU()), ("out", nn.Linear(32, 1)), ("squash", nn.Tanh()));
        using (no_grad())
            model.get_parameter("out.weight")!.mul_(size * 20);
        return new(model, optim.SGD(model.parameters(), 1e-3), () => { var x = randn(2, Tasks.Features); return mse_loss(model.call(x), x[.., ..1].sign()); });
    }

    private static Setup SaturatedSigmoid()
    {
        var model = nn.Sequential(("fc", nn.Linear(Tasks.Features, 32)), ("act", nn.Tanh()), ("out", nn.Linear(32, 1)), ("squash", nn.Sigmoid()));
        using (no_grad())
            model.get_parameter("out.weight")!.mul_(800);
        return new(model, optim.SGD(model.parameters(), 1e-4), () => { var x = randn(2, Tasks.Features); return mse_loss(model.call(x), (x[.., ..1] > 0).to(ScalarType.Float32)); });
    }

    private static Setup Clamped()
    {
        var model = Networks.Mlp(2, 32, 1, () => nn.ReLU());
        nn.init.constant_(model.get_parameter("out.bias")!, 5);
        var data = Tasks.Regression();
        return new(model, optim.Adam(model.parameters(), 1e-3), () => { var (x, y) = data(); return mse_loss(model.call(x).clamp(0, 1), y); });
    }

    private static Sequential Narrow(int width)
    {
        var model = Networks.Mlp(2, width, Tasks.Classes, () => nn.ReLU());
        nn.init.constant_(model.get_parameter("fc0.bias")!, -30);
        return model;
    }

    private static Setup LogAt(int at)
    {
        var model = Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU());
        var data = Tasks.Classification();
        var step = 0;
        return new(model, optim.Adam(model.parameters(), 1e-3), () =>
        {
            var (x, y) = data();
            var p = softmax(model.call(x), 1);
            return -(++step >= at ? p.gather(1, y.unsqueeze(1)) * 0 : p.gather(1, y.unsqueeze(1))).log().mean();
        });
    }

    private static Sequential EverywhereOf(Sequential model, Action<Tensor> initialize)
    {
        foreach (var p in model.parameters())
            initialize(p);
        return model;
    }

    private sealed class Mixture : nn.Module<Tensor, Tensor>
    {
        private readonly Linear gate;
        private readonly ModuleList<Linear> first = [], second = [];
        private readonly bool hard;

        public Mixture(int count, bool hard) : base(nameof(Mixture))
        {
            this.hard = hard;
            gate = nn.Linear(Tasks.Features, count);
            for (var i = 0; i < count; i++)
            {
                first.Add(nn.Linear(Tasks.Features, 16));
                second.Add(nn.Linear(16, Tasks.Classes));
            }
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var weights = softmax(gate.call(x), 1);
            if (hard)
                weights = weights * one_hot(weights.argmax(1), first.Count).to(ScalarType.Float32);
            var result = zeros(x.shape[0], Tasks.Classes);
            for (var i = 0; i < first.Count; i++)
                result = result + weights[.., i..(i + 1)] * second[i].call(relu(first[i].call(x)));
            return result;
        }
    }

    private sealed class Dropped : nn.Module<Tensor, Tensor>
    {
        private readonly Linear into, head;
        private readonly ModuleList<Linear> blocks = [];
        private readonly Random random = new(3);

        public Dropped(int depth) : base(nameof(Dropped))
        {
            into = nn.Linear(Tasks.Features, 32);
            head = nn.Linear(32, Tasks.Classes);
            for (var i = 0; i < depth; i++)
                blocks.Add(nn.Linear(32, 32));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = into.call(x);
            foreach (var block in blocks)
                if (random.Next(2) == 0)
                    x = x + relu(block.call(x));
            return head.call(x);
        }
    }

    private sealed class TwoBranches : nn.Module<Tensor, Tensor>
    {
        private readonly Linear main, branch1, branch2, head;
        private readonly Func<Tensor, Tensor> cut;

        public TwoBranches(Func<Tensor, Tensor> cut) : base(nameof(TwoBranches))
        {
            this.cut = cut;
            main = nn.Linear(Tasks.Features, 32);
            branch1 = nn.Linear(Tasks.Features, 32);
            branch2 = nn.Linear(32, 32);
            head = nn.Linear(64, Tasks.Classes);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => head.call(cat([relu(main.call(x)), cut(branch2.call(relu(branch1.call(x))))], 1));
    }
}
