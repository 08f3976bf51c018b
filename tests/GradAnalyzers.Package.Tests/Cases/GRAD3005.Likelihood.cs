using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LikelihoodCase;

public static class Measured
{
    /// <summary>The gradient of a model that is sure of the wrong class.</summary>
    public static double[] Run()
    {
        var model = Linear(1, 3, hasBias: false);
        using (no_grad())
            model.weight!.copy_(tensor(new float[] { 0, 20, 0 }).view(3, 1));
        var optimizer = optim.SGD(model.parameters(), 0.1);
        optimizer.zero_grad();
        var loss = [|functional.nll_loss(functional.softmax(model.forward(ones(1, 1)), dim: 1), zeros(1, dtype: int64))|];
        loss.backward();
        optimizer.step();
        return [model.weight!.grad!.norm().item<float>()];
    }
}
