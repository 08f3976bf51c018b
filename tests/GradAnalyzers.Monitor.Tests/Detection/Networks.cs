using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Detection;

/// <summary>The networks of the scenarios.</summary>
internal static class Networks
{
    public static Sequential Mlp(int depth, int width, int outputs, Func<nn.Module<Tensor, Tensor>> activation, Func<int, nn.Module<Tensor, Tensor>>? norm = null, Action<Linear>? initialize = null, bool softmax = false)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        for (var i = 0; i < depth; i++)
        {
            var linear = nn.Linear(i == 0 ? Tasks.Features : width, width);
            initialize?.Invoke(linear);
            layers.Add(($"fc{i}", linear));
            if (norm is not null)
                layers.Add(($"norm{i}", norm(width)));
            layers.Add(($"act{i}", activation()));
        }
        layers.Add(("out", nn.Linear(depth == 0 ? Tasks.Features : width, outputs)));
        if (softmax)
            layers.Add(("softmax", nn.Softmax(1)));
        return nn.Sequential(layers);
    }

    public static Sequential Cnn(bool norm = true, double dropout = 0, bool softmax = false, Action<Conv2d, int>? initialize = null)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        var from = 1;
        foreach (var (to, i) in new[] { 8, 16, 16 }.Select((c, i) => (c, i)))
        {
            var conv = nn.Conv2d(from, to, 3, padding: 1);
            initialize?.Invoke(conv, i);
            layers.Add(($"conv{i}", conv));
            if (norm)
                layers.Add(($"norm{i}", nn.BatchNorm2d(to)));
            layers.Add(($"act{i}", nn.ReLU()));
            if (i < 2)
                layers.Add(($"pool{i}", nn.MaxPool2d(2)));
            from = to;
        }
        layers.Add(("flat", nn.Flatten()));
        if (dropout > 0)
            layers.Add(("drop", nn.Dropout(dropout)));
        layers.Add(("out", nn.Linear(16 * 9, Tasks.Classes)));
        if (softmax)
            layers.Add(("softmax", nn.Softmax(1)));
        return nn.Sequential(layers);
    }

    public static void Kaiming(Linear linear) => nn.init.kaiming_normal_(linear.weight!, nonlinearity: nn.init.NonlinearityType.ReLU);
}

/// <summary>A recurrent layer and a classifier of its last output.</summary>
internal sealed class Recurrent : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module rnn;
    private readonly Linear head;
    private readonly bool detached;

    public Recurrent(nn.Module rnn, int hidden, bool detached = false) : base(nameof(Recurrent))
    {
        this.rnn = rnn;
        this.detached = detached;
        head = nn.Linear(hidden, Tasks.Classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var output = rnn switch
        {
            LSTM lstm => lstm.call(x).Item1,
            GRU gru => gru.call(x).Item1,
            RNN plain => plain.call(x).Item1,
            _ => throw new InvalidOperationException(),
        };
        var last = output[.., -1];
        return head.call(detached ? last.detach() : last);
    }
}

/// <summary>Embedding, GRU, and a guess of the next symbol at each place.</summary>
internal sealed class NextSymbol : nn.Module<Tensor, Tensor>
{
    private readonly Embedding embedding;
    private readonly GRU gru;
    private readonly Linear head;

    public NextSymbol(int symbols = 20, int width = 24) : base(nameof(NextSymbol))
    {
        embedding = nn.Embedding(symbols, width);
        gru = nn.GRU(width, width, batchFirst: true);
        head = nn.Linear(width, symbols);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => head.call(gru.call(embedding.call(x)).Item1).flatten(0, 1);
}

/// <summary>Transformer encoder layers over projected inputs, mean over time.</summary>
internal sealed class Attention : nn.Module<Tensor, Tensor>
{
    private readonly Linear project;
    private readonly TransformerEncoder encoder;
    private readonly Linear head;

    public Attention(int layers, int width = 32) : base(nameof(Attention))
    {
        project = nn.Linear(8, width);
        encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, 64, 0.1), layers);
        head = nn.Linear(width, Tasks.Classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => head.call(encoder.call(project.call(x).transpose(0, 1), null!, null!)[^3..].mean([0L]));
}

/// <summary>Residual blocks with layer normalization.</summary>
internal sealed class Residual : nn.Module<Tensor, Tensor>
{
    private readonly Linear first, head;
    private readonly ModuleList<Linear> blocks = [];
    private readonly ModuleList<LayerNorm> norms = [];

    public Residual(int depth, int width = 32) : base(nameof(Residual))
    {
        first = nn.Linear(Tasks.Features, width);
        head = nn.Linear(width, Tasks.Classes);
        for (var i = 0; i < depth; i++)
        {
            blocks.Add(nn.Linear(width, width));
            norms.Add(nn.LayerNorm(width));
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = first.call(x);
        for (var i = 0; i < blocks.Count; i++)
            x = x + nn.functional.relu(blocks[i].call(norms[i].call(x)));
        return head.call(x);
    }
}

/// <summary>An encoder and a head; the encoder can be cut off from the gradient.</summary>
internal sealed class TwoParts : nn.Module<Tensor, Tensor>
{
    public readonly nn.Module<Tensor, Tensor> encoder, head;
    private readonly bool detached;

    public TwoParts(nn.Module<Tensor, Tensor> encoder, nn.Module<Tensor, Tensor> head, bool detached = false) : base(nameof(TwoParts))
    {
        this.encoder = encoder;
        this.head = head;
        this.detached = detached;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = encoder.call(x);
        return head.call(detached ? h.detach() : h);
    }
}
