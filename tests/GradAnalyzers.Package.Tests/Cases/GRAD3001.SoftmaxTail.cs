using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace SoftmaxTailCase;

public static class Classifier
{
    public static double Gradient(Tensor x, Tensor y)
    {
        var model = Sequential(
            ("fc", Linear(8, 4, hasBias: false)),
            ("softmax", Softmax(1)));
        using (no_grad())
            model.parameters().First().copy_(tensor(new float[] { 0, 20, 0, 0 }).view(4, 1).expand(4, 8));
        var optimizer = optim.SGD(model.parameters(), 0.1);
        optimizer.zero_grad();
        // the target is class 0, the model is sure of class 1
        var loss = [|functional.cross_entropy(model.forward(x), y)|];
        loss.backward();
        optimizer.step();
        return model.parameters().First().grad!.norm().item<float>();
    }
}

public static class Measured
{
    /// <summary>The gradient of a model that is sure of the wrong class.</summary>
    public static double[] Run() => [Classifier.Gradient(ones(1, 8) / 8, zeros(1, dtype: int64))];
}
