using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace GradAnalyzers.Accuracy.Networks;

/// <summary>An LSTM that classifies a sequence by its last step.</summary>
public sealed class LstmClassifier : Module<Tensor, Tensor>
{
    private readonly LSTM lstm;
    private readonly Linear fc;

    public LstmClassifier(int inputs, int hidden, int layers, int outputs)
        : base(nameof(LstmClassifier))
    {
        lstm = LSTM(inputs, hidden, numLayers: layers, batchFirst: true);
        fc = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (output, _, _) = lstm.forward(input);
        return fc.forward(output.select(1, -1));
    }
}

/// <summary>A GRU that classifies a sequence by its last step.</summary>
public sealed class GruClassifier : Module<Tensor, Tensor>
{
    private readonly GRU gru;
    private readonly Linear fc;

    public GruClassifier(int inputs, int hidden, int layers, int outputs)
        : base(nameof(GruClassifier))
    {
        gru = GRU(inputs, hidden, numLayers: layers, batchFirst: true);
        fc = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (output, _) = gru.forward(input);
        return fc.forward(output[.., -1, ..]);
    }
}

/// <summary>An RNN that classifies a sequence by its last step.</summary>
public sealed class RnnClassifier : Module<Tensor, Tensor>
{
    private readonly RNN rnn;
    private readonly Linear fc;

    public RnnClassifier(int inputs, int hidden, int layers, int outputs)
        : base(nameof(RnnClassifier))
    {
        rnn = RNN(inputs, hidden, numLayers: layers, batchFirst: true);
        fc = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (output, _) = rnn.forward(input, null);
        return fc.forward(output.select(1, -1));
    }
}

/// <summary>A character model: embedding, LSTM, an output at every step.</summary>
public sealed class CharacterModel : Module<Tensor, Tensor>
{
    private readonly Embedding embedding;
    private readonly LSTM lstm;
    private readonly Linear fc;

    public CharacterModel(int tokens, int features, int hidden)
        : base(nameof(CharacterModel))
    {
        embedding = Embedding(tokens, features);
        lstm = LSTM(features, hidden, batchFirst: true);
        fc = Linear(hidden, tokens);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = embedding.forward(input);
        var (output, _, _) = lstm.forward(x);
        return fc.forward(output);
    }
}

/// <summary>A sequence to sequence regression: GRU with an output at every step.</summary>
public sealed class GruTagger : Module<Tensor, Tensor>
{
    private readonly GRU gru;
    private readonly Linear fc;

    public GruTagger(int inputs, int hidden, int outputs)
        : base(nameof(GruTagger))
    {
        gru = GRU(inputs, hidden, batchFirst: true);
        fc = Linear(hidden, outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (output, _) = gru.forward(input);
        return fc.forward(output);
    }
}
