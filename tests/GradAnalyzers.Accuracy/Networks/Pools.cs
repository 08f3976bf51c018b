using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Spatial pyramid pooling as detectors have it: maxima over ever wider windows, joined, on a small map.</summary>
public sealed class PooledMaps : Module<Tensor, Tensor>
{
    private readonly Sequential trunk;
    private readonly ConvUnit inward;
    private readonly ConvUnit outward;
    private readonly MaxPool2d pool = MaxPool2d(5, stride: 1, padding: 2);
    private readonly Linear head;

    public PooledMaps(long width, int halvings)
        : base(nameof(PooledMaps))
    {
        var layers = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < halvings; i++)
            layers.Add(new ConvUnit(i == 0 ? 3 : width, width, 3, 2));
        trunk = Sequential(layers);
        inward = new ConvUnit(width, width / 2);
        outward = new ConvUnit(2 * width, width);
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = inward.forward(trunk.forward(x));
        var once = pool.forward(x);
        var twice = pool.forward(once);
        x = outward.forward(torch.cat([x, once, twice, pool.forward(twice)], 1));
        return head.forward(x.mean([2, 3]));
    }
}

/// <summary>Windows of maxima that overlap between convolutions without normalization.</summary>
public sealed class OverlappingPools : Module<Tensor, Tensor>
{
    private readonly ModuleList<Conv2d> convs = new();
    private readonly Linear head;

    public OverlappingPools(int depth, long width)
        : base(nameof(OverlappingPools))
    {
        for (var i = 0; i < depth; i++)
            convs.Add(Conv2d(i == 0 ? 3 : width, width, 3, padding: 1));
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        foreach (var conv in convs)
            x = functional.max_pool2d(functional.relu(conv.forward(x)), 3, stride: 2, padding: 1);
        return head.forward(x.mean([2, 3]));
    }
}
