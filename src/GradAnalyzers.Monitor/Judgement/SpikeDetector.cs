namespace GradAnalyzers.Monitor.Judgement;

/// <summary>Running mean and variance of the global norm (ZClip, Kumar et al. 2025).</summary>
internal sealed class SpikeDetector(GradientMonitorOptions options)
{
    /// <summary>More in a row are a new level.</summary>
    private const int MostSpikes = 10;

    private double mean, variance;
    private int count, spikes;

    public double[] Save() => [mean, variance, count, spikes];

    public void Load(double[] saved)
    {
        if (saved.Length == 4)
            (mean, variance, count, spikes) = (saved[0], saved[1], (int)saved[2], (int)saved[3]);
    }

    /// <summary>How many standard deviations, and how many times, the norm lies above the mean so far; (0, 1) during warm-up.</summary>
    public (double Deviations, double Factor) Add(double norm)
    {
        var result = (Deviations: 0.0, Factor: 1.0);
        if (count >= options.SpikeWarmUp)
            result = ((norm - mean) / Math.Max(Math.Sqrt(variance), 1e-12 * mean), norm / Math.Max(mean, double.Epsilon));
        // A spike says nothing about the norms that are to judge the next: it does not enter, unless it is no spike but a new level.
        var isSpike = result.Deviations > options.SpikeDeviations && result.Factor >= options.SpikeFactor;
        spikes = isSpike ? spikes + 1 : 0;
        if (isSpike && spikes <= MostSpikes)
            return result;
        // What is only somewhat high enters at the border, as in ZClip.
        var entering = result.Deviations > options.SpikeDeviations && !isSpike ? mean + options.SpikeDeviations * Math.Sqrt(variance) : norm;
        var decay = Math.Min(options.SpikeDecay, count / (count + 1.0));
        var distance = entering - mean;
        mean += (1 - decay) * distance;
        variance = decay * (variance + (1 - decay) * distance * distance);
        count++;
        return result;
    }
}
