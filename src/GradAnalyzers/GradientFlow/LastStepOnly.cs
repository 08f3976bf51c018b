namespace GradAnalyzers.GradientFlow;

/// <summary>A recurrent layer of which only one position is read gives its last step: the gradient then enters there and not at every step.</summary>
internal static class LastStepOnly
{
    public static Network Apply(Network network)
    {
        var nodes = network.Nodes;
        if (!nodes.Any(node => node.Layer is SelectPosition))
            return network;

        var readers = network.CountReaders();
        var result = nodes.ToBuilder();
        for (var i = 0; i < nodes.Length; i++)
        {
            if (nodes[i].Layer is not SelectPosition || nodes[i].Inputs.IsDefaultOrEmpty)
                continue;
            // Dropout and the like between the two keep positions apart.
            var before = nodes[i].Inputs[0];
            while (readers[before] == 1 && nodes[before].Layer is Dropout or Identity or Activation && !nodes[before].Inputs.IsDefaultOrEmpty)
                before = nodes[before].Inputs[0];
            if (readers[before] == 1 && nodes[before].Layer is Recurrent recurrent)
            {
                result[before] = nodes[before] with { Layer = recurrent with { LastStep = true } };
                result[i] = nodes[i] with { Layer = new Identity() };
            }
        }

        return network with { Nodes = result.MoveToImmutable() };
    }
}
