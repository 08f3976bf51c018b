using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ImageCnn;

/// <summary>Tells which of four shapes a picture of 24 x 24 pixels shows.</summary>
public sealed class Network : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Linear hidden, output;
    private readonly bool isSick;

    /// <param name="isSick">Leaves out what keeps gradients healthy: sigmoid instead of ReLU, no normalization.</param>
    public Network(bool isSick) : base(nameof(Network))
    {
        this.isSick = isSick;
        features = Sequential([.. Stage("1", 1, 8), .. Stage("2", 8, 16), .. Stage("3", 16, 32)]);
        hidden = Linear(32 * 3 * 3, 64);
        output = Linear(64, Pictures.Shapes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pictures)
    {
        var x = features.call(pictures).flatten(1);
        return output.call(Activate(hidden.call(x)));
    }

    private Tensor Activate(Tensor x) => isSick ? x.sigmoid() : functional.relu(x);

    private IEnumerable<(string, Module<Tensor, Tensor>)> Stage(string name, long from, long to)
    {
        yield return ($"conv{name}a", Conv2d(from, to, 3, padding: 1, bias: isSick));
        if (!isSick)
            yield return ($"norm{name}a", BatchNorm2d(to));
        yield return ($"act{name}a", isSick ? Sigmoid() : ReLU());
        yield return ($"conv{name}b", Conv2d(to, to, 3, padding: 1, bias: isSick));
        if (!isSick)
            yield return ($"norm{name}b", BatchNorm2d(to));
        yield return ($"act{name}b", isSick ? Sigmoid() : ReLU());
        yield return ($"pool{name}", MaxPool2d(2));
    }
}
