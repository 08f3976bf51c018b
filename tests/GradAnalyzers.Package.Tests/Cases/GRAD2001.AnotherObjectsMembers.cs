using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace AnotherObjectsMembers;

public sealed class Recurrent : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.LSTM lstm = LSTM(8, 16);

    public Recurrent() : base(nameof(Recurrent)) => RegisterComponents();

    public override Tensor forward(Tensor input) => lstm.call(input).Item1;
}

public sealed class Trainer
{
    public Trainer() => Optimizer = optim.Adam(Model.parameters());

    public Recurrent Model { get; } = new();

    public optim.Optimizer Optimizer { get; }
}

public static class Training
{
    // Reported, and without a fix: nothing in scope here names the parameters by itself. It must not keep the others from being fixed.
    public static void Run(Tensor input, Tensor target)
    {
        var trainer = new Trainer();
        trainer.Optimizer.zero_grad();
        functional.mse_loss(trainer.Model.call(input), target).backward();
        [|trainer.Optimizer.step()|];
    }
}
