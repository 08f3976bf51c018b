using System.Globalization;
using GradAnalyzers.Monitor.Measurement;

namespace GradAnalyzers.Monitor.Judgement;

/// <summary>Something found, before it is known whether it was reported already: a <see cref="GradientAlert"/> without its step.</summary>
internal sealed record Finding(AlertKind Kind, string Message, string? Rule, IReadOnlyList<string> Concerned)
{
    /// <summary>The parameter to look at first; empty for the whole model.</summary>
    public string Named { get; init; } = Concerned.Count > 0 ? Concerned[0] : "";
}

/// <summary>
/// Turns what was measured into findings. Thresholds are those of <see cref="GradientMonitorOptions"/>; the sources stand there.
/// Pure arithmetic on numbers that were read back already: it touches no tensor.
/// </summary>
internal sealed class Judge(GradientMonitorOptions options)
{
    /// <summary>Part of <see cref="GradientMonitorOptions.ExplodingNorm"/> under which growth is none of our business.</summary>
    private const double SmallestExplosion = 0.1;

    private const string ClipAdvice = "Clip gradients between backward and step, for instance monitor.ClipGradNorm(1.0)";

    private readonly SpikeDetector spikes = new(options);
    private readonly Streak vanishing = new(), explodingRatio = new(), explodingNorm = new(), flat = new(), grows = new();
    private double previousNorm = double.NaN;
    private readonly Queue<double> recentNorms = new();

    /// <summary>Whether the norm is a spike, and the findings of this observation.</summary>
    public (bool IsSpike, IReadOnlyList<Finding> Findings) Look(in Snapshot seen, LossTrend trend)
    {
        if (!double.IsFinite(seen.GlobalNorm) || seen.IsLossBroken)
            return (false, [NonFinite(seen)]);
        if (seen.Count == 0)
            return (false, []);
        var findings = new List<Finding>();
        var open = !options.GateOnLoss || trend is LossTrend.NotGiven or LossTrend.Stalled or LossTrend.Worsening;
        Ratios(seen, open, findings);
        WholeModel(seen, trend, open, findings);
        if (seen.IsDetailed)
        {
            // Where nothing leaves the loss, all layers look starved and dead, and none is to blame.
            if (seen.GlobalNorm >= options.VanishingNorm)
            {
                Tiny(seen, trend, findings);
                Dead(seen, open, findings);
            }
            Enormous(seen, findings);
        }
        return (Spike(seen, open, findings), findings);
    }

    /// <summary>Parameters that backward leaves without gradient although others get one.</summary>
    public Finding? Missing(in Snapshot seen)
    {
        List<string>? lasting = null;
        for (var i = 0; i < seen.Count; i++)
            if (seen.Layout.Records[i].Missing.See(seen.Gradients[i].IsMissing) >= options.Patience)
                (lasting ??= []).Add(seen.Path(i));
        return lasting is null ? null : new(AlertKind.NoGradient,
            $"backward leaves {Count(lasting.Count, "parameter")} without gradient: {List(lasting)}. The optimizer can't train {(lasting.Count == 1 ? "it" : "them")}. "
            + "Use the layer in forward, remove it, do not detach its result; or set requires_grad to false where this is meant.",
            null, lasting);
    }

    private static Finding NonFinite(in Snapshot seen)
    {
        var bad = new List<int>();
        for (var i = 0; i < seen.Count; i++)
            if (seen.Gradients[i].NonFinite > 0)
                bad.Add(i);
        if (bad.Count == 0)
            return new(AlertKind.NonFinite, $"the loss is {(double.IsNaN(seen.Loss) ? "NaN" : "infinite")}. Look for log or division at zero, or lower the learning rate.", null, []);
        // The fewer elements are lost, the nearer the source: NaN spreads on its way back.
        var source = bad[0];
        foreach (var i in bad)
            if (Share(seen, i) < Share(seen, source))
                source = i;
        var snapshot = seen;
        return new(AlertKind.NonFinite,
            $"{seen.Gradients[source].NonFinite} of {seen.Layout.Parameters[source].Elements} gradient elements are NaN or infinite, in {Count(bad.Count, "parameter")} altogether. "
            + (seen.Clipping == ClippingDone.Skipped ? "This step was skipped. Lower" : "A step with them destroys the weights. Lower")
            + $" the learning rate or the loss scale, and look for log, sqrt or division at zero{(seen.Clipping == ClippingDone.None ? "; monitor.ClipGradNorm skips such steps" : "")}.",
            null, [.. bad.Select(i => snapshot.Path(i))]) { Named = seen.Path(source) };
    }

    private static double Share(in Snapshot seen, int i) => (double)seen.Gradients[i].NonFinite / seen.Layout.Parameters[i].Elements;

    private void Ratios(in Snapshot seen, bool open, List<Finding> findings)
    {
        var (first, last) = seen.Ends();
        if (first == last)
            return;
        var (firstNorm, lastNorm) = (seen.Norm(first), seen.Norm(last));
        var ratio = firstNorm / lastNorm;
        // Between detailed observations a norm below 1e-19 reads as zero; whether it is zero was seen before.
        var isZero = firstNorm == 0 && !(seen.Layout.Records[first].LastDetail.ZeroShare < 1);
        if (vanishing.See(!isZero && ratio < options.VanishingRatio && firstNorm < options.VanishingNorm) >= options.Patience && open)
        {
            var starved = new List<string>();
            foreach (var i in seen.Layout.Weights)
            {
                if (seen.Norm(i) >= options.VanishingRatio * lastNorm)
                    break;
                starved.Add(seen.Path(i));
            }
            findings.Add(new(AlertKind.Vanishing,
                $"its gradient is {Number(firstNorm)}, {Number(ratio)} of that of '{seen.Path(last)}'; {Count(starved.Count, "weight")} from the input on {(starved.Count == 1 ? "does" : "do")} not learn. "
                + "Use ReLU with Kaiming initialization, normalization, or residual connections.",
                "GRAD1001", starved));
        }
        if (explodingRatio.See(ratio > options.ExplodingRatio && lastNorm > options.VanishingMeanAbsolute) >= options.Patience && open)
            findings.Add(new(AlertKind.Exploding,
                $"its gradient is {Number(firstNorm)}, {Number(ratio)} times that of '{seen.Path(last)}': it grows on its way back through the layers. "
                + $"Use smaller initial weights{(seen.Clipping == ClippingDone.None ? ", residual connections, or clip gradients" : " or residual connections")}.",
                "GRAD1004", [seen.Path(first)]));
    }

    private void WholeModel(in Snapshot seen, LossTrend trend, bool open, List<Finding> findings)
    {
        var norm = seen.GlobalNorm;
        if (explodingNorm.See(norm > options.ExplodingNorm) >= options.Patience && open)
            findings.Add(Exploding(seen, seen.Largest(), $"the norm over all gradients is {Number(norm)} and was above {Number(options.ExplodingNorm)} {options.Patience} times in a row"));

        grows.See(norm > previousNorm);
        previousNorm = norm;
        recentNorms.Enqueue(norm);
        if (recentNorms.Count > options.Patience)
            recentNorms.Dequeue();
        // Patience norms make one rise less. What grows from almost nothing to little, as at the start of a GAN, does not explode.
        if (options.Patience > 1 && norm >= SmallestExplosion * options.ExplodingNorm && grows.Length >= options.Patience - 1 && trend == LossTrend.Worsening && norm >= options.ExplodingGrowth * recentNorms.Peek())
            findings.Add(Exploding(seen, seen.Largest(), $"the norm over all gradients grew {Number(norm / recentNorms.Peek())} times over {options.Patience} observations, to {Number(norm)}, while the loss rises"));

        // The loss is far from learned, and yet nothing reaches even the layer next to it: what cuts the gradient off sits at the loss.
        if (flat.See(norm < options.VanishingNorm) >= options.Patience && Stands(trend) && seen.Layout.Weights.Length > 0)
            findings.Add(new(AlertKind.Vanishing,
                $"the norm over all gradients is {Number(norm)} while the loss stands still: the gradient is lost before the last layer. "
                + "Give the loss raw outputs (no softmax or sigmoid before cross-entropy), and scale the inputs to about one.",
                null, [seen.Path(seen.Layout.Weights[^1])]));
    }

    /// <summary>The loss is known to stand still, and not because everything is learned: what small gradients alone do not say.</summary>
    private bool Stands(LossTrend trend) => !options.GateOnLoss || trend is LossTrend.Stalled or LossTrend.Worsening;

    private void Tiny(in Snapshot seen, LossTrend trend, List<Finding> findings)
    {
        var tiny = new List<string>();
        var smallest = 0.0;
        foreach (var i in seen.Layout.Weights)
        {
            var gradient = seen.Gradients[i];
            if (seen.Layout.Records[i].Tiny.See(gradient.MeanAbsolute < options.VanishingMeanAbsolute && gradient.ZeroShare < 1) < options.Patience)
                continue;
            smallest = tiny.Count == 0 ? gradient.MeanAbsolute : smallest;
            tiny.Add(gradient.Parameter);
        }
        if (tiny.Count > 0 && Stands(trend))
            findings.Add(new(AlertKind.Vanishing,
                $"the mean absolute gradient is {Number(smallest)} in {Count(tiny.Count, "weight")} while the loss stands still. "
                + "Use ReLU with Kaiming initialization, normalization, or residual connections.",
                "GRAD1001", tiny));
    }

    private void Dead(in Snapshot seen, bool open, List<Finding> findings)
    {
        var dead = new List<int>();
        foreach (var i in seen.Layout.Weights)
            if (seen.Layout.Records[i].Dead.See(DeadShare(seen, i) >= options.DeadShare) >= options.Patience)
                dead.Add(i);
        if (dead.Count == 0 || !open)
            return;
        // Nothing passes back through a dead layer, so all before it look dead too: the cause is the one nearest to the loss.
        var cause = dead[^1];
        var snapshot = seen;
        findings.Add(new(AlertKind.Dead,
            $"{Percent(DeadShare(seen, cause))} of its units get a gradient of exactly zero, {options.Patience} times in a row{(dead.Count > 1 ? $", and so {Count(dead.Count - 1, "weight")} before it" : "")}: they are dead. "
            + "Lower the learning rate, use Kaiming initialization with small biases, or LeakyReLU.",
            null, [.. dead.Select(i => snapshot.Path(i))]) { Named = seen.Path(cause) });
    }

    /// <summary>
    /// Share of the units without gradient. The bias has one element a unit, and that is zero only where the unit is dead; in the weight alone an input that is
    /// zero (one-hot, bag of words) looks the same, so without a bias only a gradient that is zero throughout counts.
    /// </summary>
    private static double DeadShare(in Snapshot seen, int weight)
    {
        var share = seen.Gradients[weight].ZeroShare;
        return seen.Layout.BiasOf[weight] is var bias and >= 0 && !seen.Gradients[bias].IsMissing ? Math.Min(share, seen.Gradients[bias].ZeroShare) : share == 1 ? 1 : 0;
    }

    private void Enormous(in Snapshot seen, List<Finding> findings)
    {
        for (var i = 0; i < seen.Count; i++)
            if (seen.Gradients[i].MeanAbsolute > options.ExplodingMeanAbsolute)
            {
                findings.Add(Exploding(seen, i, $"the mean absolute gradient is {Number(seen.Gradients[i].MeanAbsolute)}"));
                return;
            }
    }

    private bool Spike(in Snapshot seen, bool open, List<Finding> findings)
    {
        var (deviations, factor) = spikes.Add(seen.GlobalNorm);
        if (deviations <= options.SpikeDeviations)
            return false;
        if (factor >= options.SpikeFactor && open)
        {
            var largest = seen.Largest();
            findings.Add(new(AlertKind.Spike,
                $"the norm over all gradients is {Number(seen.GlobalNorm)}, {Number(factor)} times its running mean. {(seen.Clipping == ClippingDone.None ? ClipAdvice : "It was clipped")}.",
                seen.Layout.Parameters[largest].Role == ParameterRole.RecurrentWeight ? "GRAD2001" : null, [seen.Path(largest)]));
        }
        return true;
    }

    private static Finding Exploding(in Snapshot seen, int largest, string what) => new(AlertKind.Exploding,
        $"{what}; '{seen.Path(largest)}' has the largest. {(seen.Clipping == ClippingDone.None ? $"{ClipAdvice}, lower" : "Lower")} the learning rate, or scale inputs and targets to about one.",
        seen.Layout.Parameters[largest].Role == ParameterRole.RecurrentWeight ? "GRAD2001" : null, [seen.Path(largest)]);

    public static string Percent(double share) => share.ToString("P0", CultureInfo.InvariantCulture);

    private static string Count(int count, string noun) => count == 1 ? $"one {noun}" : $"{count} {noun}s";

    private static string List(IReadOnlyList<string> all) =>
        string.Join(", ", all.Take(5).Select(p => $"'{p}'")) + (all.Count > 5 ? $" and {all.Count - 5} more" : "");

    private static string Number(double value) => value.ToString("G2", CultureInfo.InvariantCulture);
}
