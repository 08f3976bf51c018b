namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>Average over a window of positions.</summary>
internal sealed class AveragePoolingFlow(Flow flow, int index, double area, bool isSum = false) : LayerFlow(flow, index)
{
    /// <summary>A sum is the average times the size of the window.</summary>
    private readonly double factor = isSum ? area : 1;

    public override Signal Forward()
    {
        var x = Input;
        var average = x with
        {
            Square = x.AcrossPositions + (x.Square - x.AcrossPositions) / area,
            AcrossPositions = Positions > 1 ? x.AcrossPositions : 0,
        };
        return factor == 1 ? average : average.Times(factor, factor * factor);
    }

    public override void Backward(in Gradient gradient)
    {
        // Every output spreads over its window with weights that sum to 1: the sum over all pairs of positions stays.
        double before = InputShape.Positions, after = Positions;
        var square = gradient.Square * after / (before * area);
        var pairs = after * gradient.Square + after * (after - 1) * gradient.AcrossPositions;
        var passed = gradient with
        {
            Square = square,
            AcrossPositions = before > 1 ? (pairs - before * square) / (before * (before - 1)) : 0,
            AcrossSamples = gradient.AcrossSamples * after * after / (before * before),
            Coherence = gradient.Coherence * after * after / (before * before),
        };
        PassTo(Inputs[0], passed.Times(factor * factor).AlignedWith(Input));
    }
}

/// <summary>
/// Maximum over a window of normal values with a part in common (covariance r across positions) and a part of its own: the maximum is the common part plus the largest of independent normals,
/// taken as normal with that mean and variance. Backward one position of each window gets everything, another one in another sample. Windows that overlap may have the same largest value:
/// then they are alike, and their derivatives add up where it came from.
/// </summary>
/// <param name="flow">The run.</param>
/// <param name="index">The node.</param>
/// <param name="area">Positions that a window covers, without those that are padded.</param>
/// <param name="shared">Pairs of windows, of all there are, whose largest value is the same one.</param>
internal sealed class MaxPoolingFlow(Flow flow, int index, double area, double shared = 0) : LayerFlow(flow, index)
{
    /// <summary>What the windows cover of their input, and share with each other.</summary>
    public static MaxPoolingFlow Of(Flow flow, int index, Window window)
    {
        var (before, after) = (flow.Shapes[flow.Network.Nodes[index].Inputs[0]].Sizes, flow.Shapes[index].Sizes);
        // One position is a window's only one.
        if (before.IsEmpty)
            return new(flow, index, 1);
        if (before.Length != window.Dimensions || after.Length != window.Dimensions)
            return new(flow, index, window.Area);
        double area = 1;
        // For each difference of two windows' places, dimension by dimension: how many pairs have it, and how much of their input these share.
        IEnumerable<(double Pairs, double Overlap)> differences = [(1, 1)];
        for (var dimension = 0; dimension < window.Dimensions; dimension++)
        {
            var (own, along) = Covered(window, dimension, before[dimension], after[dimension]);
            area *= own;
            differences = differences.SelectMany(_ => along, (one, other) => (one.Pairs * other.Pairs, one.Overlap * other.Overlap)).ToList();
        }

        double windows = flow.Shapes[index].Positions;
        // The first one is that of a window to itself.
        return new(flow, index, area, windows > 1 ? differences.Skip(1).Sum(pair => pair.Pairs * pair.Overlap / (2 * area - pair.Overlap)) / (windows * (windows - 1)) : 0);
    }

    private static (double Own, List<(double Pairs, double Overlap)> Along) Covered(Window window, int dimension, int before, int after)
    {
        var (step, reach, padding) = (window.StrideOf(dimension), window.Kernel[dimension], window.PaddingOf(dimension));
        double Between(int first, int last) => Math.Max(Math.Min(first * step - padding + reach, before) - Math.Max(last * step - padding, 0), 0);
        double Mean(int difference) => Enumerable.Range(0, after - difference).Average(place => Between(place, place + difference));
        var own = Math.Max(Mean(0), 1);
        var along = new List<(double, double)> { (after, own) };
        for (var difference = 1; difference < after && difference * step < reach && window.DilationOf(dimension) == 1; difference++)
            along.Add((2.0 * (after - difference), Mean(difference)));
        return (own, along);
    }

    public override Signal Forward()
    {
        var x = Input;
        var own = Math.Max(x.Square - x.AcrossPositions, 0);
        var (largest, variance) = LargestNormal(area);
        var mean = x.Mean + largest * Math.Sqrt(own);
        var square = mean * mean - x.Mean * x.Mean;
        return x with
        {
            Mean = mean,
            Square = square + x.AcrossPositions + own * variance,
            AcrossPositions = Positions > 1 ? square + x.AcrossPositions + shared * own * variance : 0,
            AcrossSamples = square + x.AcrossSamples,
        };
    }

    public override void Backward(in Gradient gradient)
    {
        double before = InputShape.Positions, after = Positions;
        PassTo(Inputs[0], gradient with
        {
            Square = (gradient.Square + (after - 1) * shared * gradient.AcrossPositions) * after / before,
            AcrossPositions = before > 1 ? gradient.AcrossPositions * (1 - shared) * after * (after - 1) / (before * (before - 1)) : 0,
            AcrossSamples = gradient.AcrossSamples * after * after / (before * before),
            Coherence = gradient.Coherence * after * after / (before * before),
        });
    }

    /// <summary>Mean and variance of the largest of n independent standard normals: density n phi Phi^(n-1).</summary>
    internal static (double Mean, double Variance) LargestNormal(double n)
    {
        double mass = 0, mean = 0, square = 0;
        for (var z = -5.95; z < 6; z += 0.1)
        {
            var weight = Normal.Density(z) * Math.Pow(Normal.Cumulative(z), n - 1);
            mass += weight;
            mean += weight * z;
            square += weight * z * z;
        }

        mean /= mass;
        return (mean, square / mass - mean * mean);
    }
}

/// <summary>
/// Positions become features, or only one of them is read. What comes after has weights of its own for each position, so that the derivatives of different positions are independent;
/// averaged over positions, a derivative at one of them counts as much as a share at all.
/// </summary>
internal sealed class FlattenFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => Input with { AcrossPositions = 0 };

    public override void Backward(in Gradient gradient)
    {
        double before = InputShape.Positions;
        PassTo(Inputs[0], gradient with
        {
            Square = gradient.Square / before,
            AcrossPositions = 0,
            AcrossSamples = gradient.AcrossSamples / (before * before),
            Coherence = gradient.Coherence / (before * before),
        });
    }
}

/// <summary>Features become positions: what was independent stays so.</summary>
internal sealed class UnflattenFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward() => Input with { AcrossPositions = Positions > 1 ? Input.Mean * Input.Mean : 0 };

    public override void Backward(in Gradient gradient)
    {
        double after = Positions;
        PassTo(Inputs[0], gradient with
        {
            Square = gradient.Square * after,
            AcrossPositions = 0,
            AcrossSamples = gradient.AcrossSamples * after,
            Coherence = gradient.Coherence * after,
        });
    }
}

/// <summary>Every position repeated.</summary>
internal sealed class UpsampleFlow(Flow flow, int index) : LayerFlow(flow, index)
{
    public override Signal Forward()
    {
        double before = InputShape.Positions, after = Positions, copies = after / before;
        var x = Input;
        return x with
        {
            AcrossPositions = after > 1
                ? (before * copies * (copies - 1) * x.Square + before * (before - 1) * copies * copies * x.AcrossPositions) / (after * (after - 1))
                : 0,
        };
    }

    public override void Backward(in Gradient gradient)
    {
        double before = InputShape.Positions, after = Positions, copies = after / before;
        var square = copies * (gradient.Square + (copies - 1) * gradient.AcrossPositions);
        var passed = gradient with
        {
            Square = square,
            AcrossPositions = copies * copies * gradient.AcrossPositions,
            AcrossSamples = gradient.AcrossSamples * copies * copies,
            Coherence = gradient.Coherence * copies * copies,
        };
        PassTo(Inputs[0], passed.AlignedWith(Input));
    }
}
