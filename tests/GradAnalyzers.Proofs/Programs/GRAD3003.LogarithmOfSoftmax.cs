using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (points, y) = Data.Blobs(128, 8, 4);
        // As they were measured, not normalized.
        var x = points * 100;
        var model = Linear(8, 4);
        var optimizer = optim.Adam(model.parameters(), 0.01);
        for (var step = 0; step < 150; step++)
        {
            optimizer.zero_grad();
            var chances = functional.softmax(model.forward(x), 1);
            var loss = functional.nll_loss(torch.log(chances), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
