namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>Recurrent layers one above the other, each unrolled over the time steps; a weight's gradient is the sum over the steps.</summary>
internal sealed class RecurrentFlow : LayerFlow
{
    private const int LongestWindow = 64;

    private readonly Recurrent layer;
    private readonly RecurrentCell[] cells;
    private readonly int steps;

    /// <summary>Steps that are followed pair by pair, and how many times they stand for all of them. A gradient that enters at the last step only does not reach further.</summary>
    private readonly int window;
    private readonly double repeats;

    /// <summary>What each layer reads: moments averaged over the steps.</summary>
    private readonly RecurrentCell.Triple[] inputs;

    public RecurrentFlow(Flow flow, int index, Recurrent layer)
        : base(flow, index)
    {
        this.layer = layer;
        steps = Math.Max(Shapes.RecurrentSteps(layer, InputShape, flow.Network), 1);
        window = Math.Min(steps, LongestWindow);
        repeats = layer.LastStep ? 1 : (double)steps / window;
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

        // Per direction: each has half of the features. The library's order of parameters is from the lowest layer.
        var share = 1.0 / Directions;
        var received = new Received[cells.Length];
        var external = new External(
            Outside(gradient.Square * share, gradient.AcrossPositions * share),
            Outside(gradient.AcrossSamples * share, gradient.AcrossSamples * share),
            Outside(gradient.Coherence * share, gradient.Coherence * share));
        for (var i = cells.Length - 1; i >= 0; i--)
        {
            received[i] = Pass(cells[i], external);
            // The layer below gets it through the input weights, from both directions of this one.
            external = received[i].Inputs.Times(InputWeight * (i > 0 ? layer.Hidden : layer.Inputs) * Directions);
        }

        for (var i = 0; i < cells.Length; i++)
            Report(i, gradient, received[i]);
        Flow.SetPreActivation(Index, Directions * repeats * Trace(received[0].Inputs.Own) * Math.Exp(gradient.Shift));
        double positions = InputShape.Positions;
        var total = Sum(external.AcrossSamples);
        var passed = gradient with
        {
            Square = repeats * Trace(external.Own) / positions,
            AcrossPositions = positions > 1 ? repeats * (Sum(external.Own) - Trace(external.Own)) / (positions * (positions - 1)) : 0,
            AcrossSamples = repeats * repeats * total / (positions * positions),
            Coherence = repeats * repeats * Sum(external.Coherence) / (positions * positions),
        };
        PassTo(Inputs[0], passed.IndependentOf(Input, positions));
    }

    /// <summary>Variance of an input weight.</summary>
    private double InputWeight => layer.InputWeight?.Variance ?? 1.0 / (3 * Math.Max(layer.Hidden, 1));

    /// <summary>Derivative moments of each pair of time steps: of one sample, of a pair of samples, and of a pair with the same derivative at the output.</summary>
    private sealed record External(double[,] Own, double[,] AcrossSamples, double[,] Coherence)
    {
        public External Times(double factor) => new(Times(Own, factor), Times(AcrossSamples, factor), Times(Coherence, factor));

        private static double[,] Times(double[,] values, double factor)
        {
            var result = new double[values.GetLength(0), values.GetLength(1)];
            for (var t = 0; t < values.GetLength(0); t++)
                for (var s = t; s < values.GetLength(1); s++)
                    result[t, s] = values[t, s] * factor;
            return result;
        }
    }

    private sealed record Received(External Inputs, External Recurrents);

    private static Received Pass(RecurrentCell cell, External external)
    {
        var own = cell.Backward(external.Own, ofOneSample: true);
        var samples = cell.Backward(external.AcrossSamples, ofOneSample: false);
        var coherence = cell.Backward(external.Coherence, ofOneSample: false);
        return new(new(own.Inputs, samples.Inputs, coherence.Inputs), new(own.Recurrents, samples.Recurrents, coherence.Recurrents));
    }

    private double[,] Outside(double sameStep, double otherStep)
    {
        var external = new double[window, window];
        for (var t = layer.LastStep ? window - 1 : 0; t < window; t++)
            for (var s = t; s < window; s++)
                external[t, s] = s == t ? sameStep : otherStep;
        return external;
    }

    private static double Trace(double[,] values) => Sum(values, (t, s) => t == s ? 1 : 0);

    private static double Sum(double[,] values) => Sum(values, (_, _) => 1);

    /// <summary>Sum over all pairs of steps, of which the half with t &lt;= s is stored.</summary>
    private static double Sum(double[,] values, Func<int, int, double> factor)
    {
        var sum = 0.0;
        for (var t = 0; t < values.GetLength(0); t++)
            for (var s = t; s < values.GetLength(1); s++)
                sum += (s == t ? 1 : 2) * values[t, s] * factor(t, s);
        return sum;
    }

    private void Report(int index, in Gradient gradient, Received received)
    {
        if (Node.Path is not { } path)
            return;
        var x = inputs[index];
        var cell = cells[index];
        var below = index > 0 ? cells[index - 1] : null;
        double n = InputsOf(index), hidden = layer.Hidden;
        // Products of what the weights read, at two steps of one sample and of two samples. The window's first step stands for the state of zero where nothing is cut off.
        double InputPair(int t, int s) => s == t ? x.Own : below?.HiddenPair(t, s - t) ?? x.AcrossSteps;
        double HiddenPair(int t, int s) => t == 0 ? 0 : cell.HiddenPair(t - 1, s - t);
        double HiddenSamples(int t, int s) => t == 0 ? 0 : cell.HiddenAt(t - 1).AcrossSamples;
        double One(int t, int s) => 1;
        double InputSamples(int t, int s) => x.AcrossSamples;

        var suffix = layer.Cell ? "" : $"_l{index}";
        foreach (var direction in Directions == 2 ? new[] { "", "_reverse" } : [""])
        {
            ReportOne(".weight_ih", true, received.Inputs, n, InputPair, InputSamples, gradient);
            ReportOne(".weight_hh", true, received.Recurrents, hidden, HiddenPair, HiddenSamples, gradient);
            if (!layer.Bias)
                continue;
            ReportOne(".bias_ih", false, received.Inputs, 1, One, One, gradient);
            ReportOne(".bias_hh", false, received.Recurrents, 1, One, One, gradient);

            void ReportOne(string name, bool isWeight, External sums, double fan, Func<int, int, double> pair, Func<int, int, double> samples, in Gradient gradient)
            {
                var same = repeats * fan * Sum(sums.Own, pair);
                var cross = repeats * repeats * fan * Sum(sums.AcrossSamples, samples);
                var alike = repeats * repeats * fan * Sum(sums.Coherence, samples);
                Flow.Report(Index, path + name + suffix + direction, isWeight, gradient, 0, Batch * same, Batch * (Batch - 1) * cross, same > 0 ? Math.Min(alike / same, 1) : 0);
            }
        }
    }
}
