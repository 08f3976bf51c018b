using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>A trainer with a clip of its own, translated from Python's <c>p.grad.norm(2)</c>.</summary>
public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = Sequential(Linear(2, 32), Tanh(), Linear(32, 1));
        var optimizer = optim.SGD(model.parameters(), 0.5);
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);
            loss.backward();
            Clip(model, 1.0);
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve.Count;
    }

    private static void Clip(Module model, double limit)
    {
        var total = 0.0;
        foreach (var parameter in model.parameters())
            total += Math.Pow(parameter.grad!.norm(2).item<float>(), 2);
        var factor = limit / (Math.Sqrt(total) + 1e-6);
        if (factor >= 1)
            return;
        foreach (var parameter in model.parameters())
            parameter.grad!.mul_(factor);
    }
}
