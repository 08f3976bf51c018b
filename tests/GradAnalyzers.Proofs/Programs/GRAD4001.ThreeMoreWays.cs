using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>Its layer is assigned when everything was registered already, and its shift is a tensor.</summary>
public sealed class Front : Module<Tensor, Tensor>
{
    private readonly Linear layer;
    private readonly Tensor shift = zeros(1, 8, requires_grad: true);

    public Front() : base(nameof(Front))
    {
        RegisterComponents();
        layer = Linear(2, 8);
    }

    public Tensor Weight => layer.weight!.detach().clone();

    public Tensor Shift => shift.detach().clone();

    public override Tensor forward(Tensor x) => functional.tanh(layer.forward(x) + shift);
}

/// <summary>It registers nothing.</summary>
public sealed class Back : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(8, 8);

    public Back() : base(nameof(Back))
    {
    }

    public Tensor Weight => layer.weight!.detach().clone();

    public override Tensor forward(Tensor x) => functional.tanh(layer.forward(x));
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var (front, back) = (new Front(), new Back());
        var model = Sequential(front, back, Linear(8, 1));
        var (weight, shift, second) = (front.Weight, front.Shift, back.Weight);
        var optimizer = optim.Adam(model.parameters(), 0.02);
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return new[] { front.Weight - weight, front.Shift - shift, back.Weight - second }.Min(difference => difference.norm().item<float>());
    }
}
