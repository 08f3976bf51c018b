using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Attention over pixels beside its value; <c>view</c> makes rows of pixels where a transposition was meant, and back.</summary>
public sealed class ViewedAttention : Module<Tensor, Tensor>
{
    private readonly GroupNorm norm;
    private readonly Conv2d q;
    private readonly Conv2d k;
    private readonly Conv2d v;
    private readonly Conv2d proj;
    private readonly bool skips;

    public ViewedAttention(long channels, bool skips)
        : base(nameof(ViewedAttention))
    {
        this.skips = skips;
        norm = GroupNorm(4, channels);
        init.ones_(norm.weight!);
        init.zeros_(norm.bias!);
        q = Conv2d(channels, channels, 1);
        k = Conv2d(channels, channels, 1);
        v = Conv2d(channels, channels, 1);
        proj = Conv2d(channels, channels, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var hidden = norm.forward(x);
        var (b, c, h, w) = (x.size(0), x.size(1), x.size(2), x.size(3));
        var queries = q.forward(hidden).view(b, 1, h * w, c);
        var keys = k.forward(hidden).view(b, 1, h * w, c);
        var values = v.forward(hidden).view(b, 1, h * w, c);
        hidden = functional.scaled_dot_product_attention(queries, keys, values).view(b, c, h, w);
        return skips ? x + proj.forward(hidden) : proj.forward(hidden);
    }
}

/// <summary>Convolutions with <see cref="ViewedAttention"/> between them.</summary>
public sealed class ViewedAutoencoder : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly ViewedAttention first;
    private readonly ViewedAttention second;
    private readonly Conv2d outward;

    public ViewedAutoencoder(long channels, bool skips)
        : base(nameof(ViewedAutoencoder))
    {
        stem = Conv2d(3, channels, 3, padding: 1);
        first = new ViewedAttention(channels, skips);
        second = new ViewedAttention(channels, skips);
        outward = Conv2d(channels, 3, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.silu(stem.forward(x));
        x = second.forward(first.forward(x));
        return outward.forward(functional.silu(x));
    }
}

/// <summary>Features of tokens made an image by <c>view</c> without a transposition, and convolved.</summary>
public sealed class TokensAsPicture : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Linear mix;
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;
    private readonly Linear head;
    private readonly long width;

    public TokensAsPicture(long inputs, long width)
        : base(nameof(TokensAsPicture))
    {
        this.width = width;
        embed = Linear(inputs, width);
        mix = Linear(width, width);
        conv1 = Conv2d(width, width, 3, padding: 1);
        conv2 = Conv2d(width, width, 3, padding: 1);
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = mix.forward(functional.relu(embed.forward(x)));
        var image = x.view(x.shape[0], width, 4, x.shape[1] / 4);
        image = functional.relu(conv2.forward(functional.relu(conv1.forward(image))));
        return head.forward(image.mean([2, 3]));
    }
}

/// <summary>Time before batch, heads in the batch, as in fairseq: pre-norm blocks with attention out of products.</summary>
public sealed class HeadsInBatch : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm;
    private readonly Linear q;
    private readonly Linear k;
    private readonly Linear v;
    private readonly Linear o;
    private readonly int heads;
    private readonly int size;

    public HeadsInBatch(int width, int heads)
        : base(nameof(HeadsInBatch))
    {
        (this.heads, size) = (heads, width / heads);
        norm = LayerNorm(width);
        (q, k, v, o) = (Linear(width, width), Linear(width, width), Linear(width, width), Linear(width, width));
        foreach (var projection in new[] { q, k, v })
            init.xavier_uniform_(projection.weight!, 1 / Math.Sqrt(2));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (time, batch, features) = (x.shape[0], x.shape[1], x.shape[2]);
        var y = norm.forward(x);
        var queries = (q.forward(y) * Math.Pow(size, -0.5)).view(time, batch * heads, size).transpose(0, 1);
        var keys = k.forward(y).view(-1, batch * heads, size).transpose(0, 1);
        var values = v.forward(y).view(-1, batch * heads, size).transpose(0, 1);
        var weights = functional.softmax(torch.matmul(queries, keys.transpose(1, 2)), -1);
        return x + o.forward(torch.matmul(weights, values).transpose(0, 1).contiguous().view(time, batch, features));
    }
}

/// <summary>A reader of <see cref="HeadsInBatch"/> blocks.</summary>
public sealed class TimeFirstReader : Module<Tensor, Tensor>
{
    private readonly Linear stem;
    private readonly ModuleList<HeadsInBatch> blocks = new();
    private readonly Linear head;

    public TimeFirstReader(int depth, long inputs, int width)
        : base(nameof(TimeFirstReader))
    {
        stem = Linear(inputs, width);
        for (var i = 0; i < depth; i++)
            blocks.Add(new HeadsInBatch(width, 4));
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = stem.forward(x).transpose(0, 1);
        foreach (var block in blocks)
            x = block.forward(x);
        return head.forward(x.transpose(0, 1));
    }
}
