using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Additive attention (Bahdanau et al. 2015) over recurrent features, its context a batched product.</summary>
public sealed class AdditiveReader : Module<Tensor, Tensor>
{
    private readonly GRU encoder;
    private readonly Linear attend;
    private readonly Linear score;
    private readonly Linear head;

    public AdditiveReader(long inputs, long hidden)
        : base(nameof(AdditiveReader))
    {
        encoder = GRU(inputs, hidden, batchFirst: true);
        attend = Linear(hidden, hidden);
        score = Linear(hidden, 1, hasBias: false);
        head = Linear(hidden, 8);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (states, _) = encoder.forward(x);
        var energy = score.forward(torch.tanh(attend.forward(states))).squeeze(2);
        var weights = torch.softmax(energy, 1);
        var context = torch.bmm(weights.unsqueeze(1), states).squeeze(1);
        return head.forward(context);
    }
}

/// <summary>A mask written in place.</summary>
public sealed class InPlaceMask : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Linear q;
    private readonly Linear k;
    private readonly Linear v;
    private readonly Linear head;

    public InPlaceMask(long inputs, long width)
        : base(nameof(InPlaceMask))
    {
        embed = Linear(inputs, width);
        q = Linear(width, width);
        k = Linear(width, width);
        v = Linear(width, width);
        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = embed.forward(x);
        var scores = torch.matmul(q.forward(h), k.forward(h).transpose(-2, -1)).div_(Math.Sqrt(h.shape[2]));
        var mask = torch.ones(h.shape[1], h.shape[1]).triu(1).to(ScalarType.Bool);
        scores.masked_fill_(mask, double.NegativeInfinity);
        return head.forward(h + torch.matmul(scores.softmax(-1), v.forward(h)));
    }
}

/// <summary>Rotary positions (Su et al. 2021) from a table that forward cuts.</summary>
public sealed class RotaryReader : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Linear wq;
    private readonly Linear wk;
    private readonly Linear wv;
    private readonly Linear wo;
    private readonly Linear head;
    private readonly Tensor cos;
    private readonly Tensor sin;
    private readonly long heads;

    public RotaryReader(long inputs, long width, long heads)
        : base(nameof(RotaryReader))
    {
        this.heads = heads;
        embed = Linear(inputs, width);
        wq = Linear(width, width, hasBias: false);
        wk = Linear(width, width, hasBias: false);
        wv = Linear(width, width, hasBias: false);
        wo = Linear(width, width, hasBias: false);
        head = Linear(width, 9);
        var size = width / heads;
        var frequencies = torch.pow(10000.0, torch.arange(0, size, 2).to(ScalarType.Float32).mul(-1.0 / size));
        var angles = torch.outer(torch.arange(0, 256).to(ScalarType.Float32), frequencies);
        cos = torch.cat([angles, angles], -1).cos();
        sin = torch.cat([angles, angles], -1).sin();
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = embed.forward(x);
        var (b, t, c) = (h.shape[0], h.shape[1], h.shape[2]);
        var q = Rotated(wq.forward(h).view(b, t, heads, c / heads).transpose(1, 2), t);
        var k = Rotated(wk.forward(h).view(b, t, heads, c / heads).transpose(1, 2), t);
        var v = wv.forward(h).view(b, t, heads, c / heads).transpose(1, 2);
        var y = nn.functional.scaled_dot_product_attention(q, k, v);
        return head.forward(h + wo.forward(y.transpose(1, 2).contiguous().view(b, t, c)));
    }

    private Tensor Rotated(Tensor x, long steps)
    {
        var halves = x.chunk(2, -1);
        var turned = torch.cat([-halves[1], halves[0]], -1);
        return x * cos.narrow(0, 0, steps) + turned * sin.narrow(0, 0, steps);
    }
}

/// <summary>A board game's network: a shared trunk, a policy and a value that tanh bounds.</summary>
public sealed class PolicyAndValue : Module<Tensor, (Tensor, Tensor)>
{
    private readonly Sequential trunk;
    private readonly Linear policy;
    private readonly Linear value1;
    private readonly Linear value2;

    public PolicyAndValue(long inputs, long width)
        : base(nameof(PolicyAndValue))
    {
        trunk = Sequential(Linear(inputs, width), ReLU(), Linear(width, width), ReLU(), Linear(width, width), ReLU());
        policy = Linear(width, 16);
        value1 = Linear(width, 32);
        value2 = Linear(32, 1);
        RegisterComponents();
    }

    public override (Tensor, Tensor) forward(Tensor x)
    {
        var features = trunk.forward(x);
        return (policy.forward(features), torch.tanh(value2.forward(functional.relu(value1.forward(features)))));
    }
}

/// <summary>What an autoencoder gives: the picture again, and its code.</summary>
public sealed class CodeAndPicture : Module<Tensor, (Tensor, Tensor)>
{
    private readonly Linear e1;
    private readonly Linear e2;
    private readonly Linear d1;
    private readonly Linear d2;

    public CodeAndPicture(long inputs, long code)
        : base(nameof(CodeAndPicture))
    {
        e1 = Linear(inputs, 64);
        e2 = Linear(64, code);
        d1 = Linear(code, 64);
        d2 = Linear(64, inputs);
        RegisterComponents();
    }

    public override (Tensor, Tensor) forward(Tensor x)
    {
        var code = e2.forward(functional.elu(e1.forward(x), 1.0));
        return (d2.forward(functional.elu(d1.forward(code), 1.0)), code);
    }
}

/// <summary>Spatial attention (Woo et al. 2018): the channels' mean and maximum decide which pixels count.</summary>
public sealed class WherePooling : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly Conv2d where;
    private readonly Conv2d body;
    private readonly Linear head;

    public WherePooling(long channels)
        : base(nameof(WherePooling))
    {
        stem = Conv2d(3, channels, 3, padding: 1);
        where = Conv2d(2, 1, 7, padding: 3, bias: false);
        body = Conv2d(channels, channels, 3, padding: 1);
        head = Linear(channels, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = stem.forward(x).relu();
        var average = x.mean([1], keepdim: true);
        var largest = x.amax([1], keepdim: true);
        var gate = torch.sigmoid(where.forward(torch.cat([average, largest], 1)));
        return head.forward(body.forward(x * gate).relu().mean([2, 3]));
    }
}
