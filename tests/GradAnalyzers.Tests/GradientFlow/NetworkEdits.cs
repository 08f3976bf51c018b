using System.Collections.Immutable;

using GradAnalyzers.GradientFlow;

namespace GradAnalyzers.Tests.GradientFlow;

/// <summary>
/// Changes of a network, to predict what a change in the source would do.
/// Each returns a new network. Node indices are those of the network it is called on; where several nodes are named, all are indices before the change.
/// </summary>
internal static class NetworkEdits
{
    /// <summary>Another layer at one node.</summary>
    public static Network Replace(this Network network, int node, Layer layer) =>
        network with { Nodes = network.Nodes.SetItem(node, network.Nodes[node] with { Layer = layer }) };

    /// <summary>Another layer wherever the function gives one; null keeps it.</summary>
    public static Network ReplaceAll(this Network network, Func<NetworkNode, Layer?> change) =>
        network with { Nodes = ImmutableArray.CreateRange(network.Nodes, node => change(node) is { } layer ? node with { Layer = layer } : node) };

    /// <summary>Another initialization of the weight, and of the bias where there is one, of a Linear or convolution; other nodes stay.</summary>
    /// <param name="network">The network.</param>
    /// <param name="node">Which.</param>
    /// <param name="weight">From the fan-in and fan-out: <c>(fanIn, fanOut) => Distribution.Kaiming(fanIn, gain)</c>.</param>
    /// <param name="bias">Null leaves the bias as it is.</param>
    public static Network Initialize(this Network network, int node, Func<int, int, Distribution> weight, Distribution? bias = null)
    {
        Layer? layer = network.Nodes[node].Layer switch
        {
            Linear linear => linear with { Weight = weight(linear.Inputs, linear.Outputs), Bias = linear.Bias is null ? null : bias ?? linear.Bias },
            Convolution convolution => convolution with
            {
                Weight = weight(FanOf(convolution.Transposed ? convolution.Outputs : convolution.Inputs), FanOf(convolution.Transposed ? convolution.Inputs : convolution.Outputs)),
                Bias = convolution.Bias is null ? null : bias ?? convolution.Bias,
            },
            _ => null,
        };
        return layer is null ? network : network.Replace(node, layer);

        // As the library counts: the second dimension of the weight times the kernel's area.
        int FanOf(int channels)
        {
            var convolution = (Convolution)network.Nodes[node].Layer;
            return channels / Math.Max(convolution.Groups, 1) * convolution.Window.Area;
        }
    }

    /// <summary>A layer between a node and all that read it.</summary>
    public static Network InsertAfter(this Network network, int node, Layer layer, string? path = null) =>
        network.InsertAfter(node, new NetworkNode(layer, ImmutableArray.Create(node), path));

    /// <summary>A layer after each of several nodes, made from the node: a fitting normalization after every Linear.</summary>
    public static Network InsertAfter(this Network network, IEnumerable<int> nodes, Func<NetworkNode, Layer> layer) =>
        nodes.Distinct().OrderByDescending(node => node).Aggregate(network, (changed, node) => changed.InsertAfter(node, layer(network.Nodes[node])));

    /// <summary>A residual connection: what node <paramref name="to"/> gives, plus what node <paramref name="from"/> gives, for all that read <paramref name="to"/>.</summary>
    public static Network AddSkip(this Network network, int from, int to) =>
        network.InsertAfter(to, new NetworkNode(new Add(), ImmutableArray.Create(to, from)));

    /// <summary>Residual connections around several stretches, none of which overlap.</summary>
    public static Network AddSkips(this Network network, IEnumerable<(int From, int To)> stretches) =>
        stretches.OrderByDescending(stretch => stretch.To).Aggregate(network, (changed, stretch) => changed.AddSkip(stretch.From, stretch.To));

    /// <summary>Whether a node's value has the shape of another's, so that they can be added.</summary>
    public static bool HaveSameShape(this Network network, int one, int other)
    {
        var shapes = Shapes.Of(network);
        return shapes[one].Features == shapes[other].Features && shapes[one].Sizes.SequenceEqual(shapes[other].Sizes);
    }

    private static Network InsertAfter(this Network network, int node, NetworkNode inserted)
    {
        var builder = ImmutableArray.CreateBuilder<NetworkNode>(network.Nodes.Length + 1);
        for (var i = 0; i < network.Nodes.Length; i++)
        {
            var old = network.Nodes[i];
            // What read the node reads the new one at node + 1, and what came later has moved by one.
            builder.Add(i > node && !old.Inputs.IsDefaultOrEmpty ? old with { Inputs = ImmutableArray.CreateRange(old.Inputs, input => input >= node ? input + 1 : input) } : old);
            if (i == node)
                builder.Add(inserted);
        }

        return network with { Nodes = builder.MoveToImmutable(), Output = network.Output >= node ? network.Output + 1 : network.Output };
    }
}
