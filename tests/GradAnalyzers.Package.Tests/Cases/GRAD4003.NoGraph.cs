using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace NoGraphCase;

public static class Measured
{
    /// <summary>How far 20 steps move the weights.</summary>
    public static double[] Run()
    {
        random.manual_seed(1);
        var model = Linear(4, 1);
        var optimizer = optim.SGD(model.parameters(), 0.1);
        var (x, y) = (randn(16, 4), randn(16, 1));
        var before = model.weight!.clone();
        for (var step = 0; step < 20; step++)
        {
            optimizer.zero_grad();
            Tensor loss;
            using (no_grad())
            {
                loss = functional.mse_loss(model.forward(x), y);
            }

            loss.requires_grad = true;
            [|loss.backward()|];
            optimizer.step();
        }

        return [(model.weight! - before).abs().max().item<float>()];
    }
}
