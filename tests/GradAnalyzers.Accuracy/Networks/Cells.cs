using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>An LSTM cell over the steps, the last state classified.</summary>
public sealed class LstmCellReader : Module<Tensor, Tensor>
{
    private readonly LSTMCell cell;
    private readonly Linear head;
    private readonly long hidden;

    public LstmCellReader(long inputs, long hidden, long classes)
        : base(nameof(LstmCellReader))
    {
        this.hidden = hidden;
        cell = LSTMCell(inputs, hidden);
        head = Linear(hidden, classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = torch.zeros(x.shape[0], hidden);
        var c = torch.zeros(x.shape[0], hidden);
        for (var t = 0; t < x.shape[1]; t++)
            (h, c) = cell.forward(x[TensorIndex.Colon, t], (h, c));
        return head.forward(h);
    }
}

/// <summary>A GRU cell over the steps, every step labelled.</summary>
public sealed class GruCellTagger : Module<Tensor, Tensor>
{
    private readonly GRUCell cell;
    private readonly Linear head;
    private readonly int size;

    public GruCellTagger(int inputs, int size, int labels)
        : base(nameof(GruCellTagger))
    {
        this.size = size;
        cell = GRUCell(inputs, size);
        head = Linear(size, labels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var state = torch.zeros(input.size(0), size, device: input.device);
        var outputs = new List<Tensor>();
        for (long step = 0; step < input.size(1); ++step)
        {
            state = cell.forward(input.select(1, step), state);
            outputs.Add(head.forward(state));
        }

        return torch.stack(outputs, dim: 1);
    }
}

/// <summary>An Elman network by the library's cell, over a list of steps.</summary>
public sealed class RnnCellReader : Module<Tensor, Tensor>
{
    private readonly RNNCell rnn;
    private readonly Linear classify;

    public RnnCellReader(long inputs, long hidden)
        : base(nameof(RnnCellReader))
    {
        rnn = RNNCell(inputs, hidden);
        classify = Linear(hidden, 10);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        Tensor hidden = torch.zeros(x.shape[0], rnn.weight_hh!.shape[1]);
        foreach (var step in x.unbind(1))
            hidden = rnn.call(step, hidden);
        return classify.forward(hidden);
    }
}

/// <summary>An Elman network out of two linear layers.</summary>
public sealed class ElmanByHand : Module<Tensor, Tensor>
{
    private readonly Linear inward;
    private readonly Linear recur;
    private readonly Linear outward;
    private readonly long width;

    public ElmanByHand(long inputs, long width, long classes)
        : base(nameof(ElmanByHand))
    {
        this.width = width;
        inward = Linear(inputs, width);
        recur = Linear(width, width, hasBias: false);
        outward = Linear(width, classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var steps = x.shape[1];
        var h = torch.zeros(new[] { x.shape[0], width });
        for (int i = 0; i < steps; i++)
            h = torch.tanh(inward.forward(x[.., i, ..]) + recur.forward(h));
        return outward.forward(h);
    }
}

/// <summary>The classic tutorial's cell: input and state side by side through one linear layer.</summary>
public sealed class JoinedCell : Module<Tensor, Tensor>
{
    private readonly Linear i2h;
    private readonly Linear i2o;
    private readonly int hiddenSize;

    public JoinedCell(int inputs, int hiddenSize, int classes)
        : base(nameof(JoinedCell))
    {
        this.hiddenSize = hiddenSize;
        i2h = Linear(inputs + hiddenSize, hiddenSize);
        i2o = Linear(hiddenSize, classes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor sequence)
    {
        var hidden = torch.zeros(sequence.shape[0], hiddenSize);
        for (var t = 0; t < sequence.shape[1]; t++)
        {
            var combined = torch.cat([sequence.select(1, t), hidden], 1);
            hidden = torch.tanh(i2h.forward(combined));
        }

        return i2o.forward(hidden);
    }
}

/// <summary>Two LSTM cells, one on the other.</summary>
public sealed class StackedCells : Module<Tensor, Tensor>
{
    private readonly LSTMCell lower;
    private readonly LSTMCell upper;
    private readonly Linear head;

    public StackedCells(long inputs, long hidden)
        : base(nameof(StackedCells))
    {
        lower = LSTMCell(inputs, hidden);
        upper = LSTMCell(hidden, hidden);
        head = Linear(hidden, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var b = x.shape[0];
        var n = head.weight!.shape[1];
        Tensor h1 = torch.zeros(b, n), c1 = torch.zeros(b, n), h2 = torch.zeros(b, n), c2 = torch.zeros(b, n);
        for (var t = 0; t < x.shape[1]; t++)
        {
            var now = x.select(1, t);
            (h1, c1) = lower.forward(now, (h1, c1));
            (h2, c2) = upper.forward(h1, (h2, c2));
        }

        return head.forward(h2);
    }
}

/// <summary>A gated recurrent unit written out with linear layers.</summary>
public sealed class GruByHand : Module<Tensor, Tensor>
{
    private readonly Linear wz;
    private readonly Linear uz;
    private readonly Linear wr;
    private readonly Linear ur;
    private readonly Linear wh;
    private readonly Linear uh;
    private readonly Linear head;
    private readonly long n;

    public GruByHand(long inputs, long n)
        : base(nameof(GruByHand))
    {
        this.n = n;
        wz = Linear(inputs, n);
        uz = Linear(n, n);
        wr = Linear(inputs, n);
        ur = Linear(n, n);
        wh = Linear(inputs, n);
        uh = Linear(n, n);
        head = Linear(n, 6);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = torch.zeros(x.shape[0], n);
        for (var t = 0; t < x.shape[1]; t++)
        {
            var now = x.select(1, t);
            var z = torch.sigmoid(wz.forward(now) + uz.forward(h));
            var r = torch.sigmoid(wr.forward(now) + ur.forward(h));
            var candidate = torch.tanh(wh.forward(now) + uh.forward(r * h));
            h = (1 - z) * h + z * candidate;
        }

        return head.forward(h);
    }
}

/// <summary>An encoder's last state unrolled again, without inputs.</summary>
public sealed class CellDecoder : Module<Tensor, Tensor>
{
    private readonly GRU encoder;
    private readonly GRUCell decoder;
    private readonly Linear head;
    private readonly int steps;

    public CellDecoder(long inputs, long hidden, int steps)
        : base(nameof(CellDecoder))
    {
        this.steps = steps;
        encoder = GRU(inputs, hidden, batchFirst: true);
        decoder = GRUCell(hidden, hidden);
        head = Linear(hidden, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var (_, last, _) = Encode(x);
        var state = last;
        var result = new Tensor[steps];
        for (var i = 0; i < steps; i++)
        {
            state = decoder.forward(state, state);
            result[i] = head.forward(state);
        }

        return torch.stack(result, 1);
    }

    private (Tensor, Tensor, int) Encode(Tensor x)
    {
        var (all, h) = encoder.forward(x);
        return (all, h[0], 0);
    }
}
