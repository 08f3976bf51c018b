using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Weight normalization by hand: direction and length of each row (Salimans and Kingma 2016).</summary>
public sealed class NormedLinear : Module<Tensor, Tensor>
{
    private readonly Parameter weight_v;
    private readonly Parameter g;
    private readonly Parameter bias;

    public NormedLinear(long inputs, long outputs)
        : base(nameof(NormedLinear))
    {
        weight_v = Parameter(torch.randn(outputs, inputs) * 0.05);
        g = Parameter(torch.ones(outputs, 1));
        bias = Parameter(torch.zeros(outputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var w = g * weight_v / weight_v.norm(1, keepdim: true);
        return nn.functional.linear(x, w, bias);
    }
}

/// <summary>Stacked <see cref="NormedLinear"/> with tanh.</summary>
public sealed class NormedTanhStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<NormedLinear> layers = new();
    private readonly Linear head;

    public NormedTanhStack(int depth, long width)
        : base(nameof(NormedTanhStack))
    {
        for (var i = 0; i < depth; i++)
            layers.Add(new NormedLinear(width, width));
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        foreach (var layer in layers)
            x = layer.forward(x).tanh();
        return head.forward(x);
    }
}

/// <summary>Weight normalization of a convolution, the length taken from the direction's own start.</summary>
public sealed class NormedConv : Module<Tensor, Tensor>
{
    private readonly Parameter weight_v;
    private readonly Parameter scale;

    public NormedConv(long inputs, long outputs)
        : base(nameof(NormedConv))
    {
        weight_v = Parameter(torch.empty(outputs, inputs, 3, 3));
        init.normal_(weight_v, 0.0, 0.05);
        scale = Parameter(torch.full(new long[] { outputs, 1, 1, 1 }, 1.4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var length = weight_v.pow(2).sum(new long[] { 1, 2, 3 }, keepdim: true).sqrt();
        return functional.conv2d(x, weight_v / length * scale, padding: new long[] { 1, 1 });
    }
}

/// <summary>Stacked <see cref="NormedConv"/>.</summary>
public sealed class NormedConvNet : Module<Tensor, Tensor>
{
    private readonly NormedConv conv1;
    private readonly NormedConv conv2;
    private readonly NormedConv conv3;
    private readonly Linear fc;

    public NormedConvNet(long channels)
        : base(nameof(NormedConvNet))
    {
        conv1 = new NormedConv(3, channels);
        conv2 = new NormedConv(channels, channels);
        conv3 = new NormedConv(channels, channels);
        fc = Linear(channels, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = conv1.forward(x).relu();
        x = conv2.forward(x).relu();
        x = conv3.forward(x).relu();
        return fc.forward(x.mean([2, 3]));
    }
}

/// <summary>Weight standardization (Qiao et al. 2019) by hand, before batch normalization.</summary>
public sealed class StandardizedConv : Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d norm;

    public StandardizedConv(long inputs, long outputs)
        : base(nameof(StandardizedConv))
    {
        conv = Conv2d(inputs, outputs, 3, padding: 1, bias: false);
        norm = BatchNorm2d(outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var w = conv.weight!;
        var mean = w.mean(new long[] { 1, 2, 3 }, keepdim: true);
        var variance = (w - mean).pow(2).mean(new long[] { 1, 2, 3 }, keepdim: true);
        var standard = (w - mean) / (variance.sqrt() + 1e-5);
        return norm.forward(functional.conv2d(x, standard, padding: new long[] { 1, 1 })).relu();
    }
}

/// <summary>Stacked <see cref="StandardizedConv"/>.</summary>
public sealed class StandardizedNet : Module<Tensor, Tensor>
{
    private readonly Sequential body;
    private readonly Linear fc;

    public StandardizedNet(long channels)
        : base(nameof(StandardizedNet))
    {
        body = Sequential(new StandardizedConv(3, channels), new StandardizedConv(channels, channels), MaxPool2d(2), new StandardizedConv(channels, channels));
        fc = Linear(channels, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => fc.forward(body.forward(x).mean([2, 3]));
}

/// <summary>Noise in the weights (Fortunato et al. 2018): mean and deviation are learned.</summary>
public sealed class NoisyLayer : Module<Tensor, Tensor>
{
    private readonly Parameter weight_mu;
    private readonly Parameter weight_sigma;
    private readonly Parameter bias_mu;
    private readonly Parameter bias_sigma;
    private readonly long inputs;
    private readonly long outputs;

    public NoisyLayer(long inputs, long outputs)
        : base(nameof(NoisyLayer))
    {
        this.inputs = inputs;
        this.outputs = outputs;
        var bound = 1 / Math.Sqrt(inputs);
        weight_mu = Parameter(torch.empty(outputs, inputs));
        weight_sigma = Parameter(torch.empty(outputs, inputs));
        bias_mu = Parameter(torch.empty(outputs));
        bias_sigma = Parameter(torch.empty(outputs));
        init.uniform_(weight_mu, -bound, bound);
        init.constant_(weight_sigma, 0.5 / Math.Sqrt(inputs));
        init.uniform_(bias_mu, -bound, bound);
        init.constant_(bias_sigma, 0.5 / Math.Sqrt(inputs));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var w = weight_mu + weight_sigma * torch.randn(outputs, inputs);
        var b = bias_mu + bias_sigma * torch.randn(outputs);
        return nn.functional.linear(x, w, b);
    }
}

/// <summary>A value network with noise in its last layers.</summary>
public sealed class NoisyValues : Module<Tensor, Tensor>
{
    private readonly Linear feature;
    private readonly NoisyLayer noisy1;
    private readonly NoisyLayer noisy2;

    public NoisyValues(long inputs, long width, long actions)
        : base(nameof(NoisyValues))
    {
        feature = Linear(inputs, width);
        noisy1 = new NoisyLayer(width, width);
        noisy2 = new NoisyLayer(width, actions);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => noisy2.forward(functional.relu(noisy1.forward(functional.relu(feature.forward(x)))));
}

/// <summary>A causal convolution that pads by itself and asks the function for the rest.</summary>
public sealed class CausalLayer : Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly long dilation;
    private readonly long kernel;

    public CausalLayer(long inputs, long outputs, long kernel, long dilation)
        : base(nameof(CausalLayer))
    {
        this.kernel = kernel;
        this.dilation = dilation;
        weight = Parameter(torch.empty(outputs, inputs, kernel));
        bias = Parameter(torch.zeros(outputs));
        init.kaiming_normal_(weight, nonlinearity: init.NonlinearityType.ReLU);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var padded = functional.pad(x, ((kernel - 1) * dilation, 0));
        return functional.conv1d(padded, weight, bias, 1L, 0L, dilation);
    }
}

/// <summary>A temporal convolutional network.</summary>
public sealed class CausalNet : Module<Tensor, Tensor>
{
    private readonly CausalLayer first;
    private readonly CausalLayer second;
    private readonly CausalLayer third;
    private readonly Linear head;

    public CausalNet(long channels)
        : base(nameof(CausalNet))
    {
        first = new CausalLayer(4, channels, 3, 1);
        second = new CausalLayer(channels, channels, 3, 2);
        third = new CausalLayer(channels, channels, 3, 4);
        head = Linear(channels, 9);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = first.forward(x).relu();
        x = x + second.forward(x).relu();
        x = x + third.forward(x).relu();
        return head.forward(x.mean([2]));
    }
}
