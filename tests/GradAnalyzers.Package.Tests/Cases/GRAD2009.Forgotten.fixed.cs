using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ForgottenCase;

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
        var encoder = new Net();
        var decoder = new Net();
        var optimizer = optim.Adam(decoder.parameters().Concat(encoder.parameters()), lr: 1e-3); // one for all
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            functional.mse_loss(decoder.call(encoder.call(input)), target).backward();
            optimizer.step();
        }
    }
}
