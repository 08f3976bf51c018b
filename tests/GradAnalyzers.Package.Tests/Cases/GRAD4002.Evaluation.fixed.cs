using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace EvaluationCase;

public static class Loop
{
    public static double Evaluate(Module<Tensor, Tensor> model, Tensor x, Tensor y)
    {
        model.eval();
        // no graph for the validation
        using var _ = torch.no_grad();
        return functional.mse_loss(model.forward(x), y).item<float>();
    }

    public static bool Train(Module<Tensor, Tensor> model, optim.Optimizer optimizer, Tensor x, Tensor y)
    {
        model.train();
        optimizer.zero_grad();
        var loss = functional.mse_loss(model.forward(x), y);
        if (!loss.requires_grad)
            return false;
        loss.backward();
        optimizer.step();
        return true;
    }
}

public static class Measured
{
    /// <summary>How many of 5 epochs learn, with an evaluation after each.</summary>
    public static double[] Run()
    {
        random.manual_seed(1);
        var model = Linear(4, 1);
        var optimizer = optim.SGD(model.parameters(), 0.1);
        var (x, y) = (randn(16, 4), randn(16, 1));
        var learned = 0;
        for (var epoch = 0; epoch < 5; epoch++)
        {
            learned += Loop.Train(model, optimizer, x, y) ? 1 : 0;
            Loop.Evaluate(model, x, y);
        }

        return [learned];
    }
}
