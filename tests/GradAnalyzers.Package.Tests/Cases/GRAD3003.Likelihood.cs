using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace LogarithmCase;

public static class Loss
{
    public static Tensor Of(Tensor logits, Tensor target)
    {
        // the chance of the right answer
        var chances = functional.softmax(logits, 1);
        return functional.nll_loss([|chances.log()|], target);
    }

    public static void Learn(Tensor logits, Tensor target) => Of(logits, target).backward();
}

public static class Measured
{
    /// <summary>The gradient of a very confident wrong answer: of the right class' logit.</summary>
    public static double[] Run()
    {
        var logits = tensor(new float[] { 0, 120 }, requires_grad: true).reshape(1, 2);
        logits.retain_grad();
        Loss.Learn(logits, tensor(new long[] { 0 }));
        return [logits.grad!.abs().max().item<float>()];
    }
}
