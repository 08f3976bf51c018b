using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Linear, BatchNorm1d, ReLU in a Sequential.</summary>
public sealed class BatchNormReluStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public BatchNormReluStack(int depth, int width, int outputs)
        : base(nameof(BatchNormReluStack))
    {
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < depth - 1; i++)
        {
            list.Add(Linear(width, width));
            list.Add(BatchNorm1d(width));
            list.Add(ReLU());
        }

        list.Add(Linear(width, outputs));
        layers = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>Linear, BatchNorm1d, sigmoid: two ModuleLists side by side.</summary>
public sealed class BatchNormSigmoidStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly ModuleList<BatchNorm1d> norms = new();
    private readonly Linear head;

    public BatchNormSigmoidStack(int depth, int width, int outputs)
        : base(nameof(BatchNormSigmoidStack))
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
            x = torch.sigmoid(norms[i].forward(hidden[i].forward(x)));
        return head.forward(x);
    }
}

/// <summary>Linear, BatchNorm1d, tanh.</summary>
public sealed class BatchNormTanhStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly ModuleList<BatchNorm1d> norms = new();
    private readonly Linear head;

    public BatchNormTanhStack(int depth, int width, int outputs)
        : base(nameof(BatchNormTanhStack))
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
            x = norms[i].forward(hidden[i].forward(x)).tanh();
        return head.forward(x);
    }
}

/// <summary>Linear, LayerNorm, ReLU.</summary>
public sealed class LayerNormReluStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public LayerNormReluStack(int depth, int width, int outputs)
        : base(nameof(LayerNormReluStack))
    {
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < depth - 1; i++)
        {
            list.Add(Linear(width, width));
            list.Add(LayerNorm(width));
            list.Add(ReLU());
        }

        list.Add(Linear(width, outputs));
        layers = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>Linear, LayerNorm, sigmoid.</summary>
public sealed class LayerNormSigmoidStack : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public LayerNormSigmoidStack(int depth, int width, int outputs)
        : base(nameof(LayerNormSigmoidStack))
    {
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < depth - 1; i++)
        {
            list.Add(Linear(width, width));
            list.Add(LayerNorm(width));
            list.Add(Sigmoid());
        }

        list.Add(Linear(width, outputs));
        layers = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => layers.forward(input);
}

/// <summary>Linear, LayerNorm, GELU.</summary>
public sealed class LayerNormGeluStack : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> hidden = new();
    private readonly ModuleList<LayerNorm> norms = new();
    private readonly Linear head;

    public LayerNormGeluStack(int depth, int width, int outputs)
        : base(nameof(LayerNormGeluStack))
    {
        for (var i = 0; i < depth - 1; i++)
        {
            hidden.Add(Linear(width, width));
            norms.Add(LayerNorm(width));
        }

        head = Linear(width, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input;
        for (var i = 0; i < hidden.Count; i++)
            x = functional.gelu(norms[i].forward(hidden[i].forward(x)));
        return head.forward(x);
    }
}
