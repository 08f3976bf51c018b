using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SigmoidStackCase;

public sealed class ForwardStyle : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear fc1 = Linear(16, 64);
    private readonly TorchSharp.Modules.Linear fc2 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc3 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc4 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc5 = Linear(64, 1);

    public ForwardStyle() : base(nameof(ForwardStyle))
    {
        torch.nn.init.kaiming_normal_(fc1.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        torch.nn.init.kaiming_normal_(fc2.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        torch.nn.init.kaiming_normal_(fc3.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        torch.nn.init.kaiming_normal_(fc4.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        // registers the layers
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.relu(fc1.forward(x));
        using var second = fc2.forward(x);
        x = torch.nn.functional.relu(second);
        x = fc3.forward(x).relu();
        x = fc4.forward(x).relu_();
        return torch.sigmoid(fc5.forward(x)); // a probability
    }
}

public sealed class SequentialStyle : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Sequential layers = Sequential(
        ("fc1", Linear(16, 64)), ("act1", ReLU()),
        ("fc2", Linear(64, 64)), ("act2", ReLU()),
        ("fc3", Linear(64, 64)), ("act3", ReLU()),
        ("fc4", Linear(64, 64)), ("act4", ReLU()),
        ("fc5", Linear(64, 1)), ("probability", Sigmoid()));

    public SequentialStyle() : base(nameof(SequentialStyle))
    {
        RegisterComponents();
        foreach (var module in modules())
        {
            if (module is TorchSharp.Modules.Linear linear)
                torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        }
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class SigmoidTraining
{
    public static void Train(Tensor x, Tensor y)
    {
        var model = Sequential(
            Linear(16, 64),
            ReLU(),
            Linear(64, 64),
            ReLU(),
            Linear(64, 64),
            ReLU(),
            Linear(64, 64),
            ReLU(),
            Linear(64, 1));
        foreach (var module in model.modules())
        {
            if (module is TorchSharp.Modules.Linear linear)
                torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        }
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.mse_loss(model.forward(x), y).backward();
        optimizer.step();
    }
}
