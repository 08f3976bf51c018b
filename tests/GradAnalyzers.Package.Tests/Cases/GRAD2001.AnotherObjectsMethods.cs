using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace AnotherObjectsMethods;

public sealed class Recurrent : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.LSTM lstm = LSTM(8, 16);

    public Recurrent() : base(nameof(Recurrent)) => RegisterComponents();

    public override Tensor forward(Tensor input) => lstm.call(input).Item1;
}

public sealed class Trainer
{
    private readonly Recurrent model = new();
    private readonly optim.Optimizer optimizer;

    public Trainer() => optimizer = optim.Adam(model.parameters());

    public Recurrent Model() => model;

    public optim.Optimizer Optimizer() => optimizer;
}

public static class Training
{
    // Reported, and without a fix: nothing in scope here names the parameters by itself. It must not keep the others from being fixed.
    public static void Run(Tensor input, Tensor target)
    {
        var trainer = new Trainer();
        trainer.Optimizer().zero_grad();
        functional.mse_loss(trainer.Model().call(input), target).backward();
        [|trainer.Optimizer().step()|];
    }
}
