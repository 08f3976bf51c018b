using System.Collections.Immutable;
using GradAnalyzers.GradientFlow;

namespace GradAnalyzers.Diagnosis;

/// <summary>Ways out of a bad prediction.</summary>
internal enum Remedy
{
    /// <summary>ReLU instead of saturating activations, with Kaiming initialization: ReLU alone still vanishes at the library's default.</summary>
    ReluWithKaiming,
    BatchNorm,
    LayerNorm,
    Residual,

    /// <summary>The initializer that fits the activation, in the place of every explicit one.</summary>
    FittingInitialization,

    /// <summary>The initializer that fits the activation, for every layer that feeds one.</summary>
    Kaiming,
}

/// <summary>Edits of a network: what it would be with a remedy. Predicting the result tells the cause of a bad prediction and which fixes keep their promise.</summary>
internal static class Remedies
{
    public static Network Apply(Network network, Remedy remedy) =>
        Applied(network, remedy) with { Others = network.Others.Select(other => Applied(other, remedy)).ToImmutableArray() };

    private static Network Applied(Network network, Remedy remedy) => remedy switch
    {
        Remedy.ReluWithKaiming => WithRelu(network),
        Remedy.BatchNorm => WithNorm(network, features => new BatchNorm(features)),
        Remedy.LayerNorm => WithNorm(network, features => new LayerNorm(features)),
        Remedy.Residual => WithResidual(network),
        Remedy.FittingInitialization => WithFittingInitialization(network, isExplicitOnly: true),
        _ => WithFittingInitialization(network, isExplicitOnly: false),
    };

    /// <summary>Activations whose slope falls to zero on both sides (or below a quarter everywhere, as the sigmoid's).</summary>
    public static bool IsSaturating(Layer layer) => layer is Activation
    {
        Kind: ActivationKind.Sigmoid or ActivationKind.Tanh or ActivationKind.Hardsigmoid or ActivationKind.Hardtanh or ActivationKind.Softsign or ActivationKind.LogSigmoid or ActivationKind.Arctan or ActivationKind.Arcsinh,
    };

    public static bool IsNorm(Layer layer) => layer is BatchNorm or LayerNorm or GroupNorm or InstanceNorm or RootMeanSquareNorm;

    public static bool IsWeighted(Layer layer) => layer is Linear or Convolution;

    /// <summary>Whether a weighted layer comes after each node, so that it is no output activation.</summary>
    public static bool[] Hidden(Network network)
    {
        var hidden = new bool[network.Nodes.Length];
        for (var index = network.Nodes.Length - 1; index >= 0; index--)
        {
            if (hidden[index] || IsWeighted(network.Nodes[index].Layer))
            {
                foreach (var input in network.Nodes[index].Inputs)
                    hidden[input] = true;
            }
        }

        return hidden;
    }

    /// <summary>The weighted layer whose value reaches a node through normalization, dropout, pooling and the like only; -1 where there is none.</summary>
    public static int FedBy(Network network, int node)
    {
        for (var current = node; ;)
        {
            var inputs = network.Nodes[current].Inputs;
            if (inputs.Length != 1)
                return -1;
            current = inputs[0];
            switch (network.Nodes[current].Layer)
            {
                case Linear or Convolution:
                    return current;
                case Activation or Input or Opaque or Embedding or Add or Concat or Recurrent or Softmax or Block or Choice or OwnParameter or Given or PositionSoftmax:
                    return -1;
            }
        }
    }

    private static Network WithRelu(Network network)
    {
        var hidden = Hidden(network);
        var nodes = network.Nodes.ToBuilder();
        for (var index = 0; index < nodes.Count; index++)
        {
            if (hidden[index] && IsSaturating(nodes[index].Layer))
                nodes[index] = nodes[index] with { Layer = new Activation(ActivationKind.ReLU) };
        }

        return WithFittingInitialization(network with { Nodes = nodes.ToImmutable() }, isExplicitOnly: false);
    }

    private static Network WithFittingInitialization(Network network, bool isExplicitOnly)
    {
        var nodes = network.Nodes.ToBuilder();
        var hidden = Hidden(network);
        for (var index = 0; index < nodes.Count; index++)
        {
            if (!hidden[index] || nodes[index].Layer is not Activation activation)
                continue;
            var fed = FedBy(network, index);
            if (fed < 0 || isExplicitOnly && IsDefault(nodes[fed].Layer))
                continue;
            nodes[fed] = nodes[fed] with { Layer = Started(nodes[fed].Layer, (fanIn, fanOut) => Fitting(activation, fanIn, fanOut)) };
        }

        for (var index = 0; index < nodes.Count; index++)
        {
            // What feeds no activation gets what keeps the size of a linear map, where it was given something of its own.
            if (IsWeighted(nodes[index].Layer) && nodes[index].Layer == network.Nodes[index].Layer && !IsDefault(nodes[index].Layer))
                nodes[index] = nodes[index] with { Layer = Started(nodes[index].Layer, (fanIn, fanOut) => Distribution.Xavier(fanIn, fanOut)) };
        }

        return network with { Nodes = nodes.ToImmutable() };
    }

    /// <summary>Kaiming for the ReLU family (He et al. 2015), Xavier with the library's gain for those that are linear at zero (Glorot and Bengio 2010).</summary>
    public static Distribution Fitting(Activation activation, int fanIn, int fanOut) =>
        IsSaturating(activation) ? Distribution.Xavier(fanIn, fanOut, Distribution.Gain(activation.Kind)) : Distribution.Kaiming(fanIn, Distribution.Gain(ActivationKind.ReLU));

    public static bool IsDefault(Layer layer) => layer switch
    {
        Linear linear => linear.Weight == Distribution.TorchDefault(linear.Inputs),
        Convolution convolution => convolution.Weight == Convolution.Default(convolution.Inputs, convolution.Outputs, convolution.Window, groups: convolution.Groups, transposed: convolution.Transposed).Weight,
        _ => true,
    };

    private static Layer Started(Layer layer, Func<int, int, Distribution> start) => layer switch
    {
        Linear linear => linear with { Weight = start(linear.Inputs, linear.Outputs) },
        Convolution convolution => convolution with
        {
            Weight = start(
                Math.Max((convolution.Transposed ? convolution.Outputs : convolution.Inputs) / Math.Max(convolution.Groups, 1), 1) * convolution.Window.Area,
                (convolution.Transposed ? convolution.Inputs : convolution.Outputs) * convolution.Window.Area),
        },
        _ => layer,
    };

    /// <summary>A normalization right after every weighted layer that feeds a hidden activation and has none.</summary>
    private static Network WithNorm(Network network, Func<int, Layer> norm)
    {
        var hidden = Hidden(network);
        var places = new HashSet<int>();
        for (var index = 0; index < network.Nodes.Length; index++)
        {
            if (hidden[index] && network.Nodes[index].Layer is Activation && FedBy(network, index) is >= 0 and var fed && !HasNormBetween(network, fed, index))
                places.Add(fed);
        }

        return Inserted(network, (index, map) => places.Contains(index)
            ? [new NetworkNode(norm(network.Nodes[index].Layer is Linear linear ? linear.Outputs : ((Convolution)network.Nodes[index].Layer).Outputs), ImmutableArray.Create(map[index]))]
            : []);
    }

    public static bool HasNormBetween(Network network, int from, int to)
    {
        for (var current = to; current > from; current = network.Nodes[current].Inputs[0])
        {
            if (IsNorm(network.Nodes[current].Layer))
                return true;
        }

        return false;
    }

    /// <summary>x + block(x) around every block of one weighted layer and its activation that keeps the shape.</summary>
    private static Network WithResidual(Network network)
    {
        var hidden = Hidden(network);
        return Inserted(network, (index, map) =>
        {
            var node = network.Nodes[index];
            var fed = hidden[index] && node.Layer is Activation ? FedBy(network, index) : -1;
            if (fed < 0 || !KeepsShape(network, fed, index))
                return [];
            return [new NetworkNode(new Add(), ImmutableArray.Create(map[network.Nodes[fed].Inputs[0]], map[index]))];
        });
    }

    /// <summary>Whether a block from a weighted layer to its activation gives what it takes, so that both can be added.</summary>
    public static bool KeepsShape(Network network, int first, int last)
    {
        for (var current = last; current > first; current = network.Nodes[current].Inputs[0])
        {
            if (network.Nodes[current].Layer is not (Activation or BatchNorm or LayerNorm or GroupNorm or InstanceNorm or RootMeanSquareNorm or Dropout or Identity))
                return false;
        }

        return network.Nodes[first].Layer switch
        {
            Linear linear => linear.Inputs == linear.Outputs,
            Convolution { Transposed: false } convolution => convolution.Inputs == convolution.Outputs
                && Enumerable.Range(0, convolution.Window.Dimensions).All(dimension =>
                    convolution.Window.StrideOf(dimension) == 1 && 2 * convolution.Window.PaddingOf(dimension) == convolution.Window.DilationOf(dimension) * (convolution.Window.Kernel[dimension] - 1)),
            _ => false,
        };
    }

    /// <summary>The network with nodes inserted after others; readers of a node then read the last node inserted after it.</summary>
    /// <param name="network">The network as it is.</param>
    /// <param name="after">New nodes to follow the node of this index, their inputs given by the new indices of old nodes.</param>
    private static Network Inserted(Network network, Func<int, int[], NetworkNode[]> after)
    {
        var nodes = ImmutableArray.CreateBuilder<NetworkNode>();
        var map = new int[network.Nodes.Length];
        for (var index = 0; index < network.Nodes.Length; index++)
        {
            var node = network.Nodes[index];
            nodes.Add(node with { Inputs = node.Inputs.Select(input => map[input]).ToImmutableArray() });
            map[index] = nodes.Count - 1;
            var added = after(index, map);
            nodes.AddRange(added);
            map[index] = nodes.Count - 1;
        }

        return network with { Nodes = nodes.ToImmutable(), Output = map[network.Output], Outputs = network.Outputs.Select(output => map[output]).ToImmutableArray() };
    }
}
