namespace GradAnalyzers.GradientFlow;

/// <summary>
/// Mean-field recursion of a recurrent cell over time steps (Chen, Pennington and Schoenholz 2018; Gilboa et al. 2019): moments of the hidden state forward, of the loss's derivative backward.
/// LSTM and GRU are both read as a memory c' = f c + i g with gates f, i and a candidate g; pre-activations are normal. One instance is one layer in one direction.
/// </summary>
/// <param name="kind">Which.</param>
/// <param name="inputVariance">Variance of W x, for a second moment 1 of x: input features times the weight's variance.</param>
/// <param name="hiddenVariance">Variance of U h for a second moment 1 of h: units times the weight's variance (1/3 by default).</param>
/// <param name="biasVariance">Variance of one bias; there are two.</param>
/// <param name="forgetBias">What is added to the LSTM's forget gate.</param>
/// <param name="expectation">Buffers.</param>
internal sealed class RecurrentCell(RecurrentKind kind, double inputVariance, double hiddenVariance, double biasVariance, double forgetBias, Expectation expectation)
{
    private static readonly ActivationFunction Sigmoid = ActivationFunction.Of(new(ActivationKind.Sigmoid));
    private static readonly ActivationFunction Tanh = ActivationFunction.Of(new(ActivationKind.Tanh));
    private static readonly ActivationFunction ReLU = ActivationFunction.Of(new(ActivationKind.ReLU));

    /// <summary>A change below this, relative, is none: the state is stationary and later steps repeat the last one.</summary>
    private const double Stationary = 1e-4;

    private readonly List<Step> steps = [];

    /// <summary>A cell as the library initializes it: everything U(+-1/sqrt(hidden)).</summary>
    public static RecurrentCell Of(Recurrent layer, int inputs, Expectation expectation)
    {
        double hidden = Math.Max(layer.Hidden, 1);
        var standard = 1 / (3 * hidden);
        return new(
            layer.Kind,
            inputs * (layer.InputWeight?.Variance ?? standard),
            hidden * (layer.HiddenWeight?.Variance ?? standard),
            layer.Bias ? standard : 0,
            layer.ForgetBias,
            expectation);
    }

    /// <summary>Runs over so many time steps of an input with these moments (r: across time steps, p: across samples), from a state of zero.</summary>
    public void Run(int count, double square, double acrossSteps, double acrossSamples)
    {
        steps.Clear();
        var state = default(State);
        for (var t = 0; t < count; t++)
        {
            var step = Advance(state, square, acrossSteps, acrossSamples);
            steps.Add(step);
            var isStationary = t > 0 && Math.Abs(step.State.Memory.Own - state.Memory.Own) <= Stationary * step.State.Memory.Own
                && Math.Abs(step.State.Memory.AcrossSamples - state.Memory.AcrossSamples) <= Stationary * step.State.Memory.Own;
            state = step.State;
            if (isStationary)
                break;
        }
    }

    /// <summary>The state after step t, from 0.</summary>
    public Triple HiddenAt(int t) => StepAt(t).State.Hidden;

    private Step StepAt(int t) => steps[Math.Min(t, steps.Count - 1)];

    /// <summary>Which two values a moment multiplies: a value with itself, with another time step of the same sample, with another sample.</summary>
    internal enum Replica
    {
        Own,
        AcrossSteps,
        AcrossSamples,
    }

    /// <summary>Moments of a quantity, one for each replica.</summary>
    internal readonly record struct Triple(double Own, double AcrossSteps, double AcrossSamples)
    {
        public double this[Replica replica] => replica switch
        {
            Replica.Own => Own,
            Replica.AcrossSteps => AcrossSteps,
            _ => AcrossSamples,
        };
    }

    private readonly record struct State(Triple Memory, Triple Hidden, double Elapsed);

    /// <summary>One time step: the state after it, and the slopes that its derivative meets.</summary>
    private readonly record struct Step(State State, Slopes Own, Slopes AcrossSteps, Slopes AcrossSamples)
    {
        public Slopes this[Replica replica] => replica switch
        {
            Replica.Own => Own,
            Replica.AcrossSteps => AcrossSteps,
            _ => AcrossSamples,
        };
    }

    /// <summary>Moments that multiply the derivative's: Keep from memory to the memory before, MeanKeep its mean factor, Output from hidden state to memory, the others from memory (the output gate: from the hidden state) to pre-activations.</summary>
    private readonly record struct Slopes(double Keep, double MeanKeep, double Output, double OutputGate, double Gates, double Candidate, double Reset, double ResetGate);

    /// <summary>Moments of an activation of a normal value.</summary>
    private readonly record struct Part(double Mean, Triple Value, Triple Slope);

    private Part Expect(ActivationFunction function, double mean, in Triple u)
    {
        var single = expectation.Single(function, mean, u.Own);
        var steps = expectation.Pair(function, single, mean, u.Own, u.AcrossSteps);
        var samples = u.AcrossSamples == u.AcrossSteps ? steps : expectation.Pair(function, single, mean, u.Own, u.AcrossSamples);
        return new(single.Value, new(single.ValueSquare, steps.Values, samples.Values), new(single.SlopeSquare, steps.Slopes, samples.Slopes));
    }

    private Step Advance(in State before, double square, double acrossSteps, double acrossSamples)
    {
        var h = before.Hidden;
        Triple x = new(inputVariance * square + biasVariance, inputVariance * acrossSteps + biasVariance, inputVariance * acrossSamples + biasVariance);
        Triple u = new(hiddenVariance * h.Own + biasVariance, hiddenVariance * h.AcrossSteps + biasVariance, hiddenVariance * h.AcrossSamples + biasVariance);
        Triple sum = new(x.Own + u.Own, x.AcrossSteps + u.AcrossSteps, x.AcrossSamples + u.AcrossSamples);
        switch (kind)
        {
            case RecurrentKind.Lstm:
                {
                    var forget = Expect(Sigmoid, forgetBias, sum);
                    var gate = Expect(Sigmoid, 0, sum);
                    var candidate = Expect(Tanh, 0, sum);
                    var memory = Remember(before, forget, gate, candidate, 0);
                    var output = Expect(Tanh, 0, memory);
                    Triple hiddenNow = new(
                        gate.Value.Own * output.Value.Own,
                        gate.Value.AcrossSteps * output.Value.AcrossSteps,
                        gate.Value.AcrossSamples * output.Value.AcrossSamples);
                    var old = before.Memory;
                    Slopes Of(Replica replica) => new(
                        forget.Value[replica],
                        forget.Mean,
                        gate.Value[replica] * output.Slope[replica],
                        output.Value[replica] * gate.Slope[replica],
                        old[replica] * forget.Slope[replica] + candidate.Value[replica] * gate.Slope[replica],
                        gate.Value[replica] * candidate.Slope[replica],
                        1,
                        0);
                    return new(new(memory, hiddenNow, before.Elapsed + 1), Of(Replica.Own), Of(Replica.AcrossSteps), Of(Replica.AcrossSamples));
                }

            case RecurrentKind.Gru:
                {
                    var gate = Expect(Sigmoid, 0, sum);
                    // The candidate reads the hidden state through the reset gate.
                    Triple inner = new(x.Own + gate.Value.Own * u.Own, x.AcrossSteps + gate.Value.AcrossSteps * u.AcrossSteps, x.AcrossSamples + gate.Value.AcrossSamples * u.AcrossSamples);
                    var candidate = Expect(Tanh, 0, inner);
                    // 1 - z has the moments of z: the gate is symmetric about 1/2. The product z (1 - z) has the mean 1/2 - E[z^2].
                    var memory = Remember(before, gate, gate, candidate, 0.5 - gate.Value.Own - gate.Mean * gate.Mean);
                    var old = before.Memory;
                    Slopes Of(Replica replica) => new(
                        gate.Value[replica],
                        gate.Mean,
                        1,
                        0,
                        (candidate.Value[replica] + old[replica]) * gate.Slope[replica],
                        gate.Value[replica] * candidate.Slope[replica],
                        gate.Value[replica],
                        u[replica] * gate.Slope[replica]);
                    return new(new(memory, memory, before.Elapsed + 1), Of(Replica.Own), Of(Replica.AcrossSteps), Of(Replica.AcrossSamples));
                }

            default:
                {
                    var value = Expect(kind == RecurrentKind.ReLU ? ReLU : Tanh, 0, sum);
                    Slopes Of(Replica replica) => new(0, 0, 1, 0, 0, value.Slope[replica], 1, 0);
                    return new(new(value.Value, value.Value, before.Elapsed + 1), Of(Replica.Own), Of(Replica.AcrossSteps), Of(Replica.AcrossSamples));
                }
        }
    }

    /// <summary>c' = f c + i g. Candidates of different steps are correlated by the bias and by what the steps have in common, so that c and the next g are, too.</summary>
    private static Triple Remember(in State before, in Part forget, in Part gate, in Part candidate, double excess)
    {
        var reach = (1 - Math.Pow(forget.Mean, before.Elapsed)) / Math.Max(1 - forget.Mean, 1e-6);
        var both = 2 * gate.Mean * reach;
        var product = forget.Mean * gate.Mean;
        return new(
            forget.Value.Own * before.Memory.Own + gate.Value.Own * candidate.Value.Own + (product + excess) * both * candidate.Value.AcrossSteps,
            forget.Value.AcrossSteps * before.Memory.AcrossSteps + gate.Value.AcrossSteps * candidate.Value.AcrossSteps + product * both * candidate.Value.AcrossSteps,
            forget.Value.AcrossSamples * before.Memory.AcrossSamples + gate.Value.AcrossSamples * candidate.Value.AcrossSamples + product * both * candidate.Value.AcrossSamples);
    }

    /// <summary>
    /// Derivative moments backward over time, for every pair of time steps: a memory keeps the derivative of neighbouring steps alike, and because every step has the same recurrent weights,
    /// what goes through them at one step and at another adds up coherently. That is what makes an LSTM reach further than the square of its forget gate says.
    /// </summary>
    /// <param name="external">What arrives at the hidden states from outside: moments of each pair of steps (only first index &lt;= second is read).</param>
    /// <param name="ofOneSample">For one sample, else for a pair of samples.</param>
    /// <returns>The sums over the gates' pre-activations, as the input weights see them and as the recurrent weights see them.</returns>
    public (double[,] Inputs, double[,] Recurrents) Backward(double[,] external, bool ofOneSample)
    {
        var count = external.GetLength(0);
        var inputs = new double[count, count];
        var recurrents = new double[count, count];
        // Row t and row t + 1 of the memory's derivative.
        var memory = new double[count + 1];
        var memoryAfter = new double[count + 1];
        for (var t = count - 1; t >= 0; t--)
        {
            (memory, memoryAfter) = (memoryAfter, memory);
            var step = StepAt(t);
            var after = StepAt(t + 1);
            var pair = step[ofOneSample ? Replica.AcrossSteps : Replica.AcrossSamples];
            var own = step[ofOneSample ? Replica.Own : Replica.AcrossSamples];
            // What step t adds to the memory's derivative, times the memory's derivative at step s.
            double added = 0;
            for (var s = count - 1; s >= t; s--)
            {
                var slopes = s == t ? own : pair;
                var hiddenDerivative = external[t, s] + (s + 1 < count ? hiddenVariance * recurrents[t + 1, s + 1] : 0);
                var fresh = slopes.Output * hiddenDerivative;
                var meanKeep = after.Own.MeanKeep;
                memory[s] = s == t
                    ? fresh + 2 * meanKeep * added + (t + 1 < count ? after[ofOneSample ? Replica.Own : Replica.AcrossSamples].Keep * memoryAfter[t + 1] : 0)
                    : fresh + meanKeep * added + meanKeep * memoryAfter[s];
                added = fresh + meanKeep * added;
                var candidate = memory[s] * slopes.Candidate;
                var gates = memory[s] * slopes.Gates + hiddenDerivative * slopes.OutputGate + candidate * slopes.ResetGate;
                inputs[t, s] = gates + candidate;
                recurrents[t, s] = gates + candidate * slopes.Reset;
            }
        }

        return (inputs, recurrents);
    }

    /// <summary>Second moment of the hidden state at two steps that lie so far apart: the memory forgets its mean factor a step.</summary>
    public double HiddenPair(int t, int apart)
    {
        var h = HiddenAt(t);
        return h.AcrossSteps + (h.Own - h.AcrossSteps) * Math.Pow(StepAt(t).Own.MeanKeep, apart);
    }
}
