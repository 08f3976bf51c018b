using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>A network whose weights are written out, and start small.</summary>
public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var hidden = new Parameter(randn(2, 16, requires_grad: true) * 0.5);
        var output = new Parameter(randn(16, 1, requires_grad: true) * 0.1);
        Parameter[] weights = [hidden, output];
        var start = Figures.Copy(weights);
        var optimizer = optim.Adam(weights, 0.05);
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var loss = functional.binary_cross_entropy_with_logits(x.mm(hidden).square().mm(output), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return Figures.Moved(start, weights);
    }
}
