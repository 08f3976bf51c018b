using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>Points of one class are drawn together and those of two classes kept apart; now and then a pair is the same point twice.</summary>
public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(256, features: 8, classes: 4);
        var model = Sequential(Linear(8, 16), Tanh(), Linear(16, 2));
        var optimizer = optim.Adam(model.parameters(), 0.01);
        for (var step = 0; step < 200; step++)
        {
            var first = randint(0, 256, 64, dtype: int64);
            var second = randint(0, 256, 64, dtype: int64);
            var isSame = y.index_select(0, first).eq(y.index_select(0, second)).to_type(float32);

            optimizer.zero_grad();
            var difference = model.forward(x.index_select(0, first)) - model.forward(x.index_select(0, second));
            var distance = difference.pow(2).sum(1).sqrt();
            var loss = (isSame * distance + (1 - isSame) * functional.relu(2 - distance)).mean();
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
