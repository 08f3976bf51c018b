using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SecondSigmoidCase;

public static class Measured
{
    /// <summary>The loss after 500 steps on one sample that could be learned.</summary>
    public static double[] Run()
    {
        random.manual_seed(1);
        var model = Linear(4, 1);
        var optimizer = optim.Adam(model.parameters(), 0.1);
        var (x, y) = (ones(1, 4), zeros(1, 1));
        var last = 0.0;
        for (var step = 0; step < 500; step++)
        {
            optimizer.zero_grad();
            var output = torch.sigmoid(model.forward(x)); // between 0 and 1
            var loss = [|functional.binary_cross_entropy_with_logits(output, y)|];
            loss.backward();
            optimizer.step();
            last = loss.item<float>();
        }

        return [last];
    }
}
