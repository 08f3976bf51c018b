using static TorchSharp.torch;

namespace CharRnn;

/// <summary>Predicts the next character from those before it: an embedding, one GRU layer, and a score for every character.</summary>
internal sealed class CharRnn : nn.Module<Tensor, Tensor, (Tensor Scores, Tensor State)>
{
    private readonly TorchSharp.Modules.Embedding embedding;
    private readonly TorchSharp.Modules.GRU gru;
    private readonly TorchSharp.Modules.Linear output;

    /// <param name="characters">How many different characters the text has.</param>
    /// <param name="embedded">Width of a character's embedding.</param>
    /// <param name="hidden">Width of the recurrent state.</param>
    public CharRnn(int characters, int embedded = 48, int hidden = 192) : base(nameof(CharRnn))
    {
        embedding = nn.Embedding(characters, embedded);
        gru = nn.GRU(embedded, hidden, batchFirst: true);
        output = nn.Linear(hidden, characters);
        Start = zeros(1, 1, hidden);
        RegisterComponents();
    }

    /// <summary>The state before the first character: 1 layer x 1 sequence x hidden.</summary>
    public Tensor Start { get; }

    /// <param name="input">Character numbers: sequences x characters.</param>
    /// <param name="state">The recurrent state before them: 1 x sequences x hidden.</param>
    /// <returns>Scores of the next character at each place (sequences x characters x alphabet), and the state after the last.</returns>
    public override (Tensor Scores, Tensor State) forward(Tensor input, Tensor state)
    {
        var (states, last) = gru.call(embedding.call(input), state);
        return (output.call(states), last);
    }
}
