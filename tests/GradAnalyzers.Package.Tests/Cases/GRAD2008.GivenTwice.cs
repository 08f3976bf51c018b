using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GivenTwiceCase;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear first = Linear(16, 32);
    private readonly TorchSharp.Modules.Linear second = Linear(32, 16);

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor input) => second.call(functional.relu(first.call(input)));
}

public static class Training
{
    // Reported, and without a fix: which of the two was meant is the author's to say.
    public static void Batches((Tensor Input, Tensor Target)[] batches)
    {
        var body = new Net();
        var head = Linear(16, 16);
        var optimizer = optim.Adam(body.parameters().Concat(head.parameters()).Concat(body.parameters()), lr: 1e-3);
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            functional.mse_loss(head.call(body.call(input)), target).backward();
            [|optimizer.step()|];
        }
    }
}
