namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>Recurrent layers one above the other, each unrolled over the time steps; a weight's gradient is the sum over the steps.</summary>
internal sealed class RecurrentFlow : LayerFlow
{
    private readonly Recurrent layer;
    private readonly RecurrentCell[] cells;
    private readonly int steps;

    /// <summary>What each layer reads: moments averaged over the steps.</summary>
    private readonly RecurrentCell.Triple[] inputs;

    public RecurrentFlow(Flow flow, int index, Recurrent layer)
        : base(flow, index)
    {
        this.layer = layer;
        steps = Math.Max(Shapes.RecurrentSteps(layer, InputShape, flow.Network), 1);
        var count = Math.Max(layer.Layers, 1);
        cells = new RecurrentCell[count];
        inputs = new RecurrentCell.Triple[count];
        for (var i = 0; i < count; i++)
            cells[i] = RecurrentCell.Of(layer, InputsOf(i), flow.Expectation);
    }

    private int Directions => layer.Bidirectional ? 2 : 1;

    private int InputsOf(int index) => index == 0 ? layer.Inputs : layer.Hidden * Directions;

    public override Signal Forward()
    {
        var x = Input;
        if (double.IsNaN(x.Square))
            return Signal.Unknown;
        var value = new RecurrentCell.Triple(x.Square, InputShape.Positions > 1 ? x.AcrossPositions : x.Square, x.AcrossSamples);
        for (var i = 0; i < cells.Length; i++)
        {
            inputs[i] = value;
            cells[i].Run(steps, value.Own, value.AcrossSteps, value.AcrossSamples);
            value = Average(cells[i]);
        }

        if (layer.LastStep)
            value = cells[^1].HiddenAt(steps - 1);
        return new(0, value.Own, layer.LastStep ? 0 : value.AcrossSteps, value.AcrossSamples, 0);
    }

    private RecurrentCell.Triple Average(RecurrentCell cell)
    {
        double own = 0, acrossSteps = 0, acrossSamples = 0;
        for (var t = 0; t < steps; t++)
        {
            var h = cell.HiddenAt(t);
            own += h.Own / steps;
            acrossSteps += h.AcrossSteps / steps;
            acrossSamples += h.AcrossSamples / steps;
        }

        return new(own, acrossSteps, acrossSamples);
    }

    public override void Backward(in Gradient gradient)
    {
        if (double.IsNaN(Input.Square) || double.IsNaN(gradient.Square))
        {
            PassTo(Inputs[0], gradient.Times(double.NaN));
            return;
        }

        // Per direction: each has half of the features. Arrays hold one number a time step; the library's order of parameters is from the lowest layer.
        var share = 1.0 / Directions;
        var received = new Sums[cells.Length];
        var sums = new Sums(External(gradient.Square * share), External(gradient.AcrossSamples * share), External(gradient.Coherence * share));
        for (var i = cells.Length - 1; i >= 0; i--)
        {
            received[i] = Pass(cells[i], sums);
            // The layer below gets it through the input weights, from both directions of this one.
            sums = received[i].InputsTimes(InputWeight * (i > 0 ? layer.Hidden : layer.Inputs) * Directions);
        }

        for (var i = 0; i < cells.Length; i++)
            Report(i, gradient, received[i]);
        Flow.SetPreActivation(Index, Directions * received[0].Own.Sum() * Math.Exp(gradient.Shift));
        double positions = InputShape.Positions;
        var passed = gradient with
        {
            Square = sums.Own.Sum() / positions,
            AcrossPositions = 0,
            AcrossSamples = sums.AcrossSamples.Sum() / (positions * positions),
            Coherence = sums.Coherence.Sum() / (positions * positions),
        };
        PassTo(Inputs[0], passed.IndependentOf(Input, positions));
    }

    /// <summary>Variance of an input weight.</summary>
    private double InputWeight => layer.InputWeight?.Variance ?? 1.0 / (3 * Math.Max(layer.Hidden, 1));

    /// <summary>Derivative moments of each time step, of one sample and of pairs; as the input sees them and as the hidden state before sees them.</summary>
    private sealed record Sums(double[] Own, double[] AcrossSamples, double[] Coherence)
    {
        public double[] RecurrentOwn { get; init; } = [];
        public double[] RecurrentAcrossSamples { get; init; } = [];
        public double[] RecurrentCoherence { get; init; } = [];

        public Sums InputsTimes(double factor) => new(Times(Own, factor), Times(AcrossSamples, factor), Times(Coherence, factor));

        private static double[] Times(double[] values, double factor) => Array.ConvertAll(values, value => value * factor);
    }

    private static Sums Pass(RecurrentCell cell, Sums external)
    {
        var steps = external.Own.Length;
        var result = new Sums(new double[steps], new double[steps], new double[steps])
        {
            RecurrentOwn = new double[steps],
            RecurrentAcrossSamples = new double[steps],
            RecurrentCoherence = new double[steps],
        };
        cell.Backward(external.Own, false, result.Own, result.RecurrentOwn);
        cell.Backward(external.AcrossSamples, true, result.AcrossSamples, result.RecurrentAcrossSamples);
        cell.Backward(external.Coherence, true, result.Coherence, result.RecurrentCoherence);
        return result;
    }

    private double[] External(double derivative)
    {
        var external = new double[steps];
        for (var t = layer.LastStep ? steps - 1 : 0; t < steps; t++)
            external[t] = derivative;
        return external;
    }

    private void Report(int index, in Gradient gradient, Sums sums)
    {
        if (Node.Path is not { } path)
            return;
        var x = inputs[index];
        double n = InputsOf(index), hidden = layer.Hidden;
        double sameInput = 0, crossInput = 0, coherentInput = 0, sameHidden = 0, crossHidden = 0, coherentHidden = 0;
        for (var t = 0; t < steps; t++)
        {
            sameInput += n * sums.Own[t] * x.Own;
            crossInput += n * sums.AcrossSamples[t] * x.AcrossSamples;
            coherentInput += n * sums.Coherence[t] * x.AcrossSamples;
            if (t == 0)
                continue;
            var h = cells[index].HiddenAt(t - 1);
            sameHidden += hidden * sums.RecurrentOwn[t] * h.Own;
            crossHidden += hidden * sums.RecurrentAcrossSamples[t] * h.AcrossSamples;
            coherentHidden += hidden * sums.RecurrentCoherence[t] * h.AcrossSamples;
        }

        var suffix = layer.Cell ? "" : $"_l{index}";
        foreach (var direction in Directions == 2 ? new[] { "", "_reverse" } : [""])
        {
            ReportOne(".weight_ih", true, sameInput, crossInput, coherentInput, gradient);
            ReportOne(".weight_hh", true, sameHidden, crossHidden, coherentHidden, gradient);
            if (!layer.Bias)
                continue;
            ReportOne(".bias_ih", false, sums.Own.Sum(), sums.AcrossSamples.Sum(), sums.Coherence.Sum(), gradient);
            ReportOne(".bias_hh", false, sums.RecurrentOwn.Sum(), sums.RecurrentAcrossSamples.Sum(), sums.RecurrentCoherence.Sum(), gradient);

            void ReportOne(string name, bool isWeight, double same, double cross, double alike, in Gradient gradient) => Flow.Report(
                Index,
                path + name + suffix + direction,
                isWeight,
                gradient,
                0,
                Batch * same,
                Batch * (Batch - 1) * cross,
                same > 0 ? Math.Min(alike / same, 1) : 0);
        }
    }
}
