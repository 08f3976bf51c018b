using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Attention with fewer heads of keys and values than of queries (Ainslie et al. 2023), each repeated for its group of queries.</summary>
public sealed class GroupedAttention : Module<Tensor, Tensor>
{
    private readonly Linear q_proj;
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear o_proj;
    private readonly int heads;
    private readonly int groups;
    private readonly int size;
    private readonly bool expands;

    public GroupedAttention(int width, int heads, int groups, bool expands)
        : base(nameof(GroupedAttention))
    {
        (this.heads, this.groups, this.expands, size) = (heads, groups, expands, width / heads);
        q_proj = Linear(width, heads * size, hasBias: false);
        k_proj = Linear(width, groups * size, hasBias: false);
        v_proj = Linear(width, groups * size, hasBias: false);
        o_proj = Linear(heads * size, width, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (b, n) = (x.shape[0], x.shape[1]);
        var q = q_proj.forward(x).view(b, n, heads, size).transpose(1, 2);
        var k = Repeated(k_proj.forward(x).view(b, n, groups, size).transpose(1, 2));
        var v = Repeated(v_proj.forward(x).view(b, n, groups, size).transpose(1, 2));
        var weights = functional.softmax(torch.matmul(q, k.transpose(2, 3)) / Math.Sqrt(size), -1);
        return o_proj.forward(torch.matmul(weights, v).transpose(1, 2).reshape(b, n, heads * size));
    }

    private Tensor Repeated(Tensor x)
    {
        var copies = heads / groups;
        if (!expands)
            return x.repeat_interleave(copies, dim: 1);
        var (b, h, n, d) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        return x.unsqueeze(2).expand(b, h, copies, n, d).reshape(b, h * copies, n, d);
    }
}

/// <summary>A decoder's block: root-mean-square norms, grouped attention, SwiGLU.</summary>
public sealed class GroupedBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly LayerNorm norm2;
    private readonly GroupedAttention attention;
    private readonly Linear gate;
    private readonly Linear up;
    private readonly Linear down;

    public GroupedBlock(int width, int heads, int groups, bool expands)
        : base(nameof(GroupedBlock))
    {
        norm1 = LayerNorm(width);
        norm2 = LayerNorm(width);
        attention = new GroupedAttention(width, heads, groups, expands);
        gate = Linear(width, 2 * width, hasBias: false);
        up = Linear(width, 2 * width, hasBias: false);
        down = Linear(2 * width, width, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = x + attention.forward(norm1.forward(x));
        var y = norm2.forward(x);
        return x + down.forward(functional.silu(gate.forward(y)) * up.forward(y));
    }
}

/// <summary>A language model of <see cref="GroupedBlock"/>s.</summary>
public sealed class GroupedDecoder : Module<Tensor, Tensor>
{
    private readonly Embedding tokens;
    private readonly ModuleList<GroupedBlock> blocks = new();
    private readonly LayerNorm norm;
    private readonly Linear head;

    public GroupedDecoder(int depth, int width, int heads, int groups, bool expands)
        : base(nameof(GroupedDecoder))
    {
        tokens = Embedding(60, width);
        for (var i = 0; i < depth; i++)
            blocks.Add(new GroupedBlock(width, heads, groups, expands));
        norm = LayerNorm(width);
        head = Linear(width, 60, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor indices)
    {
        var x = tokens.forward(indices);
        foreach (var block in blocks)
            x = block.forward(x);
        return head.forward(norm.forward(x));
    }
}

/// <summary>Each step of a text lasts several frames of sound; convolutions over the frames.</summary>
public sealed class FramesOfSteps : Module<Tensor, Tensor>
{
    private readonly Linear stem;
    private readonly Conv1d conv1;
    private readonly Conv1d conv2;
    private readonly Linear outward;
    private readonly int frames;

    public FramesOfSteps(long inputs, long width, int frames)
        : base(nameof(FramesOfSteps))
    {
        this.frames = frames;
        stem = Linear(inputs, width);
        conv1 = Conv1d(width, width, 3, padding: 1);
        conv2 = Conv1d(width, width, 3, padding: 1);
        outward = Linear(width, 12);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.leaky_relu(stem.forward(x), 0.1);
        x = torch.repeat_interleave(x, frames, dim: 1).transpose(1, 2);
        x = conv2.forward(functional.relu(conv1.forward(x)));
        return outward.forward(x.transpose(1, 2));
    }
}

/// <summary>Enlarged by hand: each pixel twice along both sides.</summary>
public sealed class RepeatedPixels : Module<Tensor, Tensor>
{
    private readonly Conv2d down;
    private readonly Conv2d inner;
    private readonly Conv2d outer;

    public RepeatedPixels(long channels)
        : base(nameof(RepeatedPixels))
    {
        down = Conv2d(3, channels, 3, stride: 2, padding: 1);
        inner = Conv2d(channels, channels, 3, padding: 1);
        outer = Conv2d(channels, 3, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.relu(inner.forward(functional.relu(down.forward(x))));
        return outer.forward(x.repeat_interleave(2, 2).repeat_interleave(2, 3));
    }
}
