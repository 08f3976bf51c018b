using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Queries, keys and values in three chunks of one Linear layer; heads in the batch dimension.</summary>
public sealed class FusedAttention : Module<Tensor, Tensor>
{
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly int heads;
    private readonly bool causal;

    public FusedAttention(int width, int heads, bool causal)
        : base(nameof(FusedAttention))
    {
        this.heads = heads;
        this.causal = causal;
        qkv = Linear(width, width * 3, hasBias: false);
        proj = Linear(width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        long b = x.shape[0], n = x.shape[1], c = x.shape[2];
        var all = qkv.forward(x).reshape(b, n, 3, heads, c / heads).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (all[0], all[1], all[2]);
        var attn = q.matmul(k.transpose(-2, -1)).mul(Math.Pow(c / heads, -0.5));
        if (causal)
            attn = attn + torch.triu(torch.full(new[] { n, n }, float.NegativeInfinity), 1);
        attn = attn.softmax(-1);
        return proj.forward(attn.matmul(v).transpose(1, 2).reshape(b, n, c));
    }
}

/// <summary>Blocks of fused attention and a feed-forward part, normalized before or after.</summary>
public sealed class FusedTransformer : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly ModuleList<FusedAttention> attentions = new();
    private readonly ModuleList<LayerNorm> norms1 = new();
    private readonly ModuleList<Linear> ups = new();
    private readonly ModuleList<Linear> downs = new();
    private readonly ModuleList<LayerNorm> norms2 = new();
    private readonly Linear head;
    private readonly bool preNorm;

    public FusedTransformer(int depth, int inputs, int width, int heads, bool preNorm, bool causal)
        : base(nameof(FusedTransformer))
    {
        this.preNorm = preNorm;
        embed = Linear(inputs, width);
        for (var i = 0; i < depth; i++)
        {
            attentions.Add(new FusedAttention(width, heads, causal));
            norms1.Add(LayerNorm(width));
            ups.Add(Linear(width, 2 * width));
            downs.Add(Linear(2 * width, width));
            norms2.Add(LayerNorm(width));
        }

        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input);
        for (var i = 0; i < attentions.Count; i++)
        {
            if (preNorm)
            {
                x = x + attentions[i].forward(norms1[i].forward(x));
                x = x + downs[i].forward(functional.silu(ups[i].forward(norms2[i].forward(x))));
            }
            else
            {
                x = norms1[i].forward(x + attentions[i].forward(x));
                x = norms2[i].forward(x + downs[i].forward(functional.silu(ups[i].forward(x))));
            }
        }

        return head.forward(x);
    }
}

/// <summary>Attention and nothing else.</summary>
public sealed class AttentionOnly : Module<Tensor, Tensor>
{
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly Linear head;

    public AttentionOnly(int inputs, int width)
        : base(nameof(AttentionOnly))
    {
        query = Linear(inputs, width);
        key = Linear(inputs, width);
        value = Linear(inputs, width);
        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var scores = torch.bmm(query.forward(input), key.forward(input).transpose(1, 2)) / 4;
        return head.forward(torch.bmm(torch.softmax(scores, 2), value.forward(input)));
    }
}

/// <summary>Tokens with learned positions, blocks of scaled dot-product attention, the mean of the tokens.</summary>
public sealed class TokenClassifier : Module<Tensor, Tensor>
{
    private readonly Embedding tokens;
    private readonly Parameter positions;
    private readonly ModuleList<Linear> queries = new();
    private readonly ModuleList<Linear> keys = new();
    private readonly ModuleList<Linear> values = new();
    private readonly ModuleList<LayerNorm> norms = new();
    private readonly Linear head;
    private readonly int heads;

    public TokenClassifier(int vocabulary, int length, int width, int heads, int depth)
        : base(nameof(TokenClassifier))
    {
        this.heads = heads;
        tokens = Embedding(vocabulary, width);
        positions = Parameter(0.1 * torch.randn(1, length, width));
        for (var i = 0; i < depth; i++)
        {
            queries.Add(Linear(width, width));
            keys.Add(Linear(width, width));
            values.Add(Linear(width, width));
            norms.Add(LayerNorm(width));
        }

        head = Linear(width, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = tokens.forward(input) + positions;
        for (var i = 0; i < norms.Count; i++)
        {
            var y = norms[i].forward(x);
            var q = Split(queries[i].forward(y));
            var k = Split(keys[i].forward(y));
            var v = Split(values[i].forward(y));
            var attended = functional.scaled_dot_product_attention(q, k, v);
            x = x + attended.transpose(1, 2).flatten(2);
        }

        return head.forward(x.mean(new long[] { 1 }));
    }

    private Tensor Split(Tensor x) => x.view(x.shape[0], -1, heads, x.shape[2] / heads).transpose(1, 2);
}

/// <summary>A decoder of the library over the memory of an encoder layer, both over one series.</summary>
public sealed class LibraryTransformer : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly TransformerEncoderLayer encoder;
    private readonly TransformerDecoderLayer decoder;
    private readonly Linear head;

    public LibraryTransformer(int inputs, int width, int heads, int hidden)
        : base(nameof(LibraryTransformer))
    {
        embed = Linear(inputs, width);
        encoder = TransformerEncoderLayer(width, heads, hidden, 0.0);
        decoder = TransformerDecoderLayer(width, heads, hidden, 0.0);
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input).transpose(0, 1);
        var memory = encoder.call(x);
        var y = decoder.forward(x, memory, null, null, null, null);
        return head.forward(y.transpose(0, 1));
    }
}

/// <summary>A stack of the library's encoder layers.</summary>
public sealed class LibraryStack : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly TransformerEncoder encoder;
    private readonly Linear head;

    public LibraryStack(int layers, int inputs, int width)
        : base(nameof(LibraryStack))
    {
        embed = Linear(inputs, width);
        encoder = TransformerEncoder(TransformerEncoderLayer(width, 2, 2 * width, 0.0), layers);
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => head.forward(encoder.call(embed.forward(input).permute(1, 0, 2), null, null).permute(1, 0, 2));
}

/// <summary>The library's attention, its queries from another value than its keys.</summary>
public sealed class LibraryCrossAttention : Module<Tensor, Tensor>
{
    private readonly Linear one;
    private readonly Linear other;
    private readonly MultiheadAttention attention;
    private readonly Linear head;

    public LibraryCrossAttention(int inputs, int width)
        : base(nameof(LibraryCrossAttention))
    {
        one = Linear(inputs, width);
        other = Linear(inputs, width);
        attention = MultiheadAttention(width, 2);
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = functional.relu(one.forward(input)).transpose(0, 1);
        var y = functional.relu(other.forward(input)).transpose(0, 1);
        var result = attention.forward(x, y, y, null, false, null).Item1;
        return head.forward(result.transpose(0, 1));
    }
}
