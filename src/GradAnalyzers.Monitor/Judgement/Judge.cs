using System.Globalization;
using GradAnalyzers.Monitor.Measurement;

namespace GradAnalyzers.Monitor.Judgement;

/// <summary>Something found, before it is known whether it was reported already: a <see cref="GradientAlert"/> without its step.</summary>
internal sealed record Finding(AlertKind Kind, string Message, string? Rule, IReadOnlyList<string> Concerned)
{
    /// <summary>The parameter to look at first; empty for the whole model.</summary>
    public string Named { get; init; } = Concerned.Count > 0 ? Concerned[0] : "";
}

/// <summary>One measured parameter at one step, with what it is and what is remembered of it.</summary>
internal readonly record struct Judged(WatchedParameter Parameter, ParameterGradient Gradient, ParameterRecord Record);

/// <summary>
/// Turns what was measured into findings. Thresholds are those of <see cref="GradientMonitorOptions"/>; the sources stand there.
/// Pure arithmetic on numbers that were read back already: it touches no tensor.
/// </summary>
internal sealed class Judge(GradientMonitorOptions options)
{
    private readonly SpikeDetector spikes = new(options);
    private readonly Streak vanishing = new(), explodingRatio = new(), explodingNorm = new(), flat = new();
    private readonly Queue<double> recentNorms = new();

    /// <summary>Whether the norm is a spike, and the findings of this observation.</summary>
    public (bool IsSpike, IReadOnlyList<Finding> Findings) Look(IReadOnlyList<Judged> judged, double globalNorm, double loss, LossTrend trend, bool isDetailed)
    {
        var findings = new List<Finding>();
        if (NonFinite(judged, loss) is { } nonFinite)
            return (false, [nonFinite]);

        var open = !options.GateOnLoss || trend is LossTrend.NotGiven or LossTrend.Stalled or LossTrend.Worsening or LossTrend.Learned;
        Judged[] weights = [.. judged.Where(j => j.Parameter.IsWeight)];
        Ratios(weights, open, findings);
        WholeModel(judged, weights, globalNorm, trend, open, findings);
        if (isDetailed)
        {
            Tiny(weights, trend, findings);
            Dead(judged, open, findings);
            Enormous(judged, findings);
        }
        return (Spike(judged, globalNorm, open, findings), findings);
    }

    /// <summary>Norm of the first weight's gradient over that of the last.</summary>
    public static double FirstToLastRatio(IReadOnlyList<Judged> judged)
    {
        var weights = judged.Where(j => j.Parameter.IsWeight);
        var (first, last) = (weights.FirstOrDefault(), weights.LastOrDefault());
        return first.Parameter == last.Parameter ? double.NaN : first.Gradient.Norm / last.Gradient.Norm;
    }

    /// <summary>Parameters that backward leaves without gradient although others get one.</summary>
    public Finding? Missing(IReadOnlyList<ParameterRecord> without, bool othersHaveGradients)
    {
        ParameterRecord[] lasting = [.. without.Where(r => r.Missing.See(othersHaveGradients) >= options.Patience)];
        return lasting.Length == 0 ? null : new(AlertKind.NoGradient,
            $"backward leaves {Count(lasting.Length, "parameter")} without gradient: {List(lasting.Select(r => r.Path))}. The optimizer can't train {(lasting.Length == 1 ? "it" : "them")}. "
            + "Use the layer in forward, remove it, do not detach its result; or set requires_grad to false where this is meant.",
            "GRAD4003", [.. lasting.Select(r => r.Path)]);
    }

    private static Finding? NonFinite(IReadOnlyList<Judged> judged, double loss)
    {
        Judged[] bad = [.. judged.Where(j => j.Gradient.NonFinite > 0)];
        if (bad.Length > 0)
        {
            // The fewer elements are lost, the nearer the source: NaN spreads on its way back.
            var source = bad.MinBy(j => (double)j.Gradient.NonFinite / j.Parameter.Elements);
            return new(AlertKind.NonFinite,
                $"{source.Gradient.NonFinite} of {source.Parameter.Elements} gradient elements are NaN or infinite, in {Count(bad.Length, "parameter")} altogether. A step with them destroys the weights. "
                + "Clip gradients, lower the learning rate or the loss scale, and look for log, sqrt or division at zero.",
                "GRAD4005", [.. bad.Select(j => j.Parameter.Path)]) { Named = source.Parameter.Path };
        }
        return double.IsInfinity(loss)
            ? new(AlertKind.NonFinite, "the loss is infinite. Look for log or division at zero, or lower the learning rate.", "GRAD4005", [])
            : null;
    }

    private void Ratios(Judged[] weights, bool open, List<Finding> findings)
    {
        if (weights.Length < 2)
            return;
        var (first, last) = (weights[0], weights[^1]);
        var ratio = first.Gradient.Norm / last.Gradient.Norm;
        var isVanishing = first.Gradient.Norm > 0 && ratio < options.VanishingRatio && first.Gradient.Norm < options.VanishingNorm;
        if (vanishing.See(isVanishing) >= options.Patience && open)
        {
            string[] starved = [.. weights.TakeWhile(w => w.Gradient.Norm < options.VanishingRatio * last.Gradient.Norm).Select(w => w.Parameter.Path)];
            findings.Add(new(AlertKind.Vanishing,
                $"its gradient is {Number(first.Gradient.Norm)}, {Number(ratio)} of that of '{last.Parameter.Path}'; {Count(starved.Length, "weight")} from the input on {(starved.Length == 1 ? "does" : "do")} not learn. "
                + "Use ReLU with Kaiming initialization, normalization, or residual connections.",
                "GRAD1001", starved));
        }
        if (explodingRatio.See(ratio > options.ExplodingRatio && last.Gradient.Norm > options.VanishingMeanAbsolute) >= options.Patience && open)
            findings.Add(new(AlertKind.Exploding,
                $"its gradient is {Number(first.Gradient.Norm)}, {Number(ratio)} times that of '{last.Parameter.Path}': it grows on its way back through the layers. "
                + "Use smaller initial weights, residual connections, or clip gradients.",
                "GRAD1004", [first.Parameter.Path]));
    }

    private void WholeModel(IReadOnlyList<Judged> judged, Judged[] weights, double globalNorm, LossTrend trend, bool open, List<Finding> findings)
    {
        if (judged.Count == 0)
            return;
        var largest = judged.MaxBy(j => j.Gradient.Norm);
        if (explodingNorm.See(globalNorm > options.ExplodingNorm) >= options.Patience && open)
            findings.Add(Exploding(largest, $"the norm over all gradients is {Number(globalNorm)} and was above {Number(options.ExplodingNorm)} {options.Patience} times in a row"));

        recentNorms.Enqueue(globalNorm);
        if (recentNorms.Count > options.Patience)
            recentNorms.Dequeue();
        var grows = recentNorms.Count == options.Patience && options.Patience > 1 && recentNorms.Zip(recentNorms.Skip(1)).All(pair => pair.Second > pair.First);
        if (grows && trend == LossTrend.Worsening && globalNorm >= options.ExplodingGrowth * recentNorms.Peek())
            findings.Add(Exploding(largest, $"the norm over all gradients grew {Number(globalNorm / recentNorms.Peek())} times over {options.Patience} observations, to {Number(globalNorm)}, while the loss rises"));

        // The loss is far from learned, and yet nothing reaches even the layer next to it: what cuts the gradient off sits at the loss.
        var isFlat = globalNorm < options.VanishingNorm && globalNorm > 0;
        if (flat.See(isFlat) >= options.Patience && trend is LossTrend.Stalled or LossTrend.Worsening && isFlat && weights.Length > 0)
            findings.Add(new(AlertKind.Vanishing,
                $"the norm over all gradients is {Number(globalNorm)} while the loss stands still: the gradient is lost before the last layer. "
                + "Give the loss raw outputs (no softmax or sigmoid before cross-entropy), and scale the inputs to about one.",
                "GRAD3001", [weights[^1].Parameter.Path]));
    }

    private void Tiny(Judged[] weights, LossTrend trend, List<Finding> findings)
    {
        Judged[] tiny = [.. weights.Where(w => w.Record.Tiny.See(w.Gradient.MeanAbsolute < options.VanishingMeanAbsolute && w.Gradient.ZeroShare < 1) >= options.Patience)];
        var stands = trend is LossTrend.Stalled or LossTrend.Worsening || !options.GateOnLoss;
        if (tiny.Length > 0 && stands)
            findings.Add(new(AlertKind.Vanishing,
                $"the mean absolute gradient is {Number(tiny[0].Gradient.MeanAbsolute)} in {Count(tiny.Length, "weight")} while the loss stands still. "
                + "Use ReLU with Kaiming initialization, normalization, or residual connections.",
                "GRAD1001", [.. tiny.Select(w => w.Parameter.Path)]));
    }

    private void Dead(IReadOnlyList<Judged> judged, bool open, List<Finding> findings)
    {
        var dead = new List<Judged>();
        for (var i = 0; i < judged.Count; i++)
            if (judged[i].Parameter.IsWeight && judged[i].Record.Dead.See(DeadShare(judged, i) >= options.DeadShare) >= options.Patience)
                dead.Add(judged[i]);
        if (dead.Count == 0 || !open)
            return;
        // Nothing passes back through a dead layer, so all before it look dead too: the cause is the one nearest to the loss.
        var cause = dead[^1];
        findings.Add(new(AlertKind.Dead,
            $"{cause.Gradient.ZeroShare:P0} of its gradient is exactly zero, {options.Patience} times in a row{(dead.Count > 1 ? $", and with it {Count(dead.Count - 1, "weight")} before it" : "")}: its units are dead. "
            + "Lower the learning rate, use Kaiming initialization with small biases, or LeakyReLU.",
            "GRAD1004", [.. dead.Select(j => j.Parameter.Path)]) { Named = cause.Parameter.Path });
    }

    /// <summary>
    /// Share of the units without gradient. The bias has one element a unit, and that is zero only where the unit is dead; in the weight alone an input that is
    /// zero (one-hot, bag of words) looks the same, so without a bias only a gradient that is zero throughout counts.
    /// </summary>
    private static double DeadShare(IReadOnlyList<Judged> judged, int index)
    {
        var weight = judged[index];
        for (var i = index + 1; i < judged.Count && judged[i].Parameter.Module == weight.Parameter.Module; i++)
            if (judged[i].Parameter is { Role: ParameterRole.Vector } bias && bias.Elements == weight.Parameter.Rows)
                return Math.Min(weight.Gradient.ZeroShare, judged[i].Gradient.ZeroShare);
        return weight.Gradient.ZeroShare == 1 ? 1 : 0;
    }

    private void Enormous(IReadOnlyList<Judged> judged, List<Finding> findings)
    {
        foreach (var one in judged)
            if (one.Gradient.MeanAbsolute > options.ExplodingMeanAbsolute)
            {
                findings.Add(Exploding(one, $"the mean absolute gradient is {Number(one.Gradient.MeanAbsolute)}"));
                return;
            }
    }

    private bool Spike(IReadOnlyList<Judged> judged, double globalNorm, bool open, List<Finding> findings)
    {
        var (deviations, factor) = spikes.Add(globalNorm);
        if (deviations <= options.SpikeDeviations)
            return false;
        if (factor >= options.SpikeFactor && open)
        {
            var largest = judged.MaxBy(j => j.Gradient.Norm);
            findings.Add(new(AlertKind.Spike,
                $"the norm over all gradients is {Number(globalNorm)}, {Number(factor)} times its running mean. Clip gradients between backward and step, for instance monitor.ClipGradNorm(1.0).",
                largest.Parameter.Role == ParameterRole.RecurrentWeight ? "GRAD2001" : null, [largest.Parameter.Path]));
        }
        return true;
    }

    private static Finding Exploding(Judged largest, string what) => new(AlertKind.Exploding,
        $"{what}; '{largest.Parameter.Path}' has the largest. Clip gradients between backward and step, for instance monitor.ClipGradNorm(1.0), lower the learning rate, or scale inputs and targets to about one.",
        largest.Parameter.Role == ParameterRole.RecurrentWeight ? "GRAD2001" : "GRAD1004", [largest.Parameter.Path]);

    private static string Count(int count, string noun) => count == 1 ? $"one {noun}" : $"{count} {noun}s";

    private static string List(IEnumerable<string> paths)
    {
        string[] all = [.. paths];
        return string.Join(", ", all.Take(5).Select(p => $"'{p}'")) + (all.Length > 5 ? $" and {all.Length - 5} more" : "");
    }

    private static string Number(double value) => value.ToString("G2", CultureInfo.InvariantCulture);
}
