using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential();

    public Net() : base(nameof(Net))
    {
        var width = 16;
        for (var i = 0; i < 16; i++)
        {
            layers.append(Linear(width, 48));
            layers.append(ReLU());
            width = 48;
        }

        layers.append(Linear(48, 4));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(128, 16, 4);
        var model = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.01);
        var ratio = 0.0;
        for (var step = 0; step < 100; step++)
        {
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.forward(x), y);
            loss.backward();
            ratio = step == 0 ? Figures.FirstToLast(model) : ratio;
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return ratio;
    }
}
