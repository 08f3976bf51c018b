using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NonLeafCase;

public static class Measured
{
    /// <summary>How far 20 steps move the scale.</summary>
    public static double[] Run()
    {
        random.manual_seed(1);
        var scale = new TorchSharp.Modules.Parameter([|randn(4, requires_grad: true) * 0.01|]); // small
        var optimizer = optim.SGD(new[] { scale }, 0.1);
        var (x, y) = (randn(16, 4), randn(16, 4));
        var before = scale.detach().clone();
        for (var step = 0; step < 20; step++)
        {
            optimizer.zero_grad();
            functional.mse_loss(x * scale, y).backward();
            optimizer.step();
        }

        return [(scale - before).abs().max().item<float>()];
    }
}
