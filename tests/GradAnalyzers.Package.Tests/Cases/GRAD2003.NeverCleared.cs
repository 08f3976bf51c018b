using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NeverClearedCase;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear first = Linear(16, 32);
    private readonly TorchSharp.Modules.Linear second = Linear(32, 16);

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor input) => second.call(functional.relu(first.call(input)));
}

public static class Training
{
    public static void Batches((Tensor Input, Tensor Target)[] batches)
    {
        var model = new Net();
        var optimizer = optim.Adam(model.parameters(), lr: 1e-3);
        foreach (var (input, target) in batches)
        {
            using var scope = NewDisposeScope();
            var loss = functional.mse_loss(model.call(input), target);
            // the gradients of this batch
            loss.backward();
            [|optimizer.step()|];
        }
    }

    public static void Accumulated((Tensor Input, Tensor Target)[] batches)
    {
        var model = new Net();
        var optimizer = optim.Adam(model.parameters(), lr: 1e-3);
        for (var i = 0; i < batches.Length; i++)
        {
            functional.mse_loss(model.call(batches[i].Input), batches[i].Target).backward();
            if (i % 4 == 3)
            {
                [|optimizer.step()|];
            }
        }
    }
}
