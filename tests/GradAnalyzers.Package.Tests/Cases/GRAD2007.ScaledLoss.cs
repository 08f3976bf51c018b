using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ScaledLossCase;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear first = Linear(16, 32);
    private readonly TorchSharp.Modules.Linear second = Linear(32, 16);

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor input) => second.call(functional.relu(first.call(input)));
}

public static class Training
{
    // Reported, and without a fix: where the unscaling belongs is the author's to say.
    public static void Batches((Tensor Input, Tensor Target)[] batches, float scale)
    {
        var model = new Net();
        var optimizer = optim.Adam(model.parameters(), lr: 1e-3);
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            (functional.mse_loss(model.call(input), target) * scale).backward();
            [|torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)|];
            foreach (var parameter in model.parameters())
                parameter.grad!.div_(scale);
            optimizer.step();
        }
    }
}
