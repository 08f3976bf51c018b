using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        // As they were measured, not normalized: some ten thousands.
        var x = randn(128, 8) * 10000;
        var y = (x.matmul(randn(8, 1)) > 0).to_type(float32);
        var model = Linear(8, 1);
        var optimizer = optim.Adam(model.parameters(), 0.01);
        for (var step = 0; step < 150; step++)
        {
            optimizer.zero_grad();
            var logits = model.forward(x);
            var probability = torch.sigmoid(logits);
            var loss = functional.binary_cross_entropy(probability, y);
            loss.backward();
            optimizer.step();
            curve.Add(100 * logits.detach().gt(0).ne(y.gt(0)).to_type(float64).mean().item<double>());
        }

        return curve[^1];
    }
}
