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
    /// <summary>Observations looked back at where something is so mostly, and not in each.</summary>
    private const int Recent = 20;

    /// <summary>Part of the recent observations from which on something is so mostly.</summary>
    private const double Mostly = 0.6;

    /// <summary>A norm that is so many times <see cref="GradientMonitorOptions.ExplodingNorm"/>, and so many times the loss, is beyond any that trains, also while the loss falls.</summary>
    private const double BeyondNorm = 10, BeyondLoss = 5;

    /// <summary>Detailed observations in which a gradient was zero throughout, from the first one on: a head that is used later has its gradient by then.</summary>
    private const int AlwaysZero = 10;

    /// <summary>A parameter must be without gradient so many times longer than other findings last: some are first used later.</summary>
    private const int MissingPatience = 4;

    /// <summary>Fewer units than these need agreement for longer before they count as dead: of four, three are zero by chance more often than 300 of 400.</summary>
    private const double ManyUnits = 16;

    private readonly Streak vanishing = new(), explodingRatio = new(), explodingNorm = new(), flat = new(), grows = new(), zero = new();
    private double previousNorm = double.NaN;
    private readonly List<(double Norm, double Loss)> recent = [];
    private readonly List<bool> growing = [];
    private bool sawGradient, isVanishing;

    /// <summary>Judges a norm as soon as it is known, also where nothing else is observed: how many standard deviations, and how many times, it lies above the mean so far.</summary>
    public SpikeFound See(double norm)
    {
        var (deviations, factor) = double.IsFinite(norm) ? spikes.Add(norm) : (0, 1);
        return new(deviations > options.SpikeDeviations, deviations > options.SpikeDeviations && factor >= options.SpikeFactor, factor);
    }

    public double[] SaveSpikes() => spikes.Save();

    public void LoadSpikes(double[] saved) => spikes.Load(saved);

    /// <summary>The findings of an observation.</summary>
    public IReadOnlyList<Finding> Look(in Snapshot seen, LossProgress progress, in SpikeFound spike)
    {
        if (!double.IsFinite(seen.GlobalNorm) || seen.IsLossBroken)
            return NonFinite(seen) is { } broken ? [broken] : [];
        if (seen.Count == 0)
            return [];
        var trend = progress.Trend();
        Remember(seen);
        var findings = new List<Finding>();
        var open = !options.GateOnLoss || trend is LossTrend.NotGiven or LossTrend.Stalled or LossTrend.Worsening;
        // Where most observations have no gradient, one that has is neither a spike nor an explosion.
        var isMostlyEmpty = recent.Count(r => r.Norm < options.VanishingNorm) > recent.Count / 2;
        Nothing(seen, progress, findings);
        Ratios(seen, open && !isMostlyEmpty, open, trend, findings);
        Starved(seen, trend, findings);
        if (!isMostlyEmpty)
            Large(seen, trend, open, progress.LevelBegin, findings);
        if (seen.IsDetailed)
        {
            // Where nothing leaves the loss, all layers look starved and dead, and none is to blame.
            if (seen.GlobalNorm >= options.VanishingNorm)
                Tiny(seen, trend, findings);
            var givenZeros = GivenZeros(seen);
            if (seen.GlobalNorm >= options.VanishingNorm || givenZeros >= 0)
                Dead(seen, open, givenZeros, findings);
            if (seen.GlobalNorm > 0)
                Cut(seen, findings);
            if (IsBeyond(seen, trend, progress.LevelBegin))
                Enormous(seen, findings);
        }
        var isBeyondSpike = spike.Factor >= BeyondNorm * options.SpikeFactor && seen.GlobalNorm >= SmallestExplosion * options.ExplodingNorm;
        // A sample that is hard raises the loss and its gradient alike.
        var isExplained = seen.Loss > 0 && progress.Usual > 0 && spike.Factor <= seen.Loss / progress.Usual;
        if (spike.IsLarge && (open && !isExplained && IsBeyond(seen, trend, progress.LevelBegin) || isBeyondSpike) && !isMostlyEmpty)
            findings.Add(Spike(seen, spike.Factor));
        return findings;
    }

    private void Remember(in Snapshot seen)
    {
        recent.Add((seen.GlobalNorm, seen.Loss));
        if (recent.Count > Recent)
            recent.RemoveAt(0);
        sawGradient |= seen.GlobalNorm > 0;
    }

    /// <summary>All gradients are exactly zero whenever they are looked at, and the loss is another each time: they are looked at in the wrong place, or nothing reaches the loss.</summary>
    private void Nothing(in Snapshot seen, LossProgress progress, List<Finding> findings)
    {
        if (!sawGradient && progress.IsZeroThroughout)
            findings.Add(new(AlertKind.NoGradient,
                "the loss has been exactly 0 at each step for long, and so has every gradient: there is nothing to learn from. Look at what computes it: ReLU or clamp over values that are all on one side, a mask that hides everything, a reward that never comes.",
                null, []));
        var isMoving = recent.Count < 2 || !double.IsNaN(seen.Loss) && seen.Loss != 0 && seen.Loss != recent[^2].Loss;
        if (zero.See(!sawGradient && isMoving) < 2 * options.Patience)
            return;
        findings.Add(new(AlertKind.NoGradient,
            $"every gradient was exactly zero at {zero.Length} observations in a row, while the loss changes. Call Observe between backward() and step(), before zero_grad(); where it stands there, look for what passes no gradient to any layer: "
            + "detach, round, argmax, a comparison, or a factor of zero.",
            null, []));
    }

    /// <summary>Parameters that backward leaves without gradient although others get one.</summary>
    public Finding? Missing(in Snapshot seen)
    {
        List<string>? lasting = null;
        for (var i = 0; i < seen.Count; i++)
            if (seen.Layout.Records[i].Missing.See(seen.Gradients[i].IsMissing) >= MissingPatience * options.Patience && !seen.Layout.IsMuted(AlertKind.NoGradient, i))
                (lasting ??= []).Add(seen.Path(i));
        return lasting is null ? null : new(AlertKind.NoGradient,
            $"backward leaves {Count(lasting.Count, "parameter")} without gradient: {List(lasting)}. The optimizer can't train {(lasting.Count == 1 ? "it" : "them")}. "
            + "Use the layer in forward, remove it, do not detach its result; or set requires_grad to false where this is meant.",
            null, lasting);
    }

    private static Finding? NonFinite(in Snapshot seen)
    {
        var snapshot = seen;
        var bad = new List<int>();
        for (var i = 0; i < seen.Count; i++)
            if (seen.Gradients[i].NonFinite > 0)
                bad.Add(i);
        if (bad.RemoveAll(i => snapshot.Layout.IsMuted(AlertKind.NonFinite, i)) > 0 && bad.Count == 0 && !seen.IsLossBroken)
            return null;
        if (bad.Count == 0)
            return new(AlertKind.NonFinite, $"the loss is {(double.IsNaN(seen.Loss) ? "NaN" : "infinite")}. Look for log or division at zero, or lower the learning rate.", null, []);
        // The fewer elements are lost, the nearer the source: NaN spreads on its way back.
        var source = bad[0];
        foreach (var i in bad)
            if (Share(seen, i) < Share(seen, source))
                source = i;
        return new(AlertKind.NonFinite,
            $"{seen.Gradients[source].NonFinite} of {seen.Layout.Parameters[source].Elements} gradient elements are NaN or infinite, in {Count(bad.Count, "parameter")} altogether. "
            + (seen.Clipping == ClippingDone.Skipped ? "This step was skipped. Lower" : "A step with them destroys the weights. Lower")
            + $" the learning rate or the loss scale, and look for log, sqrt or division at zero{(seen.Clipping == ClippingDone.None ? "; monitor.ClipGradNorm skips such steps" : "")}.",
            null, [.. bad.Select(i => snapshot.Path(i))]) { Named = seen.Path(source) };
    }

    private static double Share(in Snapshot seen, int i) => (double)seen.Gradients[i].NonFinite / seen.Layout.Parameters[i].Elements;

    private void Ratios(in Snapshot seen, bool mayExplode, bool open, LossTrend trend, List<Finding> findings)
    {
        var (first, last) = seen.Ends(AlertKind.Vanishing);
        if (first == last)
            return;
        var (firstNorm, lastNorm) = (seen.Norm(first), seen.Norm(last));
        var ratio = firstNorm / lastNorm;
        // Between detailed observations a norm below 1e-19 reads as zero; whether it is zero was seen before.
        var isZero = firstNorm == 0 && !(seen.Layout.Records[first].LastDetail.ZeroShare < 1);
        var lasting = vanishing.See(!isZero && ratio < options.VanishingRatio && firstNorm < options.VanishingNorm);
        isVanishing &= lasting > 0;
        if (lasting >= options.Patience && (open || isVanishing && trend != LossTrend.Learned))
        {
            // Once found it is so until the gradients are, or the loss is learned: a few better steps are no cure.
            isVanishing = true;
            var starved = new List<string>();
            foreach (var i in seen.Layout.Weights)
            {
                if (seen.Norm(i) >= options.VanishingRatio * lastNorm)
                    break;
                if (!seen.Layout.IsMuted(AlertKind.Vanishing, i))
                    starved.Add(seen.Path(i));
            }
            var weights = starved.Count;
            // What starves a weight starves its bias.
            foreach (var i in seen.Layout.Weights.Take(weights))
                if (seen.Layout.BiasOf[i] is var bias and >= 0 && seen.Norm(bias) < options.VanishingRatio * lastNorm)
                    starved.Add(seen.Path(bias));
            findings.Add(new(AlertKind.Vanishing,
                $"its gradient is {Number(firstNorm)}, {Number(ratio)} of that of '{seen.Path(last)}'; {Count(weights, "weight")} from the input on {(weights == 1 ? "does" : "do")} not learn. "
                + "Use ReLU with Kaiming initialization, normalization, or residual connections.",
                "GRAD1001", starved));
        }
        var isGrowing = ratio > options.ExplodingRatio && lastNorm > options.VanishingMeanAbsolute;
        // A norm that is large, that the loss does not explain and that comes of growth on the way back is beyond what trains, also while the loss falls.
        growing.Add(isGrowing && seen.GlobalNorm > options.ExplodingNorm && seen.GlobalNorm > BeyondLoss * Math.Abs(seen.Loss));
        if (growing.Count > Recent)
            growing.RemoveAt(0);
        var isBeyond = isGrowing && growing.Count >= 2 * options.Patience && growing.Count(g => g) >= Mostly * growing.Count;
        if (explodingRatio.See(isGrowing) >= options.Patience && mayExplode || isBeyond)
            findings.Add(new(AlertKind.Exploding,
                $"its gradient is {Number(firstNorm)}, {Number(ratio)} times that of '{seen.Path(last)}': it grows on its way back through the layers. "
                + $"Use smaller initial weights{(seen.Clipping == ClippingDone.None ? ", residual connections, or clip gradients" : " or residual connections")}.",
                "GRAD1004", [seen.Path(first)]));
    }

    private void Large(in Snapshot seen, LossTrend trend, bool open, double begin, List<Finding> findings)
    {
        var norm = seen.GlobalNorm;
        if (explodingNorm.See(norm > options.ExplodingNorm) >= options.Patience && open && IsBeyond(seen, trend, begin))
            findings.Add(Exploding(seen, seen.Largest(), $"the norm over all gradients is {Number(norm)} and was above {Number(options.ExplodingNorm)} {options.Patience} times in a row"));
        else if (recent.Count >= 2 * options.Patience && recent.Count(r => r.Norm > BeyondNorm * options.ExplodingNorm && r.Norm > BeyondLoss * Math.Abs(r.Loss)) >= Mostly * recent.Count)
            findings.Add(Exploding(seen, seen.Largest(), $"the norm over all gradients is {Number(norm)}, {Number(norm / Math.Abs(seen.Loss))} times the loss, and mostly above {Number(BeyondNorm * options.ExplodingNorm)}"));

        grows.See(norm > previousNorm);
        previousNorm = norm;
        var from = recent[Math.Max(0, recent.Count - options.Patience)].Norm;
        double[] before = [.. recent.SkipLast(options.Patience).Select(r => r.Norm).Order()];
        double jump = 1;
        for (var i = Math.Max(1, recent.Count - options.Patience + 1); i < recent.Count; i++)
            jump = Math.Max(jump, recent[i].Norm / recent[i - 1].Norm);
        // Harder data make the norm jump once; what explodes goes on growing.
        var goesOn = norm / from / jump >= options.ExplodingGrowth;
        // Patience norms make one rise less. What grows from almost nothing to little, as at the start of a GAN, or to what it was before, does not explode.
        if (options.Patience > 1 && norm >= SmallestExplosion * options.ExplodingNorm && grows.Length >= options.Patience - 1 && trend == LossTrend.Worsening && norm >= options.ExplodingGrowth * from && goesOn
            && (before.Length == 0 || norm >= 2 * options.ExplodingGrowth * before[before.Length / 2]))
            findings.Add(Exploding(seen, seen.Largest(), $"the norm over all gradients grew {Number(norm / from)} times over {options.Patience} observations, to {Number(norm)}, while the loss rises"));
    }

    /// <summary>
    /// A large norm is a fault where the loss does not explain it: targets in the hundreds of thousands make gradients as large, and they train. What the loss explains is a fault where it rises
    /// or has left where it began.
    /// </summary>
    private bool IsBeyond(in Snapshot seen, LossTrend trend, double begin) =>
        !options.GateOnLoss || trend is LossTrend.NotGiven or LossTrend.Worsening || seen.GlobalNorm > Math.Abs(seen.Loss) || Math.Abs(seen.Loss) > 2 * Math.Abs(begin);

    private void Starved(in Snapshot seen, LossTrend trend, List<Finding> findings)
    {
        // A loss of zero has nothing left to teach: rewards that come seldom, margins that are kept.
        var (norm, loss) = (seen.GlobalNorm, seen.Loss);
        bool IsStarved(double n, double l) => n < options.VanishingNorm && l != 0;
        flat.See(IsStarved(norm, loss));
        var share = recent.Count(r => IsStarved(r.Norm, r.Loss)) / (double)Recent;
        if (!Stands(trend) || seen.Layout.Weights.Length == 0 || flat.Length < options.Patience && !(share >= Mostly && recent.Max(r => r.Norm) > 0))
            return;
        // The loss is far from learned, and yet nothing reaches even the layer next to it: what cuts the gradient off sits at the loss.
        findings.Add(new(AlertKind.Vanishing,
            $"the norm over all gradients {(flat.Length >= options.Patience ? $"is {Number(norm)}" : $"was under {Number(options.VanishingNorm)} in {Percent(share)} of the last observations")}{(double.IsNaN(loss) ? "" : $" while the loss stands still at {Number(loss)}")}: almost nothing reaches even the last layer. "
            + "What is known to do so: softmax or sigmoid before a loss that takes raw outputs, an output that saturates, inputs far from the size of one.",
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
            if (seen.Layout.Records[i].Tiny.See(gradient.MeanAbsolute < options.VanishingMeanAbsolute && gradient.ZeroShare < 1) < options.Patience || seen.Layout.IsMuted(AlertKind.Vanishing, i))
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

    /// <summary>
    /// The last weight that gets nothing but zeros: it has no gradient, and its bias has one. Whatever the loss does, and however small what leaves it, all units before it are closed.
    /// -1 for none. A recurrent weight gets zeros where a sequence begins.
    /// </summary>
    private int GivenZeros(in Snapshot seen)
    {
        var found = -1;
        foreach (var i in seen.Layout.Weights)
        {
            var isGivenZeros = seen.Gradients[i].ZeroShare == 1 && seen.Layout.BiasOf[i] is var bias and >= 0 && seen.Gradients[bias].ZeroShare < 1 && seen.Layout.Parameters[i].Role != ParameterRole.RecurrentWeight;
            if (seen.Layout.Records[i].GivenZeros.See(isGivenZeros) >= options.Patience)
                found = i;
        }

        return found;
    }

    private void Dead(in Snapshot seen, bool open, int givenZeros, List<Finding> findings)
    {
        var dead = new List<int>();
        foreach (var i in seen.Layout.Weights)
            if (seen.Layout.Records[i].Dead.See(DeadShare(seen, i) >= options.DeadShare) >= options.Patience * Math.Clamp(ManyUnits / seen.Layout.Parameters[i].Rows, 1, 4) && !seen.Layout.IsMuted(AlertKind.Dead, i))
                dead.Add(i);
        if (dead.Count == 0 || !open && dead[0] >= givenZeros)
            return;
        // Nothing passes back through a dead layer, so all before it look dead too: the cause is the one nearest to the loss.
        var cause = dead[^1];
        var snapshot = seen;
        findings.Add(new(AlertKind.Dead,
            $"{Percent(DeadShare(seen, cause))} of its units get a gradient of exactly zero, {options.Patience} times in a row{(dead.Count > 1 ? $", and so {Count(dead.Count - 1, "weight")} before it" : "")}: they are dead. "
            + "Lower the learning rate, use Kaiming initialization with small biases, or LeakyReLU.",
            null, [.. dead.Select(i => snapshot.Path(i))]) { Named = seen.Path(cause) });
    }

    /// <summary>What was zero at each look from the first on is cut off from the loss, whether that improves or not.</summary>
    private static void Cut(in Snapshot seen, List<Finding> findings)
    {
        var cut = new List<int>();
        foreach (var i in seen.Layout.Weights)
            if (seen.Layout.Records[i].AlwaysZero.See(seen.Gradients[i].ZeroShare == 1 && seen.Layout.Records[i].AlwaysZero.IsUnbroken) >= AlwaysZero && !seen.Layout.IsMuted(AlertKind.Dead, i))
                cut.Add(i);
        // Of experts that are chosen, one may never be: beside it others of its kind learn.
        var snapshot = seen;
        if (cut.All(i => snapshot.Layout.SiblingsOf[i].Any(s => snapshot.Gradients[s].ZeroShare < 1)))
            return;
        // A weight whose bias has a gradient is reached by the loss, and gets zeros as its input: the layer before it is the dead one.
        var cause = cut.FindLastIndex(i => snapshot.Layout.BiasOf[i] is var bias && (bias < 0 || snapshot.Gradients[bias].IsMissing || snapshot.Gradients[bias].ZeroShare == 1));
        var named = cause < 0 ? cut[0] : cut[cause];
        findings.Add(new(AlertKind.Dead,
            $"its gradient has been exactly zero from the first step on{(cut.Count > 1 ? $", and that of {Count(cut.Count - 1, "weight")} beside it" : "")}: what it computes does not reach the loss. "
            + "Look between it and the loss for round, argmax, sign, a comparison or a factor of zero, and for units that never open.",
            null, [.. cut.Select(i => snapshot.Path(i))]) { Named = seen.Path(named) });
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
            if (seen.Gradients[i].MeanAbsolute > options.ExplodingMeanAbsolute && !seen.Layout.IsMuted(AlertKind.Exploding, i))
            {
                findings.Add(Exploding(seen, i, $"the mean absolute gradient is {Number(seen.Gradients[i].MeanAbsolute)}"));
                return;
            }
    }

    private static Finding Spike(in Snapshot seen, double factor)
    {
        var largest = seen.Largest();
        return new(AlertKind.Spike,
            $"the norm over all gradients is {Number(seen.GlobalNorm)}, {Number(factor)} times its running mean. {(seen.Clipping == ClippingDone.None ? ClipAdvice : "It was clipped")}.",
            seen.Layout.Parameters[largest].Role == ParameterRole.RecurrentWeight ? "GRAD2001" : null, [seen.Path(largest)]);
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

/// <summary>What a norm is beside those before it.</summary>
/// <param name="IsSpike">It lies so many standard deviations above them that it is marked.</param>
/// <param name="IsLarge">It is also so many times their mean that it is an alert.</param>
/// <param name="Factor">How many times their mean it is.</param>
internal readonly record struct SpikeFound(bool IsSpike, bool IsLarge, double Factor);
