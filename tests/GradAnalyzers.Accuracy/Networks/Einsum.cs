using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Attention whose products are written with einsum, batch before heads; pre-norm.</summary>
public sealed class EinsumAttention : Module<Tensor, Tensor>
{
    private readonly Linear wq;
    private readonly Linear wk;
    private readonly Linear wv;
    private readonly Linear wo;
    private readonly long heads;

    public EinsumAttention(long width, long heads)
        : base(nameof(EinsumAttention))
    {
        this.heads = heads;
        wq = Linear(width, width, hasBias: false);
        wk = Linear(width, width, hasBias: false);
        wv = Linear(width, width, hasBias: false);
        wo = Linear(width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (b, n, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var q = wq.forward(x).view(b, n, heads, c / heads).transpose(1, 2);
        var k = wk.forward(x).view(b, n, heads, c / heads).transpose(1, 2);
        var v = wv.forward(x).view(b, n, heads, c / heads).transpose(1, 2);
        var logits = torch.einsum("bhid,bhjd->bhij", q, k) * Math.Pow(c / heads, -0.5);
        var mixed = torch.einsum("bhij,bhjd->bhid", torch.softmax(logits, -1), v);
        return wo.forward(mixed.transpose(1, 2).reshape(b, n, c));
    }
}

/// <summary>A pre-norm transformer out of <see cref="EinsumAttention"/>.</summary>
public sealed class EinsumTransformer : Module<Tensor, Tensor>
{
    private readonly Linear stem;
    private readonly ModuleList<LayerNorm> norms = new();
    private readonly ModuleList<EinsumAttention> attentions = new();
    private readonly Linear head;

    public EinsumTransformer(int depth, long inputs, long width)
        : base(nameof(EinsumTransformer))
    {
        stem = Linear(inputs, width);
        for (var i = 0; i < depth; i++)
        {
            norms.Add(LayerNorm(width));
            attentions.Add(new EinsumAttention(width, 4));
        }

        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = stem.forward(input);
        for (var i = 0; i < attentions.Count; i++)
            x = x + attentions[i].forward(norms[i].forward(x));
        return head.forward(x.mean([1]));
    }
}

/// <summary>Heads stay where the projection puts them: the indices of the products say the rest.</summary>
public sealed class EinsumHeadsLast : Module<Tensor, Tensor>
{
    private readonly Linear qkv;
    private readonly Linear project;
    private readonly Linear head;
    private readonly int heads;

    public EinsumHeadsLast(long inputs, long width, int heads)
        : base(nameof(EinsumHeadsLast))
    {
        this.heads = heads;
        qkv = Linear(inputs, 3 * width);
        project = Linear(width, width);
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var parts = qkv.forward(input).chunk(3, dim: 2);
        var width = parts[0].shape[2];
        var query = parts[0].reshape(input.shape[0], -1, heads, width / heads);
        var keys = parts[1].reshape(input.shape[0], -1, heads, width / heads);
        var values = parts[2].reshape(input.shape[0], -1, heads, width / heads);
        var energy = torch.einsum("nqhd,nkhd->nhqk", query, keys);
        var attention = nn.functional.softmax(energy / Math.Sqrt(width), dim: 3);
        var context = torch.einsum("nhql,nlhd->nqhd", attention, values).reshape(input.shape[0], -1, width);
        return head.forward(functional.relu(project.forward(context)));
    }
}

/// <summary>Linear layers by einsum with parameters of their own.</summary>
public sealed class EinsumMlp : Module<Tensor, Tensor>
{
    private readonly Parameter weight1;
    private readonly Parameter weight2;
    private readonly Parameter weight3;

    public EinsumMlp(long inputs, long width)
        : base(nameof(EinsumMlp))
    {
        weight1 = Parameter(torch.randn(width, inputs) / Math.Sqrt(inputs));
        weight2 = Parameter(torch.randn(width, width) * Math.Sqrt(1.0 / width));
        weight3 = Parameter(torch.randn(width, 8) * 0.1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = torch.tanh(torch.einsum("bi,oi->bo", x, weight1));
        h = torch.tanh(torch.einsum("bi,oi->bo", h, weight2));
        return torch.einsum("bd,dk->bk", h, weight3);
    }
}

/// <summary>A learned query's weighted sum over the steps, by einsum.</summary>
public sealed class EinsumPooling : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Linear score;
    private readonly Linear head;

    public EinsumPooling(long inputs, long width)
        : base(nameof(EinsumPooling))
    {
        embed = Linear(inputs, width);
        score = Linear(width, 1);
        head = Linear(width, 7);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = torch.tanh(embed.forward(x));
        var alpha = score.forward(h).squeeze(-1).softmax(1);
        return head.forward(torch.einsum("bt,btd->bd", alpha, h));
    }
}

/// <summary>A sequence by a matrix of its own at each step, in one product; mixes features by the last index.</summary>
public sealed class EinsumSequence : Module<Tensor, Tensor>
{
    private readonly Parameter weight_in;
    private readonly Parameter weight_out;
    private readonly Linear head;

    public EinsumSequence(long inputs, long width)
        : base(nameof(EinsumSequence))
    {
        weight_in = Parameter(torch.empty(inputs, width));
        weight_out = Parameter(torch.empty(width, width));
        init.kaiming_uniform_(weight_in, Math.Sqrt(5));
        init.xavier_normal_(weight_out);
        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = torch.einsum("btd,dk->btk", x, weight_in).relu();
        h = torch.einsum("...d,dk->...k", h, weight_out).relu();
        return head.forward(h.mean([1]));
    }
}

/// <summary>Keys before queries and channels before positions: attention over the pixels of a feature map.</summary>
public sealed class PixelAttention : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly Conv2d query;
    private readonly Conv2d key;
    private readonly Conv2d value;
    private readonly Conv2d outward;
    private readonly Linear head;

    public PixelAttention(long channels)
        : base(nameof(PixelAttention))
    {
        stem = Conv2d(3, channels, 3, padding: 1);
        query = Conv2d(channels, channels, 1);
        key = Conv2d(channels, channels, 1);
        value = Conv2d(channels, channels, 1);
        outward = Conv2d(channels, channels, 1);
        head = Linear(channels, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.relu(stem.forward(x));
        var (b, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        var q = query.forward(x).view(b, c, h * w);
        var k = key.forward(x).view(b, c, h * w);
        var v = value.forward(x).view(b, c, h * w);
        var logits = torch.bmm(q.transpose(1, 2), k) / Math.Sqrt(c);
        var a = torch.softmax(logits, -1);
        var y = torch.bmm(v, a.transpose(1, 2)).view(b, c, h, w);
        return head.forward((x + outward.forward(y)).mean([2, 3]));
    }
}

/// <summary>The same products over pixels by einsum.</summary>
public sealed class EinsumPixels : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly Conv2d qkv;
    private readonly Conv2d outward;
    private readonly Linear head;
    private readonly long channels;

    public EinsumPixels(long channels)
        : base(nameof(EinsumPixels))
    {
        this.channels = channels;
        stem = Conv2d(3, channels, 3, padding: 1);
        qkv = Conv2d(channels, 3 * channels, 1, bias: false);
        outward = Conv2d(channels, channels, 1);
        head = Linear(channels, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = functional.silu(stem.forward(x));
        var parts = qkv.forward(x).flatten(2).split(channels, 1);
        var scaled = parts[0] * (1 / Math.Sqrt(channels));
        var attention = torch.einsum("bci,bcj->bij", scaled, parts[1]).softmax(-1);
        var y = torch.einsum("bij,bcj->bci", attention, parts[2]).reshape(x.shape);
        return head.forward((x + outward.forward(y)).mean([-2, -1]));
    }
}
