using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow;

/// <summary>The network as it is computed: conditions decided, blocks of layers opened, rearrangements as nodes of their own.</summary>
internal static class Inlined
{
    /// <param name="network">The network.</param>
    /// <param name="other">The condition that is decided the other way than the rest; null for none, the empty text for all.</param>
    public static Network Apply(Network network, string? other = null)
    {
        if (!network.Nodes.Any(node => node.Layer is Choice or Block or Given or UnknownScale || !node.Before.IsDefault))
            return network;
        var nodes = ImmutableArray.CreateBuilder<NetworkNode>(network.Nodes.Length);
        var map = new int[network.Nodes.Length];
        for (var index = 0; index < map.Length; index++)
        {
            var node = network.Nodes[index];
            var inputs = node.Inputs.IsDefault ? node.Inputs : node.Inputs.Select((input, place) => Before(nodes, node, map[input], place)).ToImmutableArray();
            map[index] = node.Layer switch
            {
                Choice choice => inputs[IsOther(choice.Condition) ? inputs.Length - 1 : 0],
                Given given => Added(nodes, new NetworkNode(new OwnParameter(given.Features, default, given.Start ?? (IsOther(Conditions.Given) ? given.With : given.Without)), inputs)),
                UnknownScale scale => Added(nodes, new NetworkNode(scale.IsShift ? new Scale(1, IsOther(Conditions.Given) ? 1 : 0) : new Scale(IsOther(Conditions.Given) ? 8 : 0.125), inputs)),
                Block block => Opened(nodes, block, inputs, node.IsUnjudged),
                _ => Added(nodes, node with { Inputs = inputs, Before = default, WeightPath = node.WeightPath }),
            };
        }

        return network with { Nodes = nodes.ToImmutable(), Output = map[network.Output], Outputs = network.Outputs.Select(output => map[output]).Distinct().ToImmutableArray() };

        bool IsOther(string condition) => other is not null && (other.Length == 0 || other == condition);
    }

    private static int Before(ImmutableArray<NetworkNode>.Builder nodes, NetworkNode node, int input, int place) =>
        !node.Before.IsDefault && place < node.Before.Length && node.Before[place] is { } rearrange ? Added(nodes, new NetworkNode(rearrange, ImmutableArray.Create(input))) : input;

    private static int Opened(ImmutableArray<NetworkNode>.Builder nodes, Block block, ImmutableArray<int> inputs, bool isUnjudged)
    {
        var inner = new int[block.Nodes.Length];
        var next = 0;
        for (var index = 0; index < inner.Length; index++)
        {
            var node = block.Nodes[index];
            inner[index] = node.Layer is Input ? inputs[Math.Min(next++, inputs.Length - 1)] : Added(nodes, node with { IsUnjudged = isUnjudged, Inputs = node.Inputs.Select(input => inner[input]).ToImmutableArray() });
        }

        return inner[^1];
    }

    private static int Added(ImmutableArray<NetworkNode>.Builder nodes, NetworkNode node)
    {
        nodes.Add(node);
        return nodes.Count - 1;
    }
}

/// <summary>What a verdict may depend on.</summary>
internal static class Conditions
{
    /// <summary>Conditions of one network that are tried: the work grows with their number, not with that of their combinations.</summary>
    private const int Most = 12;

    /// <summary>Whether given tensors count.</summary>
    public const string Given = "?given";

    /// <summary>The ways to decide: all conditions the one way, all the other, and each by itself the other; null first.</summary>
    public static IReadOnlyList<string?> Ways(Network network)
    {
        var reached = network.Reached();
        var conditions = network.Nodes.Where((_, index) => reached[index])
            .Select(node => node.Layer switch { Choice choice => choice.Condition, Given { Start: null } or UnknownScale => Given, _ => null })
            .OfType<string>().Distinct().Take(Most).ToList();
        return conditions.Count switch
        {
            0 => [null],
            1 => [null, ""],
            _ => [null, "", .. conditions],
        };
    }
}
