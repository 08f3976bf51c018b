using System.Diagnostics.Metrics;

namespace GradAnalyzers.Monitor;

/// <summary>
/// Publishes through <c>System.Diagnostics.Metrics</c>, which OpenTelemetry, Prometheus exporters and <c>dotnet-counters</c> read:
/// add the meter <see cref="MeterName"/>. Values are those of the last observation; nothing is computed unless something listens.
/// </summary>
public sealed class MetricsSink : IGradientSink
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "GradAnalyzers.Monitor";

    private readonly Meter meter = new(MeterName, typeof(MetricsSink).Assembly.GetName().Version?.ToString(3));
    private readonly Histogram<double> globalNorms;
    private readonly Counter<long> alerts, observations, skipped;
    private long skippedBefore;
    private readonly bool perParameter;
    private GradientObservation? latest;
    private string model = "";

    /// <summary>Publishes metrics.</summary>
    /// <param name="perParameter">
    /// Also publish norm and zero share of every parameter, tagged with its path: as many time series as the model has parameters. Default true.
    /// </param>
    public MetricsSink(bool perParameter = true)
    {
        this.perParameter = perParameter;
        globalNorms = meter.CreateHistogram<double>("gradient.global_norm", unit: "1", description: "Euclidean norm over all gradients together, before clipping.");
        alerts = meter.CreateCounter<long>("gradient.alerts", unit: "{alert}", description: "Alerts, tagged with kind and parameter.");
        observations = meter.CreateCounter<long>("gradient.observations", unit: "{observation}", description: "Observed training steps.");
        meter.CreateObservableGauge("gradient.first_to_last_ratio", () => Whole(o => o.FirstToLastRatio), unit: "1", description: "Norm of the first weight's gradient over that of the last.");
        skipped = meter.CreateCounter<long>("gradient.skipped_steps", unit: "{step}", description: "Steps that clipping skipped because a gradient was NaN or infinite.");
        meter.CreateObservableGauge("gradient.loss", () => Whole(o => o.Loss), unit: "1", description: "The loss of the last observed step.");
        meter.CreateObservableGauge("gradient.norm", () => Each(p => p.Norm), unit: "1", description: "Euclidean norm of a parameter's gradient, before clipping.");
        meter.CreateObservableGauge("gradient.zero_share", () => Each(p => p.ZeroShare), unit: "1", description: "Share, 0 to 1, of a gradient's elements that are zero.");
        meter.CreateObservableGauge("gradient.update_ratio", () => Each(p => p.UpdateRatio), unit: "1", description: "Norm of the last update over that of the parameter.");
    }

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        model = monitor.ModelName;
        latest = observation;
        observations.Add(1, new KeyValuePair<string, object?>("model", model));
        if (monitor.SkippedSteps > skippedBefore)
            skipped.Add(monitor.SkippedSteps - skippedBefore, new KeyValuePair<string, object?>("model", model));
        skippedBefore = monitor.SkippedSteps;
        if (double.IsFinite(observation.GlobalNorm))
            globalNorms.Record(observation.GlobalNorm, new KeyValuePair<string, object?>("model", model));
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert) =>
        alerts.Add(1, new("model", monitor.ModelName), new("kind", alert.Kind.ToString()), new("parameter", alert.Parameter));

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    private IEnumerable<Measurement<double>> Whole(Func<GradientObservation, double> value) =>
        latest is { } o && double.IsFinite(value(o)) ? [new(value(o), new KeyValuePair<string, object?>("model", model))] : [];

    private IEnumerable<Measurement<double>> Each(Func<ParameterGradient, double> value)
    {
        if (!perParameter || latest is not { } observation)
            yield break;
        foreach (var gradient in observation.Parameters)
            if (double.IsFinite(value(gradient)))
                yield return new(value(gradient), new("model", model), new("parameter", gradient.Parameter));
    }
}
