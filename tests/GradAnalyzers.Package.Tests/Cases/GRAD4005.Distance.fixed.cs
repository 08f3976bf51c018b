using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SingularCase;

public static class Measured
{
    /// <summary>The gradient of the weights, where one of 16 outputs equals its target.</summary>
    public static double[] Run()
    {
        random.manual_seed(1);
        var model = Linear(4, 2);
        var (x, y) = (randn(16, 4), randn(16, 2));
        using (no_grad())
            y[0] = model.forward(x)[0];
        var difference = model.forward(x) - y;
        var distance = ((difference * difference).sum(1) + 1e-8).sqrt(); // to each target
        distance.mean().backward();
        return [model.weight!.grad!.abs().max().item<float>()];
    }
}
