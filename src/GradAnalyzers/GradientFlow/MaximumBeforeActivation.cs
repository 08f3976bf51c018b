namespace GradAnalyzers.GradientFlow;

/// <summary>
/// max(f(u)) = f(max(u)) where f never falls. The recursion takes the maximum first: the winner of a window is where the gradient goes, and there the slope is that of a large u,
/// not of an average one (after ReLU: 1, not 1/2).
/// </summary>
internal static class MaximumBeforeActivation
{
    public static Network Apply(Network network)
    {
        var nodes = network.Nodes;
        if (!nodes.Any(node => IsMaximum(node.Layer)))
            return network;

        var readers = network.CountReaders();
        var result = nodes.ToBuilder();
        for (var i = 0; i < nodes.Length; i++)
        {
            if (!IsMaximum(nodes[i].Layer) || nodes[i].Inputs.IsDefaultOrEmpty)
                continue;
            var before = nodes[i].Inputs[0];
            if (readers[before] == 1 && result[before].Layer is Activation activation && ActivationFunction.Of(activation).IsMonotone)
            {
                result[before] = nodes[before] with { Layer = nodes[i].Layer };
                result[i] = nodes[i] with { Layer = activation };
            }
        }

        return network with { Nodes = result.MoveToImmutable() };
    }

    private static bool IsMaximum(Layer layer) => layer is MaxPooling or AdaptivePooling { Maximum: true };
}
