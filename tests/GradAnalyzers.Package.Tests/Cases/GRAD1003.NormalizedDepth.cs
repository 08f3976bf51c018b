using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NormalizedDepthCase;

public sealed class DeepNet : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.ModuleList<TorchSharp.Modules.Linear> layers = new();
    private readonly TorchSharp.Modules.ModuleList<TorchSharp.Modules.BatchNorm1d> norms = new();
    private readonly TorchSharp.Modules.Linear head = Linear(64, 10);

    public DeepNet(int depth = 40) : base(nameof(DeepNet))
    {
        for (var i = 0; i < depth; i++)
        {
            layers.Add([|Linear(64, 64)|]);
            norms.Add(BatchNorm1d(64));
        }

        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            // one block
            x = functional.relu(norms[i].forward(layers[i].forward(x))); // of many
        }

        return head.forward(x);
    }
}

public sealed class DeepSequential : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Sequential layers = Sequential(
        [|Linear(32, 32)|], BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 32), BatchNorm1d(32), ReLU(),
        Linear(32, 10));

    public DeepSequential() : base(nameof(DeepSequential)) => RegisterComponents();

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class DepthTraining
{
    public static void Step(Tensor x, Tensor y)
    {
        var model = new DeepNet();
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.cross_entropy(model.forward(x), y).backward();
        optimizer.step();
    }
}
