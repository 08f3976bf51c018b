using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Linear features = Linear(2, 4);
    private readonly Linear head = Linear(4, 1);

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor x) => head.forward(functional.tanh(features.forward(x)));
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = new Net();
        var start = Figures.Copy(model.parameters());
        var optimizer = optim.Adam(model.parameters(), 0.05);
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var prediction = model.forward(x).detach();
            var loss = functional.binary_cross_entropy_with_logits(prediction, y);
            loss.requires_grad = true;
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return Figures.Moved(start, model.parameters());
    }
}
