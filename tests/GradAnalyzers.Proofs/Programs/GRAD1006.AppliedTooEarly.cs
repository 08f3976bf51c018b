using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(
        Linear(16, 64), ReLU(),
        Linear(64, 64), ReLU(),
        Linear(64, 64), ReLU(),
        Linear(64, 64), ReLU(),
        Linear(64, 64), ReLU(),
        Linear(64, 64), ReLU(),
        Linear(64, 4));

    public Net() : base(nameof(Net))
    {
        apply(Initialize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => layers.forward(x);

    private static void Initialize(Module module)
    {
        if (module is Linear linear)
            init.kaiming_normal_(linear.weight, nonlinearity: init.NonlinearityType.ReLU);
    }
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(128, 16, 4);
        var model = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.02);
        for (var step = 0; step < 150; step++)
        {
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.forward(x), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
