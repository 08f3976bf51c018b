using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace GradAnalyzers.Benchmarks.Monitor.Predicted;

// Models as people write them: the build predicts their gradients and writes that into this program, where the monitor finds it.

internal sealed class DigitsNet : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> conv1 = Conv2d(1, 8, 3), conv2 = Conv2d(8, 16, 3), pool = MaxPool2d(2), fc1 = Linear(16 * 4 * 4, 64), fc2 = Linear(64, 4);

    public DigitsNet() : base("digits") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = conv1.forward(x).relu();
        x = pool.forward(conv2.forward(x).relu());
        return fc2.forward(fc1.forward(x.flatten(1)).relu());
    }
}

internal sealed class Pictures : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> layers;

    public Pictures() : base("pictures")
    {
        layers = Sequential(Conv2d(1, 8, 3, padding: 1), BatchNorm2d(8), ReLU(), Conv2d(8, 16, 3, padding: 1), BatchNorm2d(16), ReLU(), MaxPool2d(2),
            Conv2d(16, 16, 3, padding: 1), BatchNorm2d(16), ReLU(), Conv2d(16, 16, 3, padding: 1), BatchNorm2d(16), ReLU(), AdaptiveAvgPool2d(1), Flatten(), Linear(16, 4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

internal sealed class StridedPictures : Module<Tensor, Tensor>
{
    private readonly Conv2d c1 = Conv2d(1, 12, 3, stride: 2, padding: 1), c2 = Conv2d(12, 24, 3, stride: 2, padding: 1), c3 = Conv2d(24, 24, 3, padding: 1);
    private readonly Linear head = Linear(24 * 9, 4);
    private readonly Dropout drop = Dropout(0.3);

    public StridedPictures() : base("strided") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        var h = leaky_relu(c1.forward(x), 0.1);
        h = leaky_relu(c2.forward(h), 0.1);
        h = leaky_relu(c3.forward(h), 0.1);
        return head.forward(drop.forward(h.flatten(1)));
    }
}

internal sealed class ResidualPictures : Module<Tensor, Tensor>
{
    private readonly Conv2d stem = Conv2d(1, 12, 3, padding: 1);
    private readonly Conv2d a1 = Conv2d(12, 12, 3, padding: 1), a2 = Conv2d(12, 12, 3, padding: 1), b1 = Conv2d(12, 12, 3, padding: 1), b2 = Conv2d(12, 12, 3, padding: 1);
    private readonly BatchNorm2d n1 = BatchNorm2d(12), n2 = BatchNorm2d(12), m1 = BatchNorm2d(12), m2 = BatchNorm2d(12);
    private readonly Linear head = Linear(12, 4);

    public ResidualPictures() : base("residual") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = relu(stem.forward(x));
        x = relu(x + n2.forward(a2.forward(relu(n1.forward(a1.forward(x))))));
        x = relu(x + m2.forward(b2.forward(relu(m1.forward(b1.forward(x))))));
        return head.forward(x.mean([2L, 3L]));
    }
}

internal sealed class Tabular : Module<Tensor, Tensor>
{
    private readonly Linear l1, l2, l3, l4, l5;

    public Tabular(int outputs) : base("tabular")
    {
        l1 = Linear(16, 64);
        l2 = Linear(64, 64);
        l3 = Linear(64, 32);
        l4 = Linear(32, 32);
        l5 = Linear(32, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = relu(l1.forward(x));
        x = relu(l2.forward(x));
        x = relu(l3.forward(x));
        x = relu(l4.forward(x));
        return l5.forward(x);
    }
}

internal sealed class XavierTanh : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers = [];
    private readonly Linear last = Linear(48, 1);

    public XavierTanh() : base("tanh")
    {
        for (var i = 0; i < 6; i++)
        {
            var layer = Linear(i == 0 ? 16 : 48, 48);
            init.xavier_uniform_(layer.weight!);
            init.zeros_(layer.bias!);
            layers.Add(layer);
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        foreach (var layer in layers)
            x = layer.forward(x).tanh();
        return last.forward(x);
    }
}

internal sealed class KaimingStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = [];
    private readonly Linear output;

    public KaimingStack(int depth) : base("kaiming")
    {
        for (var i = 0; i < depth; i++)
        {
            hidden.Add(Linear(i == 0 ? 16 : 32, 32));
            init.kaiming_normal_(hidden[i].weight!, nonlinearity: init.NonlinearityType.ReLU);
        }
        output = Linear(32, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        for (var i = 0; i < hidden.Count; i++)
            x = relu(hidden[i].forward(x));
        return output.forward(x);
    }
}

internal sealed class NormedStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public NormedStack(int depth) : base("normed")
    {
        var all = new List<(string, Module<Tensor, Tensor>)>();
        for (var i = 0; i < depth; i++)
        {
            all.Add(($"fc{i}", Linear(i == 0 ? 16 : 32, 32)));
            all.Add(($"bn{i}", BatchNorm1d(32)));
            all.Add(($"act{i}", ReLU()));
        }
        all.Add(("out", Linear(32, 4)));
        layers = Sequential(all);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

internal sealed class PreNormResidual : Module<Tensor, Tensor>
{
    private readonly Linear into = Linear(16, 32), head = Linear(32, 4);
    private readonly ModuleList<Module<Tensor, Tensor>> blocks = [];
    private readonly LayerNorm final = LayerNorm(32);

    public PreNormResidual() : base("prenorm")
    {
        for (var i = 0; i < 6; i++)
            blocks.Add(Sequential(LayerNorm(32), Linear(32, 64), GELU(), Linear(64, 32)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = into.forward(x);
        foreach (var block in blocks)
            x = x + block.forward(x);
        return head.forward(final.forward(x));
    }
}

internal sealed class Codec : Module<Tensor, Tensor>
{
    private readonly Sequential encoder, decoder;

    public Codec() : base("codec")
    {
        encoder = Sequential(Linear(16, 32), ReLU(), Linear(32, 16), ReLU(), Linear(16, 4));
        decoder = Sequential(Linear(4, 16), ReLU(), Linear(16, 32), ReLU(), Linear(32, 16));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => decoder.forward(encoder.forward(x));
}

internal sealed class SeluNet : Module<Tensor, Tensor>
{
    private readonly Linear a = Linear(16, 32), b = Linear(32, 32), c = Linear(32, 32), d = Linear(32, 32), e = Linear(32, 1);

    public SeluNet() : base("selu")
    {
        foreach (var layer in new[] { a, b, c, d, e })
        {
            init.normal_(layer.weight!, 0, 1 / Math.Sqrt(layer.weight!.shape[1]));
            init.zeros_(layer.bias!);
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => e.forward(selu(d.forward(selu(c.forward(selu(b.forward(selu(a.forward(x)))))))));
}

internal sealed class Waveform : Module<Tensor, Tensor>
{
    private readonly Conv1d c1 = Conv1d(1, 16, 5, padding: 2), c2 = Conv1d(16, 16, 5, stride: 2, padding: 2), c3 = Conv1d(16, 32, 5, stride: 2, padding: 2);
    private readonly Linear fc = Linear(32, 32), head = Linear(32, 3);

    public Waveform() : base("waveform") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = elu(c1.forward(x), 1);
        x = elu(c2.forward(x), 1);
        x = elu(c3.forward(x), 1);
        return head.forward(relu(fc.forward(x.mean([2L]))));
    }
}

internal sealed class WordAverage : Module<Tensor, Tensor>
{
    private readonly Embedding words = Embedding(100, 24);
    private readonly Linear fc1 = Linear(24, 48), fc2 = Linear(48, 48), head = Linear(48, 2);

    public WordAverage() : base("words") => RegisterComponents();

    public override Tensor forward(Tensor x) => head.forward(relu(fc2.forward(relu(fc1.forward(words.forward(x).mean([1L]))))));
}

internal sealed class Dueling : Module<Tensor, Tensor>
{
    private readonly Linear f1 = Linear(16, 64), f2 = Linear(64, 64), value1 = Linear(64, 32), value2 = Linear(32, 1), advantage1 = Linear(64, 32), advantage2 = Linear(32, 4);

    public Dueling() : base("dueling") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = relu(f2.forward(relu(f1.forward(x))));
        var value = value2.forward(relu(value1.forward(x)));
        var advantage = advantage2.forward(relu(advantage1.forward(x)));
        return value + advantage - advantage.mean([1L], keepdim: true);
    }
}

internal sealed class DenselyJoined : Module<Tensor, Tensor>
{
    private readonly Linear a = Linear(16, 16), b = Linear(32, 16), c = Linear(48, 16), d = Linear(64, 4);

    public DenselyJoined() : base("dense") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = cat([x, relu(a.forward(x))], 1);
        x = cat([x, relu(b.forward(x))], 1);
        x = cat([x, relu(c.forward(x))], 1);
        return d.forward(x);
    }
}

internal sealed class ShallowSigmoid : Module<Tensor, Tensor>
{
    private readonly Linear a = Linear(16, 32), b = Linear(32, 32), c = Linear(32, 32), d = Linear(32, 1);

    public ShallowSigmoid() : base("sigmoid") => RegisterComponents();

    public override Tensor forward(Tensor x) => d.forward(relu(c.forward(relu(b.forward(a.forward(x).sigmoid())))));
}

internal sealed class Generator : Module<Tensor, Tensor>
{
    private readonly Linear project = Linear(8, 16 * 9);
    private readonly ConvTranspose2d up1 = ConvTranspose2d(16, 12, 4, stride: 2, padding: 1), up2 = ConvTranspose2d(12, 8, 4, stride: 2, padding: 1);
    private readonly Conv2d last = Conv2d(8, 1, 3, padding: 1);
    private readonly BatchNorm2d n1 = BatchNorm2d(12), n2 = BatchNorm2d(8);

    public Generator() : base("generator") => RegisterComponents();

    public override Tensor forward(Tensor z)
    {
        var x = relu(project.forward(z)).view(-1, 16, 3, 3);
        x = relu(n1.forward(up1.forward(x)));
        x = relu(n2.forward(up2.forward(x)));
        return last.forward(x).tanh();
    }
}

internal sealed class WideAndNarrow : Module<Tensor, Tensor>
{
    private readonly Linear a = Linear(16, 256), b = Linear(256, 8), c = Linear(8, 256), d = Linear(256, 4);

    public WideAndNarrow() : base("wide") => RegisterComponents();

    public override Tensor forward(Tensor x) => d.forward(silu(c.forward(silu(b.forward(silu(a.forward(x)))))));
}

internal sealed class SmallTransformer : Module<Tensor, Tensor>
{
    private readonly Linear query = Linear(16, 16), key = Linear(16, 16), value = Linear(16, 16), merge = Linear(16, 16), up = Linear(16, 32), down = Linear(32, 16), head = Linear(16, 4);
    private readonly LayerNorm n1 = LayerNorm(16), n2 = LayerNorm(16);

    public SmallTransformer() : base("transformer") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        var h = n1.forward(x);
        var weights = softmax(query.forward(h).matmul(key.forward(h).transpose(-2, -1)) / Math.Sqrt(16), -1);
        x = x + merge.forward(weights.matmul(value.forward(h)));
        x = x + down.forward(gelu(up.forward(n2.forward(x))));
        return head.forward(x.mean([1L]));
    }
}

internal sealed class Gated : Module<Tensor, Tensor>
{
    private readonly Linear a = Linear(16, 32), gateA = Linear(16, 32), b = Linear(32, 32), gateB = Linear(32, 32), head = Linear(32, 4);

    public Gated() : base("gated") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = a.forward(x) * gateA.forward(x).sigmoid();
        x = b.forward(x) * gateB.forward(x).sigmoid();
        return head.forward(x);
    }
}

internal sealed class DeepSigmoid : Module<Tensor, Tensor>
{
    private readonly Linear a = Linear(16, 32), b = Linear(32, 32), c = Linear(32, 32), d = Linear(32, 32), e = Linear(32, 32), f = Linear(32, 4);

    public DeepSigmoid() : base("deep") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        foreach (var layer in new[] { a, b, c, d, e })
            x = layer.forward(x).sigmoid();
        return f.forward(x);
    }
}

internal sealed class StandardTanh : Module<Tensor, Tensor>
{
    private readonly Linear a = Linear(16, 32), b = Linear(32, 32), c = Linear(32, 32), d = Linear(32, 32), e = Linear(32, 1);

    public StandardTanh() : base("tanh") => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = a.forward(x).tanh();
        x = b.forward(x).tanh();
        x = c.forward(x).tanh();
        x = d.forward(x).tanh();
        return e.forward(x);
    }
}
