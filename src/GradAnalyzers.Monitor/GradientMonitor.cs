using GradAnalyzers.Monitor.Judgement;
using GradAnalyzers.Monitor.Measurement;
using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor;

/// <summary>
/// Watches the gradients of a model while it trains. Call <see cref="Observe(Tensor)"/>, or a clipping method in its place, once a step between
/// <c>backward()</c> and <c>step()</c>:
/// <code>
/// using var monitor = new GradientMonitor(model);
/// monitor.Alerted += alert => Console.WriteLine(alert);
/// ...
/// optimizer.zero_grad();
/// loss.backward();
/// monitor.Observe(loss);        // or: monitor.ClipGradNorm(1.0, loss)
/// optimizer.step();
/// </code>
/// </summary>
/// <remarks>
/// It changes nothing in the training, but for the clipping methods, and never ends it: what goes wrong in the monitor is an alert of kind
/// <see cref="AlertKind.Monitor"/>. Only <see cref="GradientMonitorOptions.ThrowOnAlert"/>, <see cref="NonFiniteAction.Throw"/> and handlers of
/// <see cref="Alerted"/> throw into the training loop, and clipping where the gradients can't be clipped. One monitor belongs to one training loop: calls may come from any thread, one at a time.
/// </remarks>
public sealed partial class GradientMonitor : IDisposable
{
    /// <summary>A monitor that fails this often in a row turns itself off.</summary>
    private const int MostFailures = 3;

    /// <summary>
    /// What seldom changes (which parameters there are, whether an optimizer holds them, whether gradients are cleared) is looked at in so many detailed observations,
    /// and after them in every fifth: walking the modules costs as much as measuring a small model.
    /// </summary>
    private const int ThoroughDetails = 15, ThoroughEvery = 5;

    private readonly nn.Module model;
    private readonly Measurements measurements;
    private readonly StepWatch steps = new();
    private readonly UpdateRatios updates = new();
    private readonly LossProgress progress = new();
    private readonly Judge judge;
    private readonly AlertLog log = new();
    private readonly List<SinkState> sinks = [];
    private readonly Timeline timeline = new();
    private readonly Dictionary<string, ParameterRecord> records = [];
    private readonly long startedAt = System.Diagnostics.Stopwatch.GetTimestamp();
    private TimeSpan elapsedBefore;
    private long calls;
    private readonly List<string> order = [];
    private int equalRowChecks;
    private readonly HashSet<string> equalRows = [];
    private long lastDetail = long.MinValue / 2;
    private long details;
    private bool isThorough;
    private int failures;
    private readonly object clippingOfOneThread = new();
    private int entered;
    private string? refusal;
    private bool isOff;
    private volatile bool isDisposed;
    private bool isClosed;

    /// <summary>Watches a model.</summary>
    /// <param name="model">The model; its <c>named_parameters()</c> are watched, also those that are added later.</param>
    /// <param name="options">When to look and what to alarm on; the defaults if null.</param>
    /// <exception cref="ArgumentException">The model has no parameters.</exception>
    /// <exception cref="PlatformNotSupportedException">TorchSharp is older than 0.107.</exception>
    public GradientMonitor(nn.Module model, GradientMonitorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        TorchSharpVersion.Require();
        this.model = model;
        Options = options ?? new();
        judge = new Judge(Options);
        measurements = new Measurements(model);
        if (!model.named_parameters().Any())
            throw new ArgumentException(
                $"'{model.GetName()}' has no parameters, so there is nothing to watch. Call RegisterComponents() at the end of its constructor, and keep layers in fields or in a ModuleList.", nameof(model));
    }

    /// <summary>An alert was raised. Runs on the training thread; what a handler throws reaches the training loop.</summary>
    public event Action<GradientAlert>? Alerted;

    /// <summary>The options in force.</summary>
    public GradientMonitorOptions Options { get; }

    /// <summary>The name of the model's class.</summary>
    public string ModelName => model is NamedModules named ? named.Title : model.GetType().Name;

    /// <summary>The number of the current step: how often the monitor was called, from 1, or what was last given to it.</summary>
    public long Step { get; private set; }

    /// <summary>How many steps were observed.</summary>
    public long Observations { get; private set; }

    /// <summary>How many steps a clipping method skipped because a gradient was NaN or infinite (<see cref="NonFiniteAction.SkipStep"/>).</summary>
    public long SkippedSteps { get; private set; }

    /// <summary>The last observation, or null before the first.</summary>
    public GradientObservation? Latest { get; private set; }

    /// <summary>The last histograms, empty unless <see cref="GradientMonitorOptions.HistogramEvery"/> is set. Those of updates are of the step that was measured last before.</summary>
    public IReadOnlyList<ParameterHistogram> LatestHistograms { get; private set; } = [];

    /// <summary>The step of <see cref="LatestHistograms"/>; 0 before the first.</summary>
    public long LatestHistogramStep { get; private set; }

    /// <summary>All alerts so far.</summary>
    public IReadOnlyList<GradientAlert> Alerts => log.All;

    /// <summary>
    /// The verdict for the whole model, that of the first parameter that is not healthy: how the run is, by the findings of the last 20 observations (or four times <see cref="GradientMonitorOptions.Patience"/>).
    /// What happened before is in <see cref="Alerts"/>.
    /// </summary>
    public GradientVerdict Verdict => Summaries().Select(s => s.Verdict).Where(v => v is not (GradientVerdict.Frozen or GradientVerdict.Unknown or GradientVerdict.Healthy)).FirstOrDefault(
        Observations >= Options.Patience ? log.ModelVerdict(Now) : GradientVerdict.Unknown);

    /// <summary>
    /// The run so far, at most 256 observations, spread evenly: when they are full, every second one is dropped and half as many are kept from there on.
    /// </summary>
    public IReadOnlyList<HistoryPoint> History => timeline.Columns;

    /// <summary>An alert of a kind that <see cref="GradientMonitorOptions.Actions"/> stops the training for was raised. The loop ends itself: <c>if (monitor.ShouldStop) break;</c></summary>
    public bool ShouldStop => StopReason is not null;

    /// <summary>The alert that <see cref="ShouldStop"/> turned true for, or null.</summary>
    public GradientAlert? StopReason { get; private set; }

    /// <summary>When watching began.</summary>
    public DateTimeOffset Started { get; private set; } = DateTimeOffset.Now;

    /// <summary>How long the run has been watched, with what came before a <see cref="LoadState"/>.</summary>
    public TimeSpan Elapsed => elapsedBefore + System.Diagnostics.Stopwatch.GetElapsedTime(startedAt);

    /// <summary>The norms of a parameter's gradient at the observations of <see cref="History"/>; NaN where it had none.</summary>
    /// <param name="parameter">The path in <c>named_parameters()</c>.</param>
    /// <returns>One norm for each point of the history; empty for an unknown parameter.</returns>
    public IReadOnlyList<double> NormHistory(string parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return records.TryGetValue(parameter, out var record) ? [.. Enumerable.Range(0, timeline.Columns.Count).Select(i => i < record.Norms.Count ? record.Norms[i] : double.NaN)] : [];
    }

    internal IEnumerable<ParameterRecord> Records => order.Select(path => records[path]);

    /// <summary>Adds a sink. The monitor disposes it.</summary>
    /// <param name="sink">Where observations and alerts shall go.</param>
    /// <returns>This monitor.</returns>
    public GradientMonitor AddSink(IGradientSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        sinks.Add(new(sink));
        return this;
    }

    /// <summary>What was accumulated for each parameter, in the order of <c>named_parameters()</c>.</summary>
    /// <returns>One summary a parameter.</returns>
    public IReadOnlyList<ParameterSummary> Summaries()
    {
        var largest = LargestFirstNorm;
        return [.. order.Select(path => Summary(records[path], largest))];
    }

    /// <summary>Counts a step and, where one is due, observes it. Call it between backward and step. With the loss it alarms less on healthy runs.</summary>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe() =>
        Guarded(() => Look(NextStepIsDue(null), null, null)) as GradientObservation;

    /// <summary>Counts a step and, where one is due, observes it. Call it between backward and step.</summary>
    /// <param name="loss">The loss of this step, of one element: with it, vanishing, exploding and dead layers alarm only while it is not improving.</param>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe(Tensor? loss) =>
        Guarded(() => Look(NextStepIsDue(null), loss, null)) as GradientObservation;

    /// <summary>As <see cref="Observe(Tensor)"/>, with the number of the step: the one that alerts, files and charts show. When to look is counted in calls all the same.</summary>
    /// <param name="loss">The loss of this step, of one element.</param>
    /// <param name="step">The step in the user's own count, such as one that goes on after resuming.</param>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe(Tensor? loss, long step) =>
        Guarded(() => Look(NextStepIsDue(step), loss, null)) as GradientObservation;

    /// <summary>As <see cref="Observe(double)"/>, with the number of the step.</summary>
    /// <param name="loss">The loss of this step.</param>
    /// <param name="step">The step in the user's own count.</param>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe(double loss, long step) =>
        Guarded(() => Look(NextStepIsDue(step), null, loss)) as GradientObservation;

    /// <summary>Counts a step and, where one is due, observes it, with a loss that was read already.</summary>
    /// <param name="loss">The loss of this step.</param>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe(double loss) =>
        Guarded(() => Look(NextStepIsDue(null), null, loss)) as GradientObservation;

    /// <summary>
    /// Scales all gradients so that their norm together is at most <paramref name="maxNorm"/>, as <c>torch.nn.utils.clip_grad_norm_</c> does, in less time: the gradients are
    /// only written where they need it. Takes the place of <see cref="Observe(Tensor)"/> in the step, and observes the norms before clipping.
    /// It clips first: whatever goes wrong with the loss, a sink or the judgement, or on another thread, the gradients are clipped when it returns or throws.
    /// </summary>
    /// <param name="maxNorm">The largest norm to leave, above 0.</param>
    /// <param name="loss">The loss of this step, of one element.</param>
    /// <param name="step">The step in the user's own count; one more than the last if null.</param>
    /// <returns>What was found and done.</returns>
    /// <exception cref="InvalidOperationException">The gradients could not be clipped, for instance because they have no data.</exception>
    public ClipResult ClipGradNorm(double maxNorm, Tensor? loss = null, long? step = null)
    {
        RequirePositive(maxNorm, nameof(maxNorm));
        return Clip(maxNorm, each: false, loss, step);
    }

    /// <summary>
    /// Scales each gradient by itself so that its norm is at most <paramref name="maxNorm"/>, the way of TensorFlow's <c>clip_by_norm</c>.
    /// Takes the place of <see cref="Observe(Tensor)"/> in the step, and observes the norms before clipping. It clips first, as <see cref="ClipGradNorm"/>.
    /// </summary>
    /// <param name="maxNorm">The largest norm to leave, above 0.</param>
    /// <param name="loss">The loss of this step, of one element.</param>
    /// <param name="step">The step in the user's own count; one more than the last if null.</param>
    /// <returns>What was found and done.</returns>
    /// <exception cref="InvalidOperationException">The gradients could not be clipped, for instance because they have no data.</exception>
    public ClipResult ClipEachGradNorm(double maxNorm, Tensor? loss = null, long? step = null)
    {
        RequirePositive(maxNorm, nameof(maxNorm));
        return Clip(maxNorm, each: true, loss, step);
    }

    /// <summary>Ends the watching: writes what sinks still hold. The model is not touched.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        // Who is inside closes on its way out.
        if (Enter())
            Leave();
    }

    /// <summary>The cadence counts calls, whatever the user's step numbers are.</summary>
    private bool IsDue(long call) => call >= Options.WarmUp && (call - Options.WarmUp) % Options.Every == 0;

    private bool NextStepIsDue(long? step)
    {
        Step = step ?? Step + 1;
        return IsDue(++calls);
    }

    /// <summary>One call at a time. Who does not get in only notes that: whoever is inside reports it.</summary>
    private bool Enter()
    {
        var inside = Interlocked.CompareExchange(ref entered, Environment.CurrentManagedThreadId, 0);
        if (inside == 0)
            return true;
        Volatile.Write(ref refusal, inside == Environment.CurrentManagedThreadId
            ? "it was called from inside one of its own handlers or sinks, and that call was left out. Call it once a step, from the training loop."
            : "two threads called it at the same time, and one of the calls was not observed. Give each training loop a monitor of its own.");
        return false;
    }

    private void Leave()
    {
        try
        {
            if (Interlocked.Exchange(ref refusal, null) is { } refused)
                Fail(refused);
            if (isDisposed && !isClosed)
                Close();
        }
        catch (HandlerException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerException!);
        }
        finally
        {
            Volatile.Write(ref entered, 0);
        }
    }

    private void Close()
    {
        isClosed = true;
        foreach (var sink in sinks)
            AskSink(sink, s => s.Dispose(), isLast: true);
        StopWatchingActivations();
        measurements.Dispose();
        steps.Dispose();
        updates.Dispose();
    }

    private object? Guarded(Func<object?> work)
    {
        if (!Enter())
            return null;
        try
        {
            return Protected(work);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Lets nothing but asked-for exceptions out: training must not die of the monitor.</summary>
    private object? Protected(Func<object?> work)
    {
        try
        {
            if (isDisposed)
                return Fail("it was disposed and watches nothing any more. Dispose it after training.");
            if (isOff)
                return null;
            var result = work();
            failures = 0;
            return result;
        }
        catch (Exception e) when (e is not GradientAlertException and not HandlerException and not OutOfMemoryException)
        {
            isOff = ++failures >= MostFailures;
            return Fail($"{Text(e)}. {(isOff ? "It turned itself off after three failures in a row" : "This step was not observed; training goes on.")}");
        }
        catch (HandlerException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerException!);
            throw;
        }
    }

    private object? Fail(string what)
    {
        Raise(new Finding(AlertKind.Monitor, what, null, []));
        return null;
    }

    /// <summary>The first line of a message: the native library adds a stack trace, .NET the name of the argument.</summary>
    private static string Text(Exception e)
    {
        var line = e.Message.Split('\n')[0].TrimEnd();
        return (e is ArgumentException { ParamName: { } name } && line.EndsWith($" (Parameter '{name}')", StringComparison.Ordinal) ? line[..^$" (Parameter '{name}')".Length] : line).TrimEnd('.');
    }

    private GradientObservation? Look(bool isDue, Tensor? tensor, double? number)
    {
        var loss = tensor is null ? number : IsOnCpu(tensor) ? LossValue(tensor) : null;
        progress.Add(loss ?? double.NaN);
        MeasureUpdates(isStart: false);
        steps.See(ownWrites: false);
        return isDue || IsBroken(loss) ? Observation(Measure(IsDetailDue(), loss is null ? tensor : null), loss, ClippingDone.None) : null;
    }

    private ClipResult Clip(double limit, bool each, Tensor? loss, long? step)
    {
        var isAlone = Enter();
        try
        {
            var isWatching = isAlone && !isOff && !isDisposed;
            var isDue = isWatching && NextStepIsDue(step);
            var (clipping, gradients) = ClipFirst(limit, each, isAlone && !isDisposed, isDue);
            var isFinite = double.IsFinite(clipping.Norm);
            var isSkipped = !isFinite && Options.NonFinite == NonFiniteAction.SkipStep;
            if (isSkipped)
                TakeGradientsAway();
            if (isAlone)
                Protected(() => Judge(gradients, isDue || !isFinite, loss, clipping, isSkipped, each));
            if (!isFinite && Options.NonFinite == NonFiniteAction.Throw)
                throw new GradientAlertException(log.All.LastOrDefault(a => a.Kind == AlertKind.NonFinite)
                    ?? new GradientAlert(AlertKind.NonFinite, Step, "", "a gradient is NaN or infinite.", null, []));
            return new(clipping.Norm, clipping.Count, isFinite, isSkipped) { Parameters = isWatching && !isDisposed ? CurrentLayout().Arrange(gradients) : gradients };
        }
        finally
        {
            if (isAlone)
                Leave();
        }
    }

    /// <summary>Clips the gradients of the model as it is, by the fast way or, where that fails, by the library's. Throws where neither can.</summary>
    private (Clipping Done, ParameterGradient[] Measured) ClipFirst(double limit, bool each, bool isAlone, bool isDue)
    {
        lock (clippingOfOneThread)
        {
            try
            {
                if (isAlone)
                {
                    var detailed = isDue && IsDetailDue();
                    if (detailed)
                        NoteDetail();
                    var clipping = measurements.Clip(limit, each, detailed);
                    return (clipping, clipping.Gradients);
                }
                using var own = new Measurements(model);
                var done = own.Clip(limit, each, detailed: false);
                return (done, done.Gradients);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                try
                {
                    return (PlainClipping.Clip(model, limit, each), []);
                }
                catch (Exception second) when (second is not OutOfMemoryException)
                {
                    throw new InvalidOperationException($"The gradients could not be clipped: {Text(second)}. The step must not be taken with them.", second);
                }
            }
        }
    }

    private object? Judge(ParameterGradient[] gradients, bool isDue, Tensor? loss, in Clipping clipping, bool isSkipped, bool each)
    {
        if (isSkipped)
            SkippedSteps++;
        steps.See(isSkipped ? null : clipping.Count == 0 ? false : clipping.Count == gradients.Length && !each ? !clipping.IsUncounted : null);
        double? known = loss is not null && (isDue || IsOnCpu(loss)) ? LossValue(loss) : null;
        progress.Add(known ?? double.NaN);
        MeasureUpdates(isStart: false);
        var spike = judge.See(clipping.Norm);
        if (isDue || IsBroken(known) || spike.IsLarge)
            Observation(gradients, known, isSkipped ? ClippingDone.Skipped : ClippingDone.Clipped, spike);
        return null;
    }

    /// <summary>The value of a loss. It is read at every step, also where none is observed, so the usual case takes the shortest way. One that can't be read is an alert, and the step is observed without it.</summary>
    private double? LossValue(Tensor loss)
    {
        if (!IsUsable(loss))
            return null;
        if (loss.dtype == ScalarType.Float32 && loss.device_type == DeviceType.CPU)
            return loss.ReadCpuSingle(0);
        using var _ = no_grad();
        return loss.ToDouble();
    }

    private static bool IsOnCpu(Tensor loss) => loss.IsInvalid || loss.device_type == DeviceType.CPU;

    /// <summary>The loss can be read; where not, an alert says why.</summary>
    private bool IsUsable(Tensor loss)
    {
        if (!loss.IsInvalid && loss.numel() == 1)
            return true;
        Fail(loss.IsInvalid
            ? "the loss was disposed before it was given. Steps are observed without it; give it before its dispose scope ends."
            : $"the loss has {loss.numel()} elements; it must have one. Steps are observed without it; give the tensor that backward was called on.");
        return false;
    }

    /// <summary>A loss that is not finite is looked into at once, whatever the cadence.</summary>
    private static bool IsBroken(double? loss) => loss is { } value && !double.IsFinite(value);

    private bool IsDetailDue() => calls - lastDetail >= Options.DetailEvery;

    private ParameterGradient[] Measure(bool detailed, Tensor? loss)
    {
        if (detailed)
            NoteDetail();
        return measurements.Measure(detailed, loss);
    }

    private void NoteDetail()
    {
        lastDetail = calls;
        isThorough = ++details <= ThoroughDetails || details % ThoroughEvery == 0;
        if (isThorough)
            measurements.Refresh();
    }

    private void TakeGradientsAway()
    {
        foreach (var parameter in model.parameters())
            parameter.grad = null;
    }

    private static void RequirePositive(double value, string name)
    {
        if (!(value > 0))
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be above 0.");
    }
}
