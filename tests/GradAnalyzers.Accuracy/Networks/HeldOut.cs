using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Mish, with dropout after each layer.</summary>
public sealed class MishDropoutStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public MishDropoutStack(int depth, int width, int outputs)
        : base(nameof(MishDropoutStack))
    {
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < depth - 1; i++)
        {
            list.Add(Linear(width, width));
            list.Add(Mish());
            list.Add(Dropout(0.2));
        }

        list.Add(Linear(width, outputs));
        layers = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>Softsign through the functional form.</summary>
public sealed class SoftsignStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public SoftsignStack(int depth, int width, int outputs)
        : base(nameof(SoftsignStack))
    {
        for (var i = 0; i < depth - 1; i++)
            hidden.Add(Linear(width, width));
        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var layer in hidden)
            x = functional.softsign(layer.forward(x));
        return head.forward(x);
    }
}

/// <summary>A generator's shape: widening layers, tanh at the output.</summary>
public sealed class WideningGenerator : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(
        Linear(16, 64), LeakyReLU(0.2), Linear(64, 128), LeakyReLU(0.2), Linear(128, 256), LeakyReLU(0.2), Linear(256, 100), Tanh());

    public WideningGenerator()
        : base(nameof(WideningGenerator)) => RegisterComponents();

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>BatchNorm after the activation.</summary>
public sealed class PostActivationNormStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly ModuleList<BatchNorm1d> norms = new();
    private readonly Linear head;

    public PostActivationNormStack(int depth, int width, int outputs)
        : base(nameof(PostActivationNormStack))
    {
        for (var i = 0; i < depth - 1; i++)
        {
            hidden.Add(Linear(width, width));
            norms.Add(BatchNorm1d(width));
        }

        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        for (var i = 0; i < hidden.Count; i++)
            x = norms[i].forward(functional.relu(hidden[i].forward(x)));
        return head.forward(x);
    }
}

/// <summary>Features of all layers side by side (DenseNet with Linear layers).</summary>
public sealed class DenseMlp : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers = new();
    private readonly Linear head;

    public DenseMlp(int depth, int inputs, int growth, int outputs)
        : base(nameof(DenseMlp))
    {
        for (var i = 0; i < depth; i++)
            layers.Add(Linear(inputs + i * growth, growth));
        head = Linear(inputs + depth * growth, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var layer in layers)
            x = torch.cat(new[] { x, functional.relu(layer.forward(x)) }, 1);
        return head.forward(x);
    }
}

/// <summary>BatchNorm, ReLU, convolution, twice, beside the identity: a residual block with its activations first.</summary>
public sealed class PreActivationBlock : Module<Tensor, Tensor>
{
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn2;
    private readonly Conv2d conv2;

    public PreActivationBlock(int width)
        : base(nameof(PreActivationBlock))
    {
        bn1 = BatchNorm2d(width);
        conv1 = Conv2d(width, width, 3, padding: 1);
        bn2 = BatchNorm2d(width);
        conv2 = Conv2d(width, width, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var y = conv1.forward(functional.relu(bn1.forward(x)));
        y = conv2.forward(functional.relu(bn2.forward(y)));
        return x + y;
    }
}

/// <summary>Stack of such blocks.</summary>
public sealed class PreActivationResNet : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly Sequential blocks;
    private readonly BatchNorm2d norm;
    private readonly Linear fc;

    public PreActivationResNet(int blockCount, int width)
        : base(nameof(PreActivationResNet))
    {
        stem = Conv2d(3, width, 3, padding: 1);
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < blockCount; i++)
            list.Add(new PreActivationBlock(width));
        blocks = Sequential(list);
        norm = BatchNorm2d(width);
        fc = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = blocks.forward(stem.forward(input));
        x = functional.relu(norm.forward(x));
        x = functional.adaptive_avg_pool2d(x, 1).flatten(1);
        return fc.forward(x);
    }
}

/// <summary>VGG style with Kaiming initialization by apply, average pooling, ELU.</summary>
public sealed class KaimingConvNet : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Linear fc;

    public KaimingConvNet(int stages, int width, int side)
        : base(nameof(KaimingConvNet))
    {
        var list = new List<Module<Tensor, Tensor>>();
        for (var stage = 0; stage < stages; stage++)
        {
            list.Add(Conv2d(stage == 0 ? 3 : width, width, 3, padding: 1));
            list.Add(ReLU());
            list.Add(Conv2d(width, width, 3, padding: 1));
            list.Add(ReLU());
            list.Add(AvgPool2d(2));
            side = side / 2;
        }

        features = Sequential(list);
        fc = Linear(width * side * side, 10);
        RegisterComponents();
        apply(module =>
        {
            if (module is Conv2d convolution)
            {
                init.kaiming_normal_(convolution.weight, nonlinearity: init.NonlinearityType.ReLU);
                init.zeros_(convolution.bias);
            }
        });
    }

    public override Tensor forward(Tensor input) => fc.forward(features.forward(input).flatten(1));
}

/// <summary>An encoder and decoder with a long skip by concatenation.</summary>
public sealed class SmallUNet : Module<Tensor, Tensor>
{
    private readonly Conv2d down1;
    private readonly Conv2d down2;
    private readonly Conv2d middle;
    private readonly ConvTranspose2d up;
    private readonly Conv2d merge;
    private readonly Conv2d output;

    public SmallUNet(int width)
        : base(nameof(SmallUNet))
    {
        down1 = Conv2d(1, width, 3, padding: 1);
        down2 = Conv2d(width, 2 * width, 3, stride: 2, padding: 1);
        middle = Conv2d(2 * width, 2 * width, 3, padding: 1);
        up = ConvTranspose2d(2 * width, width, 2, stride: 2);
        merge = Conv2d(2 * width, width, 3, padding: 1);
        output = Conv2d(width, 1, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var wide = functional.relu(down1.forward(input));
        var x = functional.relu(down2.forward(wide));
        x = functional.relu(middle.forward(x));
        x = functional.relu(up.forward(x));
        x = torch.cat(new[] { x, wide }, 1);
        x = functional.relu(merge.forward(x));
        return output.forward(x);
    }
}

/// <summary>Embedding, GRU of two layers, last step.</summary>
public sealed class TextClassifier : Module<Tensor, Tensor>
{
    private readonly Embedding embedding;
    private readonly GRU gru;
    private readonly Linear fc;

    public TextClassifier(int tokens, int features, int hidden, int outputs)
        : base(nameof(TextClassifier))
    {
        embedding = Embedding(tokens, features);
        gru = GRU(features, hidden, numLayers: 2, batchFirst: true);
        fc = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (output, _) = gru.forward(embedding.forward(input));
        return fc.forward(output.select(1, -1));
    }
}

/// <summary>A bidirectional LSTM with an output at every step.</summary>
public sealed class BidirectionalTagger : Module<Tensor, Tensor>
{
    private readonly LSTM lstm;
    private readonly Linear fc;

    public BidirectionalTagger(int inputs, int hidden, int outputs)
        : base(nameof(BidirectionalTagger))
    {
        lstm = LSTM(inputs, hidden, batchFirst: true, bidirectional: true);
        fc = Linear(2 * hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (output, _, _) = lstm.forward(input);
        return fc.forward(output);
    }
}

/// <summary>A deep fully connected network in front of an RNN's last step: features of each step first.</summary>
public sealed class StepFeatures : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly RNN rnn;
    private readonly Linear head;

    public StepFeatures(int inputs, int width, int outputs)
        : base(nameof(StepFeatures))
    {
        fc1 = Linear(inputs, width);
        fc2 = Linear(width, width);
        rnn = RNN(width, width, batchFirst: true);
        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(fc1.forward(input));
        x = functional.relu(fc2.forward(x));
        var (output, _) = rnn.forward(x, null);
        return head.forward(output.select(1, -1));
    }
}

/// <summary>A GRU whose outputs are averaged over time, with a hidden layer behind it.</summary>
public sealed class SequenceAverage : Module<Tensor, Tensor>
{
    private readonly GRU gru;
    private readonly Linear fc1;
    private readonly Linear fc2;

    public SequenceAverage(int inputs, int hidden, int outputs)
        : base(nameof(SequenceAverage))
    {
        gru = GRU(inputs, hidden, batchFirst: true);
        fc1 = Linear(hidden, hidden);
        fc2 = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (output, _) = gru.forward(input);
        var average = output.mean(new long[] { 1 });
        return fc2.forward(functional.relu(fc1.forward(average)));
    }
}
