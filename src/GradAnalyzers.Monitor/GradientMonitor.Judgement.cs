using GradAnalyzers.Monitor.Judgement;
using GradAnalyzers.Monitor.Measurement;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor;

/// <content>From what was measured to alerts.</content>
public sealed partial class GradientMonitor
{
    /// <summary>Layers start equal or never are: the first observations tell.</summary>
    private const int MostEqualRowChecks = 3;

    /// <summary>Layers looked at for equal rows: of a model with more, an even choice. Each takes a dozen small operations.</summary>
    private const int MostEqualRowLayers = 500;

    /// <summary>A finding counts as the state of the run for so many observations: what lasts is found again in that time, also what is looked at seldom.</summary>
    private int Horizon => Math.Max(20, 4 * Options.Patience);

    /// <summary>The longest wait in ms before a sink that failed is asked again.</summary>
    private const long MostSinkWait = 60_000;

    private long Now => Observations - Horizon;

    private Layout? currentLayout;

    private GradientObservation Observation(ParameterGradient[] gradients, double? knownLoss, ClippingDone clipping, SpikeFound? known = null)
    {
        var loss = knownLoss ?? measurements.Loss;
        if (knownLoss is null)
            progress.Add(loss);
        Observations++;
        var layout = CurrentLayout();
        var all = layout.Arrange(gradients);
        for (var i = 0; i < all.Length; i++)
        {
            if (Options.MeasureUpdates)
                all[i] = all[i] with { UpdateRatio = layout.Records[i].LastUpdateRatio };
            layout.Records[i].Add(Step, all[i]);
        }
        var isDetailed = gradients.Length > 0 && !double.IsNaN(gradients[0].ZeroShare);
        var seen = new Snapshot(layout, all, Measurements.Norm(gradients), loss, isDetailed, clipping) { IsLossBroken = IsBroken(knownLoss) || double.IsInfinity(loss) };
        var spike = known ?? judge.See(seen.GlobalNorm);
        var findings = judge.Look(seen, progress, spike);
        var observation = new GradientObservation(Step, loss, seen.GlobalNorm, isDetailed, all) { FirstToLastRatio = seen.FirstToLastRatio(), IsSpike = spike.IsSpike };
        if (isDetailed && Options.HistogramEvery > 0)
            CountHistograms();
        Latest = observation;
        timeline.Add(observation, layout, MedianUpdateRatio(layout));
        foreach (var sink in sinks)
            AskSink(sink, s => s.Observed(this, observation));

        foreach (var finding in findings)
            Raise(finding);
        if (gradients.Length > 0)
            Compare();
        if (gradients.Length == 0)
            Raise(new(AlertKind.NoGradient, "no parameter has a gradient. Call Observe after backward() and before step(), and build the loss with gradients on.", null, []));
        else if (judge.Missing(seen) is { } missing)
            Raise(missing);
        if (isDetailed)
        {
            if (isThorough && Unheld() is { } unheld)
                Raise(unheld);
            if (isThorough)
                foreach (var finding in Steps(gradients))
                    Raise(finding);
            // What was found is looked at again: it may have been mended.
            if ((equalRowChecks < MostEqualRowChecks || equalRows.Count > 0 && isThorough) && EqualRows(seen) is { } equal)
                Raise(equal);
            MeasureUpdates(isStart: true);
            foreach (var finding in Activations())
                Raise(finding);
        }
        return observation;
    }

    private bool areHistogramsDue;
    private long detailsSeen;

    private void CountHistograms()
    {
        areHistogramsDue = detailsSeen++ % Options.HistogramEvery == 0;
        if (!areHistogramsDue)
            return;
        using var _ = no_grad();
        var measured = measurements.Table.Parameters.Where(p => p.IsTrainable && p.HasGradient).ToArray();
        var gradients = measured.Select(m => (m.Path, Value: m.Tensor.grad)).Where(g => g.Value is not null).Select(g => (g.Path, g.Value!)).ToArray();
        LatestHistograms = [.. Histograms.Of(HistogramOf.Gradient, gradients), .. Histograms.Of(HistogramOf.Weight, [.. measured.Select(m => (m.Path, (Tensor)m.Tensor))]), .. LatestHistograms.Where(h => h.Of == HistogramOf.Update)];
        LatestHistogramStep = Step;
        foreach (var (_, gradient) in gradients)
            gradient.Dispose();
    }

    private Layout CurrentLayout()
    {
        if (currentLayout is null || currentLayout.TableVersion != measurements.TableVersion)
            currentLayout = new Layout(measurements.Table, measurements.TableVersion, Record, Options.Mutes);
        return currentLayout;
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

    private ParameterSummary Summary(ParameterRecord record, double largest) => new(record.Path, record.Verdict(Options.Patience, Now))
    {
        FirstStep = record.FirstStep,
        LastStep = record.LastStep,
        Observations = record.Observations,
        MissingObservations = record.MissingObservations,
        FirstNorm = record.FirstNorm,
        MedianNorm = record.MedianNorm(),
        LastNorm = record.Last.Norm,
        MeanAbsolute = record.LastDetail.MeanAbsolute,
        Maximum = record.LastDetail.Maximum,
        ZeroShare = record.LastDetail.ZeroShare,
        NonFinite = record.NonFiniteElements,
        UpdateRatio = record.LastUpdateRatio,
        Elements = record.Elements,
        MeasuredRelative = record.FirstNorm / largest,
        PredictedRelative = PredictedRelative(record.Path),
        Alerts = [.. record.Alerts],
    };

    private IEnumerable<Finding> Steps(ParameterGradient[] gradients)
    {
        var measured = measurements.Table.Measured;
        string[] lasting = [.. steps.Look(measurements, gradients, Options.VanishingNorm).Where(u => u.Windows >= Options.Patience).Select(u => u.Parameter.Path).Where(p => !IsMuted(AlertKind.NeverUpdated, p))];
        if (lasting.Length > 0)
        {
            var all = lasting.ToHashSet();
            // Biases that begin at zero take up steps of any size: what counts is whether a weight does.
            WatchedParameter[] weights = [.. measured.Where(m => m.IsWeight)];
            var isAll = (weights.Length > 0 ? weights : measured).All(m => all.Contains(m.Path));
            yield return isAll
                ? new(AlertKind.NeverUpdated,
                    $"the gradients are not zero, and yet no {(measured.Any(m => m.IsWeight) ? "weight" : "parameter")} changes from step to step: training stands still. "
                    + "See that step() follows each backward(), that zero_grad() does not come between them, that the optimizer was made for this model, and that the learning rate is large enough.",
                    null, lasting) { Named = "" }
                : new(AlertKind.NeverUpdated,
                    $"{(lasting.Length == 1 ? "it has a gradient and does" : $"{lasting.Length} parameters have gradients and do")} not change from step to step. Give {(lasting.Length == 1 ? "it" : "them")} to the optimizer, with a learning rate above zero, or set requires_grad to false where this is meant.",
                    "GRAD2009", lasting);
        }
        if (steps.Uncleared >= StepWatch.Accumulated * Options.Patience)
            yield return new(AlertKind.NeverCleared,
                $"no gradient was cleared in {steps.Uncleared} backwards in a row: each adds to all before it. Call optimizer.zero_grad() once a step.",
                "GRAD2003", [.. measured.Select(m => m.Path)]) { Named = "" };
        steps.Arm(measured);
    }

    private Finding? EqualRows(in Snapshot seen)
    {
        using var _ = no_grad();
        var layers = new List<WatchedParameter>();
        var weights = seen.Layout.Weights;
        var stride = (weights.Length + MostEqualRowLayers - 1) / MostEqualRowLayers;
        foreach (var i in stride <= 1 ? weights : weights.Where((_, at) => at % stride == 0))
            if (seen.Layout.Parameters[i] is { Rows: > 1, HasSparseGradient: false } parameter && seen.Norm(i) > 0)
                if (!seen.Layout.IsMuted(AlertKind.Identical, i))
                    layers.Add(parameter);
        var equal = new HashSet<string>();
        foreach (var device in layers.GroupBy(l => (l.Tensor.device_type, l.Tensor.device_index)))
        {
            WatchedParameter[] here = [.. device];
            var answers = DeviceStatistics.EqualRows([.. here.Select(l => (Tensor)l.Tensor)]);
            for (var i = 0; i < here.Length; i++)
                if (answers[i] > 0)
                    equal.Add(here[i].Path);
        }
        if (equalRowChecks++ == 0)
            equalRows.UnionWith(equal);
        else
            equalRows.IntersectWith(equal);
        if (equalRowChecks < MostEqualRowChecks || equalRows.Count == 0)
            return null;
        string[] paths = [.. layers.Select(l => l.Path).Where(equalRows.Contains)];
        return new(AlertKind.Identical,
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
        {
            var counted = areHistogramsDue ? new List<ParameterHistogram>() : null;
            var finished = updates.Finish(measurements.TableVersion, counted);
            if (counted is { Count: > 0 })
                LatestHistograms = [.. LatestHistograms.Where(h => h.Of != HistogramOf.Update), .. counted];
            foreach (var (path, ratio) in finished)
                if (records.TryGetValue(path, out var record))
                {
                    record.LastUpdateRatio = ratio;
                    // What gets no gradient gets no update either: the rate is not to blame.
                    var isConsequence = ratio < Options.SmallestUpdateRatio && record.Alerts.Contains(AlertKind.Vanishing);
                    record.UpdateOutOfRange.See(!isConsequence && record.Role is not ParameterRole.Vector && (ratio > Options.LargestUpdateRatio || ratio < Options.SmallestUpdateRatio));
                    if (record.UpdateOutOfRange.Length >= Options.Patience)
                        Raise(new(AlertKind.UpdateSize,
                            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a step changes it by {ratio:G2} of its size. {(ratio > Options.LargestUpdateRatio ? "Lower" : "Raise")} the learning rate; healthy is 1e-4 to 1e-1."), null, [path]));
                }
        }
    }

    private double MedianUpdateRatio(Layout layout)
    {
        if (!Options.MeasureUpdates)
            return double.NaN;
        double[] known = [.. layout.Weights.Select(i => layout.Records[i].LastUpdateRatio).Where(r => !double.IsNaN(r)).Order()];
        return known.Length == 0 ? double.NaN : known[known.Length / 2];
    }

    private bool IsMuted(AlertKind kind, string path)
    {
        foreach (var mute in Options.Mutes)
            if (mute.Covers(kind, path))
                return true;
        return false;
    }

    /// <summary>What is left of a finding where part of it is muted; null where nothing is.</summary>
    private Finding? Unmuted(Finding finding)
    {
        if (Options.Mutes.Count == 0)
            return finding;
        if (finding.Concerned.Count == 0)
            return IsMuted(finding.Kind, "") ? null : finding;
        string[] rest = [.. finding.Concerned.Where(path => !IsMuted(finding.Kind, path))];
        return rest.Length == 0 ? null
            : rest.Length == finding.Concerned.Count ? finding
            : finding with { Concerned = rest, Named = finding.Named.Length == 0 || rest.Contains(finding.Named) ? finding.Named : rest[0] };
    }

    private void Raise(Finding found)
    {
        if (Unmuted(found) is not { } finding)
            return;
        foreach (var path in finding.Concerned)
            if (records.TryGetValue(path, out var record))
                record.Find(finding.Kind, Observations);
        if (finding.Concerned.Count == 0)
            log.Find(finding.Kind, Observations);
        if (!log.IsNew(finding, Observations))
            return;
        var alert = new GradientAlert(finding.Kind, Step, finding.Named, Names.Plain(finding.Message), finding.Rule, finding.Concerned);
        log.Add(alert);
        var action = Options.ActionOn(alert.Kind);
        if (action == AlertAction.Stop)
            StopReason ??= alert;
        foreach (var sink in sinks)
            AskSink(sink, s => s.Alerted(this, alert));
        try
        {
            Alerted?.Invoke(alert);
        }
        catch (Exception e)
        {
            throw new HandlerException(e);
        }
        if (action == AlertAction.Throw)
            throw new GradientAlertException(alert);
    }

    /// <summary>The clock by which a sink that failed waits.</summary>
    internal Func<long> Milliseconds { get; set; } = static () => Environment.TickCount64;

    /// <summary>A sink that fails is asked again, less and less often, and its failure is told once: a disk that is full may have room later.</summary>
    private void AskSink(SinkState sink, Action<IGradientSink> question, bool isLast = false)
    {
        if (!isLast && Milliseconds() < sink.WaitsUntil)
            return;
        try
        {
            question(sink.Sink);
            sink.Failures = 0;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            sink.WaitsUntil = Milliseconds() + Math.Min(MostSinkWait, 1000L << Math.Min(sink.Failures, 10));
            sink.Failures++;
            var isNews = isLast || !sink.IsTold;
            sink.IsTold = true;
            if (isNews)
                Raise(new Finding(AlertKind.Monitor, $"{sink.Sink.GetType().Name} failed{(isLast ? " at the end of the run, and what it held is lost" : "")}: {Text(e)}.{(isLast ? "" : " It is tried again; further failures are not told.")}", null, []));
        }
    }

    private sealed class SinkState(IGradientSink sink)
    {
        public IGradientSink Sink { get; } = sink;

        public int Failures { get; set; }

        public bool IsTold { get; set; }

        public long WaitsUntil { get; set; }
    }

    /// <summary>What a handler of <see cref="Alerted"/> threw, on its way out through the guard.</summary>
    private sealed class HandlerException(Exception inner) : Exception(inner.Message, inner);
}
