using GradAnalyzers.Monitor;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(
        Linear(16, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 64), Sigmoid(),
        Linear(64, 4));

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor x) => layers.forward(x);
}

public static class Training
{
    public static double Run(int seed, List<double> curve) => Train(seed, curve, null);

    public static void Measure(string file) => Train(1, [], new EvidenceFile(file));

    private static double Train(int seed, List<double> curve, EvidenceFile? evidence)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(128, 16, 4);
        x *= 0.006;
        var model = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.05);
        var ratio = 0.0;
        using var monitor = evidence is null ? null : new GradientMonitor(model).AddSink(evidence);
        for (var step = 0; step < 300; step++)
        {
            var batch = randint(0, 128, 4, dtype: int64);
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.forward(x[batch]), y[batch]);
            loss.backward();
            ratio = step == 0 ? Figures.FirstToLast(model) : ratio;
            monitor?.Observe(loss);
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return ratio;
    }
}
