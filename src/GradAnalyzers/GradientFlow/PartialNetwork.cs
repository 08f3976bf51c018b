using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow;

/// <summary>
/// What lies between something opaque and the loss, as a network of its own: its derivatives are known where no way leads through anything opaque, up to what comes out of the opaque part.
/// That is tried: small and large, of one sign or both, alike in all samples or not, at many positions or few. What all of them share holds whatever it is.
/// </summary>
internal static class PartialNetwork
{
    /// <summary>What comes out of an opaque part, first as the prediction is made for, a standard normal value; then a hundredth and a hundred times of it.</summary>
    public static ImmutableArray<Source> Sources { get; } = ImmutableArray.CreateRange(
        from square in new[] { 1, 1e-4, 1e4 }
        from share in new[] { 0, 0.5 }
        from alike in new[] { 0, 0.99 }
        select new Source(square, share, alike));

    /// <summary>How many positions it may have beside those that are assumed: along each dimension of an image, or in a sequence.</summary>
    private const int FewPositions = 4;

    /// <summary>The part with as many positions as are assumed, and, where they may matter, with few.</summary>
    public static IEnumerable<Network> OfAnySize(Network part)
    {
        yield return part;
        if (part.Nodes.Any(node => node.Layer is Convolution or MaxPooling or AveragePooling or AdaptivePooling or Recurrent or Attention or Block or Embedding or PositionSoftmax or Rearrange))
            yield return part with { Assumptions = part.Assumptions with { Image = FewPositions, Steps = FewPositions } };
    }

    /// <summary>The nodes whose derivative is known: an output depends on them, and nothing opaque lies on any way to one.</summary>
    public static bool[] Judged(Network network)
    {
        if (network.Nodes.IsDefaultOrEmpty)
            return [];
        var reached = network.Reached();
        var judged = (bool[])reached.Clone();
        // Before something opaque nothing is; a node comes after what it reads.
        for (var node = judged.Length - 1; node >= 0; node--)
        {
            if (!reached[node] || (judged[node] && network.Nodes[node].Layer is not Opaque))
                continue;
            judged[node] = false;
            foreach (var input in network.Nodes[node].Inputs.IsDefault ? ImmutableArray<int>.Empty : network.Nodes[node].Inputs)
                judged[input] = false;
        }

        return judged;
    }

    /// <summary>The network with this value in the place of everything opaque; null where too little of it is left to compare weights.</summary>
    public static Network? Of(Network network, Source source)
    {
        if (network.Nodes.IsDefaultOrEmpty)
            return null;
        var reached = network.Reached();
        if (!network.Nodes.Where((node, index) => reached[index] && node.Layer is Opaque).Any())
            return null;
        var judged = Judged(network);
        var elsewhere = new HashSet<string>(network.Nodes.Where((_, index) => reached[index] && !judged[index]).SelectMany(PathsOf), StringComparer.Ordinal);
        var outputs = network.Outputs.Where(output => judged[output]).ToImmutableArray();
        if (outputs.IsEmpty || network.Nodes.Where((node, index) => judged[index] && PathsOf(node).Any(path => !elsewhere.Contains(path))).Take(2).Count() < 2)
            return null;

        var cut = network.Nodes.Select((node, index) => node.Layer is Opaque
            ? new NetworkNode(source, ImmutableArray<int>.Empty) { IsUnjudged = true }
            // A weight that is used elsewhere, too, gets more than what is seen here.
            : node with { IsUnjudged = !judged[index] || PathsOf(node).Any(elsewhere.Contains) }).ToImmutableArray();
        return Pruned(network with { Nodes = cut, Output = outputs[0], Outputs = outputs, Others = ImmutableArray<Network>.Empty }) with
        {
            Others = network.Others.Select(other => Of(other, source)).OfType<Network>().ToImmutableArray(),
        };
    }

    private static IEnumerable<string> PathsOf(NetworkNode node) =>
        node.Layer is Block block ? block.Nodes.SelectMany(inner => inner.WeightPath is { } path ? [path] : Array.Empty<string>()) : node.WeightPath is { } own ? [own] : [];

    /// <summary>Without what no output depends on: sizes are found from the layers that are there.</summary>
    private static Network Pruned(Network network)
    {
        var reached = network.Reached();
        var map = new int[reached.Length];
        var nodes = ImmutableArray.CreateBuilder<NetworkNode>();
        for (var index = 0; index < reached.Length; index++)
        {
            if (!reached[index])
                continue;
            map[index] = nodes.Count;
            var node = network.Nodes[index];
            nodes.Add(node.Inputs.IsDefault ? node : node with { Inputs = node.Inputs.Select(input => map[input]).ToImmutableArray() });
        }

        return network with { Nodes = nodes.ToImmutable(), Output = map[network.Output], Outputs = network.Outputs.Select(output => map[output]).ToImmutableArray() };
    }
}
