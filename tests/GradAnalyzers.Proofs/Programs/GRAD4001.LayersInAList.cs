using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly List<Linear> hidden = new() { Linear(2, 4), Linear(4, 4) };
    private readonly Linear output = Linear(4, 1);

    public Net() : base(nameof(Net)) => RegisterComponents();

    public List<Tensor> Weights => hidden.Select(layer => layer.weight!.detach().clone()).ToList();

    public override Tensor forward(Tensor x)
    {
        foreach (var layer in hidden)
            x = functional.tanh(layer.forward(x));
        return output.forward(x);
    }
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = new Net();
        var start = model.Weights;
        var optimizer = optim.Adam(model.parameters(), 0.05);
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return start.Zip(model.Weights, (before, now) => (now - before).norm().item<float>()).Sum();
    }
}
