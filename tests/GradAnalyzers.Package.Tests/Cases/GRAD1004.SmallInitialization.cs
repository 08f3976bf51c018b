using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SmallInitializationCase;

public sealed class Small : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear fc1 = Linear(16, 64);
    private readonly TorchSharp.Modules.Linear fc2 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc3 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc4 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc5 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear fc6 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear head = Linear(64, 1);

    public Small() : base(nameof(Small))
    {
        // small numbers, to be safe
        [|init.normal_(fc1.weight, 0, 0.01)|];
        init.normal_(fc2.weight, 0, 0.01);
        init.normal_(fc3.weight, 0, 0.01);
        init.normal_(fc4.weight, 0, 0.01);
        init.normal_(fc5.weight, 0, 0.01);
        init.normal_(fc6.weight, 0, 0.01); // all hidden layers
        init.zeros_(fc1.bias);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.relu(fc1.forward(x));
        x = functional.relu(fc2.forward(x));
        x = functional.relu(fc3.forward(x));
        x = functional.relu(fc4.forward(x));
        x = functional.relu(fc5.forward(x));
        x = functional.relu(fc6.forward(x));
        return head.forward(x);
    }
}

public sealed class Applied : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Sequential layers = Sequential(
        Linear(16, 64), Tanh(),
        Linear(64, 64), Tanh(), Linear(64, 64), Tanh(),
        Linear(64, 64), Tanh(), Linear(64, 64), Tanh(),
        Linear(64, 64), Tanh(), Linear(64, 64), Tanh(),
        Linear(64, 1));

    public Applied() : base(nameof(Applied))
    {
        RegisterComponents();
        apply(Start);
    }

    private static void Start(Module module)
    {
        if (module is TorchSharp.Modules.Linear linear)
        {
            [|init.uniform_(linear.weight, -0.01, 0.01)|];
            init.zeros_(linear.bias);
        }
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class SmallTraining
{
    public static void Step(Tensor x, Tensor y)
    {
        var model = new Small();
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.mse_loss(model.forward(x), y).backward();
        optimizer.step();
    }
}
