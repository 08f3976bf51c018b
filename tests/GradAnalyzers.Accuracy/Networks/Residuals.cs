using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>x + W2 tanh(W1 x).</summary>
public sealed class ResidualBlock : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;

    public ResidualBlock(int width)
        : base(nameof(ResidualBlock))
    {
        fc1 = Linear(width, width);
        fc2 = Linear(width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => x + fc2.forward(torch.tanh(fc1.forward(x)));
}

/// <summary>A stack of residual blocks between an input and an output layer.</summary>
public sealed class ResidualMlp : Module<Tensor, Tensor>
{
    private readonly Linear stem;
    private readonly ModuleList<ResidualBlock> blocks = new();
    private readonly Linear head;

    public ResidualMlp(int blockCount, int width, int outputs)
        : base(nameof(ResidualMlp))
    {
        stem = Linear(width, width);
        for (var i = 0; i < blockCount; i++)
            blocks.Add(new ResidualBlock(width));
        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = stem.forward(input);
        foreach (var block in blocks)
            x = block.forward(x);
        return head.forward(x);
    }
}

/// <summary>x = x + relu(fc(x)): the branch ends in an activation.</summary>
public sealed class ResidualReluMlp : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers = new();
    private readonly Linear head;

    public ResidualReluMlp(int depth, int width, int outputs)
        : base(nameof(ResidualReluMlp))
    {
        for (var i = 0; i < depth; i++)
            layers.Add(Linear(width, width));
        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var layer in layers)
            x = x + functional.relu(layer.forward(x));
        return head.forward(x);
    }
}

/// <summary>x + W2 gelu(W1 norm(x)), as in a transformer's feed-forward part.</summary>
public sealed class PreNormBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm;
    private readonly Linear up;
    private readonly Linear down;

    public PreNormBlock(int width)
        : base(nameof(PreNormBlock))
    {
        norm = LayerNorm(width);
        up = Linear(width, 4 * width);
        down = Linear(4 * width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var branch = down.forward(functional.gelu(up.forward(norm.forward(x))));
        return x.add(branch);
    }
}

/// <summary>Pre-norm residual stack.</summary>
public sealed class PreNormMlp : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public PreNormMlp(int blockCount, int width, int outputs)
        : base(nameof(PreNormMlp))
    {
        layers = Sequential(Linear(width, width));
        for (var i = 0; i < blockCount; i++)
            layers.append(new PreNormBlock(width));
        layers.append(LayerNorm(width));
        layers.append(Linear(width, outputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>relu(x + bn(W2 relu(bn(W1 x)))): a residual network's block with Linear layers.</summary>
public sealed class BatchNormResidualBlock : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly BatchNorm1d bn1;
    private readonly Linear fc2;
    private readonly BatchNorm1d bn2;

    public BatchNormResidualBlock(int width)
        : base(nameof(BatchNormResidualBlock))
    {
        fc1 = Linear(width, width);
        bn1 = BatchNorm1d(width);
        fc2 = Linear(width, width);
        bn2 = BatchNorm1d(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = functional.relu(bn1.forward(fc1.forward(x)));
        y = bn2.forward(fc2.forward(y));
        return functional.relu(x + y);
    }
}

/// <summary>Stack of such blocks.</summary>
public sealed class BatchNormResidualMlp : Module<Tensor, Tensor>
{
    private readonly Linear stem;
    private readonly ModuleList<BatchNormResidualBlock> blocks = new();
    private readonly Linear head;

    public BatchNormResidualMlp(int blockCount, int width, int outputs)
        : base(nameof(BatchNormResidualMlp))
    {
        stem = Linear(width, width);
        for (var i = 0; i < blockCount; i++)
            blocks.Add(new BatchNormResidualBlock(width));
        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = stem.forward(input);
        foreach (var block in blocks)
            x = block.forward(x);
        return head.forward(x);
    }
}

/// <summary>A residual convolutional network: stem, stages with stride 2 and 1x1 projections, global average pooling.</summary>
public sealed class ConvolutionalResidualBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly Module<Tensor, Tensor> shortcut;

    public ConvolutionalResidualBlock(int inputs, int outputs, int stride)
        : base(nameof(ConvolutionalResidualBlock))
    {
        conv1 = Conv2d(inputs, outputs, 3, stride: stride, padding: 1, bias: false);
        bn1 = BatchNorm2d(outputs);
        conv2 = Conv2d(outputs, outputs, 3, padding: 1, bias: false);
        bn2 = BatchNorm2d(outputs);
        if (stride != 1 || inputs != outputs)
            shortcut = Sequential(Conv2d(inputs, outputs, 1, stride: stride, bias: false), BatchNorm2d(outputs));
        else
            shortcut = Identity();
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = functional.relu(bn1.forward(conv1.forward(x)));
        y = bn2.forward(conv2.forward(y));
        return functional.relu(y + shortcut.forward(x));
    }
}

/// <summary>A small ResNet.</summary>
public sealed class SmallResNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d bn;
    private readonly Sequential stages;
    private readonly AdaptiveAvgPool2d pool;
    private readonly Linear fc;

    public SmallResNet(int blocksPerStage, int width)
        : base(nameof(SmallResNet))
    {
        conv = Conv2d(3, width, 3, padding: 1, bias: false);
        bn = BatchNorm2d(width);
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < blocksPerStage; i++)
            list.Add(new ConvolutionalResidualBlock(width, width, 1));
        for (var i = 0; i < blocksPerStage; i++)
            list.Add(new ConvolutionalResidualBlock(i == 0 ? width : 2 * width, 2 * width, i == 0 ? 2 : 1));
        stages = Sequential(list);
        pool = AdaptiveAvgPool2d(1);
        fc = Linear(2 * width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(bn.forward(conv.forward(input)));
        x = stages.forward(x);
        x = pool.forward(x).flatten(1);
        return fc.forward(x);
    }
}
