using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    public Net(int width) : base(nameof(Net))
    {
        layers = Sequential(Linear(2, width), Tanh(), Linear(width, 1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = new Net(4);
        var optimizer = optim.Adam(model.parameters(), 0.05);
        // Four were too few.
        model = new Net(32);
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
