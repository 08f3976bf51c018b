using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DeepStackCase;

public sealed class Convolutional : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Sequential features;
    private readonly TorchSharp.Modules.Linear head = Linear(64, 10);

    public Convolutional() : base(nameof(Convolutional))
    {
        var layers = new List<Module<Tensor, Tensor>>();
        long channels = 3;
        for (var i = 0; i < 15; i++)
        {
            layers.Add([|Conv2d(channels, 64, kernel_size: 3, padding: 1)|]);
            layers.Add(ReLU());
            channels = 64;
        }

        features = Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => head.forward(functional.adaptive_avg_pool2d(features.forward(x), 1).flatten(1));
}

public sealed class Dense : Module<Tensor, Tensor>
{
    // the stem
    private readonly TorchSharp.Modules.Linear stem = [|Linear(16, 32)|];
    private readonly TorchSharp.Modules.Sequential body = Sequential(
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32),
        // a comment before an activation
        ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 32), ReLU(),
        Linear(32, 10));

    public Dense() : base(nameof(Dense))
    {
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.relu(stem.forward(x));
        return body.forward(x);
    }
}

public static class DeepTraining
{
    public static void Step(Tensor x, Tensor y)
    {
        var model = new Convolutional();
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.cross_entropy(model.forward(x), y).backward();
        optimizer.step();
    }
}
