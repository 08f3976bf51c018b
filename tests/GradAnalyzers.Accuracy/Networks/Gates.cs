using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Two branches, one of them through a sigmoid, multiplied; layer on layer.</summary>
public sealed class SigmoidGates : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> values = new();
    private readonly ModuleList<Linear> gates = new();
    private readonly Linear head;

    public SigmoidGates(int depth, int width)
        : base(nameof(SigmoidGates))
    {
        for (var i = 0; i < depth; i++)
        {
            values.Add(Linear(width, width));
            gates.Add(Linear(width, width));
        }

        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        for (var i = 0; i < values.Count; i++)
            x = torch.tanh(values[i].forward(x)) * torch.sigmoid(gates[i].forward(x));
        return head.forward(x);
    }
}

/// <summary>The library's gated linear unit.</summary>
public sealed class GluMlp : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public GluMlp(int depth, int width)
        : base(nameof(GluMlp))
    {
        layers = Sequential();
        for (var i = 0; i < depth; i++)
        {
            layers.append(Linear(width, 2 * width));
            layers.append(GLU(1));
        }

        layers.append(Linear(width, 5));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

/// <summary>Convolutional channels that are weighted by a gate of the whole image.</summary>
public sealed class ChannelGates : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly ModuleList<Conv2d> convs = new();
    private readonly ModuleList<BatchNorm2d> norms = new();
    private readonly ModuleList<Conv2d> squeezes = new();
    private readonly ModuleList<Conv2d> excites = new();
    private readonly Linear fc;

    public ChannelGates(int depth, int width)
        : base(nameof(ChannelGates))
    {
        stem = Conv2d(3, width, 3, padding: 1);
        for (var i = 0; i < depth; i++)
        {
            convs.Add(Conv2d(width, width, 3, padding: 1));
            norms.Add(BatchNorm2d(width));
            squeezes.Add(Conv2d(width, width / 2, 1));
            excites.Add(Conv2d(width / 2, width, 1));
        }

        fc = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = stem.forward(input);
        for (var i = 0; i < convs.Count; i++)
        {
            var y = functional.relu(norms[i].forward(convs[i].forward(x)));
            var s = functional.relu(squeezes[i].forward(y.mean(new long[] { 2, 3 }, keepdim: true)));
            x = y * torch.sigmoid(excites[i].forward(s));
        }

        return fc.forward(functional.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1));
    }
}

/// <summary>Branches scaled by a parameter each.</summary>
public sealed class ScaledBranches : Module<Tensor, Tensor>
{
    private readonly Linear stem;
    private readonly ModuleList<Linear> layers = new();
    private readonly ParameterList scales = new();
    private readonly Linear head;

    public ScaledBranches(int depth, int width, double start)
        : base(nameof(ScaledBranches))
    {
        stem = Linear(width, width);
        for (var i = 0; i < depth; i++)
        {
            layers.Add(Linear(width, width));
            scales.Add(Parameter(torch.ones(width) * start));
        }

        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = stem.forward(input);
        for (var i = 0; i < layers.Count; i++)
            x = x + torch.tanh(layers[i].forward(x)) * scales[i];
        return head.forward(x);
    }
}

/// <summary>Normalized by the root of the mean square, written out with a division.</summary>
public sealed class RootMeanSquareStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers = new();
    private readonly Linear head;

    public RootMeanSquareStack(int depth, int width)
        : base(nameof(RootMeanSquareStack))
    {
        for (var i = 0; i < depth; i++)
            layers.Add(Linear(width, width));
        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        foreach (var layer in layers)
        {
            x = functional.relu(layer.forward(x));
            x = x / torch.sqrt((x * x).mean(new long[] { -1 }, keepdim: true) + 1e-6);
        }

        return head.forward(x);
    }
}

/// <summary>Two heads, the one deeper than the other.</summary>
public sealed class UnequalHeads : Module<Tensor, (Tensor, Tensor)>
{
    private readonly Linear body;
    private readonly Linear near;
    private readonly Linear far1;
    private readonly Linear far2;

    public UnequalHeads(int inputs, int width)
        : base(nameof(UnequalHeads))
    {
        body = Linear(inputs, width);
        near = Linear(width, 6);
        far1 = Linear(width, width);
        far2 = Linear(width, 3);
        RegisterComponents();
    }

    public override (Tensor, Tensor) forward(Tensor input)
    {
        var x = functional.relu(body.forward(input));
        return (near.forward(x), far2.forward(functional.relu(far1.forward(x))));
    }
}

/// <summary>Linear layers over time, then over features.</summary>
public sealed class TimeMixing : Module<Tensor, Tensor>
{
    private readonly Linear features;
    private readonly Linear time1;
    private readonly Linear time2;
    private readonly Linear head;

    public TimeMixing(int steps, int inputs, int width)
        : base(nameof(TimeMixing))
    {
        features = Linear(inputs, width);
        time1 = Linear(steps, 2 * steps);
        time2 = Linear(2 * steps, steps);
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(features.forward(input)).permute(0, 2, 1);
        x = time2.forward(functional.relu(time1.forward(x))).permute(0, 2, 1);
        return head.forward(x);
    }
}

/// <summary>The last of an LSTM's final states.</summary>
public sealed class LastState : Module<Tensor, Tensor>
{
    private readonly GRU gru;
    private readonly Linear fc1;
    private readonly Linear fc2;

    public LastState(int inputs, int hidden)
        : base(nameof(LastState))
    {
        gru = GRU(inputs, hidden, batchFirst: true);
        fc1 = Linear(hidden, hidden);
        fc2 = Linear(hidden, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (_, state) = gru.forward(input);
        return fc2.forward(functional.relu(fc1.forward(state[^1])));
    }
}
