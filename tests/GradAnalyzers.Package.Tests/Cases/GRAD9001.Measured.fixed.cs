using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cases.Measured;

public class [|MeasuredNet|] : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(
        Linear(16, 64), ReLU(),
        Linear(64, 64), ReLU(),
        Linear(64, 64), ReLU(),
        Linear(64, 1));

    public MeasuredNet() : base(nameof(MeasuredNet))
    {
        RegisterComponents();
        foreach (var module in modules())
        {
            if (module is Linear linear)
                torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        }
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}
