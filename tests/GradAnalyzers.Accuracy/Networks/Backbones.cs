using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>relu(bn(1x1 relu(bn(3x3 relu(bn(1x1 x)))))) + x): a bottleneck; its shortcut, where sizes change, pools and projects (He et al. 2019).</summary>
public sealed class PooledBottleneck : Module<Tensor, Tensor>
{
    private readonly Sequential branch;
    private readonly Sequential? shortcut;

    public PooledBottleneck(int inputs, int width, int stride, bool isFirst)
        : base(nameof(PooledBottleneck))
    {
        branch = Sequential(
            Conv2d(inputs, width, 1, bias: false), BatchNorm2d(width), ReLU(),
            Conv2d(width, width, 3, stride: stride, padding: 1, bias: false), BatchNorm2d(width), ReLU(),
            Conv2d(width, 4 * width, 1, bias: false), BatchNorm2d(4 * width));
        if (isFirst)
        {
            shortcut = stride > 1
                ? Sequential(AvgPool2d(stride, stride: stride), Conv2d(inputs, 4 * width, 1, bias: false), BatchNorm2d(4 * width))
                : Sequential(Conv2d(inputs, 4 * width, 1, bias: false), BatchNorm2d(4 * width));
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var kept = shortcut is null ? x : shortcut.forward(x);
        return functional.relu(branch.forward(x) + kept);
    }
}

/// <summary>A ResNet of bottlenecks with a deep stem and pooled shortcuts, down to a feature map.</summary>
public sealed class PooledResNet : Module<Tensor, Tensor>
{
    private readonly Sequential stem;
    private readonly ModuleList<PooledBottleneck> blocks = new();

    public PooledResNet(int first, int second, int third, int fourth, int width)
        : base(nameof(PooledResNet))
    {
        stem = Sequential(
            Conv2d(3, width / 2, 3, padding: 1, bias: false), BatchNorm2d(width / 2), ReLU(),
            Conv2d(width / 2, width / 2, 3, padding: 1, bias: false), BatchNorm2d(width / 2), ReLU(),
            Conv2d(width / 2, width, 3, padding: 1, bias: false), BatchNorm2d(width), ReLU(),
            MaxPool2d(3, stride: 2, padding: 1));
        var depths = new[] { first, second, third, fourth };
        var inputs = width;
        for (var stage = 0; stage < depths.Length; stage++)
        {
            for (var i = 0; i < depths[stage]; i++)
            {
                blocks.Add(new PooledBottleneck(inputs, width << stage, i == 0 && stage > 0 ? 2 : 1, i == 0));
                inputs = 4 * (width << stage);
            }
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = stem.forward(x);
        foreach (var block in blocks)
            x = block.forward(x);
        return x;
    }
}

/// <summary>All layers of a block joined, squeezed and widened again; identity around the later ones (a GPU-friendly backbone).</summary>
public sealed class JoinedBlock : Module<Tensor, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> layers = new();
    private readonly Module<Tensor, Tensor> squeeze;
    private readonly Module<Tensor, Tensor> widen;
    private readonly bool isAround;

    public JoinedBlock(int inputs, int middle, int outputs, int count, bool isLight, bool isAround)
        : base(nameof(JoinedBlock))
    {
        this.isAround = isAround;
        for (var i = 0; i < count; i++)
        {
            var given = i == 0 ? inputs : middle;
            layers.Add(isLight
                ? Sequential(Conv2d(given, middle, 1, bias: false), BatchNorm2d(middle), Conv2d(middle, middle, 5, padding: 2, groups: middle, bias: false), BatchNorm2d(middle), ReLU())
                : Step(given, middle, 3));
        }

        squeeze = Step(inputs + count * middle, outputs / 2, 1);
        widen = Step(outputs / 2, outputs, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var all = new List<Tensor> { x };
        var current = x;
        foreach (var layer in layers)
        {
            current = layer.forward(current);
            all.Add(current);
        }

        var made = widen.forward(squeeze.forward(cat(all.ToArray(), 1)));
        return isAround ? made + x : made;
    }

    public static Sequential Step(int inputs, int outputs, int kernel, int stride = 1, int groups = 1) =>
        Sequential(Conv2d(inputs, outputs, kernel, stride: stride, padding: kernel / 2, groups: groups, bias: false), BatchNorm2d(outputs), ReLU());
}

public sealed class JoinedBackbone : Module<Tensor, Tensor>
{
    private readonly Sequential stem;
    private readonly ModuleList<Module<Tensor, Tensor>> stages = new();

    public JoinedBackbone(int width, int layers)
        : base(nameof(JoinedBackbone))
    {
        stem = Sequential(JoinedBlock.Step(3, width, 3, 2), JoinedBlock.Step(width, width, 3));
        stages.Add(new JoinedBlock(width, width, 2 * width, layers, false, false));
        stages.Add(Sequential(Conv2d(2 * width, 2 * width, 3, stride: 2, padding: 1, groups: 2 * width, bias: false), BatchNorm2d(2 * width)));
        stages.Add(new JoinedBlock(2 * width, width, 4 * width, layers, true, false));
        stages.Add(new JoinedBlock(4 * width, width, 4 * width, layers, true, true));
        stages.Add(new JoinedBlock(4 * width, width, 4 * width, layers, true, true));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = stem.forward(x);
        foreach (var stage in stages)
            x = stage.forward(x);
        return x;
    }
}

/// <summary>Depthwise and pointwise steps, with squeezing gates in between from the fifth on.</summary>
public sealed class SeparableBackbone : Module<Tensor, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> steps = new();

    public SeparableBackbone(int width, int count)
        : base(nameof(SeparableBackbone))
    {
        steps.Add(JoinedBlock.Step(3, width, 3, 2));
        for (var i = 0; i < count; i++)
        {
            steps.Add(JoinedBlock.Step(width, width, 3, i is 2 or 5 ? 2 : 1, width));
            if (i >= 5)
                steps.Add(new ChannelGate(width));
            steps.Add(JoinedBlock.Step(width, width, 1));
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        foreach (var step in steps)
            x = step.forward(x);
        return x;
    }
}

public sealed class ChannelGate : Module<Tensor, Tensor>
{
    private readonly Sequential gate;

    public ChannelGate(int channels)
        : base(nameof(ChannelGate))
    {
        gate = Sequential(AdaptiveAvgPool2d(1), Flatten(), Linear(channels, channels / 4), ReLU(), Linear(channels / 4, channels), Sigmoid());
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => x * gate.forward(x).view(x.shape[0], x.shape[1], 1, 1);
}

/// <summary>x + grouped convolution, then a normalized feed-forward part without a skip around its normalization, as a text recognizer mixes locally.</summary>
public sealed class MixingBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d mixer;
    private readonly LayerNorm norm1;
    private readonly LayerNorm norm2;
    private readonly Sequential mlp;

    public MixingBlock(int channels, int groups)
        : base(nameof(MixingBlock))
    {
        mixer = Conv2d(channels, channels, 5, padding: 2, groups: groups);
        norm1 = LayerNorm(channels);
        norm2 = LayerNorm(channels);
        mlp = Sequential(Linear(channels, 4 * channels), GELU(), Linear(4 * channels, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (c, h, w) = (x.shape[1], x.shape[2], x.shape[3]);
        var mixed = x + mixer.forward(x);
        var flat = norm1.forward(mixed.flatten(2).permute(0, 2, 1));
        flat = norm2.forward(flat + mlp.forward(flat));
        return flat.permute(0, 2, 1).reshape(-1, c, h, w);
    }
}

/// <summary>Attention and a feed-forward part before normalization, and two more normalizations after the sum.</summary>
public sealed class TwiceNormedBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly LayerNorm norm2;
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly Sequential mlp;
    private readonly int heads;
    private readonly int width;

    public TwiceNormedBlock(int width, int heads)
        : base(nameof(TwiceNormedBlock))
    {
        (this.width, this.heads) = (width, heads);
        norm1 = LayerNorm(width);
        norm2 = LayerNorm(width);
        qkv = Linear(width, 3 * width);
        proj = Linear(width, width);
        mlp = Sequential(Linear(width, 4 * width), GELU(), Linear(4 * width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var normed = norm1.forward(input);
        var (b, n) = (normed.shape[0], normed.shape[1]);
        var parts = qkv.forward(normed).chunk(3, dim: -1);
        var q = parts[0].reshape(b, n, heads, width / heads).permute(0, 2, 1, 3);
        var k = parts[1].reshape(b, n, heads, width / heads).permute(0, 2, 1, 3);
        var v = parts[2].reshape(b, n, heads, width / heads).permute(0, 2, 1, 3);
        var weights = functional.softmax(matmul(q, k.transpose(-2, -1)) / Math.Sqrt(width / heads), dim: -1);
        var x = input + proj.forward(matmul(weights, v).permute(0, 2, 1, 3).reshape(b, n, width));
        x = x + mlp.forward(norm2.forward(x));
        return norm2.forward(norm1.forward(x));
    }
}

/// <summary>Local mixing, then attention, then a convolution that halves the height: a text recognizer's backbone.</summary>
public sealed class MixingBackbone : Module<Tensor, Tensor>
{
    private readonly Sequential embed;
    private readonly ModuleList<MixingBlock> local = new();
    private readonly ModuleList<TwiceNormedBlock> all = new();
    private readonly Conv2d down;
    private readonly LayerNorm norm;

    public MixingBackbone(int width, int localCount, int globalCount)
        : base(nameof(MixingBackbone))
    {
        embed = Sequential(Conv2d(3, width / 2, 3, stride: 2, padding: 1, bias: false), BatchNorm2d(width / 2), GELU(), Conv2d(width / 2, width, 3, stride: 2, padding: 1, bias: false), BatchNorm2d(width), GELU());
        for (var i = 0; i < localCount; i++)
            local.Add(new MixingBlock(width, 2));
        down = Conv2d(width, 2 * width, (3, 3), stride: (2, 1), padding: (1, 1));
        norm = LayerNorm(2 * width);
        for (var i = 0; i < globalCount; i++)
            all.Add(new TwiceNormedBlock(2 * width, 4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input);
        foreach (var block in local)
            x = block.forward(x);
        x = norm.forward(down.forward(x).flatten(2).permute(0, 2, 1));
        foreach (var block in all)
            x = block.forward(x);
        return x;
    }
}

/// <summary>Local mixing and attention on the same positions, then a class by their mean.</summary>
public sealed class MixingClassifier : Module<Tensor, Tensor>
{
    private readonly Sequential embed;
    private readonly ModuleList<MixingBlock> local = new();
    private readonly ModuleList<TwiceNormedBlock> all = new();
    private readonly Linear head;

    public MixingClassifier(int width, int localCount, int globalCount)
        : base(nameof(MixingClassifier))
    {
        embed = Sequential(Conv2d(3, width, 3, stride: 2, padding: 1, bias: false), BatchNorm2d(width), GELU());
        for (var i = 0; i < localCount; i++)
            local.Add(new MixingBlock(width, 2));
        for (var i = 0; i < globalCount; i++)
            all.Add(new TwiceNormedBlock(width, 4));
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input);
        foreach (var block in local)
            x = block.forward(x);
        x = x.flatten(2).permute(0, 2, 1);
        foreach (var block in all)
            x = block.forward(x);
        return head.forward(x.mean([1]));
    }
}

/// <summary>Bottlenecks and a classifier.</summary>
public sealed class PooledClassifier : Module<Tensor, Tensor>
{
    private readonly PooledResNet backbone;
    private readonly Linear head;

    public PooledClassifier(int second, int third, int width)
        : base(nameof(PooledClassifier))
    {
        backbone = new PooledResNet(2, second, third, 2, width);
        head = Linear(32 * width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => head.forward(functional.adaptive_avg_pool2d(backbone.forward(x), [1, 1]).flatten(1));
}

/// <summary>Joined blocks and a classifier.</summary>
public sealed class JoinedClassifier : Module<Tensor, Tensor>
{
    private readonly JoinedBackbone backbone;
    private readonly Linear head;

    public JoinedClassifier(int width, int layers)
        : base(nameof(JoinedClassifier))
    {
        backbone = new JoinedBackbone(width, layers);
        head = Linear(4 * width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => head.forward(backbone.forward(x).mean([2, 3]));
}

/// <summary>Local mixing and attention on the same positions, down to a sequence.</summary>
public sealed class MixingSequence : Module<Tensor, Tensor>
{
    private readonly Sequential embed;
    private readonly ModuleList<MixingBlock> local = new();
    private readonly ModuleList<TwiceNormedBlock> all = new();

    public MixingSequence(int width, int localCount, int globalCount)
        : base(nameof(MixingSequence))
    {
        embed = Sequential(Conv2d(3, width, 3, stride: 2, padding: 1, bias: false), BatchNorm2d(width), GELU());
        for (var i = 0; i < localCount; i++)
            local.Add(new MixingBlock(width, 2));
        for (var i = 0; i < globalCount; i++)
            all.Add(new TwiceNormedBlock(width, 4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input);
        foreach (var block in local)
            x = block.forward(x);
        x = x.flatten(2).permute(0, 2, 1);
        foreach (var block in all)
            x = block.forward(x);
        return x;
    }
}
