using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>A classifier that gives probabilities, as one wants them for a prediction.</summary>
public sealed class Classifier : Module<Tensor, Tensor>
{
    private readonly Linear hidden = Linear(8, 32);
    private readonly Linear output = Linear(32, 10);

    public Classifier() : base(nameof(Classifier)) => RegisterComponents();

    public override Tensor forward(Tensor x)
    {
        x = functional.relu(hidden.forward(x));
        x = output.forward(x);
        return functional.softmax(x, 1);
    }
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(256, 8, 10);
        var model = new Classifier();
        var optimizer = optim.SGD(model.parameters(), 0.2);
        for (var epoch = 0; epoch < 100; epoch++)
        {
            optimizer.zero_grad();
            var prediction = model.forward(x);
            functional.cross_entropy(prediction, y).backward();
            optimizer.step();
            curve.Add(100 * prediction.argmax(1).ne(y).to_type(float64).mean().item<double>());
        }

        return curve[^1];
    }
}
