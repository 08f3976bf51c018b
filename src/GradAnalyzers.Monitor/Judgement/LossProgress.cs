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

    private readonly double[] ring = new double[LongWindow];
    private int count;
    private double begin = double.NaN;

    /// <summary>A loss was given at least once.</summary>
    public bool IsKnown => count > 0;

    public void Add(double loss)
    {
        if (!double.IsFinite(loss))
            return;
        // The very first: a rate that is far too high makes the next ones huge, and the loss would seem learned when it comes back.
        if (count == 0)
            begin = loss;
        ring[count++ % LongWindow] = loss;
    }

    /// <summary>First loss, count, and the last ones in the order of the ring.</summary>
    public double[] Save() => [begin, count, .. ring];

    public void Load(double[] saved)
    {
        if (saved.Length != ring.Length + 2)
            return;
        (begin, count) = (saved[0], (int)saved[1]);
        saved.AsSpan(2).CopyTo(ring);
    }

    public LossTrend Trend()
    {
        if (!IsKnown)
            return LossTrend.NotGiven;
        if (count < Least)
            return LossTrend.TooEarly;
        var (earlier, later, noise, spread) = Compare(Math.Min(count, Window) / 2);
        return IsLower(earlier, later, noise) || count >= LongWindow && Compare(Window) is var slow && IsLower(slow.Earlier, slow.Later, slow.Noise) ? LossTrend.Improving
            : begin > 0 && later >= 0 && later <= LearnedPart * begin ? LossTrend.Learned
            : begin - later >= FallenPart * Math.Abs(begin) && spread <= FloorSpread * Math.Abs(later) ? LossTrend.Learned
            : later > earlier + WorseningErrors * noise + SmallestDrop * Math.Abs(earlier) ? LossTrend.Worsening
            : LossTrend.Stalled;
    }

    /// <summary>The loss that was given first; NaN before.</summary>
    public double Begin => begin;

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
