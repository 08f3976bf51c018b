using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>A trainer that evaluates after each epoch, as one writes it in Python: <c>with torch.no_grad():</c></summary>
public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = Sequential(Linear(2, 32), Tanh(), Linear(32, 1));
        var optimizer = optim.Adam(model.parameters(), 0.05);
        for (var epoch = 0; epoch < 60; epoch++)
        {
            Learn(model, optimizer, x, y);
            curve.Add(Evaluate(model, x, y));
        }

        return curve.Count;
    }

    private static void Learn(Sequential model, optim.Optimizer optimizer, Tensor x, Tensor y)
    {
        model.train();
        optimizer.zero_grad();
        var loss = functional.binary_cross_entropy_with_logits(model.forward(x), y);
        loss.backward();
        optimizer.step();
    }

    private static double Evaluate(Sequential model, Tensor x, Tensor y)
    {
        model.eval();
        torch.no_grad();
        return functional.binary_cross_entropy_with_logits(model.forward(x), y).item<float>();
    }
}
