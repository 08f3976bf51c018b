using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor;

/// <summary>
/// Writes for TensorBoard through TorchSharp's own writer: <c>torch.utils.tensorboard.SummaryWriter("runs/1")</c>. The writer appends each value to its file at once, so a crash keeps them.
/// Tags are <c>gradient/norm/&lt;parameter&gt;</c>, <c>gradient/global_norm</c>, <c>gradient/first_to_last_ratio</c>, <c>loss</c>; at detailed observations <c>gradient/mean_absolute/</c>, <c>maximum/</c>, <c>zero_share/</c> and <c>update_ratio/</c>
/// of each parameter, <c>activation/saturated/</c>, <c>dead/</c> and <c>backward_norm/</c> of each module; and of histograms <c>log10/gradient/</c>, <c>log10/weight/</c>, <c>log10/update/</c>
/// (the powers of ten of the absolute values) and <c>weight/norm/</c>. Alerts are texts.
/// </summary>
/// <param name="writer">The writer; it stays the caller's.</param>
/// <param name="perParameter">Also write what concerns each parameter and module. Default true.</param>
public sealed class TensorBoardSink(SummaryWriter writer, bool perParameter = true) : IGradientSink
{
    /// <summary>Values that stand for a histogram, in proportion to its counts.</summary>
    private const int Samples = 512;

    private readonly SummaryWriter writer = writer ?? throw new ArgumentNullException(nameof(writer));
    private long histogramStep;

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        var step = Limited(observation.Step);
        Add("gradient/global_norm", observation.GlobalNorm, step);
        Add("gradient/first_to_last_ratio", observation.FirstToLastRatio, step);
        Add("loss", observation.Loss, step);
        if (!perParameter)
            return;
        foreach (var gradient in observation.Parameters)
        {
            Add($"gradient/norm/{gradient.Parameter}", gradient.Norm, step);
            Add($"gradient/mean_absolute/{gradient.Parameter}", gradient.MeanAbsolute, step);
            Add($"gradient/maximum/{gradient.Parameter}", gradient.Maximum, step);
            Add($"gradient/zero_share/{gradient.Parameter}", gradient.ZeroShare, step);
            if (observation.IsDetailed)
                Add($"gradient/update_ratio/{gradient.Parameter}", gradient.UpdateRatio, step);
        }
        if (observation.IsDetailed)
            foreach (var activation in monitor.LatestActivations)
            {
                Add($"activation/saturated/{activation.Module}", activation.SaturatedShare, step);
                Add($"activation/dead/{activation.Module}", activation.DeadUnitShare, step);
                Add($"activation/backward_norm/{activation.Module}", activation.BackwardNorm, step);
            }
        if (monitor.LatestHistogramStep > histogramStep)
            AddHistograms(monitor, step);
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert) =>
        writer.add_text("gradient/alert", alert.ToString(), Limited(alert.Step));

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void AddHistograms(GradientMonitor monitor, int step)
    {
        histogramStep = monitor.LatestHistogramStep;
        foreach (var histogram in monitor.LatestHistograms)
        {
            if (histogram.Of == HistogramOf.Weight)
                Add($"weight/norm/{histogram.Parameter}", histogram.Norm, step);
            double all = histogram.Counts.Sum();
            if (all == 0)
                continue;
            var values = new List<float>();
            for (var bin = 0; bin < histogram.Counts.Count; bin++)
                for (var n = (int)Math.Ceiling(histogram.Counts[bin] / all * Samples); n > 0; n--)
                    values.Add(ParameterHistogram.SmallestExponent + bin / 2f + 0.25f);
            using var samples = tensor(values.ToArray());
            writer.add_histogram($"log10/{histogram.Of.ToString().ToLowerInvariant()}/{histogram.Parameter}", samples, step);
        }
    }

    /// <summary>The writer takes 32 bits.</summary>
    private static int Limited(long step) => (int)Math.Clamp(step, int.MinValue, int.MaxValue);

    private void Add(string tag, double value, int step)
    {
        if (!double.IsNaN(value))
            writer.add_scalar(tag, (float)value, step);
    }
}
