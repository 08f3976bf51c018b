using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Linear hidden = Linear(2, 16);
    private readonly Linear output = Linear(16, 1);

    public Net() : base(nameof(Net))
    {
        RegisterComponents();
        init.ones_(hidden.weight);
        init.zeros_(hidden.bias);
        init.zeros_(output.weight);
    }

    public override Tensor forward(Tensor x) => output.forward(functional.relu(hidden.forward(x)));
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = new Net();
        var optimizer = optim.Adam(model.parameters(), 0.02);
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
