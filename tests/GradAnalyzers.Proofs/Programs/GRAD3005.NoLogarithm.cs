using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (points, y) = Data.Blobs(128, 8, 10);
        // As they were measured, not normalized.
        var x = points * 20;
        var model = Sequential(Linear(8, 10), Softmax(1));
        var optimizer = optim.SGD(model.parameters(), 0.01);
        for (var step = 0; step < 150; step++)
        {
            optimizer.zero_grad();
            var output = model.forward(x);
            functional.nll_loss(output, y).backward();
            optimizer.step();
            curve.Add(100 * output.argmax(1).ne(y).to_type(float64).mean().item<double>());
        }

        return curve[^1];
    }
}
