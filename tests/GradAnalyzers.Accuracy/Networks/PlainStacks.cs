using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Linear layers and sigmoids in one Sequential, from a list that a loop fills.</summary>
public sealed class SigmoidStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public SigmoidStack(int depth, int width, int outputs)
        : base(nameof(SigmoidStack))
    {
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < depth - 1; i++)
        {
            list.Add(Linear(width, width));
            list.Add(Sigmoid());
        }

        list.Add(Linear(width, outputs));
        layers = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>A ModuleList and the functional tanh.</summary>
public sealed class TanhStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public TanhStack(int depth, int width, int outputs)
        : base(nameof(TanhStack))
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
            x = torch.tanh(layer.forward(x));
        return head.forward(x);
    }
}

/// <summary>A ModuleList and the functional ReLU, an index loop, Kaiming initialization where asked for.</summary>
public sealed class ReluStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public ReluStack(int depth, int width, int outputs, bool kaiming = false)
        : base(nameof(ReluStack))
    {
        for (var i = 0; i < depth - 1; i++)
        {
            var layer = Linear(width, width);
            if (kaiming)
            {
                init.kaiming_normal_(layer.weight, nonlinearity: init.NonlinearityType.ReLU);
                init.zeros_(layer.bias);
            }

            hidden.Add(layer);
        }

        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        for (var i = 0; i < hidden.Count; i++)
            x = functional.relu(hidden[i].forward(x));
        return head.forward(x);
    }
}

/// <summary>GELU modules, one after the other, in forward style with one variable.</summary>
public sealed class GeluStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly GELU gelu = GELU();
    private readonly Linear head;

    public GeluStack(int depth, int width, int outputs)
        : base(nameof(GeluStack))
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
        {
            x = layer.forward(x);
            x = gelu.forward(x);
        }

        return head.forward(x);
    }
}

/// <summary>SiLU, named elements of a Sequential, a width of its own for the input.</summary>
public sealed class SiluStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public SiluStack(int depth, int inputs, int width, int outputs)
        : base(nameof(SiluStack))
    {
        var list = new List<(string, Module<Tensor, Tensor>)> { ("in", Linear(inputs, width)), ("in_silu", SiLU()) };
        for (var i = 0; i < depth - 2; i++)
        {
            list.Add(($"fc{i}", Linear(width, width)));
            list.Add(($"silu{i}", SiLU()));
        }

        list.Add(("out", Linear(width, outputs)));
        layers = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.call(input);
}

/// <summary>LeakyReLU through the functional form.</summary>
public sealed class LeakyReluStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> hidden = new();
    private readonly Module<Tensor, Tensor> head;

    public LeakyReluStack(int depth, int width, int outputs)
        : base(nameof(LeakyReluStack))
    {
        for (var i = 0; i < depth - 1; i++)
            hidden.Add(Linear(width, width, hasBias: false));
        head = Linear(width, outputs, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var layer in hidden)
            x = functional.leaky_relu(layer.forward(x), 0.1);
        return head.forward(x);
    }
}

/// <summary>ELU in a Sequential inside a model with a head of its own.</summary>
public sealed class EluStack : Module<Tensor, Tensor>
{
    private readonly Sequential body;
    private readonly Linear head;

    public EluStack(int depth, int width, int outputs)
        : base(nameof(EluStack))
    {
        body = Sequential();
        for (var i = 0; i < depth - 1; i++)
        {
            body.append(Linear(width, width));
            body.append(ELU());
        }

        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var features = body.forward(input);
        return head.forward(features);
    }
}

/// <summary>Softplus.</summary>
public sealed class SoftplusStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public SoftplusStack(int depth, int width, int outputs)
        : base(nameof(SoftplusStack))
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
            x = functional.softplus(layer.forward(x));
        return head.forward(x);
    }
}

/// <summary>SELU.</summary>
public sealed class SeluStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public SeluStack(int depth, int width, int outputs)
        : base(nameof(SeluStack))
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
            x = functional.selu(layer.forward(x));
        return head.forward(x);
    }
}

/// <summary>Layers of different widths, narrowing, written out one by one.</summary>
public sealed class Funnel : Module<Tensor, Tensor>
{
    private readonly Linear fc1 = Linear(512, 256);
    private readonly Linear fc2 = Linear(256, 128);
    private readonly Linear fc3 = Linear(128, 64);
    private readonly Linear fc4 = Linear(64, 32);
    private readonly Linear fc5 = Linear(32, 10);

    public Funnel()
        : base(nameof(Funnel)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(fc1.forward(input));
        x = functional.relu(fc2.forward(x));
        x = functional.relu(fc3.forward(x));
        x = functional.relu(fc4.forward(x));
        return fc5.forward(x);
    }
}

/// <summary>An autoencoder with sigmoids, reconstructing 64 numbers through 8.</summary>
public sealed class Autoencoder : Module<Tensor, Tensor>
{
    private readonly Sequential encoder = Sequential(Linear(64, 32), Sigmoid(), Linear(32, 16), Sigmoid(), Linear(16, 8), Sigmoid());
    private readonly Sequential decoder = Sequential(Linear(8, 16), Sigmoid(), Linear(16, 32), Sigmoid(), Linear(32, 64));

    public Autoencoder()
        : base(nameof(Autoencoder)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        var code = encoder.forward(input);
        return decoder.forward(code);
    }
}
