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

    private readonly Meter meter = new(MeterName);
    private readonly Histogram<double> globalNorms;
    private readonly Counter<long> alerts, observations;
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
        globalNorms = meter.CreateHistogram<double>("gradient.global_norm", description: "Norm over all gradients together, before clipping.");
        alerts = meter.CreateCounter<long>("gradient.alerts", description: "Alerts, tagged with kind and parameter.");
        observations = meter.CreateCounter<long>("gradient.observations", description: "Observed training steps.");
        meter.CreateObservableGauge("gradient.first_to_last_ratio", () => Whole(o => o.FirstToLastRatio), description: "Norm of the first weight's gradient over that of the last.");
        meter.CreateObservableGauge("gradient.loss", () => Whole(o => o.Loss), description: "The loss of the last observed step.");
        meter.CreateObservableGauge("gradient.norm", () => Each(p => p.Norm), description: "Norm of a parameter's gradient.");
        meter.CreateObservableGauge("gradient.zero_share", () => Each(p => p.ZeroShare), description: "Share of a gradient's elements that are zero.");
        meter.CreateObservableGauge("gradient.update_ratio", () => Each(p => p.UpdateRatio), description: "Norm of the last update over that of the parameter.");
    }

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        model = monitor.ModelName;
        latest = observation;
        observations.Add(1, new KeyValuePair<string, object?>("model", model));
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
