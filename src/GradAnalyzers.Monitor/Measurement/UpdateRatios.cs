using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>How much a step changes each parameter: copies them before the step, compares at the next call.</summary>
internal sealed class UpdateRatios : IDisposable
{
    private readonly List<(WatchedParameter[] Parameters, Tensor[] Copies)> waiting = [];
    private int tableVersion;

    public void Start(IReadOnlyList<WatchedParameter> parameters, int version)
    {
        Dispose();
        tableVersion = version;
        foreach (var device in parameters.GroupBy(p => (p.Tensor.device_type, p.Tensor.device_index)))
        {
            WatchedParameter[] here = [.. device];
            waiting.Add((here, [.. here.Select(Copy)]));
        }
    }

    /// <param name="version">The version of the table now.</param>
    /// <param name="histograms">Where histograms of the updates go; null for none.</param>
    /// <returns>Update over parameter for each that was copied.</returns>
    public IReadOnlyList<(string Path, double Ratio)> Finish(int version, List<ParameterHistogram>? histograms = null)
    {
        if (waiting.Count == 0)
            return [];
        var ratios = new List<(string, double)>();
        if (version == tableVersion)
            foreach (var (parameters, copies) in waiting)
            {
                var measured = DeviceStatistics.UpdateRatios([.. parameters.Select(p => (Tensor)p.Tensor)], copies);
                if (histograms is not null)
                {
                    Tensor[] changes = [.. parameters.Select((p, i) => p.Tensor - copies[i])];
                    histograms.AddRange(Histograms.Of(HistogramOf.Update, [.. parameters.Select((p, i) => (p.Path, changes[i]))]));
                    foreach (var change in changes)
                        change.Dispose();
                }
                ratios.AddRange(parameters.Select((p, i) => (p.Path, (double)measured[i])));
            }
        Dispose();
        return ratios;
    }

    public void Dispose()
    {
        foreach (var (_, copies) in waiting)
            foreach (var copy in copies)
                copy.Dispose();
        waiting.Clear();
    }

    private static Tensor Copy(WatchedParameter parameter)
    {
        using var detached = parameter.Tensor.detach();
        return detached.clone().DetachFromDisposeScope();
    }
}
