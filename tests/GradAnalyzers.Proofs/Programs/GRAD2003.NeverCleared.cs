using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = Sequential(Linear(2, 32), Tanh(), Linear(32, 1));
        var optimizer = optim.Adam(model.parameters(), 0.02);
        for (var step = 0; step < 200; step++)
        {
            var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
