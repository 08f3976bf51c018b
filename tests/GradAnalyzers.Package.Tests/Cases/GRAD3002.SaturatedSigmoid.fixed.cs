using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SaturatedSigmoidCase;

public sealed class Judge : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear fc = Linear(1, 1, hasBias: false);

    public Judge() : base(nameof(Judge)) => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = fc.forward(x);
        return x;
    }
}

public static class Measured
{
    /// <summary>The gradient of a judge that is sure of the wrong answer: a logit of 40 where the target is 0.</summary>
    public static double[] Run()
    {
        var judge = new Judge();
        using (no_grad())
            judge.parameters().First().fill_(40);
        var criterion = BCEWithLogitsLoss();
        var optimizer = optim.SGD(judge.parameters(), 0.1);
        optimizer.zero_grad();
        var loss = criterion.forward(judge.forward(ones(1, 1)), zeros(1, 1));
        loss.backward();
        optimizer.step();
        return [Math.Abs(judge.parameters().First().grad!.item<float>())];
    }
}
