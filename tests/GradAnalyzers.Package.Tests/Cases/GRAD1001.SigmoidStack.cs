using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SigmoidStackCase;

public sealed class ForwardStyle : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear fc1 = [|Linear(16, 64)|];
    private readonly TorchSharp.Modules.Linear fc2 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc3 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc4 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc5 = Linear(64, 1);

    public ForwardStyle() : base(nameof(ForwardStyle))
    {
        // registers the layers
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.sigmoid(fc1.forward(x));
        using var second = fc2.forward(x);
        x = torch.sigmoid(second);
        x = fc3.forward(x).sigmoid();
        x = fc4.forward(x).sigmoid_();
        return torch.sigmoid(fc5.forward(x)); // a probability
    }
}

public sealed class SequentialStyle : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Sequential layers = Sequential(
        ("fc1", [|Linear(16, 64)|]), ("act1", Sigmoid()),
        ("fc2", Linear(64, 64)), ("act2", Sigmoid()),
        ("fc3", Linear(64, 64)), ("act3", Sigmoid()),
        ("fc4", Linear(64, 64)), ("act4", Sigmoid()),
        ("fc5", Linear(64, 1)), ("probability", Sigmoid()));

    public SequentialStyle() : base(nameof(SequentialStyle)) => RegisterComponents();

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class SigmoidTraining
{
    public static void Train(Tensor x, Tensor y)
    {
        var model = Sequential(
            [|Linear(16, 64)|],
            Sigmoid(),
            Linear(64, 64),
            Sigmoid(),
            Linear(64, 64),
            Sigmoid(),
            Linear(64, 64),
            Sigmoid(),
            Linear(64, 1));
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.mse_loss(model.forward(x), y).backward();
        optimizer.step();
    }
}
