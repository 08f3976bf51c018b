using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public sealed class Adder : Module<Tensor, Tensor>
{
    private readonly RNN rnn = RNN(1, 16, nonLinearity: NonLinearities.ReLU, batchFirst: true);
    private readonly Linear head = Linear(16, 1);

    public Adder() : base(nameof(Adder)) => RegisterComponents();

    public override Tensor forward(Tensor x) => head.forward(rnn.call(x).Item1);
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Sums(16, 24);
        var model = new Adder();
        var optimizer = optim.SGD(model.parameters(), 0.1);
        for (var step = 0; step < 120; step++)
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(model.forward(x), y);
            nn.utils.clip_grad_norm_(model.parameters(), 1.0);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
