namespace GradAnalyzers.GradientFlow;

/// <summary>
/// Mean-field recursion of a recurrent cell over time steps (Chen, Pennington and Schoenholz 2018; Gilboa et al. 2019): moments of the hidden state forward, of the loss's derivative backward.
/// LSTM and GRU are both read as a memory c' = f c + i g with gates f, i and a candidate g; pre-activations are normal. One instance is one layer in one direction.
/// </summary>
/// <param name="kind">Which.</param>
/// <param name="hidden">Units.</param>
/// <param name="inputVariance">Variance of W x, for a second moment 1 of x: input features times the weight's variance.</param>
/// <param name="hiddenVariance">Variance of U h for a second moment 1 of h: units times the weight's variance (1/3 by default).</param>
/// <param name="biasVariance">Variance of one bias; there are two.</param>
/// <param name="forgetBias">What is added to the LSTM's forget gate.</param>
/// <param name="expectation">Buffers.</param>
internal sealed class RecurrentCell(RecurrentKind kind, int hidden, double inputVariance, double hiddenVariance, double biasVariance, double forgetBias, Expectation expectation)
{
    private static readonly ActivationFunction Sigmoid = ActivationFunction.Of(new(ActivationKind.Sigmoid));
    private static readonly ActivationFunction Tanh = ActivationFunction.Of(new(ActivationKind.Tanh));
    private static readonly ActivationFunction ReLU = ActivationFunction.Of(new(ActivationKind.ReLU));

    /// <summary>A change below this, relative, is none: the state is stationary and later steps repeat the last one.</summary>
    private const double Stationary = 1e-4;

    private readonly List<Step> steps = [];

    public double HiddenVariance => hiddenVariance;

    /// <summary>A cell as the library initializes it: everything U(+-1/sqrt(hidden)).</summary>
    public static RecurrentCell Of(Recurrent layer, int inputs, Expectation expectation)
    {
        double hidden = Math.Max(layer.Hidden, 1);
        var standard = 1 / (3 * hidden);
        return new(
            layer.Kind,
            layer.Hidden,
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

    /// <summary>Moments of a quantity: of itself, with another time step of the same sample, with another sample.</summary>
    internal readonly record struct Triple(double Own, double AcrossSteps, double AcrossSamples);

    private readonly record struct State(Triple Memory, Triple Hidden, double Elapsed);

    /// <summary>One time step: the state after it, and the slopes that its derivative meets, for one sample and for a pair.</summary>
    private readonly record struct Step(State State, Slopes Own, Slopes Pair);

    /// <summary>Second moments that multiply the derivative's, named as in Backward.</summary>
    private readonly record struct Slopes(double Keep, double Output, double OutputGate, double Forget, double Input, double Candidate, double Reset, double ResetGate);

    /// <summary>Moments of an activation of a normal value: of it, across steps, across samples.</summary>
    private readonly record struct Part(double Mean, Triple Value, double Slope, double SlopePair);

    private Part Expect(ActivationFunction function, double mean, in Triple u)
    {
        var square = mean * mean;
        var single = expectation.Single(function, mean, u.Own);
        var steps = expectation.Pair(function, single, mean, u.Own, u.AcrossSteps);
        var samples = expectation.Pair(function, single, mean, u.Own, u.AcrossSamples);
        return new(single.Value, new(single.ValueSquare, steps.Values, samples.Values), single.SlopeSquare, samples.Slopes);
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
                    return new(
                        new(memory, hiddenNow, before.Elapsed + 1),
                        new(forget.Value.Own, gate.Value.Own * output.Slope, output.Value.Own * gate.Slope, before.Memory.Own * forget.Slope, candidate.Value.Own * gate.Slope, gate.Value.Own * candidate.Slope, 0, 0),
                        new(
                            forget.Value.AcrossSamples,
                            gate.Value.AcrossSamples * output.SlopePair,
                            output.Value.AcrossSamples * gate.SlopePair,
                            before.Memory.AcrossSamples * forget.SlopePair,
                            candidate.Value.AcrossSamples * gate.SlopePair,
                            gate.Value.AcrossSamples * candidate.SlopePair,
                            0,
                            0));
                }

            case RecurrentKind.Gru:
                {
                    var gate = Expect(Sigmoid, 0, sum);
                    // The candidate reads the hidden state through the reset gate.
                    Triple inner = new(x.Own + gate.Value.Own * u.Own, x.AcrossSteps + gate.Value.AcrossSteps * u.AcrossSteps, x.AcrossSamples + gate.Value.AcrossSamples * u.AcrossSamples);
                    var candidate = Expect(Tanh, 0, inner);
                    // 1 - z has the moments of z: the gate is symmetric about 1/2.
                    var memory = Remember(before, gate, gate, candidate, 0.5 - gate.Value.Own - gate.Mean * gate.Mean);
                    return new(
                        new(memory, memory, before.Elapsed + 1),
                        new(gate.Value.Own, 1, 0, (candidate.Value.Own + before.Memory.Own) * gate.Slope, 0, gate.Value.Own * candidate.Slope, gate.Value.Own, u.Own * gate.Slope),
                        new(
                            gate.Value.AcrossSamples,
                            1,
                            0,
                            (candidate.Value.AcrossSamples + before.Memory.AcrossSamples) * gate.SlopePair,
                            0,
                            gate.Value.AcrossSamples * candidate.SlopePair,
                            gate.Value.AcrossSamples,
                            u.AcrossSamples * gate.SlopePair));
                }

            default:
                {
                    var value = Expect(kind == RecurrentKind.ReLU ? ReLU : Tanh, 0, sum);
                    return new(new(value.Value, value.Value, before.Elapsed + 1), new(0, 1, 0, 0, 0, value.Slope, 0, 0), new(0, 1, 0, 0, 0, value.SlopePair, 0, 0));
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
    /// Derivative moments backward over time: for each step the sum over the gates' pre-activations (what the input weights and the input get), and what the recurrent weights get.
    /// </summary>
    /// <param name="external">What arrives at the hidden state of each step from outside.</param>
    /// <param name="isPair">For a pair of samples, else for one.</param>
    /// <param name="inputs">Receives per step the sum over pre-activations, as the input sees it.</param>
    /// <param name="recurrents">Receives per step the same, as the hidden state before sees it.</param>
    public void Backward(double[] external, bool isPair, double[] inputs, double[] recurrents)
    {
        double fromNextHidden = 0, fromNextMemory = 0;
        for (var t = external.Length - 1; t >= 0; t--)
        {
            var step = StepAt(t);
            var slopes = isPair ? step.Pair : step.Own;
            var hiddenDerivative = external[t] + fromNextHidden;
            var memory = hiddenDerivative * slopes.Output + fromNextMemory;
            var candidate = memory * slopes.Candidate;
            var gates = memory * (slopes.Forget + slopes.Input) + hiddenDerivative * slopes.OutputGate + candidate * slopes.ResetGate;
            inputs[t] = gates + candidate;
            recurrents[t] = gates + candidate * (kind == RecurrentKind.Gru ? slopes.Reset : 1);
            fromNextHidden = hiddenVariance * recurrents[t];
            fromNextMemory = kind == RecurrentKind.Lstm ? memory * slopes.Keep : 0;
            if (kind == RecurrentKind.Gru)
                fromNextHidden += memory * slopes.Keep;
        }
    }

    /// <summary>Number of hidden units.</summary>
    public int Hidden => hidden;
}
