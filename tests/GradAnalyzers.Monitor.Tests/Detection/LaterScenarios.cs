using GradAnalyzers.Monitor;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace GradAnalyzers.Detection;

/// <content>A second set of trainings in styles that neither the judgement nor the suite had seen; every second one is held out.</content>
internal static partial class Scenarios
{
    public static IEnumerable<Scenario> Later =>
    [
        .. Halved(
        [
            new("graphs", "graph convolutions, labels of some nodes", () => GraphNodes(hops: 2, normalized: true)),
            new("graphs", "messages summed over neighbours", GraphMessages),
            new("few shots", "prototypes of new classes at each step", Prototypes),
            new("ranking", "pairs, logistic", RankedPairs),
            new("ranking", "survival, partial likelihood", Survival),
            new("ranking", "ordered grades, learned thresholds", OrderedGrades),
            new("several tasks", "learned weights of two losses, one in thousands", WeightedTasks),
            new("segmentation", "down and up with a shortcut, Dice loss", () => Segments(2e-3)),
            new("segmentation", "heat map of one point", HeatMap),
            new("policy", "clipped ratio, four epochs on each batch", () => RatioPolicy() with { Clip = 0.5 }),
            new("changing data", "target that drifts", Drift),
            new("changing data", "two new classes from step 200", NewClasses),
            new("changing data", "sequences that get longer, clipped", () => Lengthening() with { Clip = 1 }),
            new("changing data", "augmentation from step 150", Augmented),
            new("weights from elsewhere", "hypernetwork", () => Hypernetwork(held: true)),
            new("weights from elsewhere", "one layer used ten times", () => Recycled(10, 0)),
            new("weights from elsewhere", "tied embedding and output", TiedText),
            new("sets", "conditional process, Gaussian likelihood", NeuralProcess),
            new("sets", "bags with one positive, attention pooling", AttentionPooling),
            new("bases", "radial, learned centres and widths", RadialBasis),
            new("bases", "random Fourier features, fast waves", FourierFeatures),
            new("texts", "sums of embeddings, Adagrad", BagOfWords),
            new("rounding", "rounded weights, straight through", () => Rounded(straight: true)),
            new("rounding", "codebook, straight through", () => Codebook(straight: true)),
            new("two networks", "mean teacher", MeanTeacher),
            new("two networks", "critic with gradient penalty", GradientPenalty),
            new("noise", "targets with heavy tails, smooth L1", HeavyTails),
            new("noise", "two labels of five wrong, Nesterov", WrongLabels),
        ]),
        .. Halved(
        [
            Fault("squeezed", "autoencoder of twelve hard sigmoids", [AlertKind.Vanishing, AlertKind.Dead], p => p.StartsWith("s0.") || p.StartsWith("s1."), SqueezedAutoencoder),
            Fault("squeezed", "attention not divided, one-hot", [AlertKind.Vanishing, AlertKind.Dead], p => p.StartsWith("query") || p.StartsWith("key"), SharpAttention),
            Fault("squeezed", "generator against a perfect critic, log(1 - D)", [AlertKind.Vanishing, AlertKind.NoGradient], null, LostGenerator),
            Fault("squeezed", "logits clamped to 0.01", Starved, null, ClampedLogits),
            Fault("squeezed", "ReLU of log probabilities", [AlertKind.NoGradient, AlertKind.Vanishing, AlertKind.Dead, AlertKind.NeverUpdated], null, RectifiedLikelihood),
            Fault("grows", "eight hops over sums of neighbours", Blown, null, () => GraphNodes(hops: 8, normalized: false)),
            Fault("grows", "one layer used forty times, gain 1.5", Exploded, null, () => Recycled(40, 1.5)),
            Fault("grows", "rate times 1.05 at each step", Blown, null, () => Segments(1e-3) is var s ? s with { Scheduler = optim.lr_scheduler.ExponentialLR(s.Optimizer, 1.05) } : s),
            Fault("grows", "momentum 0.99, rate 2", [.. Blown, AlertKind.Vanishing], null, () => Picture(Networks.Cnn(norm: false), Sgd(2, 0.99))),
            Fault("not finite", "log of log probabilities", [AlertKind.NonFinite], null, DoubleLog),
            Fault("not finite", "counts in thousands, rate 1", [AlertKind.NonFinite, AlertKind.Exploding, AlertKind.Spike], null, LargeCounts),
            Fault("not finite", "slope between equal points at step 120", [AlertKind.NonFinite], null, Slopes),
            Fault("no way back", "hypernetwork in no optimizer", [AlertKind.NeverUpdated], p => p.StartsWith("hyper"), () => Hypernetwork(held: false)),
            Fault("no way back", "the copy is stepped", [AlertKind.NeverUpdated], null, SteppedCopy),
            Fault("no way back", "rounded weights", Starved, p => p.StartsWith("coarse"), () => Rounded(straight: false)),
            Fault("no way back", "codebook without a way past it", [AlertKind.NoGradient], p => p.StartsWith("enc"), () => Codebook(straight: false)),
            Fault("no way back", "a constant read out of a parameter", [AlertKind.NoGradient], p => p.StartsWith("scale"), ReadOut),
            Fault("no way back", "pictures of zeros", Starved, p => p.StartsWith("conv0"), BlackPictures),
        ]),
    ];

    /// <summary>Every second one is held out.</summary>
    private static IEnumerable<Scenario> Halved(Scenario[] all) => all.Select((s, i) => s with { IsLater = true, IsHeldOut = i % 2 == 1 });

    private static Tensor Neighbours(long nodes, double share, bool normalized)
    {
        var near = (rand(nodes, nodes) < share).to(ScalarType.Float32);
        near = ((near + near.t()) > 0).to(ScalarType.Float32);
        if (!normalized)
            return near;
        near = ((near + eye(nodes)) > 0).to(ScalarType.Float32);
        var root = near.sum(1, keepdim: true).rsqrt();
        return near * root * root.t();
    }

    private static Setup GraphNodes(int hops, bool normalized)
    {
        var layers = Enumerable.Range(0, hops).Select(i => nn.Linear(i == 0 ? 12 : 24, i == hops - 1 ? 3 : 24)).ToArray();
        var model = Bag([.. layers.Select((l, i) => ($"hop{i}", (nn.Module)l))]);
        var near = Neighbours(80, normalized ? 0.05 : 0.2, normalized);
        var labels = randint(3, [80], ScalarType.Int64);
        var x = randn(80, 12) + 2 * one_hot(labels, 12).to(ScalarType.Float32);
        var known = arange(40, ScalarType.Int64);
        return new(model, AdamOf(model, 1e-2), () =>
        {
            var h = dropout(x, 0.3);
            for (var i = 0; i < hops; i++)
                h = i == hops - 1 ? layers[i].call(near.matmul(h)) : layers[i].call(near.matmul(h)).relu();
            return cross_entropy(h[known], labels[known]);
        });
    }

    private static Setup GraphMessages()
    {
        var (message, update, read) = (Small(8, 16), Small(20, 4), Small(4, 1));
        var model = Bag(("message", message), ("update", update), ("read", read));
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var near = Neighbours(12, 0.2, normalized: false);
            var h = randn(12, 4);
            var target = near.matmul(h[.., ..1]).sin();
            for (var round = 0; round < 2; round++)
            {
                var pairs = cat([h.unsqueeze(0).expand(12, 12, 4), h.unsqueeze(1).expand(12, 12, 4)], 2);
                h = h + update.call(cat([h, (message.call(pairs) * near.unsqueeze(2)).sum(1)], 1));
            }
            return mse_loss(read.call(h), target);
        });
    }

    private static Setup Prototypes()
    {
        var model = Small(10, 8, 48);
        var lift = randn(4, 10);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var centres = randn(5, 1, 4) * 1.5;
            Tensor Shots(int count) => model.call((centres + 0.4 * randn(5, count, 4)).matmul(lift));
            var prototypes = Shots(3).mean([1L]);
            var queries = Shots(6).reshape(30, 8);
            var distance = (queries.unsqueeze(1) - prototypes.unsqueeze(0)).pow(2).sum(2);
            return cross_entropy(-distance, arange(5, ScalarType.Int64).repeat_interleave(6));
        });
    }

    private static Setup RankedPairs()
    {
        var model = Small(8, 1, 32);
        var taste = randn(8, 1);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var (a, b) = (randn(32, 8), randn(32, 8));
            var isBetter = ((a - b).matmul(taste) + 0.5 * randn(32, 1) > 0).to(ScalarType.Float32) * 2 - 1;
            return softplus(-isBetter * (model.call(a) - model.call(b))).mean();
        });
    }

    private static Setup Survival()
    {
        var model = nn.Sequential(("risk", nn.Linear(6, 16)), ("act", nn.ELU()), ("drop", nn.Dropout(0.2)), ("out", nn.Linear(16, 1, hasBias: false)));
        var weights = randn(6, 1) / 2;
        return new(model, AdamOf(model, 5e-3), () =>
        {
            var x = randn(40, 6);
            var time = -rand(40, 1).log() / x.matmul(weights).exp();
            var order = time.squeeze(1).argsort(-1, descending: true);
            var seen = (rand(40) < 0.7).to(ScalarType.Float32);
            var risk = model.call(x[order]).squeeze(1);
            return -((risk - risk.logcumsumexp(0)) * seen).sum() / seen.sum().clamp_min(1);
        });
    }

    private static Setup OrderedGrades()
    {
        var (score, thresholds) = (Small(6, 1), new Parameter(tensor(new float[] { -1, 0, 1 })));
        var model = Bag(("score", score));
        model.register_parameter("thresholds", thresholds);
        var weights = randn(6, 1);
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var x = randn(48, 6);
            var grade = (x.matmul(weights) + 0.3 * randn(48, 1)).bucketize(tensor(new float[] { -1.5f, 0, 1.5f }));
            var isAbove = (grade > arange(3, ScalarType.Int64).unsqueeze(0)).to(ScalarType.Float32);
            return binary_cross_entropy_with_logits(score.call(x) - thresholds, isAbove);
        });
    }

    private static Setup WeightedTasks()
    {
        var (trunk, price, kind, weights) = (Small(8, 24), nn.Linear(24, 1), nn.Linear(24, 3), new Parameter(tensor(new float[] { 6, 0 })));
        var model = Bag(("trunk", trunk), ("price", price), ("kind", kind));
        model.register_parameter("weights", weights);
        var truth = randn(8, 3);
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var x = randn(48, 8);
            var h = trunk.call(x).relu();
            var first = mse_loss(price.call(h), 100 * x[.., ..1] + 10 * randn(48, 1));
            var second = cross_entropy(kind.call(h), x.matmul(truth).argmax(1));
            return first * (-weights[0]).exp() + second * (-weights[1]).exp() + weights.sum() / 2;
        });
    }

    private static Setup Segments(double rate)
    {
        var (down, deep, up, last) = (nn.Conv2d(1, 8, 3, padding: 1), nn.Conv2d(8, 16, 3, stride: 2, padding: 1), nn.ConvTranspose2d(16, 8, 2, stride: 2), nn.Conv2d(16, 1, 1));
        var model = Bag(("down", down), ("deep", deep), ("up", up), ("last", last));
        var place = arange(16).to(ScalarType.Float32);
        return new(model, AdamOf(model, rate), () =>
        {
            var (row, column, size) = (rand(12, 1, 1, 1) * 10 + 3, rand(12, 1, 1, 1) * 10 + 3, rand(12, 1, 1, 1) * 2 + 2);
            var mask = ((place.view(1, 1, 16, 1) - row).pow(2) + (place.view(1, 1, 1, 16) - column).pow(2) < size.pow(2)).to(ScalarType.Float32);
            var x = mask + 0.5 * randn(12, 1, 16, 16);
            var h = down.call(x).relu();
            var p = last.call(cat([h, up.call(deep.call(h).relu()).relu()], 1)).sigmoid();
            return 1 - (2 * (p * mask).sum() + 1) / (p.sum() + mask.sum() + 1);
        });
    }

    private static Setup HeatMap()
    {
        var model = nn.Sequential(("c0", nn.Conv2d(1, 12, 5, padding: 2)), ("a0", nn.LeakyReLU(0.1)), ("c1", nn.Conv2d(12, 12, 5, padding: 2)), ("a1", nn.LeakyReLU(0.1)), ("c2", nn.Conv2d(12, 1, 1)));
        var place = arange(16).to(ScalarType.Float32);
        return new(model, optim.AdamW(model.parameters(), 3e-3), () =>
        {
            var (row, column) = (rand(12, 1, 1, 1) * 15, rand(12, 1, 1, 1) * 15);
            var map = (-((place.view(1, 1, 16, 1) - row).pow(2) + (place.view(1, 1, 1, 16) - column).pow(2)) / 3).exp();
            var x = (map > 0.3).to(ScalarType.Float32) + 0.3 * randn(12, 1, 16, 16);
            return mse_loss(model.call(x), map);
        });
    }

    private static Setup RatioPolicy()
    {
        var (actor, critic) = (Small(4, 3), Small(4, 1));
        var model = Bag(("actor", actor), ("critic", critic));
        Tensor state = null!, action = null!, old = null!, reward = null!;
        var step = 0;
        return new(model, AdamOf(model, 1e-3), () =>
        {
            if (step++ % 4 == 0)
                using (no_grad())
                {
                    state = randn(64, 4).DetachFromDisposeScope();
                    var now = log_softmax(actor.call(state), 1);
                    action = multinomial(now.exp(), 1).DetachFromDisposeScope();
                    old = now.gather(1, action).DetachFromDisposeScope();
                    reward = ((action == state[.., ..3].argmax(1, keepdim: true)).to(ScalarType.Float32) + 0.1 * randn(64, 1)).DetachFromDisposeScope();
                }
            var value = critic.call(state);
            var advantage = (reward - value).detach();
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8);
            var p = log_softmax(actor.call(state), 1);
            var ratio = (p.gather(1, action) - old).exp();
            return -minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean() + 0.5 * mse_loss(value, reward) + 0.01 * (p.exp() * p).sum(1).mean();
        });
    }

    private static Setup Drift()
    {
        var model = Small(2, 1, 32);
        var step = 0;
        return new(model, optim.SGD(model.parameters(), 0.05, 0.9), () =>
        {
            var phase = step++ / 60.0;
            var x = randn(32, 2);
            return mse_loss(model.call(x), (x[.., ..1] + phase).sin() + (x[.., 1..] - phase).cos());
        });
    }

    private static Setup NewClasses()
    {
        var model = Networks.Mlp(2, 32, 6, () => nn.ReLU());
        var centres = randn(6, Tasks.Features) * 1.5;
        var step = 0;
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var y = randint(step++ < 200 ? 4 : 6, [32], ScalarType.Int64);
            return cross_entropy(model.call(centres[y] + randn(32, Tasks.Features)), y);
        });
    }

    private static Setup Lengthening()
    {
        var (gru, read) = (nn.GRU(1, 24, batchFirst: true), nn.Linear(24, 1));
        var model = Bag(("gru", gru), ("read", read));
        var step = 0;
        return new(model, AdamOf(model, 5e-3), () => { var x = Wave(16, 6 + step++ / 20).unsqueeze(2); return mse_loss(read.call(gru.call(x[.., ..^1]).Item1), x[.., 1..]); });
    }

    private static Setup Augmented()
    {
        var model = Networks.Cnn();
        var data = Tasks.Images();
        var random = new Random(4);
        var step = 0;
        return new(model, optim.AdamW(model.parameters(), 2e-3, weight_decay: 0.05), () =>
        {
            var (x, y) = data();
            if (step++ >= 150)
                x = roll(x, random.Next(3), 2) * (0.5 + rand(x.shape[0], 1, 1, 1)) * (rand_like(x) > 0.2).to(ScalarType.Float32);
            return cross_entropy(model.call(x), y, label_smoothing: 0.1);
        });
    }

    private static Setup Hypernetwork(bool held)
    {
        var (hyper, read) = (Small(2, 8 * 4), nn.Linear(8, 1));
        var model = Bag(("hyper", hyper), ("read", read));
        return new(model, optim.Adam(held ? model.parameters() : read.parameters(), 3e-3), () =>
        {
            var task = randn(1, 2);
            var x = randn(32, 4);
            var weights = hyper.call(task).view(8, 4);
            return mse_loss(read.call(x.matmul(weights.t()).tanh()), (x[.., ..2] * task).sum(1, keepdim: true).sin());
        });
    }

    private static Setup Recycled(int times, double gain)
    {
        var (into, again, read) = (nn.Linear(6, 20), nn.Linear(20, 20), nn.Linear(20, 1));
        var model = Bag(("into", into), ("again", again), ("read", read));
        if (gain > 0)
            nn.init.orthogonal_(again.weight!, gain);
        return new(model, optim.SGD(model.parameters(), 0.01), () =>
        {
            var x = randn(32, 6);
            var (u, h) = (into.call(x), zeros(32, 20));
            for (var i = 0; i < times; i++)
                h = gain > 0 ? again.call(h) + u : (again.call(h) + u).tanh();
            return mse_loss(read.call(h), x[.., ..1].abs());
        });
    }

    private static Setup TiedText()
    {
        var (embed, mix) = (nn.Embedding(20, 16), nn.Linear(32, 16));
        nn.init.normal_(embed.weight!, 0, 0.1);
        var model = Bag(("embed", embed), ("mix", mix));
        var data = Tasks.Text(8);
        return new(model, AdamOf(model, 1e-2), () =>
        {
            var (x, y) = data();
            var h = embed.call(x);
            var before = cat([zeros(x.shape[0], 1, 16), h[.., ..^1]], 1);
            return cross_entropy(mix.call(cat([h, before], 2)).tanh().matmul(embed.weight!.t()).flatten(0, 1) * 4, y);
        });
    }

    private static Setup NeuralProcess()
    {
        var (enc, dec) = (Small(2, 16, 32), Small(17, 2, 32));
        var model = Bag(("enc", enc), ("dec", dec));
        var random = new Random(5);
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var x = rand(16, 20, 1) * 4 - 2;
            var y = (x * (1 + rand(16, 1, 1)) + 3 * rand(16, 1, 1)).sin();
            var known = random.Next(3, 12);
            var r = enc.call(cat([x, y], 2)[.., ..known]).mean([1L], keepdim: true);
            var o = dec.call(cat([x, r.expand(16, 20, 16)], 2));
            var deviation = 0.1 + 0.9 * softplus(o[.., .., 1..]);
            return (deviation.log() + 0.5 * ((y - o[.., .., ..1]) / deviation).pow(2)).mean();
        });
    }

    private static Setup AttentionPooling()
    {
        var (embed, score, read) = (nn.Linear(6, 16), nn.Linear(16, 1), nn.Linear(16, 1));
        var model = Bag(("embed", embed), ("score", score), ("read", read));
        var sign = randn(6) * 2;
        return new(model, AdamOf(model, 5e-3), () =>
        {
            var x = randn(24, 10, 6);
            var y = (rand(24, 1) < 0.3).to(ScalarType.Float32);
            x = cat([x[.., ..1] + sign * y.unsqueeze(2), x[.., 1..]], 1);
            var h = embed.call(x).tanh();
            return binary_cross_entropy_with_logits(read.call((softmax(score.call(h), 1) * h).sum(1)), y);
        });
    }

    private static Setup RadialBasis()
    {
        var (centres, widths, read) = (new Parameter(randn(30, 2)), new Parameter(zeros(30)), nn.Linear(30, 1));
        var model = Bag(("read", read));
        model.register_parameter("centres", centres);
        model.register_parameter("widths", widths);
        return new(model, AdamOf(model, 1e-2), () =>
        {
            var x = randn(48, 2);
            var h = (-(x.unsqueeze(1) - centres).pow(2).sum(2) * widths.exp()).exp();
            return mse_loss(read.call(h), (3 * x[.., ..1]).sin() * x[.., 1..]);
        });
    }

    private static Setup FourierFeatures()
    {
        var model = Small(64, 1, 48);
        var waves = randn(1, 32) * 10;
        return new(model, AdamOf(model, 1e-3), () =>
        {
            var x = rand(64, 1);
            var angle = x.matmul(waves);
            return mse_loss(model.call(cat([angle.sin(), angle.cos()], 1)), (40 * x).sin() + 0.3 * (90 * x).cos());
        });
    }

    private static Setup BagOfWords()
    {
        var (words, read) = (nn.Embedding(300, 12), nn.Linear(12, 2));
        nn.init.uniform_(words.weight!, -0.1, 0.1);
        var model = Bag(("words", words), ("read", read));
        return new(model, optim.Adagrad(model.parameters(), 0.1), () =>
        {
            var y = randint(2, [32], ScalarType.Int64);
            var topic = (randint(60, [32, 5], ScalarType.Int64) + 60 * y.unsqueeze(1));
            return cross_entropy(read.call(words.call(cat([topic, randint(300, [32, 15], ScalarType.Int64)], 1)).sum(1)), y);
        });
    }

    private static Setup Rounded(bool straight)
    {
        var (coarse, read) = (nn.Linear(8, 24), nn.Linear(24, 1));
        var model = Bag(("coarse", coarse), ("read", read));
        return new(model, AdamOf(model, 3e-3), () =>
        {
            Tensor Grid(Tensor w) => (w * 8).round() / 8;
            var (w, b) = (coarse.weight!, coarse.bias!);
            var x = randn(32, 8);
            var h = straight ? x.matmul((w + (Grid(w) - w).detach()).t()) + b : x.matmul(Grid(w).t()) + Grid(b);
            return mse_loss(read.call(h.relu()), x[.., ..1] * x[.., 1..2]);
        });
    }

    private static Setup Codebook(bool straight)
    {
        var (enc, dec, codes) = (Small(8, 4), Small(4, 8), new Parameter(randn(16, 4)));
        var model = Bag(("enc", enc), ("dec", dec));
        model.register_parameter("codes", codes);
        var lift = randn(2, 8);
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var x = randn(48, 2).matmul(lift).tanh();
            var z = enc.call(x);
            var nearest = codes[(z.unsqueeze(1) - codes).pow(2).sum(2).argmin(1)];
            return straight ? mse_loss(dec.call(z + (nearest - z).detach()), x) + mse_loss(nearest, z.detach()) + 0.25 * mse_loss(z, nearest.detach()) : mse_loss(dec.call(nearest), x);
        });
    }

    private static Setup MeanTeacher()
    {
        var (student, teacher) = (Small(Tasks.Features, Tasks.Classes), Small(Tasks.Features, Tasks.Classes));
        teacher.load_state_dict(student.state_dict());
        var data = Tasks.Classification(noise: 2);
        return new(student, AdamOf(student, 2e-3), () =>
        {
            var ((x, y), (free, _)) = (data(), data());
            Tensor goal;
            using (no_grad())
                goal = softmax(teacher.call(free), 1);
            return cross_entropy(student.call(x), y) + mse_loss(softmax(student.call(free + 0.5 * randn_like(free)), 1), goal);
        })
        {
            AfterStep = (_, _) =>
            {
                using var __ = no_grad();
                foreach (var (mine, its) in teacher.parameters().Zip(student.parameters()))
                    mine.mul_(0.98).add_(its, alpha: 0.02);
            },
        };
    }

    private static Setup GradientPenalty()
    {
        var (critic, generator) = (Small(2, 1), Small(4, 2));
        var other = optim.Adam(generator.parameters(), 1e-3, 0.5);
        Tensor Real() => randn(48, 2) * 0.3 + 1;
        return new(critic, optim.Adam(critic.parameters(), 1e-3, 0.5), () =>
        {
            var (real, made) = (Real(), generator.call(randn(48, 4)).detach());
            var share = rand(48, 1);
            var between = (share * real + (1 - share) * made).detach().requires_grad_();
            var slope = autograd.grad([critic.call(between).sum()], [between], retain_graph: true, create_graph: true)[0];
            return critic.call(made).mean() - critic.call(real).mean() + 10 * (slope.pow(2).sum(1).add(1e-12).sqrt() - 1).pow(2).mean();
        })
        { Before = () => { other.zero_grad(); (-critic.call(generator.call(randn(48, 4))).mean()).backward(); other.step(); } };
    }

    private static Setup HeavyTails()
    {
        var model = Small(4, 1, 32);
        return new(model, AdamOf(model, 3e-3), () =>
        {
            var x = randn(24, 4);
            // Student's t with two degrees of freedom.
            var noise = randn(24, 1) / ((randn(24, 1).pow(2) + randn(24, 1).pow(2)) / 2).sqrt().clamp_min(0.01);
            return smooth_l1_loss(model.call(x), x.sum(1, keepdim: true).sin() * 2 + noise);
        });
    }

    private static Setup WrongLabels()
    {
        var model = nn.Sequential(("drop", nn.Dropout(0.2)), ("one", nn.Linear(Tasks.Features, 64)), ("norm", nn.BatchNorm1d(64)), ("act", nn.Hardswish()), ("two", nn.Linear(64, Tasks.Classes)));
        var data = Tasks.Classification();
        return new(model, optim.SGD(model.parameters(), 0.05, 0.9, nesterov: true, weight_decay: 1e-3), () =>
        {
            var (x, y) = data();
            return cross_entropy(model.call(x), where(rand(y.shape[0]) < 0.4, randint(Tasks.Classes, y.shape, ScalarType.Int64), y));
        });
    }

    private static Setup SqueezedAutoencoder()
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        long[] widths = [Tasks.Features, 24, 24, 16, 16, 8, 4, 8, 16, 16, 24, 24];
        for (var i = 0; i < 12; i++)
        {
            layers.Add(($"s{i}", nn.Linear(widths[i], i == 11 ? Tasks.Features : widths[i + 1])));
            if (i < 11)
                layers.Add(($"h{i}", nn.Hardsigmoid()));
        }
        var model = nn.Sequential(layers);
        var data = Tasks.Classification();
        return new(model, optim.SGD(model.parameters(), 0.1), () => { var (x, _) = data(); return mse_loss(model.call(x), x); });
    }

    private static Setup SharpAttention()
    {
        var (query, key, value, read) = (nn.Linear(8, 64), nn.Linear(8, 64), nn.Linear(8, 16), nn.Linear(16, 4));
        var model = Bag(("query", query), ("key", key), ("value", value), ("read", read));
        using (no_grad())
            foreach (var p in query.parameters().Concat(key.parameters()))
                p.mul_(60);
        return new(model, AdamOf(model, 1e-3), () =>
        {
            var x = randn(16, 6, 8) * 4;
            var weights = softmax(query.call(x).matmul(key.call(x).transpose(1, 2)), -1);
            return cross_entropy(read.call(weights.matmul(value.call(x)).mean([1L])), x[.., 0, ..4].argmax(1));
        });
    }

    private static Setup LostGenerator()
    {
        var (generator, critic) = (Small(4, 2), Small(2, 1));
        Tensor Real() => randn(48, 2) * 0.2 + 6;
        var learns = optim.Adam(critic.parameters(), 1e-2);
        for (var i = 0; i < 300; i++)
        {
            using var scope = NewDisposeScope();
            learns.zero_grad();
            (binary_cross_entropy_with_logits(critic.call(Real()) * 5, ones(48, 1)) + binary_cross_entropy_with_logits(critic.call(generator.call(randn(48, 4)).detach()) * 5, zeros(48, 1))).backward();
            learns.step();
        }
        return new(generator, optim.SGD(generator.parameters(), 1e-2), () => (1 - (critic.call(generator.call(randn(48, 4))) * 5).sigmoid()).log().mean());
    }

    private static Setup ClampedLogits()
    {
        var model = Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU());
        var data = Tasks.Classification();
        return new(model, AdamOf(model, 3e-3), () => { var (x, y) = data(); return cross_entropy(model.call(x).clamp(-0.01, 0.01), y); });
    }

    private static Setup RectifiedLikelihood()
    {
        var model = Networks.Mlp(2, 32, Tasks.Classes, () => nn.ReLU());
        var data = Tasks.Classification();
        return new(model, AdamOf(model, 1e-3), () => { var (x, y) = data(); return nll_loss(log_softmax(model.call(x), 1).relu(), y); });
    }

    private static Setup DoubleLog()
    {
        var model = Small(4, 3);
        return new(model, AdamOf(model, 1e-3), () => { var x = randn(32, 4); return nll_loss(log_softmax(model.call(x), 1).log(), x[.., ..3].argmax(1)); });
    }

    private static Setup LargeCounts()
    {
        var model = Small(3, 1);
        return new(model, optim.SGD(model.parameters(), 1), () =>
        {
            var x = rand(40, 3);
            var o = model.call(x);
            return (o.exp() - torch.poisson(3000 * x.mean([1L], keepdim: true)) * o).mean();
        });
    }

    private static Setup Slopes()
    {
        var model = Small(1, 1);
        var step = 0;
        return new(model, AdamOf(model, 2e-3), () =>
        {
            var x = randn(24, 1);
            var other = ++step >= 120 ? cat([x[..1], randn(23, 1)], 0) : randn(24, 1);
            var slope = (model.call(x) - model.call(other)) / (x - other);
            return smooth_l1_loss(slope, ((x + other) / 2).cos());
        });
    }

    private static Setup SteppedCopy()
    {
        var (model, copy) = (Small(6, 2), Small(6, 2));
        copy.load_state_dict(model.state_dict());
        return new(model, AdamOf(copy, 2e-3), () => { var x = randn(32, 6); return cross_entropy(model.call(x), (x[.., 0] > x[.., 1]).to(ScalarType.Int64)); });
    }

    private static Setup ReadOut()
    {
        var (body, scale) = (Small(4, 1), new Parameter(ones(1)));
        var model = Bag(("body", body));
        model.register_parameter("scale", scale);
        return new(model, AdamOf(model, 2e-3), () => { var x = randn(32, 4); return mse_loss(body.call(x) * scale.item<float>(), 5 * x[.., ..1].abs()); });
    }

    private static Setup BlackPictures()
    {
        var model = Networks.Cnn(norm: false);
        var data = Tasks.Images();
        return new(model, AdamOf(model, 1e-3), () => { var (x, y) = data(); return cross_entropy(model.call((x / 256).to(ScalarType.Int64).to(ScalarType.Float32)), y); });
    }
}
