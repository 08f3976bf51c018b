namespace GradAnalyzers.Monitor.Judgement;

/// <summary>Says whether the loss is going down: the gate that keeps healthy runs from alarms.</summary>
internal sealed class LossProgress
{
    /// <summary>Losses looked back at: the later half is compared with the earlier.</summary>
    private const int Window = 100;

    /// <summary>Fewer say nothing about a trend.</summary>
    private const int Least = 10;

    /// <summary>A drop below this part of the earlier mean is not progress.</summary>
    private const double SmallestDrop = 1e-3;

    /// <summary>A loss that fell to this part of where it began has been learned: small gradients are then what one expects.</summary>
    private const double LearnedPart = 0.1;

    private readonly double[] ring = new double[Window];
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
        ring[count++ % Window] = loss;
    }

    public LossTrend Trend()
    {
        if (!IsKnown)
            return LossTrend.NotGiven;
        if (count < Least)
            return LossTrend.TooEarly;
        var half = Math.Min(count, Window) / 2;
        var (earlier, spreadEarlier) = Moments(count - 2 * half, half);
        var (later, spreadLater) = Moments(count - half, half);
        var noise = Math.Sqrt((spreadEarlier + spreadLater) / half);
        return later < earlier - Math.Max(noise, SmallestDrop * Math.Abs(earlier)) ? LossTrend.Improving
            : begin > 0 && later >= 0 && later <= LearnedPart * begin ? LossTrend.Learned
            : later > earlier + noise ? LossTrend.Worsening
            : LossTrend.Stalled;
    }

    private (double Mean, double Variance) Moments(int from, int length)
    {
        double sum = 0, squares = 0;
        for (var i = from; i < from + length; i++)
            sum += ring[i % Window];
        var mean = sum / length;
        for (var i = from; i < from + length; i++)
            squares += (ring[i % Window] - mean) * (ring[i % Window] - mean);
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

    /// <summary>No longer falling, and at a small part of where it began.</summary>
    Learned,
}
