using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace CarriedStateCase;

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
        var layer = GRU(16, 16);
        var model = new Net();
        var optimizer = optim.Adam(layer.parameters().Concat(model.parameters()), lr: 1e-3);
        var state = zeros(1, 4, 16);
        foreach (var (input, target) in batches)
        {
            Tensor output;
            // with the state of the batch before
            (output, state) = layer.call(input, state);
            optimizer.zero_grad();
            [|functional.mse_loss(model.call(output), target).backward()|];
            torch.nn.utils.clip_grad_norm_(optimizer.parameters(), 1.0);
            optimizer.step();
        }
    }
}
