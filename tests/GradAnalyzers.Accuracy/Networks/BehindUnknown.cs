using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>An encoder with an operation that has no prediction, and a stack behind it.</summary>
public sealed class BehindUnknown : Module<Tensor, Tensor>
{
    private readonly string operation;
    private readonly Linear encoder;
    private readonly Sequential head;

    public BehindUnknown(string operation, string kind, int depth, int width)
        : base(nameof(BehindUnknown))
    {
        this.operation = operation;
        encoder = Linear(width, operation == "spectrum" ? 2 * (width - 1) : width);
        var list = new List<(string, Module<Tensor, Tensor>)>();
        for (var i = 0; i < depth; i++)
        {
            list.Add(($"fc{i}", Linear(width, width, hasBias: kind != "bare")));
            if (kind == "norm")
                list.Add(($"norm{i}", BatchNorm1d(width)));
            list.Add(($"act{i}", kind == "sigmoid" ? Sigmoid() : kind == "gelu" ? GELU() : kind == "tanh" ? Tanh() : ReLU()));
        }

        list.Add(("last", Linear(width, 10)));
        head = Sequential(list);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = encoder.forward(input);
        x = operation switch
        {
            "sums" => x.cumsum(1),
            "sorted" => torch.sort(x, 1).values,
            "spectrum" => torch.fft.rfft(x).abs(),
            "large" => (100 * x).cumsum(1),
            "small" => (0.001 * x).cumsum(1),
            _ => torch.cummax(x.relu(), 1).values,
        };
        return head.forward(x);
    }
}
