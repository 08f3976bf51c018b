using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cases.Measured;

public class MeasuredNet : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(
        [|Linear(16, 64)|], Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 1));

    public MeasuredNet() : base(nameof(MeasuredNet)) => RegisterComponents();

    public override Tensor forward(Tensor x) => layers.forward(x);
}
