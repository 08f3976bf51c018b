using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Two convolutions with BatchNorm.</summary>
public sealed class DoubleConv : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public DoubleConv(long inputs, long outputs)
        : base(nameof(DoubleConv))
    {
        layers = Sequential(
            Conv2d(inputs, outputs, 3, padding: 1), BatchNorm2d(outputs), ReLU(),
            Conv2d(outputs, outputs, 3, padding: 1), BatchNorm2d(outputs), ReLU());
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

/// <summary>Down three times, up three times, with long skips.</summary>
public sealed class UNet : Module<Tensor, Tensor>
{
    private readonly DoubleConv enter;
    private readonly DoubleConv down1;
    private readonly DoubleConv down2;
    private readonly ConvTranspose2d up2;
    private readonly DoubleConv merge2;
    private readonly DoubleConv merge1;
    private readonly Conv2d leave;
    private readonly bool interpolated;

    public UNet(long width, bool interpolated)
        : base(nameof(UNet))
    {
        this.interpolated = interpolated;
        enter = new DoubleConv(1, width);
        down1 = new DoubleConv(width, 2 * width);
        down2 = new DoubleConv(2 * width, 4 * width);
        up2 = ConvTranspose2d(4 * width, 4 * width, 2, stride: 2);
        merge2 = new DoubleConv(6 * width, 2 * width);
        merge1 = new DoubleConv(3 * width, width);
        leave = Conv2d(width, 1, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var a = enter.forward(input);
        var b = down1.forward(functional.max_pool2d(a, 2));
        var c = down2.forward(functional.max_pool2d(b, 2));
        var up = up2.forward(c);
        var x = merge2.forward(torch.cat(new[] { b, up }, dim: 1));
        x = interpolated
            ? functional.interpolate(x, size: new[] { a.shape[2], a.shape[3] }, mode: InterpolationMode.Nearest)
            : functional.interpolate(x, scale_factor: new double[] { 2, 2 }, mode: InterpolationMode.Nearest);
        x = merge1.forward(torch.cat(new[] { a, x }, dim: 1));
        return leave.forward(x);
    }
}

/// <summary>Channels weighted by what the whole image says.</summary>
public sealed class SqueezeExcite : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;

    public SqueezeExcite(long channels, long reduction)
        : base(nameof(SqueezeExcite))
    {
        fc1 = Linear(channels, channels / reduction);
        fc2 = Linear(channels / reduction, channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var b = x.shape[0];
        var c = x.shape[1];
        var y = functional.adaptive_avg_pool2d(x, 1).view(b, c);
        y = functional.relu(fc1.forward(y));
        y = torch.sigmoid(fc2.forward(y)).view(b, c, 1, 1);
        return x * y.expand_as(x);
    }
}

public sealed class SeBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv2;
    private readonly BatchNorm2d bn2;
    private readonly SqueezeExcite se;
    private readonly Sequential? shortcut;

    public SeBlock(long inputs, long outputs, long stride)
        : base(nameof(SeBlock))
    {
        conv1 = Conv2d(inputs, outputs, 3, stride: stride, padding: 1, bias: false);
        bn1 = BatchNorm2d(outputs);
        conv2 = Conv2d(outputs, outputs, 3, padding: 1, bias: false);
        bn2 = BatchNorm2d(outputs);
        se = new SqueezeExcite(outputs, 4);
        if (stride != 1 || inputs != outputs)
            shortcut = Sequential(Conv2d(inputs, outputs, 1, stride: stride, bias: false), BatchNorm2d(outputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = functional.relu(bn1.forward(conv1.forward(x)));
        y = se.forward(bn2.forward(conv2.forward(y)));
        return functional.relu(y + (shortcut?.forward(x) ?? x));
    }
}

/// <summary>A residual network with squeeze and excitation.</summary>
public sealed class SeResNet : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly BatchNorm2d norm;
    private readonly Sequential stages;
    private readonly Linear fc;

    public SeResNet(int blocks, long width)
        : base(nameof(SeResNet))
    {
        stem = Conv2d(3, width, 3, padding: 1, bias: false);
        norm = BatchNorm2d(width);
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < blocks; i++)
            list.Add(new SeBlock(width, width, 1));
        list.Add(new SeBlock(width, 2 * width, 2));
        for (var i = 1; i < blocks; i++)
            list.Add(new SeBlock(2 * width, 2 * width, 1));
        stages = Sequential(list);
        fc = Linear(2 * width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(norm.forward(stem.forward(input)));
        x = stages.forward(x);
        return fc.forward(x.mean(new long[] { 2, 3 }));
    }
}

public sealed class DenseLayer : Module<Tensor, Tensor>
{
    private readonly BatchNorm2d norm;
    private readonly Conv2d conv;

    public DenseLayer(long inputs, long growth)
        : base(nameof(DenseLayer))
    {
        norm = BatchNorm2d(inputs);
        conv = Conv2d(inputs, growth, 3, padding: 1, bias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => torch.cat(new[] { x, conv.forward(functional.relu(norm.forward(x))) }, 1);
}

/// <summary>Dense blocks with transitions between them.</summary>
public sealed class DenseNet : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Linear classifier;

    public DenseNet(int layers, long growth)
        : base(nameof(DenseNet))
    {
        var channels = 2 * growth;
        features = Sequential(Conv2d(3, channels, 3, padding: 1, bias: false));
        for (var block = 0; block < 2; block++)
        {
            for (var i = 0; i < layers; i++)
            {
                features.append(new DenseLayer(channels, growth));
                channels += growth;
            }

            if (block == 0)
            {
                features.append(BatchNorm2d(channels));
                features.append(ReLU());
                features.append(Conv2d(channels, channels / 2, 1, bias: false));
                features.append(AvgPool2d(2));
                channels /= 2;
            }
        }

        features.append(BatchNorm2d(channels));
        features.append(ReLU());
        features.append(AdaptiveAvgPool2d(1));
        features.append(Flatten());
        classifier = Linear(channels, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => classifier.forward(features.forward(input));
}

/// <summary>Embedding, convolution over time, the maximum over time.</summary>
public sealed class TextCnn : Module<Tensor, Tensor>
{
    private readonly Embedding embedding;
    private readonly Conv1d narrow;
    private readonly Conv1d wide;
    private readonly Linear fc;

    public TextCnn(long tokens, long width, long filters)
        : base(nameof(TextCnn))
    {
        embedding = Embedding(tokens, width);
        narrow = Conv1d(width, filters, 3, padding: 1);
        wide = Conv1d(width, filters, 5, padding: 2);
        fc = Linear(2 * filters, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embedding.forward(input).permute(0, 2, 1);
        var a = functional.adaptive_avg_pool1d(functional.relu(narrow.forward(x)), 1).squeeze(-1);
        var b = functional.adaptive_avg_pool1d(functional.relu(wide.forward(x)), 1).squeeze(-1);
        return fc.forward(torch.cat(new[] { a, b }, 1));
    }
}

/// <summary>Mixes the positions of all features, then the features of all positions.</summary>
public sealed class MixerBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly Linear token1;
    private readonly Linear token2;
    private readonly LayerNorm norm2;
    private readonly Linear channel1;
    private readonly Linear channel2;

    public MixerBlock(long tokens, long width)
        : base(nameof(MixerBlock))
    {
        norm1 = LayerNorm(width);
        token1 = Linear(tokens, 2 * tokens);
        token2 = Linear(2 * tokens, tokens);
        norm2 = LayerNorm(width);
        channel1 = Linear(width, 2 * width);
        channel2 = Linear(2 * width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = norm1.forward(x).transpose(1, 2);
        y = token2.forward(functional.gelu(token1.forward(y))).transpose(1, 2);
        x = x + y;
        return x + channel2.forward(functional.gelu(channel1.forward(norm2.forward(x))));
    }
}

/// <summary>MLP-Mixer over a series.</summary>
public sealed class Mixer : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Sequential blocks;
    private readonly Linear head;

    public Mixer(int depth, long tokens, long inputs, long width)
        : base(nameof(Mixer))
    {
        embed = Linear(inputs, width);
        blocks = Sequential();
        for (var i = 0; i < depth; i++)
            blocks.append(new MixerBlock(tokens, width));
        head = Linear(width, 7);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => head.forward(blocks.forward(embed.forward(input)).mean(new long[] { 1 }));
}

/// <summary>The final state of the last of two LSTM layers.</summary>
public sealed class FinalState : Module<Tensor, Tensor>
{
    private readonly LSTM lstm;
    private readonly Linear fc;

    public FinalState(long inputs, long hidden, long outputs)
        : base(nameof(FinalState))
    {
        lstm = LSTM(inputs, hidden, numLayers: 2, batchFirst: true);
        fc = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (_, h, _) = lstm.forward(input);
        return fc.forward(h[-1]);
    }
}

/// <summary>Spatial sizes that forward computes itself.</summary>
public sealed class SizedConvNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly Conv2d conv3;
    private readonly Linear fc1;
    private readonly Linear fc2;

    public SizedConvNet(long width, long side)
        : base(nameof(SizedConvNet))
    {
        conv1 = Conv2d(3, width, 3, stride: 2, padding: 1);
        conv2 = Conv2d(width, 2 * width, 3, stride: 2, padding: 1);
        conv3 = Conv2d(2 * width, 2 * width, 3, padding: 1);
        fc1 = Linear(2 * width * (side / 4) * (side / 4), 64);
        fc2 = Linear(64, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.leaky_relu(conv1.forward(input), 0.1);
        x = functional.leaky_relu(conv2.forward(x), 0.1);
        x = functional.leaky_relu(conv3.forward(x), 0.1);
        var features = x.shape[1] * x.shape[2] * x.shape[3];
        x = x.view(x.shape[0], features);
        return fc2.forward(functional.leaky_relu(fc1.forward(x), 0.1));
    }
}
