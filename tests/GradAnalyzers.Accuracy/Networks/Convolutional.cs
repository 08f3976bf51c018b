using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>The network of TorchSharp's own MNIST example: two convolutions, one max pooling, two Linear layers.</summary>
public sealed class MnistNet : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> conv1 = Conv2d(1, 32, 3);
    private readonly Module<Tensor, Tensor> conv2 = Conv2d(32, 64, 3);
    private readonly Module<Tensor, Tensor> fc1 = Linear(9216, 128);
    private readonly Module<Tensor, Tensor> fc2 = Linear(128, 10);
    private readonly Module<Tensor, Tensor> pool1 = MaxPool2d(kernel_size: 2);
    private readonly Module<Tensor, Tensor> relu1 = ReLU();
    private readonly Module<Tensor, Tensor> relu2 = ReLU();
    private readonly Module<Tensor, Tensor> relu3 = ReLU();
    private readonly Module<Tensor, Tensor> flatten = Flatten();
    private readonly Module<Tensor, Tensor> logsm = LogSoftmax(1);

    public MnistNet()
        : base(nameof(MnistNet)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        var l11 = conv1.forward(input);
        var l12 = relu1.forward(l11);
        var l21 = conv2.forward(l12);
        var l22 = relu2.forward(l21);
        var l23 = pool1.forward(l22);
        var x = flatten.forward(l23);
        var l31 = fc1.forward(x);
        var l32 = relu3.forward(l31);
        var l41 = fc2.forward(l32);
        return logsm.forward(l41);
    }
}

/// <summary>LeNet-5: tanh and average pooling.</summary>
public sealed class LeNet : Module<Tensor, Tensor>
{
    private readonly Conv2d c1 = Conv2d(1, 6, 5, padding: 2);
    private readonly Conv2d c3 = Conv2d(6, 16, 5);
    private readonly Conv2d c5 = Conv2d(16, 120, 5);
    private readonly Linear f6 = Linear(120, 84);
    private readonly Linear output = Linear(84, 10);

    public LeNet()
        : base(nameof(LeNet)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        var x = functional.avg_pool2d(torch.tanh(c1.forward(input)), 2);
        x = functional.avg_pool2d(torch.tanh(c3.forward(x)), 2);
        x = torch.tanh(c5.forward(x)).flatten(1);
        x = torch.tanh(f6.forward(x));
        return output.forward(x);
    }
}

/// <summary>VGG style: convolutions of 3x3 in stages, each followed by max pooling; with or without BatchNorm2d.</summary>
public sealed class VggNet : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Sequential classifier;

    public VggNet(int stages, int convolutionsPerStage, int width, int side, bool batchNorm)
        : base(nameof(VggNet))
    {
        var list = new List<Module<Tensor, Tensor>>();
        var channels = 3;
        var size = side;
        for (var stage = 0; stage < stages; stage++)
        {
            for (var i = 0; i < convolutionsPerStage; i++)
            {
                list.Add(Conv2d(channels, width, 3, padding: 1));
                if (batchNorm)
                    list.Add(BatchNorm2d(width));
                list.Add(ReLU());
                channels = width;
            }

            list.Add(MaxPool2d(2, 2));
            size = size / 2;
        }

        features = Sequential(list);
        classifier = Sequential(Linear(width * size * size, 64), ReLU(), Dropout(0.5), Linear(64, 10));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = features.forward(input);
        x = x.flatten(1);
        return classifier.forward(x);
    }
}

/// <summary>Convolutions of stride 2 in place of pooling, then a flatten.</summary>
public sealed class StridedConvNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly Conv2d conv3;
    private readonly Linear fc;

    public StridedConvNet(int width)
        : base(nameof(StridedConvNet))
    {
        conv1 = Conv2d(3, width, 3, stride: 2, padding: 1);
        conv2 = Conv2d(width, 2 * width, 3, stride: 2, padding: 1);
        conv3 = Conv2d(2 * width, 4 * width, 3, stride: 2, padding: 1);
        fc = Linear(4 * width * 16, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(conv1.forward(input));
        x = functional.relu(conv2.forward(x));
        x = functional.relu(conv3.forward(x));
        return fc.forward(x.view(x.shape[0], -1));
    }
}

/// <summary>A deep plain stack of convolutions with global average pooling at its end.</summary>
public sealed class PlainConvStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Conv2d> convolutions = new();
    private readonly Linear head;

    public PlainConvStack(int depth, int width)
        : base(nameof(PlainConvStack))
    {
        for (var i = 0; i < depth; i++)
            convolutions.Add(Conv2d(i == 0 ? 3 : width, width, 3, padding: 1));
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var convolution in convolutions)
            x = functional.relu(convolution.forward(x));
        x = x.mean(new long[] { 2, 3 });
        return head.forward(x);
    }
}

/// <summary>Convolution, GroupNorm, SiLU.</summary>
public sealed class GroupNormConvNet : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public GroupNormConvNet(int depth, int width)
        : base(nameof(GroupNormConvNet))
    {
        var list = new List<Module<Tensor, Tensor>> { Conv2d(3, width, 3, padding: 1) };
        for (var i = 0; i < depth; i++)
        {
            var norm = GroupNorm(4, width);
            // TorchSharp 0.107 leaves the parameters of a GroupNorm as they lie in memory.
            init.ones_(norm.weight);
            init.zeros_(norm.bias);
            list.Add(norm);
            list.Add(SiLU());
            list.Add(Conv2d(width, width, 3, padding: 1));
        }

        list.Add(AdaptiveAvgPool2d(1));
        list.Add(Flatten());
        list.Add(Linear(width, 10));
        layers = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>One-dimensional convolutions over a signal with adaptive max pooling.</summary>
public sealed class SignalNet : Module<Tensor, Tensor>
{
    private readonly Conv1d conv1;
    private readonly Conv1d conv2;
    private readonly Conv1d conv3;
    private readonly AdaptiveMaxPool1d pool = AdaptiveMaxPool1d(1);
    private readonly Linear fc;

    public SignalNet(int width)
        : base(nameof(SignalNet))
    {
        conv1 = Conv1d(4, width, 7, padding: 3);
        conv2 = Conv1d(width, width, 5, padding: 2);
        conv3 = Conv1d(width, width, 3, padding: 1);
        fc = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(conv1.forward(input));
        x = functional.relu(conv2.forward(x));
        x = functional.relu(conv3.forward(x));
        return fc.forward(pool.forward(x).flatten(1));
    }
}

/// <summary>A convolutional encoder and a transposed decoder.</summary>
public sealed class ConvolutionalAutoencoder : Module<Tensor, Tensor>
{
    private readonly Sequential encoder;
    private readonly Sequential decoder;

    public ConvolutionalAutoencoder(int width)
        : base(nameof(ConvolutionalAutoencoder))
    {
        encoder = Sequential(
            Conv2d(1, width, 4, stride: 2, padding: 1), ReLU(),
            Conv2d(width, 2 * width, 4, stride: 2, padding: 1), ReLU());
        decoder = Sequential(
            ConvTranspose2d(2 * width, width, 4, stride: 2, padding: 1), ReLU(),
            ConvTranspose2d(width, 1, 4, stride: 2, padding: 1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => decoder.forward(encoder.forward(input));
}
