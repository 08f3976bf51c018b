using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ClosedLoop;

/// <summary>Tells which of three rings a point lies in.</summary>
public sealed class Network : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(
        Linear(2, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 3));

    public Network() : base(nameof(Network))
    {
        RegisterComponents();
    }

    public override Tensor forward(Tensor points) => layers.call(points);
}
