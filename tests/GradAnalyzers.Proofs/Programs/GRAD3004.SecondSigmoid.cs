using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Judge : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(Linear(2, 32), Tanh(), Linear(32, 1), Sigmoid());

    public Judge() : base(nameof(Judge)) => RegisterComponents();

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = new Judge();
        var optimizer = optim.Adam(model.parameters(), 0.02);
        var criterion = BCEWithLogitsLoss();
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var loss = criterion.forward(model.forward(x), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
