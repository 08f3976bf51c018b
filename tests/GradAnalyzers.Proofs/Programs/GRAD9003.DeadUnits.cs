using GradAnalyzers.Monitor;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Net : Module<Tensor, Tensor>
{
    private readonly Linear hidden = Linear(16, 64);
    private readonly Linear output = Linear(64, 4);

    public Net() : base(nameof(Net)) => RegisterComponents();

    public override Tensor forward(Tensor x) => output.forward(functional.relu(hidden.forward(x)));
}

public static class Training
{
    public static double Run(int seed, List<double> curve) => Train(seed, curve, null);

    public static void Measure(string file) => Train(1, [], new EvidenceFile(file));

    private static double Train(int seed, List<double> curve, EvidenceFile? evidence)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(128, 16, 4);
        x += 4;
        var model = new Net();
        var optimizer = optim.SGD(model.parameters(), 0.5);
        using var monitor = evidence is null ? null : new GradientMonitor(model).AddSink(evidence);
        for (var step = 0; step < 300; step++)
        {
            var batch = randint(0, 128, 32, dtype: int64);
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.forward(x[batch]), y[batch]);
            loss.backward();
            monitor?.Observe(loss);
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return 100 - (100 * model.forward(x).argmax(1).eq(y).to_type(float32).mean().item<float>());
    }
}
