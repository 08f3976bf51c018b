using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ApplyBeforeRegistrationCase;

public sealed class Early : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Sequential layers = Sequential(Linear(16, 64), ReLU(), Linear(64, 10));

    public Early() : base(nameof(Early))
    {
        // He et al. 2015
        [|apply(Start)|];
        RegisterComponents();
    }

    private static void Start(Module module)
    {
        if (module is TorchSharp.Modules.Linear linear)
            init.kaiming_normal_(linear.weight);
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class EarlyTraining
{
    public static void Step(Tensor x, Tensor y)
    {
        var model = new Early();
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.cross_entropy(model.forward(x), y).backward();
        optimizer.step();
    }
}
