using System.Collections.Immutable;
using GradAnalyzers.GradientFlow;
using Distribution = GradAnalyzers.GradientFlow.Distribution;

namespace GradAnalyzers.Models;

/// <summary>One step of a recurrent cell (<c>RNNCell</c>, <c>GRUCell</c>, <c>LSTMCell</c>) as layers: each gate has rows of its own in the two weights that all steps share.</summary>
internal static class RecurrentBlock
{
    /// <param name="kind">Which cell.</param>
    /// <param name="path">Its path.</param>
    /// <param name="inputs">Features of the input.</param>
    /// <param name="hidden">Features of the state.</param>
    /// <param name="count">What it is given: the input, the state before, an LSTM's cell state before, and, for its hidden state, the new one.</param>
    /// <param name="isCellState">Whether an LSTM's new cell state is asked for, else its hidden state.</param>
    /// <param name="inputWeight">How the input weights start, null for as the library starts them.</param>
    /// <param name="hiddenWeight">How the recurrent weights start, null for as the library starts them.</param>
    /// <param name="hasBias">Whether it has biases.</param>
    public static Block Of(RecurrentKind kind, string path, int inputs, int hidden, int count, bool isCellState, Distribution? inputWeight, Distribution? hiddenWeight, bool hasBias)
    {
        var start = Distribution.TorchDefault(hidden);
        var builder = new Builder(path, inputs, hidden, inputWeight ?? start, hiddenWeight ?? start, hasBias ? start : null);
        var given = Enumerable.Range(0, count).Select(_ => builder.Add(new Input())).ToArray();
        var (x, h) = (given[0], count > (kind == RecurrentKind.Lstm && !isCellState ? 2 : 1) ? given[1] : -1);
        switch (kind)
        {
            case RecurrentKind.Lstm when isCellState:
                var fresh = builder.Add(new Multiply(), builder.Gate(x, h, ActivationKind.Sigmoid), builder.Gate(x, h, ActivationKind.Tanh));
                if (count > 2)
                    builder.Add(new Add(), builder.Add(new Multiply(), builder.Gate(x, h, ActivationKind.Sigmoid), given[2]), fresh);
                break;
            case RecurrentKind.Lstm:
                builder.Add(new Multiply(), builder.Gate(x, h, ActivationKind.Sigmoid), builder.Add(new Activation(ActivationKind.Tanh), given[^1]));
                break;
            case RecurrentKind.Gru:
                var reset = builder.Gate(x, h, ActivationKind.Sigmoid);
                var update = builder.Gate(x, h, ActivationKind.Sigmoid);
                var old = h < 0 ? -1 : builder.Add(new Multiply(), reset, builder.Recur(h));
                var candidate = builder.Add(new Activation(ActivationKind.Tanh), builder.Sum(builder.Read(x), old));
                var taken = builder.Add(new Multiply(), builder.Add(new Scale(-1, 1), update), candidate);
                if (h >= 0)
                    builder.Add(new Add(), taken, builder.Add(new Multiply(), update, h));
                break;
            default:
                builder.Gate(x, h, kind == RecurrentKind.ReLU ? ActivationKind.ReLU : ActivationKind.Tanh);
                break;
        }

        return builder.Block();
    }

    private sealed class Builder(string path, int inputs, int hidden, Distribution inputWeight, Distribution hiddenWeight, Distribution? bias)
    {
        private readonly ImmutableArray<NetworkNode>.Builder _nodes = ImmutableArray.CreateBuilder<NetworkNode>();

        public Block Block() => new(_nodes.ToImmutable());

        public int Add(Layer layer, params int[] read)
        {
            _nodes.Add(new NetworkNode(layer, read.ToImmutableArray()));
            return _nodes.Count - 1;
        }

        public int Read(int x) => Weighted(inputs, inputWeight, x, "ih");

        public int Recur(int h) => Weighted(hidden, hiddenWeight, h, "hh");

        public int Sum(int one, int other) => other < 0 ? one : Add(new Add(), one, other);

        public int Gate(int x, int h, ActivationKind kind) => Add(new Activation(kind), Sum(Read(x), h < 0 ? -1 : Recur(h)));

        private int Weighted(int features, Distribution start, int read, string suffix)
        {
            var prefix = path.Length == 0 ? "" : path + ".";
            _nodes.Add(new NetworkNode(new Linear(features, hidden, start, bias), ImmutableArray.Create(read)) { WeightPath = $"{prefix}weight_{suffix}", BiasPath = bias is null ? null : $"{prefix}bias_{suffix}" });
            return _nodes.Count - 1;
        }
    }
}
