using GradAnalyzers.GradientFlow.Layers;

namespace GradAnalyzers.GradientFlow;

/// <summary>
/// The derivative of the loss with respect to the output, where the backward recursion starts. Targets are independent of the inputs: standard normal for a regression,
/// uniform over the classes for a classification.
/// </summary>
internal static class LossFlow
{
    /// <param name="flow">After its forward pass.</param>
    /// <param name="output">The node whose value the loss reads.</param>
    /// <param name="node">Where the derivative enters: the output, or the value before it where the loss undoes the last layer (sigmoid with binary cross entropy, log-softmax with negative log-likelihood).</param>
    /// <param name="degrees">Independent residuals of one sample.</param>
    public static Gradient Start(Flow flow, int output, out int node, out double degrees)
    {
        var network = flow.Network;
        node = output;
        var kind = network.Loss.Kind;
        var last = network.Nodes[node];
        if (kind == LossKind.BinaryCrossEntropy && last.Layer is Activation { Kind: ActivationKind.Sigmoid })
            (node, kind) = (last.Inputs[0], LossKind.BinaryCrossEntropyWithLogits);
        else if (kind is LossKind.NegativeLogLikelihood or LossKind.CrossEntropy && last.Layer is Softmax { Logarithm: true })
            (node, kind) = (last.Inputs[0], LossKind.CrossEntropy);

        var y = flow.Signals[node];
        var shape = flow.Shapes[node];
        double outputs = Math.Max(shape.Features, 1);
        // Sums over the outputs of one position: residual squared, product with another position's or sample's residual as a function of the outputs' covariance.
        double square, factor;
        Func<double, double> product;
        degrees = outputs;
        switch (kind)
        {
            case LossKind.CrossEntropy or LossKind.NegativeLogLikelihood when outputs > 1:
                degrees = outputs - 1;
                square = Agreement(y.Square) + 1 - 2 / outputs;
                product = covariance => Agreement(covariance) - 1 / outputs;
                factor = 1;
                double Agreement(double covariance) => ClassAgreement(outputs, y.Square, covariance);
                break;
            case LossKind.BinaryCrossEntropyWithLogits or LossKind.BinaryCrossEntropy:
                square = outputs * (0.25 + 0.25 * y.Square / (y.Square + 4));
                product = covariance => outputs * covariance / (16 + 4 * y.Square);
                factor = 1 / outputs;
                break;
            case LossKind.AbsoluteError:
                square = outputs;
                product = covariance => outputs * 2 / Math.PI * Math.Asin(Math.Max(-1, Math.Min(1, covariance / (y.Square + 1))));
                factor = 1 / outputs;
                break;
            default:
                square = outputs * (y.Square + 1);
                product = covariance => outputs * covariance;
                factor = 2 / outputs;
                break;
        }

        if (network.Loss.Reduction == LossReduction.Sum)
            factor = kind is LossKind.MeanSquaredError or LossKind.Unknown ? 2 : 1;
        else
            factor /= network.Assumptions.Batch * (double)shape.Positions;
        var start = new Gradient(square, shape.Positions > 1 ? product(y.AcrossPositions) : 0, product(y.AcrossSamples), square, 0, 0, 0, 0, 0, 0).IndependentOf(y, shape.Positions);
        return (kind is (LossKind.MeanSquaredError or LossKind.Unknown) && IsNormalized(network, node) ? WithValue(start, y, outputs, shape.Positions) : start).Times(factor * factor);
    }

    /// <summary>Whether the output is a normalization's, of the scale of the targets; what its order of dimensions is does not matter.</summary>
    private static bool IsNormalized(Network network, int node)
    {
        while (network.Nodes[node] is { Layer: Identity, Inputs: [var before] })
            node = before;
        return network.Nodes[node].Layer is LayerNorm or RootMeanSquareNorm or BatchNorm or GroupNorm;
    }

    /// <summary>The residual y - t holds the output itself, which a normalization before it takes away: moments of its products with a normal output.</summary>
    private static Gradient WithValue(in Gradient residual, in Signal y, double outputs, double positions)
    {
        if (!(y.Square > 0))
            return residual;
        var q = y.Square;
        // E[d d' y y'] is not small where E[d d'] is.
        double Pair(double product) => (q * q + 2 * product * product) / Floor(product);
        double Floor(double product) => Math.Abs(product) < 1e-6 * q ? 1e-6 * q : product;
        var dot = outputs * positions * q;
        var along = dot * dot + outputs * positions * (2 * q * q + q);
        return residual with
        {
            AcrossPositions = positions > 1 ? outputs * Floor(y.AcrossPositions) : 0,
            AcrossSamples = outputs * Floor(y.AcrossSamples),
            Alignment = (3 * q * q + q) / (q + 1),
            AlignmentAcrossPositions = Pair(y.AcrossPositions),
            AlignmentAcrossSamples = Pair(y.AcrossSamples),
            Along = along,
            AlongShared = along,
        };
    }

    /// <summary>
    /// E[sum over the classes of p p'] of two softmax outputs whose logits are normal: the chance that a class drawn from the one is drawn from the other. Drawing is an argmax of logits with noise,
    /// so this is the chance that the argmaxima of k normals of some correlation agree. Its slope at 0 is known, at 1 it is as steep as an arc sine; between them this fit is within 0.01 of a simulation.
    /// The noise's variance is such that small logits have the exact 1/k + covariance (1 - 1/k)/k.
    /// </summary>
    internal static double ClassAgreement(double classes, double variance, double covariance)
    {
        var (largest, _) = MaxPoolingFlow.LargestNormal(classes);
        var slope = largest * largest * classes / ((classes - 1) * (classes - 1));
        var correlation = Math.Max(0, Math.Min(covariance / (variance + slope * classes), 1));
        var exponent = slope + (0.5 - slope) * correlation / 2;
        return 1 / classes + (1 - 1 / classes) * (1 - Math.Pow(1 - correlation, exponent));
    }
}
