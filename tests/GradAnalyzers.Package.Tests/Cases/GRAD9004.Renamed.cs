using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cases.Renamed;

public class [|RenamedNet|] : Module<Tensor, Tensor>
{
    private readonly Linear hidden = Linear(16, 64);
    private readonly Linear output = Linear(64, 4);

    public RenamedNet() : base(nameof(RenamedNet)) => RegisterComponents();

    public override Tensor forward(Tensor x) => output.forward(functional.relu(hidden.forward(x)));
}
