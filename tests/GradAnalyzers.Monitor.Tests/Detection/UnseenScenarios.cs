using GradAnalyzers.Monitor;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace GradAnalyzers.Detection;

/// <content>Trainings that were written after the judgement was settled and whose first results it has not been changed for: what a stranger brings.</content>
internal static partial class Scenarios
{
    public static IEnumerable<Scenario> Unseen =>
    [
        .. new Scenario[]
        {
            new("supervised", "two spirals, minibatches of a fixed set", () => Spirals(() => nn.ReLU(), Adam(5e-3))),
            new("supervised", "label smoothing, GroupNorm", GroupNormed),
            new("supervised", "counts, Poisson likelihood", Counts),
            new("supervised", "quantile loss", () => Curve((p, y) => maximum(0.9 * (y - p), -0.1 * (y - p)).mean())),
            new("supervised", "absolute error", () => Curve((p, y) => (p - y).abs().mean())),
            new("supervised", "log-cosh, OneCycle", () => Curve((p, y) => ((p - y).cosh()).log().mean()) is var s ? s with { Scheduler = optim.lr_scheduler.OneCycleLR(s.Optimizer, 0.02, total_steps: 401) } : s),
            new("supervised", "mean and variance, Gaussian likelihood", Heteroscedastic),
            new("supervised", "one in fifty positive, weighted", Imbalanced),
            new("supervised", "mixup", Mixup),
            new("supervised", "distillation at temperature 4", Distilled),
            new("recommender", "two embeddings of 200 rows, dot product", Recommender),
            new("recommender", "skip-gram with negatives", SkipGram),
            new("representation", "InfoNCE", Contrastive),
            new("representation", "variational autoencoder", Vae),
            new("representation", "masked reconstruction", MaskedReconstruction),
            new("generation", "denoising at all noise levels", Denoising),
            new("generation", "affine coupling flow", Flow),
            new("generation", "WGAN critic, weights clamped", Wasserstein),
            new("reinforcement", "Q-learning with a target network", QLearning),
            new("reinforcement", "actor and critic, clipped", () => ActorCritic() with { Clip = 0.5 }),
            new("sequence", "dilated convolutions, next value", Dilated),
            new("sequence", "LSTM forecaster, clipped", () => Forecast(1e-2) with { Clip = 1 }),
            new("sequence", "copying with attention", CopyTask),
            new("science", "oscillator, physics loss", Physics),
            new("science", "ODE unrolled 20 times", Unrolled),
            new("science", "sets, sum pooling", DeepSets),
            new("science", "highway gates, 8 layers", Highway),
            new("science", "low-rank adapter, one factor zero", () => Adapter(bothZero: false)),
        }.Select(s => s with { IsUnseen = true }),
        .. new[]
        {
            Fault("deep and small", "20 ReLU layers, std 0.02", [AlertKind.Vanishing, AlertKind.Dead], null, () => Spirals(() => nn.ReLU(), Sgd(0.1), depth: 20, std: 0.02)),
            Fault("deep and small", "15 tanh layers, std 0.05", [AlertKind.Vanishing], p => p.StartsWith("0.") || p.StartsWith("h"), () => Spirals(() => nn.Tanh(), Sgd(0.1), depth: 15, std: 0.05)),
            Fault("deep and small", "ten convolutions, std 0.01", [AlertKind.Vanishing], null, ManyConvolutions),
            Fault("not scaled", "sigmoid on years and prices", [AlertKind.Vanishing, AlertKind.Dead], null, NotScaled),
            Fault("not scaled", "ReLU on the output, negative targets", [AlertKind.Dead, AlertKind.Vanishing], null, RectifiedOutput),
            Fault("diverges", "LSTM forecaster, rate 50", Blown, null, () => Forecast(50, sgd: true)),
            Fault("diverges", "residual branches that double, 30 blocks", [AlertKind.Exploding, AlertKind.Spike, AlertKind.NonFinite], null, Doubling),
            Fault("diverges", "convolutions, SGD 20", [.. Blown, AlertKind.Vanishing], null, () => GroupNormed(20)),
            Fault("outlier", "a label of 10,000 at step 311, clipped", [AlertKind.Spike], null, () => Outlier(311)),
            Fault("not finite", "attention over nothing", [AlertKind.NonFinite], null, EmptyMask),
            Fault("not finite", "distance of a point to itself", [AlertKind.NonFinite], null, ZeroDistance),
            Fault("not finite", "log of a softmax that underflows", [AlertKind.NonFinite], null, LogOfSoftmax),
            Fault("not finite", "a missing value in the data", [AlertKind.NonFinite], null, MissingValue),
            Fault("start", "low-rank adapter, both factors zero", [AlertKind.Dead, AlertKind.Identical, AlertKind.Vanishing, AlertKind.NoGradient], p => p.Length == 0 || p.StartsWith("down") || p.StartsWith("up"), () => Adapter(bothZero: true)),
            Fault("start", "equal kernels", [AlertKind.Identical], p => p.StartsWith("c"), EqualKernels),
            Fault("cut", "encoder under no_grad", [AlertKind.NoGradient], p => p.StartsWith("enc"), () => Reconstruct(true, false)),
            Fault("cut", "codes by argmax", [AlertKind.NoGradient, AlertKind.Dead, AlertKind.Vanishing], p => p.StartsWith("enc"), () => Reconstruct(false, true)),
            Fault("cut", "half precision underflows, loss times 1e-6", [AlertKind.Vanishing, AlertKind.Dead, AlertKind.NoGradient], null, Underflow),
            Fault("left out", "embedding in no optimizer", [AlertKind.NeverUpdated], p => p.StartsWith("users"), LeftOut),
            Fault("left out", "head replaced after the optimizer was made", [AlertKind.NeverUpdated], p => p.StartsWith("head"), Replaced),
            Fault("left out", "rate divided by ten at each step", [AlertKind.NeverUpdated], null, () => Spirals(() => nn.Tanh(), Sgd(0.1)) is var s ? s with { Scheduler = optim.lr_scheduler.StepLR(s.Optimizer, 1, 0.1) } : s),
            Fault("adds up", "momentum, no clearing", [AlertKind.NeverCleared, AlertKind.Exploding], null, () => Spirals(() => nn.Tanh(), Sgd(0.01, 0.9)) with { Clears = false }),
        }.Select(s => s with { IsUnseen = true }),
    ];

    /// <summary>Layers under names, of any kind.</summary>
    private sealed class Layers : nn.Module
    {
        public Layers((string, nn.Module)[] layers) : base(nameof(Layers))
        {
            foreach (var (name, layer) in layers)
                register_module(name, layer);
        }
    }

    private static Layers Bag(params (string, nn.Module)[] layers) => new(layers);

    private static optim.Optimizer AdamOf(nn.Module model, double rate) => optim.Adam(model.parameters(), rate);

    private static Setup Spirals(Func<nn.Module<Tensor, Tensor>> activation, Func<IEnumerable<Parameter>, optim.Optimizer> optimizer, int depth = 2, double std = 0)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        for (var i = 0; i < depth; i++)
        {
            layers.Add(($"h{i}", nn.Linear(i == 0 ? 2 : 48, 48)));
            layers.Add(($"a{i}", activation()));
        }
        layers.Add(("readout", nn.Linear(48, 2)));
        var model = nn.Sequential(layers);
        if (std > 0)
            foreach (var p in model.parameters())
                _ = p.dim() > 1 ? nn.init.normal_(p, 0, std) : nn.init.zeros_(p);
        var t = rand(512, 1) * 6 + 0.5;
        var arm = randint(2, [512, 1], ScalarType.Int64);
        var angle = t + arm * Math.PI;
        var points = cat([t * angle.cos(), t * angle.sin()], 1) / 3 + 0.05 * randn(512, 2);
        var labels = arm.squeeze(1);
        return new(model, optimizer(model.parameters()), () => { var i = randint(512, [64], ScalarType.Int64); return cross_entropy(model.call(points[i]), labels[i]); });
    }

    private static Setup GroupNormed() => GroupNormed(0.05);

    /// <summary>TorchSharp 0.107 leaves the weight and the bias of a GroupNorm as the memory was.</summary>
    private static void Initialize(nn.Module model)
    {
        foreach (var (name, p) in model.named_parameters())
            if (name.StartsWith('n'))
                nn.init.constant_(p, name.EndsWith("weight") ? 1 : 0);
    }

    private static Setup GroupNormed(double rate)
    {
        var model = nn.Sequential(("c0", nn.Conv2d(1, 8, 3)), ("n0", nn.GroupNorm(2, 8)), ("r0", nn.SiLU()), ("c1", nn.Conv2d(8, 16, 3, stride: 2)), ("n1", nn.GroupNorm(4, 16)), ("r1", nn.SiLU()), ("p", nn.AdaptiveAvgPool2d(2)), ("f", nn.Flatten()), ("fc", nn.Linear(64, 4)));
        Initialize(model);
        var data = Tasks.Images();
        return new(model, optim.SGD(model.parameters(), rate, 0.9), () => { var (x, y) = data(); var logp = log_softmax(model.call(x), 1); return 0.9 * nll_loss(logp, y) - 0.1 * logp.mean(); });
    }

    private static Sequential Small(int inputs, int outputs, int width = 24) => nn.Sequential(("one", nn.Linear(inputs, width)), ("act", nn.SiLU()), ("two", nn.Linear(width, width)), ("act2", nn.SiLU()), ("three", nn.Linear(width, outputs)));

    private static Setup Counts()
    {
        var model = Small(3, 1);
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var x = rand(40, 3);
            var rate = (x.sum(1, keepdim: true) * 1.2).exp();
            var o = model.call(x);
            return (o.exp() - torch.poisson(rate) * o).mean();
        });
    }

    private static Setup Curve(Func<Tensor, Tensor, Tensor> loss)
    {
        var model = Small(1, 1);
        return new(model, AdamOf(model, 3e-3), () => { var x = rand(50, 1) * 4 - 2; return loss(model.call(x), (2 * x).sin() + 0.3 * randn(50, 1)); });
    }

    private static Setup Heteroscedastic()
    {
        var model = Small(1, 2);
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var x = rand(64, 1) * 4 - 2;
            var y = (2 * x).sin() + (0.05 + 0.2 * x.abs()) * randn(64, 1);
            var o = model.call(x);
            var (mean, logv) = (o[.., ..1], o[.., 1..]);
            return (0.5 * logv + 0.5 * (y - mean).pow(2) * (-logv).exp()).mean();
        });
    }

    private static Setup Imbalanced()
    {
        var model = Small(8, 1);
        var weight = tensor(50f);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var y = (rand(64, 1) < 0.02).to(ScalarType.Float32);
            return binary_cross_entropy_with_logits(model.call(randn(64, 8) + 1.5 * y), y, pos_weights: weight);
        });
    }

    private static Setup Mixup()
    {
        var model = Small(Tasks.Features, Tasks.Classes);
        var data = Tasks.Classification();
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var ((a, ya), (b, yb)) = (data(), data());
            var share = rand(1).item<float>();
            var o = model.call(share * a + (1 - share) * b);
            return share * cross_entropy(o, ya) + (1 - share) * cross_entropy(o, yb);
        });
    }

    private static Setup Distilled()
    {
        var (teacher, model) = (Small(6, 5, 64), Small(6, 5, 16));
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var x = randn(64, 6) * 2;
            Tensor target;
            using (no_grad())
                target = softmax(teacher.call(x) * 5 / 4, 1);
            return -16 * (target * log_softmax(model.call(x) / 4, 1)).sum(1).mean();
        });
    }

    private static (nn.Module Model, Embedding Items, Func<Tensor> Loss) Ratings()
    {
        var (users, items) = (nn.Embedding(200, 12), nn.Embedding(200, 12));
        var truth = randn(200, 3).matmul(randn(3, 200));
        return (Bag(("users", users), ("items", items)), items, () =>
        {
            var (u, i) = (randint(200, [64], ScalarType.Int64), randint(200, [64], ScalarType.Int64));
            return mse_loss((users.call(u) * items.call(i)).sum(1), truth[u, i]);
        });
    }

    private static Setup Recommender() => Ratings() is var (model, _, loss) ? new(model, AdamOf(model, 0.02), loss) : null!;

    private static Setup LeftOut() => Ratings() is var (model, items, loss) ? new(model, optim.Adam(items.parameters(), 0.02), loss) : null!;

    private static Setup SkipGram()
    {
        var (centre, context) = (nn.Embedding(60, 16), nn.Embedding(60, 16));
        var model = Bag(("centre", centre), ("context", context));
        nn.init.uniform_(centre.weight!, -0.03, 0.03);
        nn.init.zeros_(context.weight!);
        return new(model, AdamOf(model, 0.02), () =>
        {
            var c = randint(60, [64], ScalarType.Int64);
            var near = (c + randint(1, 4, [64], ScalarType.Int64)).remainder(60);
            var far = randint(60, [64], ScalarType.Int64);
            var h = centre.call(c);
            return -(logsigmoid((h * context.call(near)).sum(1)) + logsigmoid(-(h * context.call(far)).sum(1))).mean();
        });
    }

    private static Setup Contrastive()
    {
        var model = Small(10, 8);
        var lift = randn(4, 10);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var z = randn(32, 4);
            Tensor View() => normalize(model.call((z + 0.1 * randn(32, 4)).matmul(lift)), dim: 1);
            return cross_entropy(View().matmul(View().t()) / 0.1, arange(32, ScalarType.Int64));
        });
    }

    private static Setup Vae()
    {
        var (enc, dec) = (Small(12, 6), Small(3, 12));
        var lift = randn(3, 12);
        var model = Bag(("enc", enc), ("dec", dec));
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var x = (randn(48, 3).matmul(lift)).tanh();
            var o = enc.call(x);
            var (mean, logv) = (o[.., ..3], o[.., 3..]);
            var z = mean + (0.5 * logv).exp() * randn(48, 3);
            return mse_loss(dec.call(z), x, nn.Reduction.Sum) / 48 - 0.5 * (1 + logv - mean.pow(2) - logv.exp()).sum() / 48;
        });
    }

    private static Setup MaskedReconstruction()
    {
        var model = Small(12, 12, 48);
        var lift = randn(3, 12);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var x = randn(48, 3).matmul(lift);
            var mask = (rand(48, 12) < 0.3).to(ScalarType.Float32);
            return ((model.call(x * (1 - mask)) - x).pow(2) * mask).sum() / mask.sum();
        });
    }

    private static Setup Denoising()
    {
        var model = Small(3, 2, 64);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var angle = rand(64, 1) * 6.28;
            var (x, t, e) = (cat([angle.cos(), angle.sin()], 1), rand(64, 1), randn(64, 2));
            var noisy = (1 - t).sqrt() * x + t.sqrt() * e;
            return mse_loss(model.call(cat([noisy, t], 1)), e);
        });
    }

    private static Setup Flow()
    {
        Sequential[] nets = [Small(1, 2), Small(1, 2), Small(1, 2), Small(1, 2)];
        var model = Bag([.. nets.Select((n, i) => ($"net{i}", (nn.Module)n))]);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var a = randn(64, 1);
            var x = cat([a, a.pow(2) * 0.5 + 0.3 * randn(64, 1)], 1);
            var log = zeros(64, 1);
            for (var i = 0; i < nets.Length; i++)
            {
                var (fix, move) = (x[.., ..1], x[.., 1..]);
                var o = nets[i].call(fix);
                var scale = o[.., ..1].tanh();
                x = cat([move * scale.exp() + o[.., 1..], fix], 1);
                log = log + scale;
            }
            return (0.5 * x.pow(2).sum(1, keepdim: true) - log).mean();
        });
    }

    private static Setup Wasserstein()
    {
        var (critic, generator) = (Small(2, 1), Small(4, 2));
        var other = optim.RMSProp(generator.parameters(), 1e-3);
        Tensor Real() => randn(64, 2) * 0.3 + 1;
        return new(critic, optim.RMSProp(critic.parameters(), 1e-3), () => critic.call(generator.call(randn(64, 4)).detach()).mean() - critic.call(Real()).mean())
        {
            Before = () => { other.zero_grad(); (-critic.call(generator.call(randn(64, 4))).mean()).backward(); other.step(); },
            AfterStep = (_, _) => { using var __ = no_grad(); foreach (var p in critic.parameters()) p.clamp_(-0.3, 0.3); },
        };
    }

    private static Setup QLearning()
    {
        var (q, target) = (Small(3, 2), Small(3, 2));
        target.load_state_dict(q.state_dict());
        return new(q, AdamOf(q, 1e-3), () =>
        {
            var s = randn(32, 3);
            var a = randint(2, [32, 1], ScalarType.Int64);
            var next = s + (a * 2 - 1) * 0.3 + 0.05 * randn(32, 3);
            var reward = (next.norm(1, keepdim: true) < 1).to(ScalarType.Float32);
            Tensor goal;
            using (no_grad())
                goal = reward + 0.9 * target.call(next).max(1, keepdim: true).values;
            return smooth_l1_loss(q.call(s).gather(1, a), goal);
        })
        { AfterStep = (_, step) => { if (step % 50 == 0) target.load_state_dict(q.state_dict()); } };
    }

    private static Setup ActorCritic()
    {
        var (trunk, policy, value) = (nn.Linear(4, 32), nn.Linear(32, 3), nn.Linear(32, 1));
        var model = Bag(("trunk", trunk), ("policy", policy), ("value", value));
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var s = randn(32, 4);
            var h = trunk.call(s).tanh();
            var logp = log_softmax(policy.call(h), 1);
            var a = multinomial(logp.exp().detach(), 1);
            var best = s[.., ..3].argmax(1, keepdim: true);
            var reward = (a == best).to(ScalarType.Float32);
            var v = value.call(h);
            var advantage = (reward - v).detach();
            return -(logp.gather(1, a) * advantage).mean() + 0.5 * mse_loss(v, reward) + 0.01 * (logp.exp() * logp).sum(1).mean();
        });
    }

    private static Tensor Wave(int batch, int time)
    {
        var (phase, speed) = (rand(batch, 1) * 6.28, 0.2 + 0.3 * rand(batch, 1));
        return (phase + speed * arange(time).to(ScalarType.Float32)).sin() + 0.05 * randn(batch, time);
    }

    private static Setup Dilated()
    {
        var model = nn.Sequential(("d1", nn.Conv1d(1, 12, 2)), ("e1", nn.ELU()), ("d2", nn.Conv1d(12, 12, 2, dilation: 2)), ("e2", nn.ELU()), ("d4", nn.Conv1d(12, 12, 2, dilation: 4)), ("e4", nn.ELU()), ("last", nn.Conv1d(12, 1, 1)));
        return new(model, AdamOf(model, 5e-3), () => { var x = Wave(24, 40).unsqueeze(1); return mse_loss(model.call(x)[.., .., ..^1], x[.., .., 8..]); });
    }

    private static Setup Forecast(double rate, bool sgd = false)
    {
        var (lstm, read) = (nn.LSTM(1, 24, batchFirst: true), nn.Linear(24, 1));
        var model = Bag(("lstm", lstm), ("read", read));
        return new(model, sgd ? optim.SGD(model.parameters(), rate) : AdamOf(model, rate), () => { var x = Wave(16, 25).unsqueeze(2); return mse_loss(read.call(lstm.call(x[.., ..^1]).Item1), x[.., 1..]); });
    }

    private static Setup CopyTask()
    {
        var (embed, place, key, query, value, read) = (nn.Embedding(10, 24), nn.Embedding(8, 24), nn.Linear(24, 24), nn.Linear(24, 24), nn.Linear(24, 24), nn.Linear(24, 10));
        var model = Bag(("embed", embed), ("place", place), ("key", key), ("query", query), ("value", value), ("read", read));
        return new(model, AdamOf(model, 5e-3), () =>
        {
            var x = randint(10, [32, 8], ScalarType.Int64);
            var p = place.call(arange(8, ScalarType.Int64));
            var h = embed.call(x) + p;
            var weights = softmax(query.call(p).matmul(key.call(h).transpose(1, 2)) / Math.Sqrt(24), -1);
            return cross_entropy(read.call(weights.matmul(value.call(h))).flatten(0, 1), x.flip(1).flatten());
        });
    }

    private static Setup Physics()
    {
        var model = nn.Sequential(("in", nn.Linear(1, 32)), ("t", nn.Tanh()), ("mid", nn.Linear(32, 32)), ("t2", nn.Tanh()), ("out", nn.Linear(32, 1)));
        return new(model, AdamOf(model, 3e-3), () =>
        {
            // u'' by differences; u(0) = 1, u'(0) = 0.
            var t = rand(64, 1) * 3;
            const double d = 0.05;
            var (left, mid, right) = (model.call(t - d), model.call(t), model.call(t + d));
            var start = model.call(zeros(1, 1));
            var slope = (model.call(full(1, 1, d)) - start) / d;
            return ((left - 2 * mid + right) / (d * d) + mid).pow(2).mean() + 10 * (start - 1).pow(2).mean() + slope.pow(2).mean();
        });
    }

    private static Setup Unrolled()
    {
        var model = nn.Sequential(("f", nn.Linear(2, 24)), ("t", nn.Tanh()), ("g", nn.Linear(24, 2)));
        return new(model, AdamOf(model, 5e-3), () =>
        {
            var angle = rand(32, 1) * 6.28;
            var x = cat([angle.cos(), angle.sin()], 1);
            Tensor loss = zeros(1);
            for (var i = 1; i <= 20; i++)
            {
                x = x + 0.1 * model.call(x);
                loss = loss + mse_loss(x, cat([(angle + 0.1 * i).cos(), (angle + 0.1 * i).sin()], 1));
            }
            return loss / 20;
        });
    }

    private static Setup DeepSets()
    {
        var (each, all) = (Small(2, 16), Small(16, 1));
        var model = Bag(("each", each), ("all", all));
        return new(model, AdamOf(model, 1e-3), () => { var x = randn(32, 12, 2); return mse_loss(all.call(each.call(x).sum(1)), x.norm(2).amax([1L]).unsqueeze(1)); });
    }

    private static Setup Highway()
    {
        var gates = Enumerable.Range(0, 8).Select(_ => nn.Linear(16, 16)).ToArray();
        var ways = Enumerable.Range(0, 8).Select(_ => nn.Linear(16, 16)).ToArray();
        var read = nn.Linear(16, Tasks.Classes);
        foreach (var g in gates)
            nn.init.constant_(g.bias!, -2);
        var model = Bag([.. gates.Select((g, i) => ($"gate{i}", (nn.Module)g)), .. ways.Select((w, i) => ($"way{i}", (nn.Module)w)), ("read", read)]);
        var data = Tasks.Classification();
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var (x, y) = data();
            for (var i = 0; i < 8; i++)
            {
                var t = gates[i].call(x).sigmoid();
                x = t * ways[i].call(x).relu() + (1 - t) * x;
            }
            return cross_entropy(read.call(x), y);
        });
    }

    private static Setup Adapter(bool bothZero)
    {
        var (fixedPart, down, up) = (nn.Linear(16, 16), nn.Linear(16, 4, hasBias: false), nn.Linear(4, 16, hasBias: false));
        var model = Bag(("fixed", fixedPart), ("down", down), ("up", up));
        foreach (var p in fixedPart.parameters())
            p.requires_grad = false;
        nn.init.zeros_(up.weight!);
        if (bothZero)
            nn.init.zeros_(down.weight!);
        var truth = randn(16, 16) / 4;
        return new(model, optim.Adam(model.parameters().Where(p => p.requires_grad), 5e-3), () => { var x = randn(48, 16); return mse_loss(fixedPart.call(x) + up.call(down.call(x)), x.matmul(truth)); });
    }

    private static Setup ManyConvolutions()
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        for (var i = 0; i < 10; i++)
        {
            var conv = nn.Conv2d(i == 0 ? 1 : 8, 8, 3, padding: 1);
            nn.init.normal_(conv.weight!, 0, 0.01);
            nn.init.zeros_(conv.bias!);
            layers.Add(($"c{i}", conv));
            layers.Add(($"r{i}", nn.ReLU()));
        }
        layers.AddRange([("p", nn.AdaptiveAvgPool2d(2)), ("f", nn.Flatten()), ("fc", nn.Linear(32, 4))]);
        return Picture(nn.Sequential(layers), Sgd(0.05));
    }

    private static Setup NotScaled()
    {
        var model = nn.Sequential(("hidden", nn.Linear(2, 16)), ("s", nn.Sigmoid()), ("hidden2", nn.Linear(16, 16)), ("s2", nn.Sigmoid()), ("out", nn.Linear(16, 1)));
        return new(model, optim.SGD(model.parameters(), 0.05), () =>
        {
            var x = randn(32, 2);
            return mse_loss(model.call(x * tensor(new float[] { 10, 80_000 }) + tensor(new float[] { 2000, 300_000 })), (x[.., ..1] - x[.., 1..]).sin());
        });
    }

    private static Setup RectifiedOutput()
    {
        var model = Small(4, 1);
        return new(model, AdamOf(model, 1e-2), () => { var x = randn(32, 4); return mse_loss(model.call(x).relu(), -2 - x.abs().sum(1, keepdim: true)); });
    }

    private static Setup Doubling()
    {
        var blocks = Enumerable.Range(0, 30).Select(_ => nn.Linear(16, 16)).ToArray();
        var read = nn.Linear(16, 4);
        var model = Bag([.. blocks.Select((b, i) => ($"block{i}", (nn.Module)b)), ("read", read)]);
        var data = Tasks.Classification();
        return new(model, AdamOf(model, 1e-3), () =>
        {
            var (x, y) = data();
            foreach (var block in blocks)
                x = 2 * x + block.call(x).relu();
            return cross_entropy(read.call(x), y);
        });
    }

    private static Setup Outlier(int at)
    {
        var model = Small(4, 1);
        var step = 0;
        return new(model, AdamOf(model, 1e-3), () =>
        {
            var x = randn(32, 4);
            var y = x.sum(1, keepdim: true).sin();
            if (++step == at)
                y[0] = 10_000;
            return mse_loss(model.call(x), y);
        })
        { Clip = 1 };
    }

    private static Setup EmptyMask()
    {
        var (score, read) = (nn.Linear(6, 1), nn.Linear(6, 2));
        var model = Bag(("score", score), ("read", read));
        var step = 0;
        return new(model, AdamOf(model, 1e-3), () =>
        {
            var x = randn(16, 5, 6);
            var hidden = rand(16, 5, 1) < 0.2;
            if (++step >= 80)
                hidden[0] = true;
            var w = softmax(score.call(x).masked_fill(hidden, double.NegativeInfinity), 1);
            return cross_entropy(read.call((w * x).sum(1)), (x[.., 0, 0] > 0).to(ScalarType.Int64));
        });
    }

    private static Setup ZeroDistance()
    {
        var model = Small(4, 3);
        return new(model, AdamOf(model, 1e-3), () =>
        {
            var x = randn(16, 4);
            var z = model.call(x);
            var distance = (z.unsqueeze(0) - z.unsqueeze(1)).pow(2).sum(2).sqrt();
            return mse_loss(distance, (x.unsqueeze(0) - x.unsqueeze(1)).abs().sum(2));
        });
    }

    private static Setup LogOfSoftmax()
    {
        var model = Small(4, 3);
        return new(model, optim.SGD(model.parameters(), 0.1), () => { var x = randn(64, 4) * 2000; return -softmax(model.call(x), 1).log()[.., 0].mean(); });
    }

    private static Setup MissingValue()
    {
        var model = Small(4, 1);
        var table = randn(300, 4);
        table[217, 2] = float.NaN;
        return new(model, AdamOf(model, 1e-3), () => { var x = table[randint(300, [4], ScalarType.Int64)]; return mse_loss(model.call(x), x[.., ..1]); });
    }

    private static Setup EqualKernels()
    {
        var model = nn.Sequential(("c0", nn.Conv2d(1, 6, 3)), ("r0", nn.Tanh()), ("c1", nn.Conv2d(6, 6, 3)), ("r1", nn.Tanh()), ("p", nn.AdaptiveAvgPool2d(1)), ("f", nn.Flatten()), ("fc", nn.Linear(6, 4)));
        foreach (var (_, p) in model.named_parameters())
            nn.init.constant_(p, 0.03);
        return Picture(model, Adam(3e-3));
    }

    private static Setup Reconstruct(bool underNoGrad, bool argmax)
    {
        var (enc, dec) = (Small(8, 8), Small(8, 8));
        var model = Bag(("enc", enc), ("dec", dec));
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var x = randn(32, 8);
            Tensor z;
            if (underNoGrad)
                using (no_grad())
                    z = enc.call(x);
            else
                z = enc.call(x);
            if (argmax)
                z = one_hot(z.argmax(1), 8).to(ScalarType.Float32);
            return mse_loss(dec.call(z), x);
        });
    }

    private static Setup Underflow()
    {
        var model = Small(4, 1);
        return new(model, optim.SGD(model.parameters(), 0.1), () => { var x = randn(32, 4); return mse_loss(model.call(x), x[.., ..1]) * 1e-6; })
        {
            AfterBackward = () => { using var _ = no_grad(); foreach (var p in model.parameters()) p.grad!.copy_(p.grad!.to(ScalarType.Float16)); },
        };
    }

    private static Setup Replaced()
    {
        var (body, old, head) = (Small(8, 16), nn.Linear(16, 4), nn.Linear(16, 4));
        var optimizer = optim.Adam(body.parameters().Concat(old.parameters()), 2e-3);
        var model = Bag(("body", body), ("head", head));
        var w = randn(8, 4);
        return new(model, optimizer, () => { var x = randn(32, 8); return cross_entropy(head.call(body.call(x).relu()), x.matmul(w).argmax(1)); });
    }
}
