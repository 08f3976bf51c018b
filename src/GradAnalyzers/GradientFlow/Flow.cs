using GradAnalyzers.GradientFlow.Layers;

namespace GradAnalyzers.GradientFlow;

/// <summary>One run of the recursion over a network: forward in the order of the nodes, backward in reverse, summing over the consumers of a value.</summary>
internal sealed class Flow
{
    private readonly LayerFlow[] layers;
    private readonly Gradient[] gradients;
    private readonly bool[] isReached;
    private readonly Dictionary<int, double> preActivations = [];
    private double lossDegrees;

    private Flow(Network network)
    {
        Network = network;
        Shapes = GradientFlow.Shapes.Of(network);
        Signals = new Signal[network.Nodes.Length];
        gradients = new Gradient[network.Nodes.Length];
        isReached = new bool[network.Nodes.Length];
        layers = new LayerFlow[network.Nodes.Length];
    }

    public Network Network { get; }

    public Shape[] Shapes { get; }

    public Signal[] Signals { get; }

    public Expectation Expectation { get; } = new();

    /// <summary>The nodes whose values losses read.</summary>
    private readonly List<int> lossNodes = [];

    /// <summary>Squared norm of the derivative of one sample at all outputs.</summary>
    public double TotalAtOutputs => lossNodes.Sum(TotalAt);

    public List<ParameterGradient> Parameters { get; } = [];

    /// <summary>Squared norm of the derivative of one sample at the node's pre-activations, over all positions; at its value, where it has none of its own.</summary>
    public double TotalAt(int node) => preActivations.TryGetValue(node, out var total) ? total : gradients[node].Square * Math.Exp(gradients[node].Shift) * Shapes[node].Positions;

    /// <summary>Says what <see cref="TotalAt"/> is for a layer whose pre-activations are inside.</summary>
    public void SetPreActivation(int node, double total) => preActivations[node] = total;

    /// <param name="network">The network.</param>
    /// <param name="other">What is decided the other way: <see cref="Conditions.Ways"/>.</param>
    public static Flow Run(Network network, string? other = null)
    {
        var flow = new Flow(LastStepOnly.Apply(MaximumBeforeActivation.Apply(Inlined.Apply(network, other))));
        flow.Forward();
        flow.Backward();
        return flow;
    }

    /// <summary>Adds a consumer's derivative.</summary>
    public void Receive(int node, in Gradient gradient)
    {
        gradients[node] = isReached[node] ? gradients[node].Plus(gradient) : gradient;
        isReached[node] = true;
    }

    private void Forward()
    {
        for (var i = 0; i < layers.Length; i++)
        {
            layers[i] = LayerFlows.Of(this, i);
            Signals[i] = layers[i].Forward();
        }
    }

    private void Backward()
    {
        foreach (var output in Network.Outputs)
        {
            var start = LossFlow.Start(this, output, out var node, out var degrees);
            lossDegrees = Math.Max(lossDegrees, degrees);
            lossNodes.Add(node);
            Receive(node, start);
        }

        for (var i = Network.Nodes.Length - 1; i >= 0; i--)
            if (isReached[i])
                layers[i].Backward(gradients[i]);
    }

    /// <summary>Records a parameter's gradient.</summary>
    /// <param name="node">The node that uses it.</param>
    /// <param name="path">Its path, null to leave it out of the report.</param>
    /// <param name="isWeight">Whether it is a weight (matrix or kernel), else a bias or gain.</param>
    /// <param name="gradient">The derivative that it was computed from.</param>
    /// <param name="spread">Spread of the value that it was computed from.</param>
    /// <param name="own">Sum over samples of the squared gradient of each.</param>
    /// <param name="cross">Sum over pairs of samples of the products of their gradients.</param>
    /// <param name="coherence">Average cosine between the gradients of two samples, had both the same derivative at the output.</param>
    public void Report(int node, string? path, bool isWeight, in Gradient gradient, double spread, double own, double cross, double coherence)
    {
        var batch = Network.Assumptions.Batch;
        var total = Math.Max(own + cross, 1e-12 * own);
        // A key's bias moves all logits of a query alike: its gradient is zero.
        if (total <= 0)
        {
            Parameters.Add(new(node, Parameters.Count, path, isWeight, double.NegativeInfinity));
            return;
        }

        // The expectation is of a sum of squared residuals: chi-squared with as many degrees of freedom as independent residuals take part. A measured mean of logarithms is lower than the logarithm of the mean.
        var shared = total > 0 ? Math.Min(Math.Max(cross / total, 0), 1) : 0;
        var alike = Math.Min(coherence * coherence, 1);
        var inverseDegrees = (shared * shared + (1 - shared) * (1 - shared) * (1 + (batch - 1) * alike) / batch) / lossDegrees;
        var chiSquared = LogMeanOfChiSquared(1 / inverseDegrees);
        Parameters.Add(new(node, Parameters.Count, path, isWeight, Math.Log(total) + gradient.Shift - spread / 2 + chiSquared));
    }

    /// <summary>E[ln x] of x = chi-squared with k degrees of freedom over k: digamma(k/2) + ln(2/k).</summary>
    internal static double LogMeanOfChiSquared(double degrees)
    {
        // digamma by its recurrence up to where the asymptotic series holds.
        var x = degrees / 2;
        var digamma = 0.0;
        while (x < 6)
        {
            digamma -= 1 / x;
            x += 1;
        }

        var inverse = 1 / (x * x);
        digamma += Math.Log(x) - 1 / (2 * x) - inverse * (1.0 / 12 - inverse * (1.0 / 120 - inverse / 252));
        return double.IsNaN(degrees) ? double.NaN : digamma + Math.Log(2 / degrees);
    }
}

/// <summary>The predicted gradient of one use of one parameter.</summary>
/// <param name="Node">Which node uses it.</param>
/// <param name="Order">How many were reported before it.</param>
/// <param name="Path">Its path.</param>
/// <param name="IsWeight">Whether it is a weight, else a bias or gain.</param>
/// <param name="LogSquare">Typical natural logarithm of the squared norm.</param>
internal readonly record struct ParameterGradient(int Node, int Order, string? Path, bool IsWeight, double LogSquare);
