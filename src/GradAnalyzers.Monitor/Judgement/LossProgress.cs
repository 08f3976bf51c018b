namespace GradAnalyzers.Monitor.Judgement;

/// <summary>Says whether the loss is going down: the gate that keeps healthy runs from alarms.</summary>
internal sealed class LossProgress
{
    /// <summary>Losses looked back at: the later half is compared with the earlier. What falls slowly among noise shows in twice as many.</summary>
    private const int Window = 100, LongWindow = 200;

    /// <summary>Fewer say nothing about a trend.</summary>
    private const int Least = 10;

    /// <summary>A drop below this part of the earlier mean is not progress.</summary>
    private const double SmallestDrop = 1e-3;

    /// <summary>A loss that fell to this part of where it began has been learned: small gradients are then what one expects.</summary>
    private const double LearnedPart = 0.1;

    /// <summary>
    /// A loss that fell by at least one part and now varies by less than the other is at its floor: the same data at each step, and nothing left to gain. Where the data change, a loss that stands
    /// still varies with them.
    /// </summary>
    private const double FallenPart = 0.01, FloorSpread = 1e-3;

    /// <summary>Standard errors by which a mean must have risen: noise alone rises by one in every sixth window.</summary>
    private const double WorseningErrors = 3;

    /// <summary>
    /// A loss that is at once above so many times all that came in a while, stays above them and does not grow, is a new level: harder data, not a training that diverges. Progress is counted from there.
    /// </summary>
    private const double LevelFactor = 3, LevelGrowth = 1.2;

    private const int LevelBefore = 50, LevelAfter = 20;

    private readonly double[] ring = new double[LongWindow];
    private int count, level, risen;
    private double begin = double.NaN, ceiling = double.NaN;

    /// <summary>A loss was given at least once.</summary>
    public bool IsKnown => count > 0;

    /// <summary>The losses were exactly 0 for as long as one looks back.</summary>
    public bool IsZeroThroughout => count >= LongWindow && ring.All(loss => loss == 0);

    public void Add(double loss)
    {
        if (!double.IsFinite(loss))
            return;
        // The very first: a rate that is far too high makes the next ones huge, and the loss would seem learned when it comes back.
        if (count == 0)
            begin = LevelBegin = loss;
        ring[count++ % LongWindow] = loss;
        FollowLevel(loss);
    }

    /// <summary>First loss, count, the begin of the level and its loss, and the last ones in the order of the ring.</summary>
    public double[] Save() => [begin, count, level, LevelBegin, .. ring];

    public void Load(double[] saved)
    {
        if (saved.Length != ring.Length + 4)
            return;
        (begin, count, level, LevelBegin) = (saved[0], (int)saved[1], (int)saved[2], saved[3]);
        saved.AsSpan(4).CopyTo(ring);
    }

    public LossTrend Trend()
    {
        if (!IsKnown)
            return LossTrend.NotGiven;
        if (Known < Least || risen > 0)
            return LossTrend.TooEarly;
        var (earlier, later, noise, spread) = Compare(Math.Min(Known, Window) / 2);
        return IsLower(earlier, later, noise) || Known >= LongWindow && Compare(Window) is var slow && IsLower(slow.Earlier, slow.Later, slow.Noise) ? LossTrend.Improving
            : begin > 0 && later >= 0 && later <= LearnedPart * begin ? LossTrend.Learned
            : begin - later >= FallenPart * Math.Abs(begin) && spread <= FloorSpread * Math.Abs(later) ? LossTrend.Learned
            : later > earlier + WorseningErrors * noise + SmallestDrop * Math.Abs(earlier) ? LossTrend.Worsening
            : LossTrend.Stalled;
    }

    /// <summary>The loss that was given first, or with which its level began; NaN before.</summary>
    public double LevelBegin { get; private set; } = double.NaN;

    /// <summary>The mean of the losses before the last; NaN where there are few.</summary>
    public double Usual => Known > Least ? Moments(count - 1 - Math.Min(Known - 1, LevelBefore), Math.Min(Known - 1, LevelBefore)).Mean : double.NaN;

    /// <summary>Losses of this level.</summary>
    private int Known => count - level;

    private void FollowLevel(double loss)
    {
        if (risen == 0)
        {
            if (Known <= LevelBefore)
                return;
            ceiling = double.NegativeInfinity;
            for (var i = count - 1 - LevelBefore; i < count - 1; i++)
                ceiling = Math.Max(ceiling, ring[i % LongWindow]);
            if (ceiling > 0 && loss > LevelFactor * ceiling)
                risen = 1;
            return;
        }
        risen = loss > ceiling ? risen + 1 : 0;
        if (risen < LevelAfter)
            return;
        var (earlier, later) = (Moments(count - LevelAfter, LevelAfter / 2).Mean, Moments(count - LevelAfter / 2, LevelAfter / 2).Mean);
        if (later <= LevelGrowth * earlier)
            (level, LevelBegin) = (count - LevelAfter, earlier);
        risen = 0;
    }

    private static bool IsLower(double earlier, double later, double noise) => later < earlier - Math.Max(noise, SmallestDrop * Math.Abs(earlier));

    private (double Earlier, double Later, double Noise, double Spread) Compare(int half)
    {
        var (earlier, spreadEarlier) = Moments(count - 2 * half, half);
        var (later, spreadLater) = Moments(count - half, half);
        return (earlier, later, Math.Sqrt((spreadEarlier + spreadLater) / half), Math.Sqrt(spreadLater));
    }

    private (double Mean, double Variance) Moments(int from, int length)
    {
        double sum = 0, squares = 0;
        for (var i = from; i < from + length; i++)
            sum += ring[i % LongWindow];
        var mean = sum / length;
        for (var i = from; i < from + length; i++)
            squares += (ring[i % LongWindow] - mean) * (ring[i % LongWindow] - mean);
        return (mean, squares / length);
    }
}

internal enum LossTrend
{
    NotGiven,
    TooEarly,
    Improving,
    Stalled,
    Worsening,

    /// <summary>No longer falling, and at a small part of where it began, or at a floor.</summary>
    Learned,
}
