using TorchSharp.Modules;

namespace GradAnalyzers.Monitor;

/// <summary>
/// Writes scalars for TensorBoard through TorchSharp's own writer: <c>torch.utils.tensorboard.SummaryWriter("runs/1")</c>.
/// Tags are <c>gradient/norm/&lt;parameter&gt;</c>, <c>gradient/global_norm</c>, <c>gradient/first_to_last_ratio</c>, <c>loss</c>; alerts are texts.
/// </summary>
/// <param name="writer">The writer; it stays the caller's.</param>
/// <param name="perParameter">Also write the norm of every parameter. Default true.</param>
public sealed class TensorBoardSink(SummaryWriter writer, bool perParameter = true) : IGradientSink
{
    private readonly SummaryWriter writer = writer ?? throw new ArgumentNullException(nameof(writer));

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        var step = (int)Math.Min(observation.Step, int.MaxValue);
        Add("gradient/global_norm", observation.GlobalNorm, step);
        Add("gradient/first_to_last_ratio", observation.FirstToLastRatio, step);
        Add("loss", observation.Loss, step);
        if (perParameter)
            foreach (var gradient in observation.Parameters)
                Add($"gradient/norm/{gradient.Parameter}", gradient.Norm, step);
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert) =>
        writer.add_text("gradient/alert", alert.ToString(), (int)Math.Min(alert.Step, int.MaxValue));

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void Add(string tag, double value, int step)
    {
        if (!double.IsNaN(value))
            writer.add_scalar(tag, (float)value, step);
    }
}
