using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cases.Grown;

public class [|GrownNet|] : Module<Tensor, Tensor>
{
    private readonly ModuleList<Linear> layers = new();
    private readonly ModuleList<BatchNorm1d> norms = new();
    private readonly Linear head = Linear(64, 10);

    public GrownNet() : base(nameof(GrownNet))
    {
        for (var i = 0; i < 16; i++)
        {
            layers.Add(Linear(64, 64));
            norms.Add(BatchNorm1d(64));
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        for (var i = 0; i < layers.Count; i++)
            x = x + functional.relu(norms[i].forward(layers[i].forward(x)));
        return head.forward(x);
    }
}
