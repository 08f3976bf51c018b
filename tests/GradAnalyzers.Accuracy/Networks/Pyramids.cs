using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>A feature pyramid (Lin et al. 2017) over a small trunk: lateral 1 x 1 convolutions, enlarged and summed from the top down; three levels, each with an output of its own.</summary>
public sealed class FeaturePyramid : Module<Tensor, (Tensor, Tensor, Tensor)>
{
    private readonly Sequential c2;
    private readonly Sequential c3;
    private readonly Sequential c4;
    private readonly Conv2d lateral2;
    private readonly Conv2d lateral3;
    private readonly Conv2d lateral4;
    private readonly Conv2d smooth2;
    private readonly Conv2d smooth3;
    private readonly Conv2d smooth4;

    public FeaturePyramid(long channels, long width)
        : base(nameof(FeaturePyramid))
    {
        c2 = Sequential(Conv2d(3, channels, 3, stride: 2, padding: 1), BatchNorm2d(channels), ReLU());
        c3 = Sequential(Conv2d(channels, 2 * channels, 3, stride: 2, padding: 1), BatchNorm2d(2 * channels), ReLU());
        c4 = Sequential(Conv2d(2 * channels, 4 * channels, 3, stride: 2, padding: 1), BatchNorm2d(4 * channels), ReLU());
        lateral2 = Conv2d(channels, width, 1);
        lateral3 = Conv2d(2 * channels, width, 1);
        lateral4 = Conv2d(4 * channels, width, 1);
        smooth2 = Conv2d(width, width, 3, padding: 1);
        smooth3 = Conv2d(width, width, 3, padding: 1);
        smooth4 = Conv2d(width, width, 3, padding: 1);
        RegisterComponents();
    }

    public override (Tensor, Tensor, Tensor) forward(Tensor x)
    {
        var f2 = c2.forward(x);
        var f3 = c3.forward(f2);
        var f4 = c4.forward(f3);
        var p4 = lateral4.forward(f4);
        var p3 = lateral3.forward(f3) + functional.interpolate(p4, scale_factor: [2, 2], mode: InterpolationMode.Nearest);
        var p2 = lateral2.forward(f2) + functional.interpolate(p3, scale_factor: [2, 2], mode: InterpolationMode.Nearest);
        return (smooth2.forward(p2), smooth3.forward(p3), smooth4.forward(p4));
    }
}

/// <summary>The levels enlarged to one size and joined, as text detectors do it.</summary>
public sealed class JoinedPyramid : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly Conv2d down1;
    private readonly Conv2d down2;
    private readonly Conv2d in2;
    private readonly Conv2d in3;
    private readonly Conv2d in4;
    private readonly Conv2d p2;
    private readonly Conv2d p3;
    private readonly Conv2d p4;
    private readonly Conv2d outward;
    private readonly Upsample twice = Upsample(scale_factor: [2, 2], mode: UpsampleMode.Nearest);
    private readonly Upsample fourfold = Upsample(scale_factor: [4, 4], mode: UpsampleMode.Nearest);

    public JoinedPyramid(long channels, long width)
        : base(nameof(JoinedPyramid))
    {
        stem = Conv2d(3, channels, 3, padding: 1);
        down1 = Conv2d(channels, 2 * channels, 3, stride: 2, padding: 1);
        down2 = Conv2d(2 * channels, 4 * channels, 3, stride: 2, padding: 1);
        in2 = Conv2d(channels, width, 1, bias: false);
        in3 = Conv2d(2 * channels, width, 1, bias: false);
        in4 = Conv2d(4 * channels, width, 1, bias: false);
        p2 = Conv2d(width, width / 4, 3, padding: 1, bias: false);
        p3 = Conv2d(width, width / 4, 3, padding: 1, bias: false);
        p4 = Conv2d(width, width / 4, 3, padding: 1, bias: false);
        outward = Conv2d(width / 4 * 3, 1, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var f2 = stem.forward(x).relu();
        var f3 = down1.forward(f2).relu();
        var f4 = down2.forward(f3).relu();
        var top = in4.forward(f4);
        var middle = in3.forward(f3) + twice.forward(top);
        var bottom = in2.forward(f2) + twice.forward(middle);
        var joined = torch.cat([p2.forward(bottom), twice.forward(p3.forward(middle)), fourfold.forward(p4.forward(top))], 1);
        return outward.forward(joined);
    }
}

/// <summary>Lateral connections of a deep pyramid by Kaiming's initialization: five levels, the last one classified by its mean.</summary>
public sealed class DeepPyramid : Module<Tensor, Tensor>
{
    private readonly ModuleList<Conv2d> down = new();
    private readonly ModuleList<Conv2d> lateral = new();
    private readonly Linear head;

    public DeepPyramid(int levels, long channels)
        : base(nameof(DeepPyramid))
    {
        for (var i = 0; i < levels; i++)
        {
            down.Add(Conv2d(i == 0 ? 3 : channels, channels, 3, stride: i == 0 ? 1 : 2, padding: 1));
            lateral.Add(Conv2d(channels, channels, 1));
            init.kaiming_normal_(lateral[i].weight!);
        }

        head = Linear(channels, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var features = new List<Tensor>();
        foreach (var layer in down)
        {
            x = functional.relu(layer.forward(x));
            features.Add(x);
        }

        var top = lateral[features.Count - 1].forward(features[features.Count - 1]);
        for (var i = features.Count - 2; i >= 0; i--)
            top = lateral[i].forward(features[i]) + functional.interpolate(top, scale_factor: [2, 2], mode: InterpolationMode.Nearest);
        return head.forward(top.mean([2, 3]));
    }
}

/// <summary>Top-down and bottom-up again (path aggregation).</summary>
public sealed class AggregatedPyramid : Module<Tensor, (Tensor, Tensor)>
{
    private readonly Conv2d stem;
    private readonly Conv2d stage;
    private readonly Conv2d lateralHigh;
    private readonly Conv2d lateralLow;
    private readonly Conv2d again;
    private readonly Conv2d outLow;
    private readonly Conv2d outHigh;

    public AggregatedPyramid(long channels)
        : base(nameof(AggregatedPyramid))
    {
        stem = Conv2d(1, channels, 3, stride: 2, padding: 1);
        stage = Conv2d(channels, 2 * channels, 3, stride: 2, padding: 1);
        lateralHigh = Conv2d(2 * channels, channels, 1);
        lateralLow = Conv2d(channels, channels, 1);
        again = Conv2d(channels, channels, 3, stride: 2, padding: 1);
        outLow = Conv2d(channels, 4, 1);
        outHigh = Conv2d(channels, 4, 1);
        RegisterComponents();
    }

    public override (Tensor, Tensor) forward(Tensor x)
    {
        var low = functional.leaky_relu(stem.forward(x), 0.1);
        var high = functional.leaky_relu(stage.forward(low), 0.1);
        var up = lateralHigh.forward(high);
        var merged = lateralLow.forward(low) + functional.interpolate(up, size: [low.shape[2], low.shape[3]], mode: InterpolationMode.Nearest);
        var back = up + again.forward(merged);
        return (outLow.forward(merged), outHigh.forward(back));
    }
}

/// <summary>Convolution, normalization, SiLU.</summary>
public sealed class ConvUnit : Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly BatchNorm2d bn;

    public ConvUnit(long inputs, long outputs, long kernel = 1, long stride = 1)
        : base(nameof(ConvUnit))
    {
        conv = Conv2d(inputs, outputs, kernel, stride, kernel / 2, bias: false);
        bn = BatchNorm2d(outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => functional.silu(bn.forward(conv.forward(x)));
}

/// <summary>A cross-stage block: half of the channels go through units with skips, all that came up on the way is joined.</summary>
public sealed class CrossStage : Module<Tensor, Tensor>
{
    private readonly ConvUnit first;
    private readonly ConvUnit last;
    private readonly ModuleList<ConvUnit> units = new();
    private readonly bool skips;

    public CrossStage(long inputs, long outputs, int depth, bool skips)
        : base(nameof(CrossStage))
    {
        this.skips = skips;
        var half = outputs / 2;
        first = new ConvUnit(inputs, outputs);
        last = new ConvUnit((2 + depth) * half, outputs);
        for (var i = 0; i < 2 * depth; i++)
            units.Add(new ConvUnit(half, half, 3));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var parts = first.forward(x).chunk(2, 1).ToList();
        for (var i = 0; i < units.Count; i += 2)
        {
            var inner = units[i + 1].forward(units[i].forward(parts[^1]));
            parts.Add(skips ? parts[^1] + inner : inner);
        }

        return last.forward(torch.cat(parts.ToArray(), 1));
    }
}

/// <summary>A one-stage detector: a trunk of cross-stage blocks, top down and bottom up again, a head at each of three levels, their cells one after the other.</summary>
public sealed class SmallDetector : Module<Tensor, (Tensor, Tensor)>
{
    private readonly ModuleList<Module<Tensor, Tensor>> trunk = new();
    private readonly CrossStage up1;
    private readonly CrossStage up2;
    private readonly ConvUnit down1;
    private readonly CrossStage merge1;
    private readonly ConvUnit down2;
    private readonly CrossStage merge2;
    private readonly ModuleList<Sequential> boxes = new();
    private readonly ModuleList<Sequential> classes = new();
    private readonly Upsample enlarge = Upsample(scale_factor: [2, 2], mode: UpsampleMode.Nearest);

    public SmallDetector(long width)
        : base(nameof(SmallDetector))
    {
        trunk.Add(new ConvUnit(3, width, 3, 2));
        trunk.Add(new ConvUnit(width, 2 * width, 3, 2));
        trunk.Add(new CrossStage(2 * width, 2 * width, 1, true));
        trunk.Add(new ConvUnit(2 * width, 4 * width, 3, 2));
        trunk.Add(new CrossStage(4 * width, 4 * width, 2, true));
        trunk.Add(new ConvUnit(4 * width, 8 * width, 3, 2));
        trunk.Add(new CrossStage(8 * width, 8 * width, 1, true));
        up1 = new CrossStage(12 * width, 4 * width, 1, false);
        up2 = new CrossStage(6 * width, 2 * width, 1, false);
        down1 = new ConvUnit(2 * width, 2 * width, 3, 2);
        merge1 = new CrossStage(6 * width, 4 * width, 1, false);
        down2 = new ConvUnit(4 * width, 4 * width, 3, 2);
        merge2 = new CrossStage(12 * width, 8 * width, 1, false);
        foreach (var channels in new[] { 2 * width, 4 * width, 8 * width })
        {
            boxes.Add(Sequential(new ConvUnit(channels, 16, 3), new ConvUnit(16, 16, 3), Conv2d(16, 16, 1)));
            classes.Add(Sequential(new ConvUnit(channels, 20, 3), new ConvUnit(20, 20, 3), Conv2d(20, 20, 1)));
        }

        RegisterComponents();
    }

    public override (Tensor, Tensor) forward(Tensor x)
    {
        var kept = new List<Tensor>();
        for (var i = 0; i < trunk.Count; i++)
        {
            x = trunk[i].forward(x);
            if (new[] { 2, 4, 6 }.Contains(i))
                kept.Add(x);
        }

        var middle = up1.forward(torch.cat([enlarge.forward(kept[2]), kept[1]], 1));
        var low = up2.forward(torch.cat([enlarge.forward(middle), kept[0]], 1));
        var mid = merge1.forward(torch.cat([down1.forward(low), middle], 1));
        var high = merge2.forward(torch.cat([down2.forward(mid), kept[2]], 1));
        var levels = new[] { low, mid, high };
        var batch = x.shape[0];
        var found = Enumerable.Range(0, 3).Select(i => boxes[i].forward(levels[i]).view(batch, 16, -1)).ToArray();
        var named = Enumerable.Range(0, 3).Select(i => classes[i].forward(levels[i]).view(batch, 20, -1)).ToArray();
        return (torch.cat(found, -1), torch.cat(named, -1));
    }
}

/// <summary>A convolution whose channels are gated by their means and kept beside it, as text detectors have it.</summary>
public sealed class GatedLateral : Module<Tensor, Tensor>
{
    private readonly Conv2d lateral;
    private readonly Conv2d squeeze;
    private readonly Conv2d excite;
    private readonly AdaptiveAvgPool2d pool = AdaptiveAvgPool2d(1);

    public GatedLateral(long inputs, long outputs, long kernel)
        : base(nameof(GatedLateral))
    {
        lateral = Conv2d(inputs, outputs, kernel, padding: kernel / 2, bias: false);
        squeeze = Conv2d(outputs, outputs / 4, 1);
        excite = Conv2d(outputs / 4, outputs, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = lateral.forward(x);
        return x + x * functional.hardsigmoid(excite.forward(functional.relu(squeeze.forward(pool.forward(x)))));
    }
}

/// <summary>A pyramid with <see cref="GatedLateral"/> before and behind its sums.</summary>
public sealed class GatedPyramid : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly Conv2d down;
    private readonly GatedLateral high;
    private readonly GatedLateral low;
    private readonly GatedLateral outHigh;
    private readonly GatedLateral outLow;

    public GatedPyramid(long channels, long width)
        : base(nameof(GatedPyramid))
    {
        stem = Conv2d(3, channels, 3, padding: 1);
        down = Conv2d(channels, 2 * channels, 3, stride: 2, padding: 1);
        low = new GatedLateral(channels, width, 1);
        high = new GatedLateral(2 * channels, width, 1);
        outLow = new GatedLateral(width, width / 4, 3);
        outHigh = new GatedLateral(width, width / 4, 3);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var f1 = stem.forward(x).relu();
        var f2 = down.forward(f1).relu();
        var top = high.forward(f2);
        var bottom = low.forward(f1) + functional.interpolate(top, scale_factor: [2, 2], mode: InterpolationMode.Nearest);
        return torch.cat([outLow.forward(bottom), functional.interpolate(outHigh.forward(top), scale_factor: [2, 2], mode: InterpolationMode.Nearest)], 1);
    }
}
