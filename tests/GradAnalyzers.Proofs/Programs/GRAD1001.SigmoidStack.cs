using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(
        Linear(16, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 4));

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(128, 16, 4);
        var model = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.05);
        var ratio = 0.0;
        for (var step = 0; step < 150; step++)
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
