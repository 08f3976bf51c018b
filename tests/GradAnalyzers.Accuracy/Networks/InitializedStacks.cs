using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Tanh with Xavier initialization, set in the loop that builds it.</summary>
public sealed class XavierTanhStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public XavierTanhStack(int depth, int width, int outputs)
        : base(nameof(XavierTanhStack))
    {
        for (var i = 0; i < depth - 1; i++)
        {
            var layer = Linear(width, width);
            init.xavier_uniform_(layer.weight);
            init.zeros_(layer.bias);
            hidden.Add(layer);
        }

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

/// <summary>Sigmoid with Xavier initialization by apply, after registration.</summary>
public sealed class XavierSigmoidStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public XavierSigmoidStack(int depth, int width, int outputs)
        : base(nameof(XavierSigmoidStack))
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
        apply(Initialize);
    }

    public override Tensor forward(Tensor input) => layers.forward(input);

    private static void Initialize(Module module)
    {
        if (module is Linear linear)
            init.xavier_normal_(linear.weight);
    }
}

/// <summary>ReLU with weights drawn from N(0, deviation^2) and no bias.</summary>
public sealed class NormalReluStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public NormalReluStack(int depth, int width, int outputs, double deviation)
        : base(nameof(NormalReluStack))
    {
        for (var i = 0; i < depth - 1; i++)
        {
            var layer = Linear(width, width, hasBias: false);
            init.normal_(layer.weight, 0, deviation);
            hidden.Add(layer);
        }

        head = Linear(width, outputs, hasBias: false);
        init.normal_(head.weight, 0, deviation);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        foreach (var layer in hidden)
            x = functional.relu(layer.forward(x));
        return head.forward(x);
    }
}

/// <summary>Tanh with weights drawn from N(0, deviation^2).</summary>
public sealed class NormalTanhStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public NormalTanhStack(int depth, int width, int outputs, double deviation)
        : base(nameof(NormalTanhStack))
    {
        for (var i = 0; i < depth - 1; i++)
        {
            var layer = Linear(width, width);
            init.normal_(layer.weight, 0, deviation);
            hidden.Add(layer);
        }

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

/// <summary>Tanh with orthogonal weights.</summary>
public sealed class OrthogonalTanhStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly Linear head;

    public OrthogonalTanhStack(int depth, int width, int outputs)
        : base(nameof(OrthogonalTanhStack))
    {
        for (var i = 0; i < depth - 1; i++)
        {
            var layer = Linear(width, width);
            init.orthogonal_(layer.weight);
            init.zeros_(layer.bias);
            hidden.Add(layer);
        }

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
