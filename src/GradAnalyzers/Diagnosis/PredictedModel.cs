using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Diagnosis;

/// <summary>What makes the gradients of a model vanish or explode: the most specific of the causes whose removal, by prediction, heals it.</summary>
internal enum Cause
{
    /// <summary>The prediction is healthy or unknown, or nothing that is known would heal it.</summary>
    None,

    /// <summary>An explicit initialization.</summary>
    Initialization,

    /// <summary>Saturating activations.</summary>
    Saturation,

    /// <summary>No normalization in a deep stack.</summary>
    MissingNormalization,

    /// <summary>Depth that normalization alone does not save.</summary>
    MissingResidual,
}

/// <summary>A model with its predicted gradients, their cause where they are bad, and what remedies are predicted to give.</summary>
internal sealed class PredictedModel
{
    private readonly Dictionary<Remedy, GradientFlowPrediction> _remedied = [];
    private readonly bool[] _hidden;
    private readonly bool[] _judged;

    public PredictedModel(ModelGraph graph, Thresholds thresholds)
    {
        Graph = graph;
        Thresholds = thresholds;
        // Over time steps gradients have rules of their own. Where forward returns several values, the prediction speaks only where all of them say the same.
        IsPredictable = graph.IsComplete && !graph.Nodes.Any(IsOverTime);
        // Over time steps gradients have rules of their own: to the others a recurrence by hand is something that is not known, and what comes after it is judged by itself.
        Network = graph.Output < 0 ? Nothing : graph.Unrolled.IsEmpty ? GraphNetwork.Of(graph) : WithoutRecurrence(GraphNetwork.Of(graph));
        Prediction = GradientFlowPrediction.Predict(IsPredictable ? Network : Nothing, thresholds);
        Expected = Prediction;
        _judged = IsPredictable ? Network.Reached() : [];
        if (Prediction.Verdict == Verdict.Unknown && PartOf(thresholds) is { } part)
            (IsPredictable, IsPartial, Prediction, Expected, _judged) = (true, true, part, GradientFlowPrediction.PredictPart(Network, thresholds, whatever: false)!, PartialNetwork.Judged(Network));
        _hidden = Remedies.Hidden(Network);
        Cause = FindCause();
    }

    private static Network Nothing { get; } = new(ImmutableArray<NetworkNode>.Empty, 0, Loss.Unknown);

    /// <summary>What lies behind something opaque; null where the rules have nothing to say about it.</summary>
    private GradientFlowPrediction? PartOf(Thresholds thresholds)
    {
        var judged = PartialNetwork.Judged(Network);
        return Graph.Nodes.Any(node => judged[node.Index] && IsOverTime(node)) ? null : GradientFlowPrediction.PredictPart(Network, thresholds);
    }

    private Network WithoutRecurrence(Network network) => network with
    {
        Nodes = network.Nodes.Select((node, index) => index < Graph.Nodes.Length && IsOverTime(Graph.Nodes[index]) ? new NetworkNode(new Opaque("a loop over an unknown number of steps"), node.Inputs) : node).ToImmutableArray(),
        Others = network.Others.Select(WithoutRecurrence).ToImmutableArray(),
    };

    private bool IsOverTime(ModelNode node) => node.Role.IsRecurrent() || (node.Layer is { } layer && Graph.Unrolled.Contains(layer));

    public ModelGraph Graph { get; }

    public Thresholds Thresholds { get; }

    public Network Network { get; }

    public GradientFlowPrediction Prediction { get; }

    /// <summary>Whether the rules have something to go by: a prediction of the whole, or of a part.</summary>
    public bool IsPredictable { get; }

    /// <summary>Whether only what lies behind something opaque is judged.</summary>
    public bool IsPartial { get; }

    /// <summary>As <see cref="Prediction"/>; of a part, for an ordinary value before it, whatever others would give: what a fix is measured by.</summary>
    public GradientFlowPrediction Expected { get; }

    public Cause Cause { get; }

    /// <summary>Hidden saturating activations: those of the output do not count.</summary>
    public ImmutableArray<ModelNode> Saturating => Where((index, layer) => _hidden[index] && Remedies.IsSaturating(layer));

    /// <summary>Linear and convolutional layers, in the order of evaluation.</summary>
    public ImmutableArray<ModelNode> Weighted => Where((_, layer) => Remedies.IsWeighted(layer));

    /// <summary>Weighted layers that feed a hidden activation, directly or through normalization, pooling and the like.</summary>
    public ImmutableArray<ModelNode> Feeding => Graph.Nodes
        .Where(node => IsJudged(node.Index) && _hidden[node.Index] && Network.Nodes[node.Index].Layer is Activation)
        .Select(node => Remedies.FedBy(Network, node.Index)).Where(index => index >= 0).Distinct().Select(index => Graph.Nodes[index]).ToImmutableArray();

    /// <summary>Those of them with no normalization before their activation.</summary>
    public ImmutableArray<ModelNode> Unnormalized => Feeding
        .Where(node => !Graph.Nodes.Any(other => _hidden[other.Index] && Network.Nodes[other.Index].Layer is Activation && Remedies.FedBy(Network, other.Index) == node.Index && Remedies.HasNormBetween(Network, node.Index, other.Index)))
        .ToImmutableArray();

    /// <summary>Blocks of a weighted layer and its activation that give the shape that they take.</summary>
    public ImmutableArray<(ModelNode First, ModelNode Last)> Blocks => Graph.Nodes
        .Where(node => IsJudged(node.Index) && _hidden[node.Index] && Network.Nodes[node.Index].Layer is Activation)
        .Select(node => (First: Remedies.FedBy(Network, node.Index), Last: node.Index))
        .Where(block => block.First >= 0 && Remedies.KeepsShape(Network, block.First, block.Last))
        .Select(block => (Graph.Nodes[block.First], Graph.Nodes[block.Last])).ToImmutableArray();

    /// <summary>The hidden activation that a weighted layer feeds, or null.</summary>
    public Activation? FedTo(ModelNode node) => Graph.Nodes
        .Where(other => IsJudged(other.Index) && _hidden[other.Index] && Network.Nodes[other.Index].Layer is Activation && Remedies.FedBy(Network, other.Index) == node.Index)
        .Select(other => (Activation)Network.Nodes[other.Index].Layer).FirstOrDefault();

    /// <summary>Weighted layers that an initializer call starts, with their calls.</summary>
    public ImmutableArray<(ModelNode Node, Location Call)> Initialized => Weighted
        .Where(node => !Remedies.IsDefault(Network.Nodes[node.Index].Layer) && node.Layer?.Weight?.Initialization.Location is not null)
        .Select(node => (node, node.Layer!.Weight!.Initialization.Location!)).ToImmutableArray();

    /// <summary>Whether values have positions beside features without a convolution (tokens, time steps), over which BatchNorm1d would take another dimension for the features.</summary>
    public bool IsSequence => !IsConvolutional && (Graph.Nodes.Any(node => node.Role == Role.Permute)
        || Network.Nodes.Any(node => node.Layer is Embedding or LayerNorm or RootMeanSquareNorm or Unflatten or SelectPosition or AdaptivePooling or Recurrent));

    public bool HasNorm => Has(Remedies.IsNorm);

    /// <summary>Whether it is convolutional, so that BatchNorm2d is the usual normalization.</summary>
    public bool IsConvolutional => Has(layer => layer is Convolution);

    /// <summary>Whether a layer of what is judged is such.</summary>
    private bool Has(Func<Layer, bool> isWanted) => Network.Nodes.Where((node, index) => IsJudged(index) && isWanted(node.Layer)).Any();

    private bool IsJudged(int node) => node < _judged.Length && _judged[node];

    /// <summary>What the model would be with a remedy.</summary>
    public GradientFlowPrediction With(Remedy remedy)
    {
        lock (_remedied)
        {
            if (!_remedied.TryGetValue(remedy, out var prediction))
                _remedied.Add(remedy, prediction = Predicted(Remedies.Apply(Network, remedy)));
            return prediction;
        }
    }

    private GradientFlowPrediction Predicted(Network network) =>
        IsPartial ? GradientFlowPrediction.PredictPart(network, Thresholds, whatever: false) ?? GradientFlowPrediction.Predict(Nothing) : GradientFlowPrediction.Predict(network, Thresholds);

    /// <summary>Whether a remedy makes the model healthy, by more than the step over a threshold that anything would give.</summary>
    public bool IsHealedBy(Remedy remedy)
    {
        var prediction = With(remedy);
        var figure = IsInRatio ? prediction.FirstToLastRatio : prediction.Attenuation;
        return prediction.Verdict == Verdict.Healthy && Math.Abs(Math.Log10(figure / Figure)) >= LeastImprovement;
    }

    /// <summary>In powers of ten.</summary>
    private const double LeastImprovement = 1;

    /// <summary>
    /// Whether the fault lies in the stack of blocks and a remedy heals that stack, whatever a stem before it or a head behind it adds:
    /// the gradient of the stack's first weight over that of its last, which nothing outside of it changes.
    /// </summary>
    private bool IsStackHealedBy(Remedy remedy)
    {
        if (Blocks is not [var (first, _), .., var (last, _)] || first.Layer?.Weight is not { } from || last.Layer?.Weight is not { } to)
            return false;
        double Ratio(GradientFlowPrediction prediction) => Gradient(prediction, from.Path) / Gradient(prediction, to.Path);
        var (before, after) = (Ratio(Prediction), Ratio(With(remedy)));
        return Thresholds.Judge(before, attenuation: 1) == Prediction.Verdict && Thresholds.Judge(after, attenuation: 1) == Verdict.Healthy && Math.Abs(Math.Log10(after / before)) >= LeastImprovement;
    }

    private static double Gradient(GradientFlowPrediction prediction, string path) =>
        prediction.Parameters.Where(parameter => parameter.Path == path).Select(parameter => Math.Pow(10, parameter.LogRelative)).DefaultIfEmpty(double.NaN).First();

    /// <summary>The first weight in the order of evaluation; null where there is none.</summary>
    public string? FirstWeight => Prediction.FirstWeight ?? Weights().FirstOrDefault();

    /// <summary>The weight that the loss reaches first, of several heads the one with the largest gradient; null where there is none.</summary>
    public string? LastWeight => Prediction.LastWeight ?? Weights().LastOrDefault();

    /// <summary>The module path of the first weight.</summary>
    public string First => NameOf(FirstWeight);

    /// <summary>The module path of the last weight.</summary>
    public string Last => NameOf(LastWeight);

    /// <summary>What happens to the first layer: "leave 'fc1' about 2e-7 of the gradient of 'fc8'".</summary>
    public string Effect(bool isPlural) => IsPartial ? $"{EffectOf(isPlural)}, whatever comes before" : EffectOf(isPlural);

    private string EffectOf(bool isPlural) => (Prediction.Verdict, IsInRatio) switch
    {
        (Verdict.Vanishing, true) => $"{(isPlural ? "leave" : "leaves")} '{First}' about {Short(Prediction.FirstToLastRatio)} of the gradient of '{Last}'",
        (Verdict.Vanishing, false) => $"{(isPlural ? "leave" : "leaves")} '{First}' about {Short(Prediction.Attenuation)} of the gradient at the output",
        (_, true) => $"{(isPlural ? "give" : "gives")} '{First}' about {Short(Prediction.FirstToLastRatio)} times the gradient of '{Last}'",
        _ => $"{(isPlural ? "give" : "gives")} '{First}' about {Short(Prediction.Attenuation)} times the gradient at the output",
    };

    /// <summary>The number that the verdict rests on: the ratio of the weights' gradients, or the attenuation, which alone sees that all weights get little.</summary>
    public double Figure => IsInRatio ? Prediction.FirstToLastRatio : Prediction.Attenuation;

    public bool IsInRatio => Thresholds.Judge(Prediction.FirstToLastRatio, attenuation: 1) != Verdict.Healthy;

    /// <summary>One digit that counts, two where it is near one: 2e-7, 0.9, 1.4, 120, 3000.</summary>
    public static string Short(double number)
    {
        var format = number switch
        {
            >= 0.1 and < 10 => "0.#",
            >= 0.01 and < 0.1 => "0.##",
            >= 10 and < 1e6 => "0",
            _ => "0e+0",
        };
        var unit = number is >= 10 and < 1e6 ? Math.Pow(10, Math.Floor(Math.Log10(number)) - (number < 1000 ? 1 : 0)) : 0;
        return (unit > 0 ? Math.Round(number / unit) * unit : number).ToString(format, CultureInfo.InvariantCulture).Replace("e+", "e");
    }

    /// <summary>Where the first layer is created, as seen from the model's own code; for one created in another class, the submodule that brings it.</summary>
    public Location Place
    {
        get
        {
            var path = First;
            var own = Graph.Type?.Declarations ?? ImmutableArray.Create(Graph.Location);
            var containers = Graph.Layers.Where(layer => layer.Path == path || path.StartsWith(layer.Path + ".", StringComparison.Ordinal)).OrderByDescending(layer => layer.Path.Length);
            foreach (var layer in containers)
            {
                if (layer.Path.Length > 0 && layer.Creation.SourceTree is not null && (Graph.Type is null || own.Any(place => place.SourceTree == layer.Creation.SourceTree && place.SourceSpan.Contains(layer.Creation.SourceSpan))))
                    return layer.Creation;
            }

            return Graph.Location;
        }
    }

    private IEnumerable<string> Weights() => Prediction.Parameters.Where(parameter => parameter.IsWeight).Select(parameter => parameter.Path);

    /// <summary>The module that has a parameter.</summary>
    public static string NameOf(string? path) => path is null ? "" : path.LastIndexOf('.') is > 0 and var dot ? path[..dot] : path;

    private ImmutableArray<ModelNode> Where(Func<int, Layer, bool> isWanted) =>
        Graph.Nodes.Where(node => IsJudged(node.Index) && isWanted(node.Index, Network.Nodes[node.Index].Layer)).ToImmutableArray();

    private Cause FindCause()
    {
        if (Prediction.Verdict is not (Verdict.Vanishing or Verdict.Exploding))
            return Cause.None;
        // How layers of another framework start by default is not known: nothing is said where a good initialization would do.
        if (Weighted.Any(node => node.Layer?.Type?.IsOfLibrary != true) && With(Remedy.Kaiming).Verdict == Verdict.Healthy)
            return Cause.None;
        if (Weighted.Any(node => !Remedies.IsDefault(Network.Nodes[node.Index].Layer)) && IsHealedBy(Remedy.FittingInitialization))
            return Cause.Initialization;
        if (Prediction.Verdict == Verdict.Vanishing && IsMostlySaturating && (IsHealedBy(Remedy.ReluWithKaiming) || IsHealedBy(Remedy.BatchNorm) || IsHealedBy(Remedy.Residual)))
            return Cause.Saturation;
        if (!HasNorm && (IsHealedBy(Remedy.BatchNorm) || IsHealedBy(Remedy.LayerNorm)))
            return Cause.MissingNormalization;
        // What has residual connections is not in want of them: a deep post-activation ResNet grows along its skips.
        return !Has(layer => layer is Add) && (IsHealedBy(Remedy.Residual) || IsStackHealedBy(Remedy.Residual)) ? Cause.MissingResidual : Cause.None;
    }

    private bool IsMostlySaturating => Saturating.Length >= 2 && 2 * Saturating.Length >= Where((index, layer) => _hidden[index] && layer is Activation).Length;
}
