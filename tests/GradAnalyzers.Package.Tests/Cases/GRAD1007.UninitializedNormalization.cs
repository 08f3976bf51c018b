#nullable enable
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace UninitializedNormalizationCase;

// Wu, He 2018
public sealed class Grouped : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Conv2d conv = Conv2d(3, 8, 3);
    private readonly TorchSharp.Modules.GroupNorm norm = [|GroupNorm(4, 8)|];
    private readonly TorchSharp.Modules.Linear head = Linear(8, 10);

    public Grouped() : base(nameof(Grouped))
    {
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => head.forward(functional.relu(norm.forward(conv.forward(x))).mean(new long[] { 2, 3 }));
}

public static class GroupedTraining
{
    public static void Step(Tensor x, Tensor y)
    {
        var model = Sequential([|GroupNorm(1, 3)|], new Grouped());
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.cross_entropy(model.forward(x), y).backward();
        optimizer.step();
    }
}
