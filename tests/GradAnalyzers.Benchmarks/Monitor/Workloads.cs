using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Benchmarks.Monitor;

/// <summary>A model with a batch to train it on.</summary>
internal sealed record Workload(string Name, nn.Module Model, Func<Tensor> Loss)
{
    public long Elements => Model.parameters().Sum(p => p.numel());

    public static IEnumerable<Func<Workload>> All =>
    [
        () => Mlp("MLP 100 x 16, batch 32", 100, 16, 32),
        () => Mlp("MLP 12 x 256, batch 128", 12, 256, 128),
        () => SmallCnn("CNN of three convolutions, 12 x 12, batch 64", 64),
        () => Mlp("MLP 50 x 256, batch 128", 50, 256, 128),
        () => Mlp("MLP 12 x 1024, batch 128", 12, 1024, 128),
        () => Images("ResNet-18-like CNN, 32 x 32, batch 4", 4),
        () => Recurrent("LSTM 2 x 256, 64 steps, batch 32", 256, 64, 32),
    ];

    private static Workload Mlp(string name, int depth, int width, int batch)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        for (var i = 0; i < depth; i++)
        {
            layers.Add(($"fc{i}", nn.Linear(width, width)));
            layers.Add(($"relu{i}", nn.ReLU()));
        }
        var model = nn.Sequential(layers);
        var (x, y) = (randn(batch, width), randn(batch, width));
        return new(name, model, () => nn.functional.mse_loss(model.call(x), y));
    }

    private static Workload SmallCnn(string name, int batch)
    {
        var model = nn.Sequential(("c0", nn.Conv2d(1, 16, 3, padding: 1)), ("r0", nn.ReLU()), ("c1", nn.Conv2d(16, 32, 3, padding: 1)), ("r1", nn.ReLU()), ("p", nn.MaxPool2d(2)), ("c2", nn.Conv2d(32, 32, 3, padding: 1)), ("r2", nn.ReLU()), ("f", nn.Flatten()), ("fc", nn.Linear(32 * 36, 10)));
        var (x, y) = (randn(batch, 1, 12, 12), randint(10, [batch], ScalarType.Int64));
        return new(name, model, () => nn.functional.cross_entropy(model.call(x), y));
    }

    private static Workload Images(string name, int batch)
    {
        var model = new ResNet18();
        var (x, y) = (randn(batch, 3, 32, 32), randint(10, [batch], ScalarType.Int64));
        return new(name, model, () => nn.functional.cross_entropy(model.call(x), y));
    }

    private static Workload Recurrent(string name, int width, int steps, int batch)
    {
        var model = new Sequence(width);
        var (x, y) = (randn(steps, batch, width), randn(batch, width));
        return new(name, model, () => nn.functional.mse_loss(model.call(x), y));
    }

    private sealed class Sequence : nn.Module<Tensor, Tensor>
    {
        private readonly LSTM lstm;
        private readonly Linear head;

        public Sequence(int width) : base(nameof(Sequence))
        {
            lstm = nn.LSTM(width, width, numLayers: 2);
            head = nn.Linear(width, width);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var (output, _, _) = lstm.call(x);
            return head.call(output[-1]);
        }
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1, conv2;
        private readonly BatchNorm2d bn1, bn2;
        private readonly Sequential? shortcut;

        public Block(int from, int to, int stride) : base(nameof(Block))
        {
            conv1 = nn.Conv2d(from, to, 3, stride: stride, padding: 1, bias: false);
            bn1 = nn.BatchNorm2d(to);
            conv2 = nn.Conv2d(to, to, 3, padding: 1, bias: false);
            bn2 = nn.BatchNorm2d(to);
            shortcut = from == to && stride == 1 ? null : nn.Sequential(nn.Conv2d(from, to, 1, stride: stride, bias: false), nn.BatchNorm2d(to));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var y = bn2.call(conv2.call(nn.functional.relu(bn1.call(conv1.call(x)))));
            return nn.functional.relu(y + (shortcut?.call(x) ?? x));
        }
    }

    private sealed class ResNet18 : nn.Module<Tensor, Tensor>
    {
        private readonly Sequential body;
        private readonly Linear head;

        public ResNet18() : base(nameof(ResNet18))
        {
            var blocks = new List<nn.Module<Tensor, Tensor>> { nn.Conv2d(3, 64, 3, padding: 1, bias: false), nn.BatchNorm2d(64), nn.ReLU() };
            foreach (var (from, to, stride) in new[] { (64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2) })
            {
                blocks.Add(new Block(from, to, stride));
                blocks.Add(new Block(to, to, 1));
            }
            blocks.Add(nn.AdaptiveAvgPool2d(1));
            blocks.Add(nn.Flatten());
            body = nn.Sequential(blocks);
            head = nn.Linear(512, 10);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => head.call(body.call(x));
    }
}
