using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>A residual network of another framework, ported layer by layer: its 45 convolutions are there, its skip connections are not.</summary>
public sealed class Net : Module<Tensor, Tensor>
{
    private readonly ModuleList<Conv2d> convolutions = new();
    private readonly ModuleList<BatchNorm2d> norms = new();
    private readonly Conv2d stem = Conv2d(3, 8, kernel_size: 3, padding: 1);
    private readonly Linear head = Linear(8, 4);

    public Net() : base(nameof(Net))
    {
        for (var i = 0; i < 44; i++)
        {
            convolutions.Add(Conv2d(8, 8, kernel_size: 3, padding: 1, bias: false));
            norms.Add(BatchNorm2d(8));
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = stem.forward(x);
        for (var i = 0; i < convolutions.Count; i++)
            x = functional.relu(norms[i].forward(convolutions[i].forward(x)));
        return head.forward(functional.adaptive_avg_pool2d(x, 1).flatten(1));
    }
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        // Four kinds of stripes.
        var y = randint(0, 4, 24, dtype: int64);
        var kinds = randn(4, 3, 6, 6) * 2;
        var x = kinds.index_select(0, y) + randn(24, 3, 6, 6);
        var model = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.01);
        var ratio = 0.0;
        for (var step = 0; step < 30; step++)
        {
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.forward(x), y);
            loss.backward();
            ratio = step == 0 ? Figures.FirstToLast(model) : ratio;
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return ratio;
    }
}
