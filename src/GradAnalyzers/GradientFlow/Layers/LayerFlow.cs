using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>What one layer does to the moments of its value (forward) and of the loss's derivative (backward).</summary>
internal abstract class LayerFlow
{
    protected LayerFlow(Flow flow, int index)
    {
        Flow = flow;
        Index = index;
    }

    protected Flow Flow { get; }

    protected int Index { get; }

    protected NetworkNode Node => Flow.Network.Nodes[Index];

    protected ImmutableArray<int> Inputs => Node.Inputs.IsDefault ? ImmutableArray<int>.Empty : Node.Inputs;

    protected Shape Shape => Flow.Shapes[Index];

    /// <summary>Positions of this layer's value.</summary>
    protected int Positions => Shape.Positions;

    protected Shape InputShape => Inputs.IsEmpty ? Shape.Vector(1) : Flow.Shapes[Inputs[0]];

    protected Signal Input => Inputs.IsEmpty ? Signal.Unknown : Flow.Signals[Inputs[0]];

    protected Signal Output => Flow.Signals[Index];

    protected double Batch => Flow.Network.Assumptions.Batch;

    /// <summary>The value's moments from the inputs'.</summary>
    public abstract Signal Forward();

    /// <summary>Hands the derivative on to the inputs, and reports the parameters' gradients.</summary>
    public abstract void Backward(in Gradient gradient);

    protected void PassTo(int input, in Gradient gradient) => Flow.Receive(input, gradient);

    /// <summary>An input's moments at this layer's positions: where it has fewer, several of them see the same value.</summary>
    protected Signal Repeated(int input)
    {
        var x = Flow.Signals[input];
        double before = Flow.Shapes[input].Positions, after = Positions;
        if (before >= after)
            return x;
        var copies = after / before;
        return x with { AcrossPositions = ((copies - 1) * x.Square + (after - copies) * (before > 1 ? x.AcrossPositions : x.Square)) / (after - 1) };
    }

    /// <summary>The derivative of an input that is repeated: the sum over its copies.</summary>
    protected Gradient Summed(int input, in Gradient gradient)
    {
        double before = Flow.Shapes[input].Positions, after = Positions;
        if (before >= after)
            return gradient;
        var copies = after / before;
        return gradient with
        {
            Square = copies * (gradient.Square + (copies - 1) * gradient.AcrossPositions),
            AcrossPositions = before > 1 ? copies * copies * gradient.AcrossPositions : 0,
            AcrossSamples = copies * copies * gradient.AcrossSamples,
            Coherence = copies * copies * gradient.Coherence,
        };
    }

    /// <summary>Average over all pairs of (sample, position) of a quantity that differs for the pair with itself, with another position, with another sample.</summary>
    protected static double Pool(double same, double acrossPositions, double acrossSamples, double positions, double batch) =>
        (same + (positions - 1) * (positions > 1 ? acrossPositions : 0) + (batch - 1) * positions * acrossSamples) / (batch * positions);

    /// <summary>Squared correlation, 0 where nothing varies.</summary>
    protected static double SquaredCorrelation(double covariance, double variance) =>
        variance == 0 ? 0 : Math.Min(covariance / variance * (covariance / variance), 1);
}
