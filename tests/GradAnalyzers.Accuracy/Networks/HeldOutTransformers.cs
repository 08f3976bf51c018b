using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>Attention with separate projections, written by hand.</summary>
public sealed class HandAttention : Module<Tensor, Tensor>
{
    private readonly long heads;
    private readonly bool causal;
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly Linear output;

    public HandAttention(long width, long heads, bool causal)
        : base(nameof(HandAttention))
    {
        this.heads = heads;
        this.causal = causal;
        query = Linear(width, width);
        key = Linear(width, width);
        value = Linear(width, width);
        output = Linear(width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (batch, time, width) = (x.shape[0], x.shape[1], x.shape[2]);
        var size = width / heads;
        var q = query.forward(x).view(batch, time, heads, size).transpose(1, 2);
        var k = key.forward(x).view(batch, time, heads, size).transpose(1, 2);
        var v = value.forward(x).view(batch, time, heads, size).transpose(1, 2);
        var scores = torch.matmul(q, k.transpose(-2, -1)) / Math.Sqrt(size);
        if (causal)
            scores = scores.masked_fill(torch.tril(torch.ones(time, time)).eq(0), double.NegativeInfinity);
        var attended = torch.matmul(functional.softmax(scores, dim: -1), v);
        return output.forward(attended.transpose(1, 2).contiguous().view(batch, time, width));
    }
}

/// <summary>LayerNorm before each branch.</summary>
public sealed class NormFirstBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly HandAttention attention;
    private readonly LayerNorm norm2;
    private readonly Sequential mlp;

    public NormFirstBlock(long width, long heads)
        : base(nameof(NormFirstBlock))
    {
        norm1 = LayerNorm(width);
        attention = new HandAttention(width, heads, false);
        norm2 = LayerNorm(width);
        mlp = Sequential(Linear(width, 4 * width), GELU(), Linear(4 * width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = x + attention.forward(norm1.forward(x));
        return x + mlp.forward(norm2.forward(x));
    }
}

/// <summary>LayerNorm after each sum.</summary>
public sealed class NormLastBlock : Module<Tensor, Tensor>
{
    private readonly HandAttention attention;
    private readonly LayerNorm norm1;
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly LayerNorm norm2;

    public NormLastBlock(long width, long heads)
        : base(nameof(NormLastBlock))
    {
        attention = new HandAttention(width, heads, false);
        norm1 = LayerNorm(width);
        fc1 = Linear(width, 4 * width);
        fc2 = Linear(4 * width, width);
        norm2 = LayerNorm(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = norm1.forward(x + attention.forward(x));
        return norm2.forward(x + fc2.forward(functional.relu(fc1.forward(x))));
    }
}

/// <summary>A transformer over a series of measurements: an output at every step.</summary>
public sealed class SeriesTransformer : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly ModuleList<Module<Tensor, Tensor>> blocks = new();
    private readonly Linear head;

    public SeriesTransformer(int depth, long inputs, long width, long heads, bool preNorm)
        : base(nameof(SeriesTransformer))
    {
        embed = Linear(inputs, width);
        for (var i = 0; i < depth; i++)
            blocks.Add(preNorm ? new NormFirstBlock(width, heads) : new NormLastBlock(width, heads));
        head = Linear(width, 8);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input);
        foreach (var block in blocks)
            x = block.forward(x);
        return head.forward(x);
    }
}

/// <summary>Attention without skips or norms, one layer on the other: rank collapse.</summary>
public sealed class BareAttentionStack : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly ModuleList<HandAttention> layers = new();
    private readonly Linear head;

    public BareAttentionStack(int depth, long inputs, long width)
        : base(nameof(BareAttentionStack))
    {
        embed = Linear(inputs, width);
        for (var i = 0; i < depth; i++)
            layers.Add(new HandAttention(width, 4, false));
        head = Linear(width, 8);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input);
        foreach (var layer in layers)
            x = layer.forward(x);
        return head.forward(x);
    }
}

/// <summary>Queries, keys and values out of one Linear layer, with a causal mask kept as a buffer.</summary>
public sealed class CausalSelfAttention : Module<Tensor, Tensor>
{
    private readonly int n_head;
    private readonly int n_embd;
    private readonly Linear c_attn;
    private readonly Linear c_proj;
    private readonly Dropout attn_dropout;
    private readonly Tensor bias;

    public CausalSelfAttention(int n_embd, int n_head, int block_size)
        : base(nameof(CausalSelfAttention))
    {
        this.n_head = n_head;
        this.n_embd = n_embd;
        c_attn = Linear(n_embd, 3 * n_embd);
        c_proj = Linear(n_embd, n_embd);
        attn_dropout = Dropout(0.1);
        bias = torch.tril(torch.ones(block_size, block_size)).view(1, 1, block_size, block_size);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var B = x.size(0);
        var T = x.size(1);
        var C = x.size(2);
        var qkv = c_attn.forward(x).split(n_embd, dim: 2);
        var q = qkv[0].view(B, T, n_head, C / n_head).transpose(1, 2);
        var k = qkv[1].view(B, T, n_head, C / n_head).transpose(1, 2);
        var v = qkv[2].view(B, T, n_head, C / n_head).transpose(1, 2);
        var att = q.matmul(k.transpose(-2, -1)) * (1.0 / Math.Sqrt(k.size(-1)));
        att = att.masked_fill(bias[.., .., ..(int)T, ..(int)T].eq(0), float.NegativeInfinity);
        att = functional.softmax(att, -1);
        att = attn_dropout.forward(att);
        var y = att.matmul(v);
        y = y.transpose(1, 2).contiguous().view(B, T, C);
        return c_proj.forward(y);
    }
}

public sealed class GptBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm ln_1;
    private readonly CausalSelfAttention attn;
    private readonly LayerNorm ln_2;
    private readonly Linear c_fc;
    private readonly Linear c_proj;

    public GptBlock(int n_embd, int n_head, int block_size)
        : base(nameof(GptBlock))
    {
        ln_1 = LayerNorm(n_embd);
        attn = new CausalSelfAttention(n_embd, n_head, block_size);
        ln_2 = LayerNorm(n_embd);
        c_fc = Linear(n_embd, 4 * n_embd);
        c_proj = Linear(4 * n_embd, n_embd);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = x + attn.forward(ln_1.forward(x));
        x = x + c_proj.forward(functional.gelu(c_fc.forward(ln_2.forward(x))));
        return x;
    }
}

/// <summary>A language model in the manner of nanoGPT.</summary>
public sealed class SmallGpt : Module<Tensor, Tensor>
{
    private readonly Embedding wte;
    private readonly Embedding wpe;
    private readonly ModuleList<GptBlock> h;
    private readonly LayerNorm ln_f;
    private readonly Linear lm_head;

    public SmallGpt(int vocab_size, int block_size, int n_layer, int n_head, int n_embd, bool initialized)
        : base(nameof(SmallGpt))
    {
        wte = Embedding(vocab_size, n_embd);
        wpe = Embedding(block_size, n_embd);
        h = ModuleList<GptBlock>();
        for (var i = 0; i < n_layer; i++)
            h.Add(new GptBlock(n_embd, n_head, block_size));
        ln_f = LayerNorm(n_embd);
        lm_head = Linear(n_embd, vocab_size, hasBias: false);
        RegisterComponents();
        if (initialized)
        {
            foreach (var module in modules())
            {
                if (module is Linear linear)
                {
                    init.normal_(linear.weight, 0, 0.02);
                    if (linear.bias is not null)
                        init.zeros_(linear.bias);
                }
                else if (module is Embedding embedding)
                {
                    init.normal_(embedding.weight, 0, 0.02);
                }
            }
        }
    }

    public override Tensor forward(Tensor idx)
    {
        var t = idx.size(1);
        var pos = torch.arange(0, t, dtype: ScalarType.Int64).unsqueeze(0);
        var x = wte.forward(idx) + wpe.forward(pos);
        foreach (var block in h)
            x = block.forward(x);
        x = ln_f.forward(x);
        return lm_head.forward(x);
    }
}

/// <summary>The library's encoder (post-norm), which takes (time, batch, features).</summary>
public sealed class LibraryEncoder : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly TransformerEncoder encoder;
    private readonly Linear head;

    public LibraryEncoder(int layers, long inputs, long width, long heads, long hidden)
        : base(nameof(LibraryEncoder))
    {
        embed = Linear(inputs, width);
        encoder = TransformerEncoder(TransformerEncoderLayer(width, heads, hidden, dropout: 0.0), layers);
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input).transpose(0, 1);
        x = encoder.forward(x, null, null);
        return head.forward(x.mean(new long[] { 0 }));
    }
}

/// <summary>The library's multihead attention in blocks of its own.</summary>
public sealed class MultiheadBlocks : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly ModuleList<MultiheadAttention> attentions = new();
    private readonly ModuleList<LayerNorm> norms = new();
    private readonly Linear head;

    public MultiheadBlocks(int depth, long inputs, long width)
        : base(nameof(MultiheadBlocks))
    {
        embed = Linear(inputs, width);
        for (var i = 0; i < depth; i++)
        {
            attentions.Add(MultiheadAttention(width, 4));
            norms.Add(LayerNorm(width));
        }

        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embed.forward(input).permute(1, 0, 2);
        for (var i = 0; i < attentions.Count; i++)
        {
            var (attended, _) = attentions[i].forward(x, x, x, null, false, null);
            x = norms[i].forward(x + attended);
        }

        return head.forward(x.permute(1, 0, 2));
    }
}

/// <summary>Patches by a convolution, a class token, learned positions.</summary>
public sealed class SmallViT : Module<Tensor, Tensor>
{
    private readonly Conv2d patch;
    private readonly Parameter token;
    private readonly Parameter positions;
    private readonly Sequential blocks;
    private readonly LayerNorm norm;
    private readonly Linear head;

    public SmallViT(int depth, long width, long heads, long side, long size)
        : base(nameof(SmallViT))
    {
        patch = Conv2d(3, width, size, stride: size);
        token = Parameter(torch.zeros(1, 1, width));
        positions = Parameter(torch.randn(1, side / size * (side / size) + 1, width) * 0.02);
        var list = new List<Module<Tensor, Tensor>>();
        for (var i = 0; i < depth; i++)
            list.Add(new NormFirstBlock(width, heads));
        blocks = Sequential(list);
        norm = LayerNorm(width);
        head = Linear(width, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = patch.forward(input).flatten(2).transpose(1, 2);
        var tokens = token.expand(x.shape[0], -1, -1);
        x = torch.cat(new[] { tokens, x }, 1) + positions;
        x = norm.forward(blocks.forward(x));
        return head.forward(x[.., 0]);
    }
}

/// <summary>A few learned queries that attend to a long input.</summary>
public sealed class LatentReader : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly Parameter latents;
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly Linear output;
    private readonly LayerNorm norm;
    private readonly Linear head;

    public LatentReader(long inputs, long width, long count)
        : base(nameof(LatentReader))
    {
        embed = Linear(inputs, width);
        latents = Parameter(torch.randn(count, width));
        query = Linear(width, width, hasBias: false);
        key = Linear(width, width, hasBias: false);
        value = Linear(width, width, hasBias: false);
        output = Linear(width, width);
        norm = LayerNorm(width);
        head = Linear(count * width, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var context = functional.relu(embed.forward(input));
        var start = latents.unsqueeze(0).expand(input.shape[0], latents.shape[0], latents.shape[1]);
        var attended = functional.scaled_dot_product_attention(query.forward(start), key.forward(context), value.forward(context));
        var x = norm.forward(start + output.forward(attended));
        return head.forward(x.flatten(1));
    }
}

/// <summary>GRU encoder and decoder with dot-product attention between them.</summary>
public sealed class AttentiveTranslator : Module<Tensor, Tensor>
{
    private readonly Embedding source;
    private readonly GRU encoder;
    private readonly GRU decoder;
    private readonly Linear combine;
    private readonly Linear output;

    public AttentiveTranslator(long tokens, long width)
        : base(nameof(AttentiveTranslator))
    {
        source = Embedding(tokens, width);
        encoder = GRU(width, width, batchFirst: true);
        decoder = GRU(width, width, batchFirst: true);
        combine = Linear(2 * width, width);
        output = Linear(width, tokens);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var embedded = source.forward(input);
        var (memory, state) = encoder.forward(embedded);
        var (states, _) = decoder.forward(embedded, state);
        var weights = torch.bmm(states, memory.transpose(1, 2)).softmax(-1);
        var context = torch.bmm(weights, memory);
        var x = torch.tanh(combine.forward(torch.cat(new[] { states, context }, -1)));
        return output.forward(x);
    }
}

/// <summary>A weighted mean of an LSTM's steps; the weights are learned by a small network.</summary>
public sealed class AttentionPooling : Module<Tensor, Tensor>
{
    private readonly LSTM lstm;
    private readonly Linear score1;
    private readonly Linear score2;
    private readonly Linear fc;

    public AttentionPooling(long inputs, long hidden, long outputs)
        : base(nameof(AttentionPooling))
    {
        lstm = LSTM(inputs, hidden, batchFirst: true);
        score1 = Linear(hidden, hidden / 2);
        score2 = Linear(hidden / 2, 1);
        fc = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (states, _, _) = lstm.forward(input);
        var weights = functional.softmax(score2.forward(torch.tanh(score1.forward(states))), 1);
        var context = (weights * states).sum(1);
        return fc.forward(context);
    }
}
