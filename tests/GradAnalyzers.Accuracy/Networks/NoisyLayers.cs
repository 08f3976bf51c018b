using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>mu + sigma * noise with factorized noise f(x) = sign(x) sqrt(|x|) (Fortunato et al. 2018), drawn beforehand.</summary>
public sealed class FactorizedNoise : Module<Tensor, Tensor>
{
    private readonly long inputs;
    private readonly long outputs;
    private Tensor noise = null!;
    private Tensor biasNoise = null!;

    public FactorizedNoise(long inputs, long outputs, double start)
        : base(nameof(FactorizedNoise))
    {
        (this.inputs, this.outputs) = (inputs, outputs);
        var bound = 1 / Math.Sqrt(inputs);
        Mean = Parameter(empty(outputs, inputs).uniform_(-bound, bound));
        Deviation = Parameter(full(outputs, inputs, start / Math.Sqrt(inputs)));
        MeanBias = Parameter(empty(outputs).uniform_(-bound, bound));
        DeviationBias = Parameter(full(outputs, start / Math.Sqrt(inputs)));
        RegisterComponents();
        Draw();
    }

    public Parameter Mean { get; }

    public Parameter Deviation { get; }

    public Parameter MeanBias { get; }

    public Parameter DeviationBias { get; }

    public void Draw()
    {
        var (one, other) = (Scaled(inputs), Scaled(outputs));
        noise = other.outer(one);
        biasNoise = other;
    }

    private static Tensor Scaled(long size)
    {
        var drawn = randn(size);
        return drawn.sign() * drawn.abs().sqrt();
    }

    public override Tensor forward(Tensor x) => functional.linear(x, Mean + Deviation * noise, MeanBias + DeviationBias * biasNoise);
}

public sealed class FactorizedValues : Module<Tensor, Tensor>
{
    private readonly Linear first;
    private readonly FactorizedNoise second;
    private readonly FactorizedNoise third;
    private readonly Linear last;

    public FactorizedValues(long inputs, long width, double start)
        : base(nameof(FactorizedValues))
    {
        first = Linear(inputs, width);
        second = new FactorizedNoise(width, width, start);
        third = new FactorizedNoise(width, width, start);
        last = Linear(width, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => last.forward(third.forward(second.forward(first.forward(x).relu()).relu()).relu());
}

/// <summary>Attention with a bias of each pair of positions added to the logits, by einsum over heads and batch left open; masked or not.</summary>
public sealed class BiasedAttention : Module<Tensor, Tensor>
{
    private readonly Linear q;
    private readonly Linear k;
    private readonly Linear v;
    private readonly Linear o;
    private readonly LayerNorm norm;
    private readonly Parameter bias;
    private readonly int heads;
    private readonly int width;
    private readonly Tensor? mask;

    public BiasedAttention(int width, int heads, int steps, Tensor? mask)
        : base(nameof(BiasedAttention))
    {
        (this.width, this.heads, this.mask) = (width, heads, mask);
        norm = LayerNorm(width);
        q = Linear(width, width);
        k = Linear(width, width);
        v = Linear(width, width);
        o = Linear(width, width);
        bias = Parameter(rand(1, heads, steps, steps));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (b, n) = (x.shape[0], x.shape[1]);
        var normed = norm.forward(x);
        var logits = einsum("... i d, ... j d -> ... i j", Heads(q.forward(normed), b, n), Heads(k.forward(normed), b, n)) * Math.Pow(width / heads, -0.5) + bias;
        Tensor weights;
        if (mask is not null)
            weights = functional.softmax(logits + mask.unsqueeze(0), -1);
        else
            weights = functional.softmax(logits, -1);
        return x + o.forward(matmul(weights, Heads(v.forward(normed), b, n)).permute(0, 2, 1, 3).contiguous().view(b, n, width));
    }

    private Tensor Heads(Tensor x, long b, long n) => x.view(b, n, heads, width / heads).permute(0, 2, 1, 3);
}

public sealed class BiasedReader : Module<Tensor, Tensor>
{
    private readonly Linear embed;
    private readonly ModuleList<BiasedAttention> blocks = new();
    private readonly Linear head;

    public BiasedReader(int inputs, int width, int count, int steps)
        : base(nameof(BiasedReader))
    {
        embed = Linear(inputs, width);
        for (var i = 0; i < count; i++)
            blocks.Add(new BiasedAttention(width, 4, steps, null));
        head = Linear(width, 5);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = embed.forward(x);
        foreach (var block in blocks)
            x = block.forward(x);
        return head.forward(x.mean([1]));
    }
}

/// <summary>Attention within windows of a picture, turned by half a window in every second block, with a table of biases that starts at zero (Liu et al. 2021).</summary>
public sealed class WindowBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly LayerNorm norm2;
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly Sequential mlp;
    private readonly Parameter table;
    private readonly Tensor index;
    private readonly int heads;
    private readonly int window;
    private readonly int size;
    private readonly int shift;

    public WindowBlock(int width, int heads, int size, int window, int shift)
        : base(nameof(WindowBlock))
    {
        (this.heads, this.window, this.size, this.shift) = (heads, window, size, shift);
        norm1 = LayerNorm(width);
        norm2 = LayerNorm(width);
        qkv = Linear(width, 3 * width);
        proj = Linear(width, width);
        mlp = Sequential(Linear(width, 4 * width), GELU(), Linear(4 * width, width));
        table = Parameter(zeros((2 * window - 1) * (2 * window - 1), heads));
        index = (arange(window * window).unsqueeze(1) + arange(window * window)).clamp(0, (2 * window - 1) * (2 * window - 1) - 1).to_type(ScalarType.Int64);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (b, l, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var kept = x;
        x = norm1.forward(x).view(b, size, size, c);
        if (shift > 0)
            x = roll(x, shifts: (-shift, -shift), dims: (1, 2));
        var windows = x.view(b, size / window, window, size / window, window, c).permute(0, 1, 3, 2, 4, 5).contiguous().view(-1, window * window, c);
        var (rows, n) = (windows.shape[0], windows.shape[1]);
        var parts = qkv.forward(windows).reshape(rows, n, 3, heads, c / heads).permute(2, 0, 3, 1, 4);
        var q = parts[0] * Math.Pow(c / heads, -0.5);
        var logits = q.matmul(parts[1].transpose(-2, -1));
        var bias = table[index.view(-1)].view(window * window, window * window, -1).permute(2, 0, 1).contiguous();
        var weights = functional.softmax(logits + bias.unsqueeze(0), -1);
        var attended = proj.forward(weights.matmul(parts[2]).transpose(1, 2).reshape(rows, n, c));
        x = attended.view(-1, window, window, c).view(b, size / window, size / window, window, window, -1).permute(0, 1, 3, 2, 4, 5).contiguous().view(b, size, size, -1);
        if (shift > 0)
            x = roll(x, shifts: (shift, shift), dims: (1, 2));
        x = kept + x.view(b, size * size, c);
        return x + mlp.forward(norm2.forward(x));
    }
}

public sealed class WindowNet : Module<Tensor, Tensor>
{
    private readonly Conv2d embed;
    private readonly ModuleList<WindowBlock> blocks = new();
    private readonly Linear head;

    public WindowNet(int width, int count, int size)
        : base(nameof(WindowNet))
    {
        embed = Conv2d(3, width, 2, stride: 2);
        for (var i = 0; i < count; i++)
            blocks.Add(new WindowBlock(width, 4, size, 4, i % 2 == 0 ? 0 : 2));
        head = Linear(width, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = embed.forward(x).flatten(2).transpose(1, 2);
        foreach (var block in blocks)
            x = block.forward(x);
        return head.forward(x.mean([1]));
    }
}
