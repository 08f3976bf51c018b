using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ErasedCase;

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
        var seen = 0;
        foreach (var (input, target) in batches)
        {
            // four batches a step
            var loss = functional.mse_loss(model.call(input), target) / 4;
            loss.backward();
            if (++seen % 4 == 0)
            {
                optimizer.step();
                optimizer.zero_grad();
            }
        }
    }
}
