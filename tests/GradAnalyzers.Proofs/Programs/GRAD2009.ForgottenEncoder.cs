using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Encoder : Module<Tensor, Tensor>
{
    private readonly Linear layer = Linear(2, 4);

    public Encoder() : base(nameof(Encoder)) => RegisterComponents();

    public Tensor Weight => layer.weight!.detach().clone();

    public override Tensor forward(Tensor x) => functional.tanh(layer.forward(x));
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var encoder = new Encoder();
        var start = encoder.Weight;
        var decoder = Linear(4, 1);
        var optimizer = optim.Adam(decoder.parameters(), 0.05);
        for (var step = 0; step < 200; step++)
        {
            optimizer.zero_grad();
            var loss = functional.binary_cross_entropy_with_logits(decoder.forward(encoder.forward(x)), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return (encoder.Weight - start).norm().item<float>();
    }
}
