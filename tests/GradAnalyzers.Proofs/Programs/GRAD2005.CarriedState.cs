using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Reader : Module<Tensor, Tensor, (Tensor, Tensor)>
{
    private readonly GRU gru = GRU(1, 16, batchFirst: true);
    private readonly Linear head = Linear(16, 1);

    public Reader() : base(nameof(Reader)) => RegisterComponents();

    public override (Tensor, Tensor) forward(Tensor x, Tensor state)
    {
        var (output, next) = gru.forward(x, state);
        return (head.forward(output), next);
    }
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var model = new Reader();
        var optimizer = optim.Adam(model.parameters(), 0.02);
        // One long signal, read piece by piece.
        var signal = (arange(0, 60 * 12 + 1, dtype: float32) * 0.4).sin() + (randn(60 * 12 + 1) * 0.05);
        var state = zeros(1, 1, 16);
        for (var piece = 0; piece < 60; piece++)
        {
            var x = signal.narrow(0, piece * 12, 12).view(1, 12, 1);
            var y = signal.narrow(0, piece * 12 + 1, 12).view(1, 12, 1);
            Tensor output;
            (output, state) = model.forward(x, state);
            optimizer.zero_grad();
            var loss = functional.mse_loss(output, y);
            loss.backward();
            nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve.Count;
    }
}
