using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace IdenticalWeightsCase;

public sealed class Identical : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear fc1 = Linear(16, 64);
    private readonly TorchSharp.Modules.Linear fc2 = Linear(64, 64);
    private readonly TorchSharp.Modules.Linear head = Linear(64, 10);

    public Identical() : base(nameof(Identical))
    {
        // as in the paper
        [|init.trunc_normal_(fc1.weight, std: 0.02)|]; // two deviations
        [|init.constant_(fc2.weight, 0.5)|];
        init.zeros_(fc2.bias);
        init.zeros_(head.weight);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.relu(fc1.forward(x));
        x = functional.relu(fc2.forward(x));
        return head.forward(x);
    }
}

public static class IdenticalTraining
{
    public static void Step(Tensor x, Tensor y)
    {
        var model = new Identical();
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.cross_entropy(model.forward(x), y).backward();
        optimizer.step();
    }
}
