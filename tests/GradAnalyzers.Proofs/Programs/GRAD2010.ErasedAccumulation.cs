using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Rings(256);
        var model = Sequential(Linear(2, 32), Tanh(), Linear(32, 1));
        var optimizer = optim.SGD(model.parameters(), 0.5);
        var total = 0.0;
        for (var round = 1; round <= 400; round++)
        {
            // Four pieces make a batch.
            var piece = (long)(round % 4) * 64;
            optimizer.zero_grad();
            var loss = functional.binary_cross_entropy_with_logits(model.forward(x.narrow(0, piece, 64)), y.narrow(0, piece, 64));
            (loss / 4).backward();
            if (round % 4 == 0)
                optimizer.step();
            total += loss.item<float>() / 4;
            if (round % 4 != 0)
                continue;
            curve.Add(total);
            total = 0;
        }

        return functional.binary_cross_entropy_with_logits(model.forward(x), y).item<float>();
    }
}
