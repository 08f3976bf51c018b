namespace GradAnalyzers.Monitor.Judgement;

/// <summary>Running mean and variance of the global norm (ZClip, Kumar et al. 2025).</summary>
internal sealed class SpikeDetector(GradientMonitorOptions options)
{
    private double mean, variance;
    private int count;

    /// <summary>How many standard deviations, and how many times, the norm lies above the mean so far; (0, 1) during warm-up.</summary>
    public (double Deviations, double Factor) Add(double norm)
    {
        var result = (Deviations: 0.0, Factor: 1.0);
        if (count >= options.SpikeWarmUp)
            result = ((norm - mean) / Math.Max(Math.Sqrt(variance), 1e-12 * mean), norm / Math.Max(mean, double.Epsilon));
        // A spike must not hide the next one: it enters at the border, as in ZClip.
        var entering = result.Deviations > options.SpikeDeviations ? mean + options.SpikeDeviations * Math.Sqrt(variance) : norm;
        var decay = Math.Min(options.SpikeDecay, count / (count + 1.0));
        var distance = entering - mean;
        mean += (1 - decay) * distance;
        variance = decay * (variance + (1 - decay) * distance * distance);
        count++;
        return result;
    }
}
