using System.Collections.Immutable;

namespace GradAnalyzers.GradientFlow;

/// <summary>What training a network would meet at initialization.</summary>
internal enum Verdict
{
    /// <summary>Something cuts the chain: nothing is said.</summary>
    Unknown,
    Healthy,
    Vanishing,
    Exploding,
}

/// <summary>Where healthy ends. The ratio's bounds are AUTOTRAINER's (Zhang et al. 2021); the attenuation sees what the ratio cannot, a network in which all weights get equally little (or much).</summary>
/// <param name="VanishingRatio">Below this ratio of the first to the last weight's gradient it vanishes.</param>
/// <param name="ExplodingRatio">Above this ratio it explodes.</param>
/// <param name="VanishingAttenuation">Below this attenuation it vanishes.</param>
/// <param name="ExplodingAttenuation">Above this attenuation it explodes.</param>
internal sealed record Thresholds(double VanishingRatio = 1e-3, double ExplodingRatio = 70, double VanishingAttenuation = 1e-6, double ExplodingAttenuation = 70)
{
    public static Thresholds Default { get; } = new();

    public Verdict Judge(double ratio, double attenuation)
    {
        if (double.IsNaN(ratio) || double.IsNaN(attenuation))
            return Verdict.Unknown;
        if (ratio < VanishingRatio || attenuation < VanishingAttenuation)
            return Verdict.Vanishing;
        return ratio > ExplodingRatio || attenuation > ExplodingAttenuation ? Verdict.Exploding : Verdict.Healthy;
    }
}

/// <summary>The predicted gradient of one parameter.</summary>
/// <param name="Path">TorchSharp's path (<c>fc1.weight</c>).</param>
/// <param name="Node">The first node that uses it.</param>
/// <param name="IsWeight">Whether it is a weight matrix, kernel or table, else a bias or gain.</param>
/// <param name="LogNorm">log10 of the gradient's Euclidean norm; NaN where unknown, negative infinity where it is zero.</param>
/// <param name="LogRelative">The same, relative to the largest of the network.</param>
internal readonly record struct ParameterPrediction(string Path, int Node, bool IsWeight, double LogNorm, double LogRelative);

/// <summary>
/// Predicted gradient sizes of a network at initialization. "Typical" values: the geometric mean over random initializations.
/// An opaque layer leaves the moments of everything after it unknown, and the derivative of everything before it: the numbers of a chain with one are NaN and the verdict is unknown.
/// The part between it and the loss can be asked by itself: <see cref="PredictPart"/>. A parameter that no opaque layer touches keeps its number.
/// </summary>
internal sealed class GradientFlowPrediction
{
    private GradientFlowPrediction(ImmutableArray<ParameterPrediction> parameters, double ratio, double attenuation, double inputAttenuation, Verdict verdict, string? reason)
    {
        InputAttenuation = inputAttenuation;
        Parameters = parameters;
        FirstToLastRatio = ratio;
        Attenuation = attenuation;
        Verdict = verdict;
        Reason = reason;
    }

    /// <summary>Every parameter with a path, in the order of evaluation; one that is used twice once, with the sum.</summary>
    public ImmutableArray<ParameterPrediction> Parameters { get; }

    /// <summary>Gradient norm of the first weight over that of the last one; NaN where unknown.</summary>
    public double FirstToLastRatio { get; }

    /// <summary>Norm of the loss's derivative at the first layer's pre-activation over that at the output; NaN where unknown.</summary>
    public double Attenuation { get; }

    /// <summary>Norm of the loss's derivative at the input over that at the output: what a run can measure without touching the model. NaN where unknown, 0 where the input has no derivative.</summary>
    public double InputAttenuation { get; }

    /// <summary>Path of the weight that the ratio is of.</summary>
    public string? FirstWeight { get; private init; }

    /// <summary>Path of the weight that the ratio is over.</summary>
    public string? LastWeight { get; private init; }

    public Verdict Verdict { get; }

    /// <summary>Why the verdict is unknown, else null.</summary>
    public string? Reason { get; }

    public static GradientFlowPrediction Predict(Network network) => Predict(network, Thresholds.Default);

    /// <summary>
    /// Of a network with something opaque in it: what lies between that and the loss, by its own first and last weight, and the attenuation between them. Null where there is no such part.
    /// The numbers are those for a standard normal value out of the opaque part; the verdict is one only where it is the same for every other value that is tried.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="thresholds">Where healthy ends.</param>
    /// <param name="whatever">Whether the verdict has to hold for all values that are tried, else for the standard normal one.</param>
    public static GradientFlowPrediction? PredictPart(Network network, Thresholds thresholds, bool whatever = true)
    {
        GradientFlowPrediction? first = null;
        foreach (var source in PartialNetwork.Sources)
        {
            if (PartialNetwork.Of(network, source) is not { } part)
                return null;
            foreach (var sized in PartialNetwork.OfAnySize(part))
            {
                var prediction = Predict(sized, thresholds);
                first ??= prediction;
                if (first.Verdict == Verdict.Unknown || !whatever)
                    return first;
                if (prediction.Verdict != first.Verdict)
                    return new(first.Parameters, first.FirstToLastRatio, first.Attenuation, first.InputAttenuation, Verdict.Unknown, "it depends on what comes before") { FirstWeight = first.FirstWeight, LastWeight = first.LastWeight };
            }
        }

        return first;
    }

    public static GradientFlowPrediction Predict(Network network, Thresholds thresholds)
    {
        if (network.Nodes.IsDefaultOrEmpty)
            return Nothing("the model has no layers");

        var ways = Conditions.Ways(network);
        var first = PredictOne(network, thresholds, null);
        // Both ways of every condition that is not known: a verdict that all of them share is a verdict.
        foreach (var way in ways.Skip(1))
        {
            if (first.Verdict == Verdict.Unknown)
                break;
            var other = PredictOne(network, thresholds, way);
            if (other.Verdict == first.Verdict)
                continue;
            var reason = other.Verdict == Verdict.Unknown ? other.Reason
                : $"it depends on {(way == Conditions.Given || ways.Count == 2 && !network.Nodes.Any(node => node.Layer is Choice) ? "a tensor that the model is given" : "a condition that is not known")}: {Word(first)} one way, {Word(other)} the other";
            return new(first.Parameters, first.FirstToLastRatio, first.Attenuation, first.InputAttenuation, Verdict.Unknown, reason) { FirstWeight = first.FirstWeight, LastWeight = first.LastWeight };
        }

        foreach (var output in network.Outputs.Length > 1 ? network.Outputs : ImmutableArray<int>.Empty)
        {
            if (first.Verdict == Verdict.Unknown)
                break;
            if (network.IsEachTrained)
            {
                // All together is what is trained; but what lies in one head alone learns by that head only.
                if (first.Verdict == Verdict.Healthy && PredictOne(network, thresholds, null, output) is { Verdict: Verdict.Vanishing or Verdict.Exploding } own)
                    return own;
            }
            else if (PredictOne(network with { Output = output, Outputs = ImmutableArray.Create(output) }, thresholds, null) is var head && head.Verdict != first.Verdict && head.Reason != NoWeights)
            {
                // Which of several outputs a loss reads, only its caller says.
                return new(first.Parameters, first.FirstToLastRatio, first.Attenuation, first.InputAttenuation, Verdict.Unknown, head.Reason ?? $"its outputs differ: all together {Word(first)}, one of them {Word(head)}") { FirstWeight = first.FirstWeight, LastWeight = first.LastWeight };
            }
        }

        foreach (var other in network.Others)
        {
            if (first.Verdict != Verdict.Unknown && PredictOne(other, thresholds, null) is var sized && sized.Verdict != first.Verdict)
                return new(first.Parameters, first.FirstToLastRatio, first.Attenuation, first.InputAttenuation, Verdict.Unknown, sized.Reason ?? $"it depends on sizes that are not known: {Word(first)} or {Word(sized)}") { FirstWeight = first.FirstWeight, LastWeight = first.LastWeight };
        }

        return first;
    }

    private static string Word(GradientFlowPrediction prediction) => prediction.Verdict.ToString().ToLowerInvariant();

    /// <param name="network">The network.</param>
    /// <param name="thresholds">Where healthy ends.</param>
    /// <param name="way">What is decided the other way.</param>
    /// <param name="head">The output whose own weights are asked for; null for all weights.</param>
    private static GradientFlowPrediction PredictOne(Network network, Thresholds thresholds, string? way, int? head = null)
    {
        var flow = Flow.Run(network, way);
        var parameters = Parameterize(flow);
        var isOwn = head is { } only ? OnlyIn(flow.Network, flow.Network.Outputs.Length == network.Outputs.Length ? network.Outputs.IndexOf(only) : -1) : null;
        var weights = flow.Parameters.Where(parameter => parameter.IsWeight && !flow.Network.Nodes[parameter.Node].IsUnjudged && isOwn?[parameter.Node] != false).ToList();
        if (weights.Count == 0)
            return new(parameters, double.NaN, double.NaN, double.NaN, Verdict.Unknown, Obstacle(flow.Network) ?? NoWeights);

        var first = weights[0];
        foreach (var weight in weights)
        {
            // A recurrent node has several, in the library's order.
            if (weight.Node < first.Node || (weight.Node == first.Node && weight.Order < first.Order))
                first = weight;
        }

        var last = LastOf(weights, flow);
        var ratio = Math.Exp((LogSquareOf(weights, first) - LogSquareOf(weights, last)) / 2);
        // Of one head alone the derivative at its output is not asked for: how much of the loss it is decides nothing.
        var attenuation = isOwn is null ? Math.Sqrt(flow.TotalAt(first.Node) / flow.TotalAtOutputs) : 1;
        var inputAttenuation = Math.Sqrt(flow.TotalAt(0) / flow.TotalAtOutputs);
        var grown = WithScalesAtOne(network);
        var reason = Obstacle(flow.Network) ?? (double.IsNegativeInfinity(LogSquareOf(weights, first)) && grown is null ? ZeroGain(flow.Network) ?? SinglePosition(flow.Network, first) : null);
        var verdict = reason is null ? thresholds.Judge(ratio, attenuation) : Verdict.Unknown;
        // Scales that start at nearly nothing are meant so: they grow first. What would vanish without them does vanish.
        if (verdict == Verdict.Vanishing && grown is not null)
            verdict = PredictOne(grown, thresholds, way).Verdict == Verdict.Vanishing ? Verdict.Vanishing : Verdict.Healthy;
        if (verdict == Verdict.Unknown)
            reason ??= "the gradient cannot be computed";
        return new(parameters, ratio, attenuation, inputAttenuation, verdict, reason) { FirstWeight = first.Path, LastWeight = last.Path };
    }

    /// <summary>The nodes that lead to this output and to no other.</summary>
    private static bool[] OnlyIn(Network network, int place)
    {
        if (place < 0 || place >= network.Outputs.Length || network.Outputs.Length < 2)
            return new bool[network.Nodes.Length];
        var own = (network with { Outputs = ImmutableArray.Create(network.Outputs[place]) }).Reached();
        var others = (network with { Outputs = network.Outputs.RemoveAt(place) }).Reached();
        return own.Zip(others, (one, other) => one && !other).ToArray();
    }

    /// <summary>
    /// The weight that the loss reaches first. Of several heads beside each other it is the one with the largest gradient: what another one gets less, by its share of the loss or its few positions,
    /// says nothing of the way back to the first weight. Nor do the weights of a gate for whole channels (squeeze and excitation), which stands beside the way.
    /// </summary>
    private static ParameterGradient LastOf(List<ParameterGradient> weights, Flow flow)
    {
        var nodes = flow.Network.Nodes;
        var isOnWay = new bool[nodes.Length];
        var leadsToWeights = new bool[nodes.Length];
        var weighted = new HashSet<int>(weights.Select(weight => weight.Node));
        foreach (var output in flow.Network.Outputs)
            isOnWay[output] = true;
        for (var node = nodes.Length - 1; node >= 0; node--)
        {
            foreach (var input in !isOnWay[node] || nodes[node].Inputs.IsDefault ? ImmutableArray<int>.Empty : nodes[node].Inputs)
            {
                if (nodes[node].Layer is Multiply && flow.Shapes[input].Positions == 1 && flow.Shapes[node].Positions > 1)
                    continue;
                isOnWay[input] = true;
                leadsToWeights[input] |= leadsToWeights[node] || weighted.Contains(node);
            }
        }

        return weights.Where(weight => isOnWay[weight.Node] && !leadsToWeights[weight.Node]).DefaultIfEmpty(weights[weights.Count - 1]).GroupBy(weight => weight.Node)
            .Select(group => group.OrderByDescending(weight => weight.Order).First())
            .OrderByDescending(weight => LogSquareOf(weights, weight)).ThenByDescending(weight => weight.Node).First();
    }

    /// <summary>A loss, a sampler, a schedule written as a module.</summary>
    public const string NoWeights = "the model has no weights on the way to its output";

    private static GradientFlowPrediction Nothing(string reason) =>
        new(ImmutableArray<ParameterPrediction>.Empty, double.NaN, double.NaN, double.NaN, Verdict.Unknown, reason);

    /// <summary>Branches that a parameter scales down, as if it had grown; null where there are none.</summary>
    private static Network? WithScalesAtOne(Network network)
    {
        var scales = new HashSet<int>(network.Nodes.Where(node => node.Layer is Multiply).SelectMany(node => node.Inputs).Where(input => network.Nodes[input].Layer is OwnParameter { Start: { Variance: 0, Mean: > -1 and < 1 } }));
        return scales.Count == 0 ? null : network with
        {
            Nodes = network.Nodes.Select((node, index) => scales.Contains(index) ? node with { Layer = (OwnParameter)node.Layer with { Start = Distribution.Constant(1) } } : node).ToImmutableArray(),
        };
    }

    /// <summary>What forbids a verdict: an opaque layer, or weights that are all the same number (units that are alike, or a layer that starts at zero on purpose).</summary>
    private static string? Obstacle(Network network)
    {
        var reached = network.Reached();
        for (var index = 0; index < reached.Length; index++)
        {
            var node = network.Nodes[index];
            if (!reached[index])
                continue;
            switch (node.Layer)
            {
                case Opaque opaque:
                    return opaque.Reason;
                case Linear { Weight.IsConstant: true } or Convolution { Weight.IsConstant: true }:
                    return $"all weights of '{node.Path}' start at the same number";
            }
        }

        return null;
    }

    /// <summary>Queries and keys of a value with one position only, as far as the source tells, have no gradient.</summary>
    private static string? SinglePosition(Network network, ParameterGradient first) =>
        network.Nodes.Any(node => node.Layer is Attention or PositionSoftmax) ? $"'{first.Path}' gets no gradient at all" : null;

    /// <summary>A normalization that starts at zero on purpose, where it stands in the only way to the first weight.</summary>
    private static string? ZeroGain(Network network) => network.Nodes
        .Where(node => node.Layer is BatchNorm { Gain: { Mean: 0, IsConstant: true } } or LayerNorm { Gain: { Mean: 0, IsConstant: true } } or GroupNorm { Gain: { Mean: 0, IsConstant: true } })
        .Select(node => $"'{node.Path}' starts at zero")
        .FirstOrDefault();

    private static double LogSquareOf(List<ParameterGradient> weights, ParameterGradient weight) =>
        weight.Path is null ? weight.LogSquare : LogSum(weights.Where(other => other.Path == weight.Path).Select(other => other.LogSquare));

    /// <summary>ln of the sum of exponentials.</summary>
    private static double LogSum(IEnumerable<double> logs)
    {
        var sum = double.NegativeInfinity;
        foreach (var log in logs)
        {
            var (large, small) = log > sum || double.IsNaN(log) ? (log, sum) : (sum, log);
            sum = double.IsNegativeInfinity(small) ? large : large + Math.Log(1 + Math.Exp(small - large));
        }

        return sum;
    }

    private static ImmutableArray<ParameterPrediction> Parameterize(Flow flow)
    {
        const double ToLogNorm = 0.5 / 2.302585092994046;
        var order = new List<(string Path, ParameterGradient Use, double LogSquare)>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var use in flow.Parameters)
        {
            if (use.Path is not { } path || flow.Network.Nodes[use.Node].IsUnjudged)
                continue;
            if (places.TryGetValue(path, out var place))
            {
                var (_, other, sum) = order[place];
                order[place] = (path, use.Node < other.Node ? use : other, LogSum([sum, use.LogSquare]));
            }
            else
            {
                places.Add(path, order.Count);
                order.Add((path, use, use.LogSquare));
            }
        }

        var largest = double.NegativeInfinity;
        foreach (var (_, _, logSquare) in order)
            if (logSquare > largest)
                largest = logSquare;
        var builder = ImmutableArray.CreateBuilder<ParameterPrediction>(order.Count);
        // The backward pass reports from the last node to the first; within a node the weight comes first.
        foreach (var (path, use, logSquare) in order.OrderBy(entry => entry.Use.Node).ThenBy(entry => entry.Use.Order))
            builder.Add(new(path, use.Node, use.IsWeight, logSquare * ToLogNorm, (logSquare - largest) * ToLogNorm));
        return builder.MoveToImmutable();
    }
}
