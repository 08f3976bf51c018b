namespace GradAnalyzers.GradientFlow;

/// <summary>
/// Moments of a value at initialization, for one feature at one position of one sample, averaged over features: the replicas of the forward recursion
/// (Poole et al. 2016; across positions: Xiao et al. 2018). NaN where unknown.
/// </summary>
/// <param name="Mean">E[x].</param>
/// <param name="Square">E[x^2], "q".</param>
/// <param name="AcrossPositions">E[x x'] of the same feature at two positions of one sample, "r"; 0 where there is one position only.</param>
/// <param name="AcrossSamples">E[x x'] of the same feature in two samples of a batch, "p".</param>
/// <param name="Spread">Variance, over random initializations, of the logarithm of the second moment: finite width adds to it in every layer (Hanin 2018).</param>
internal readonly record struct Signal(double Mean, double Square, double AcrossPositions, double AcrossSamples, double Spread)
{
    public static Signal Unknown { get; } = new(double.NaN, double.NaN, double.NaN, double.NaN, double.NaN);

    public double Variance => Math.Max(Square - Mean * Mean, 0);

    /// <summary>Multiplied by a factor that is drawn independently for each feature, with these moments.</summary>
    public Signal Times(double mean, double square) => new(Mean * mean, Square * square, AcrossPositions * square, AcrossSamples * square, Spread);
}

/// <summary>
/// Moments of the loss's derivative with respect to a value: products of derivatives summed over features, for one position of one sample. NaN where unknown.
/// </summary>
/// <param name="Square">Sum of d^2, "v".</param>
/// <param name="AcrossPositions">Sum of d d' at two positions of one sample, averaged over all such pairs.</param>
/// <param name="AcrossSamples">Sum of d d' in two samples of a batch, "c", averaged over all pairs of positions.</param>
/// <param name="Coherence">As <paramref name="AcrossSamples"/>, had all samples the same derivative at the output: how alike the directions are, whatever the signs of the residuals.</param>
/// <param name="Shift">E[ln x] - ln E[x] of the square over random initializations: what is typical is less than the mean.</param>
/// <param name="Alignment">E[d^2 x^2] / E[d^2] with x the value itself: batch normalization takes that component away.</param>
/// <param name="AlignmentAcrossPositions">E[d d' x x'] / E[d d'].</param>
/// <param name="AlignmentAcrossSamples">E[d d' x x'] / E[d d'].</param>
/// <param name="Along">
/// E[(d . x)^2], the dot product over all features and positions of one sample. ReLU and linear layers keep it (Euler's theorem on homogeneous functions), a sum splits it between its terms:
/// where residual branches have a mean, the derivative's part along the value grows faster than the rest.
/// </param>
/// <param name="AlongShared">The part of <paramref name="Along"/> that comes from the nearest sum, where the paths that meet at its input parted.</param>
internal readonly record struct Gradient(
    double Square,
    double AcrossPositions,
    double AcrossSamples,
    double Coherence,
    double Shift,
    double Alignment,
    double AlignmentAcrossPositions,
    double AlignmentAcrossSamples,
    double Along,
    double AlongShared)
{
    /// <summary>Element by element the derivative is independent of the value that it belongs to.</summary>
    public Gradient AlignedWith(in Signal signal) =>
        this with { Alignment = signal.Square, AlignmentAcrossPositions = signal.AcrossPositions, AlignmentAcrossSamples = signal.AcrossSamples };

    /// <summary>Its dot product with the value is that of independent vectors.</summary>
    public Gradient IndependentOf(in Signal signal, double positions) =>
        AlignedWith(signal) with { Along = positions * Square * signal.Square, AlongShared = positions * Square * signal.Square };

    /// <summary>All products multiplied by a factor.</summary>
    public Gradient Times(double factor) => this with
    {
        Square = Square * factor,
        AcrossPositions = AcrossPositions * factor,
        AcrossSamples = AcrossSamples * factor,
        Coherence = Coherence * factor,
        Along = Along * factor,
        AlongShared = AlongShared * factor,
    };

    /// <summary>Sum over two consumers, whose derivatives are independent: different weights stand between them and the loss.</summary>
    public Gradient Plus(in Gradient other)
    {
        if (Square == 0)
            return other;
        if (other.Square == 0)
            return this;
        var share = Square / (Square + other.Square);
        var rest = 1 - share;
        // What the two have in common shifts the sum in full, what each has of its own only by the square of its share.
        var common = Math.Max(Shift, other.Shift);
        var along = Along + other.Along + 2 * Math.Sqrt(AlongShared * other.AlongShared);
        return new(
            Square + other.Square,
            AcrossPositions + other.AcrossPositions,
            AcrossSamples + other.AcrossSamples,
            Coherence + other.Coherence,
            common + share * share * (Shift - common) + rest * rest * (other.Shift - common),
            share * Alignment + rest * other.Alignment,
            share * AlignmentAcrossPositions + rest * other.AlignmentAcrossPositions,
            share * AlignmentAcrossSamples + rest * other.AlignmentAcrossSamples,
            along,
            along);
    }
}
