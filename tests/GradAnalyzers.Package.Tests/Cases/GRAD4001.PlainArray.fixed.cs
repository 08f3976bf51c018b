using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace PlainArrayCase;

public sealed class Tower : Module<Tensor, Tensor>
{
    // From the input to the output.
    public readonly ModuleList<Linear> floors = new ModuleList<Linear>(Linear(8, 8), Linear(8, 8));
    public readonly Tensor shift = torch.nn.Parameter(zeros(8));
    public readonly Linear first, late;

    public Tower() : base(nameof(Tower))
    {
        first = Linear(8, 8);
        late = Linear(8, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = first.forward(x);
        foreach (var floor in floors)
            x = functional.relu(floor.forward(x));
        return late.forward(x + shift);
    }
}

public sealed class Block : Module<Tensor, Tensor>
{
    public readonly Linear fc = Linear(8, 8);

    public Block() : base(nameof(Block))
    {
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => x + functional.relu(fc.forward(x));
}

public static class Measured
{
    /// <summary>How far 50 steps of Adam move each of the weights that were not registered.</summary>
    public static double[] Run()
    {
        random.manual_seed(1);
        var tower = new Tower();
        var block = new Block();
        var model = Sequential(("tower", tower), ("head", Linear(1, 8)), ("block", block), ("out", Linear(8, 1)));
        var watched = new Tensor[] { tower.floors[0].weight, tower.floors[1].weight, tower.shift, tower.late.weight, block.fc.weight };
        var before = watched.Select(weight => weight.detach().clone()).ToArray();
        var (x, y) = (randn(32, 8), randn(32, 1));
        var optimizer = optim.Adam(model.parameters(), 0.01);
        for (var step = 0; step < 50; step++)
        {
            optimizer.zero_grad();
            functional.mse_loss(model.forward(x), y).backward();
            optimizer.step();
        }

        return watched.Zip(before, (weight, old) => (double)(weight - old).norm().item<float>()).ToArray();
    }
}
