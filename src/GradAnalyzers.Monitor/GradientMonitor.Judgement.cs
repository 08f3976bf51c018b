using GradAnalyzers.Monitor.Judgement;
using GradAnalyzers.Monitor.Measurement;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor;

/// <content>From what was measured to alerts.</content>
public sealed partial class GradientMonitor
{
    /// <summary>Layers start equal or never are: the first observations tell.</summary>
    private const int MostEqualRowChecks = 3;

    private GradientObservation Observation(ParameterGradient[] gradients, double knownLoss)
    {
        var loss = double.IsNaN(knownLoss) ? measurements.Loss : knownLoss;
        if (double.IsNaN(knownLoss))
            progress.Add(loss);
        var table = measurements.Table;
        var isDetailed = gradients.Length > 0 && !double.IsNaN(gradients[0].ZeroShare);
        Observations++;

        var positions = new Dictionary<string, int>(gradients.Length);
        for (var i = 0; i < gradients.Length; i++)
            positions[table.Measured[i].Path] = i;
        var judged = new List<Judged>(gradients.Length);
        var all = new List<ParameterGradient>(table.Parameters.Count);
        var without = new List<ParameterRecord>();
        foreach (var parameter in table.Parameters)
        {
            var record = Record(parameter);
            if (!parameter.IsTrainable)
                continue;
            if (positions.TryGetValue(parameter.Path, out var i))
            {
                gradients[i] = gradients[i] with { UpdateRatio = record.LastUpdateRatio };
                record.Missing.See(false);
                judged.Add(new(parameter, gradients[i], record));
                all.Add(gradients[i]);
            }
            else
            {
                without.Add(record);
                all.Add(new(parameter.Path, double.NaN));
            }
            record.Add(Step, all[^1]);
        }

        var norm = GlobalNorm(gradients);
        var (isSpike, findings) = judge.Look(judged, norm, loss, progress.Trend(), isDetailed);
        var observation = new GradientObservation(Step, loss, norm, isDetailed, all) { FirstToLastRatio = Judge.FirstToLastRatio(judged), IsSpike = isSpike };
        Latest = observation;
        History.Add(observation, MedianUpdateRatio(judged));
        foreach (var sink in sinks.ToArray())
            AskSink(sink, s => s.Observed(this, observation));

        var raised = new List<Finding>(findings);
        if (gradients.Length == 0)
            raised.Add(new(AlertKind.NoGradient, "no parameter has a gradient. Call Observe after backward() and before step(), and build the loss with gradients on.", "GRAD4003", []));
        else if (judge.Missing(without, othersHaveGradients: true) is { } missing)
            raised.Add(missing);
        if (isDetailed)
        {
            raised.AddRange(Written(gradients));
            raised.AddRange(EqualRows(judged));
            MeasureUpdates(isStart: true);
            raised.AddRange(Activations());
        }
        foreach (var finding in raised)
            Raise(finding);
        return observation;
    }

    private ParameterRecord Record(WatchedParameter parameter)
    {
        if (!records.TryGetValue(parameter.Path, out var record))
        {
            records[parameter.Path] = record = new(parameter.Path);
            order.Add(parameter.Path);
        }
        record.Role = parameter.Role;
        record.Elements = parameter.Elements;
        record.IsFrozen = !parameter.IsTrainable;
        return record;
    }

    private ParameterSummary Summary(ParameterRecord record) => new(record.Path, record.Verdict(Options.Patience))
    {
        FirstStep = record.FirstStep,
        LastStep = record.LastStep,
        Observations = record.Observations,
        MissingObservations = record.MissingObservations,
        FirstNorm = record.FirstNorm,
        MedianNorm = History.MedianNorm(record.Path),
        LastNorm = record.Last.Norm,
        MeanAbsolute = record.LastDetail.MeanAbsolute,
        Maximum = record.LastDetail.Maximum,
        ZeroShare = record.LastDetail.ZeroShare,
        NonFinite = record.NonFiniteElements,
        UpdateRatio = record.LastUpdateRatio,
        Elements = record.Elements,
        Alerts = [.. record.Alerts],
    };

    private IEnumerable<Finding> Written(ParameterGradient[] gradients)
    {
        var unchanged = writes.Look(measurements, gradients, Step);
        string[] lasting = [.. unchanged.Where(u => u.Windows >= Options.Patience).Select(u => u.Parameter.Path)];
        if (lasting.Length > 0)
            yield return new(AlertKind.NeverUpdated,
                $"{(lasting.Length == 1 ? "it has a gradient and does" : $"{lasting.Length} parameters have gradients and do")} not change from step to step. Give {(lasting.Length == 1 ? "it" : "them")} to the optimizer, or set requires_grad to false where this is meant.",
                "GRAD2009", lasting);
        if (writes.UnclearedWindows >= Options.Patience)
            yield return new(AlertKind.NeverCleared,
                "no gradient was cleared since the last steps: every backward adds to all before it. Call optimizer.zero_grad() once a step.",
                "GRAD2003", [.. measurements.Table.Measured.Select(m => m.Path)]) { Named = "" };
    }

    private IEnumerable<Finding> EqualRows(List<Judged> judged)
    {
        if (equalRowChecks >= MostEqualRowChecks)
            yield break;
        using var _ = no_grad();
        Judged[] layers = [.. judged.Where(j => j.Parameter.IsWeight && j.Parameter.Rows > 1 && j.Gradient.Norm > 0 && j.Gradient.NonFinite == 0 && !j.Parameter.HasSparseGradient)];
        var equal = new HashSet<string>();
        foreach (var device in layers.GroupBy(l => (l.Parameter.Tensor.device_type, l.Parameter.Tensor.device_index)))
        {
            Judged[] here = [.. device];
            var answers = DeviceStatistics.EqualRows([.. here.Select(l => (Tensor)l.Parameter.Tensor)]);
            for (var i = 0; i < here.Length; i++)
                if (answers[i] > 0)
                    equal.Add(here[i].Parameter.Path);
        }
        if (equalRowChecks++ == 0)
            equalRows.UnionWith(equal);
        else
            equalRows.IntersectWith(equal);
        if (equalRowChecks < MostEqualRowChecks || equalRows.Count == 0)
            yield break;
        string[] paths = [.. layers.Select(l => l.Parameter.Path).Where(equalRows.Contains)];
        yield return new(AlertKind.Identical,
            $"all units of {(paths.Length == 1 ? "the layer" : $"{paths.Length} layers")} get the same gradient, so they stay one unit. Initialize weights at random: kaiming_normal_ or normal_, not a constant.",
            "GRAD1005", paths);
    }

    private void MeasureUpdates(bool isStart)
    {
        if (!Options.MeasureUpdates)
            return;
        using var _ = no_grad();
        if (isStart)
            updates.Start(measurements.Table.Measured, measurements.TableVersion);
        else
            foreach (var (path, ratio) in updates.Finish(measurements.TableVersion))
                if (records.TryGetValue(path, out var record))
                {
                    record.LastUpdateRatio = ratio;
                    record.UpdateOutOfRange.See(record.Role is not ParameterRole.Vector && (ratio > Options.LargestUpdateRatio || ratio < Options.SmallestUpdateRatio));
                    if (record.UpdateOutOfRange.Length >= Options.Patience)
                        Raise(new(AlertKind.UpdateSize,
                            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a step changes it by {ratio:G2} of its size. {(ratio > 1 ? "Lower" : "Raise")} the learning rate; healthy is 1e-4 to 1e-1."), null, [path]));
                }
    }

    private static double MedianUpdateRatio(List<Judged> judged)
    {
        double[] known = [.. judged.Where(j => j.Parameter.IsWeight).Select(j => j.Gradient.UpdateRatio).Where(r => !double.IsNaN(r)).Order()];
        return known.Length == 0 ? double.NaN : known[known.Length / 2];
    }

    private void Raise(Finding finding)
    {
        if (!log.IsNew(finding, Observations))
            return;
        var alert = new GradientAlert(finding.Kind, Step, finding.Named, finding.Message, finding.Rule, finding.Concerned);
        log.Add(alert);
        foreach (var path in finding.Concerned)
            if (records.TryGetValue(path, out var record) && !record.Alerts.Contains(finding.Kind))
                record.Alerts.Add(finding.Kind);
        foreach (var sink in sinks.ToArray())
            AskSink(sink, s => s.Alerted(this, alert));
        try
        {
            Alerted?.Invoke(alert);
        }
        catch (Exception e)
        {
            throw new HandlerException(e);
        }
        if (Options.ThrowOnAlert && alert.Kind != AlertKind.Monitor)
            throw new GradientAlertException(alert);
    }

    private void AskSink(IGradientSink sink, Action<IGradientSink> question)
    {
        try
        {
            question(sink);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            sinks.Remove(sink);
            Raise(new Finding(AlertKind.Monitor, $"the monitor: {sink.GetType().Name} was taken out after an error: {e.Message.TrimEnd('.')}.", null, []));
        }
    }

    /// <summary>What a handler of <see cref="Alerted"/> threw, on its way out through the guard.</summary>
    private sealed class HandlerException(Exception inner) : Exception(inner.Message, inner);
}
