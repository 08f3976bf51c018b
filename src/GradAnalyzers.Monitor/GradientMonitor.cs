using GradAnalyzers.Monitor.Judgement;
using GradAnalyzers.Monitor.Measurement;
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
/// <see cref="Alerted"/> throw into the training loop. One monitor belongs to one training loop: calls may come from any thread, one at a time.
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
    private readonly WriteCounts writes = new();
    private readonly UpdateRatios updates = new();
    private readonly LossProgress progress = new();
    private readonly Judge judge;
    private readonly AlertLog log = new();
    private readonly List<IGradientSink> sinks = [];
    private readonly Dictionary<string, ParameterRecord> records = [];
    private readonly List<string> order = [];
    private int equalRowChecks;
    private readonly HashSet<string> equalRows = [];
    private long lastDetail = long.MinValue / 2;
    private long details;
    private bool isThorough;
    private int failures;
    private int entered;
    private bool sawBrokenLoss;
    private bool isOff;
    private bool isDisposed;

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
    public string ModelName => model.GetType().Name;

    /// <summary>How often the monitor was called: the number of the current step, from 1.</summary>
    public long Step { get; private set; }

    /// <summary>How many steps were observed.</summary>
    public long Observations { get; private set; }

    /// <summary>The last observation, or null before the first.</summary>
    public GradientObservation? Latest { get; private set; }

    /// <summary>All alerts so far.</summary>
    public IReadOnlyList<GradientAlert> Alerts => log.All;

    /// <summary>The verdict for the whole model: the gravest of its parameters'.</summary>
    public GradientVerdict Verdict => Summaries().Select(s => s.Verdict).Where(v => v is not (GradientVerdict.Frozen or GradientVerdict.Unknown or GradientVerdict.Healthy)).FirstOrDefault(
        Observations >= Options.Patience ? log.ModelVerdict : GradientVerdict.Unknown);

    internal History History { get; } = new();

    internal IEnumerable<ParameterRecord> Records => order.Select(path => records[path]);

    /// <summary>Adds a sink. The monitor disposes it.</summary>
    /// <param name="sink">Where observations and alerts shall go.</param>
    /// <returns>This monitor.</returns>
    public GradientMonitor AddSink(IGradientSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        sinks.Add(sink);
        return this;
    }

    /// <summary>What was accumulated for each parameter, in the order of <c>named_parameters()</c>.</summary>
    /// <returns>One summary a parameter.</returns>
    public IReadOnlyList<ParameterSummary> Summaries() => [.. order.Select(path => Summary(records[path]))];

    /// <summary>Counts a step and, where one is due, observes it. Call it between backward and step. With the loss it alarms less on healthy runs.</summary>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe() =>
        Guarded(() => Look(NextStepIsDue(), null, double.NaN)) as GradientObservation;

    /// <summary>Counts a step and, where one is due, observes it. Call it between backward and step.</summary>
    /// <param name="loss">The loss of this step, of one element: with it, vanishing, exploding and dead layers alarm only while it is not improving.</param>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe(Tensor? loss) =>
        Guarded(() => Look(NextStepIsDue(), loss, double.NaN)) as GradientObservation;

    /// <summary>Counts a step and, where one is due, observes it, with a loss that was read already.</summary>
    /// <param name="loss">The loss of this step.</param>
    /// <returns>What was measured; null where no observation was due, or none was possible.</returns>
    public GradientObservation? Observe(double loss) =>
        Guarded(() => Look(NextStepIsDue(), null, loss)) as GradientObservation;

    /// <summary>
    /// Scales all gradients so that their norm together is at most <paramref name="maxNorm"/>, as <c>torch.nn.utils.clip_grad_norm_</c> does, in less time: the gradients are
    /// only written where they need it. Takes the place of <see cref="Observe(Tensor)"/> in the step, and observes the norms before clipping.
    /// </summary>
    /// <param name="maxNorm">The largest norm to leave, above 0.</param>
    /// <param name="loss">The loss of this step, of one element.</param>
    /// <returns>What was found and done; null where the monitor could not do it (an alert says why).</returns>
    public ClipResult? ClipGradNorm(double maxNorm, Tensor? loss = null)
    {
        RequirePositive(maxNorm, nameof(maxNorm));
        return Guarded(() => Clip(loss, gradients =>
        {
            var norm = GlobalNorm(gradients);
            // The library's own form, so that results agree with it.
            var factor = maxNorm / (norm + 1e-6);
            if (factor >= 1)
                return 0;
            foreach (var group in measurements.Table.Groups)
                DeviceStatistics.Scale(group.All, factor);
            writes.CountOwnWrite();
            return gradients.Length;
        })) as ClipResult;
    }

    /// <summary>
    /// Scales each gradient by itself so that its norm is at most <paramref name="maxNorm"/>, the way of TensorFlow's <c>clip_by_norm</c>.
    /// Takes the place of <see cref="Observe(Tensor)"/> in the step, and observes the norms before clipping.
    /// </summary>
    /// <param name="maxNorm">The largest norm to leave, above 0.</param>
    /// <param name="loss">The loss of this step, of one element.</param>
    /// <returns>What was found and done; null where the monitor could not do it (an alert says why).</returns>
    public ClipResult? ClipEachGradNorm(double maxNorm, Tensor? loss = null)
    {
        RequirePositive(maxNorm, nameof(maxNorm));
        return Guarded(() => Clip(loss, gradients =>
        {
            int clipped = 0, position = 0;
            foreach (var group in measurements.Table.Groups)
            {
                int[] large = [.. Enumerable.Range(0, group.All.Length).Where(i => gradients[position + i].Norm > maxNorm)];
                if (large.Length > 0)
                {
                    using var factors = tensor(large.Select(i => (float)(maxNorm / gradients[position + i].Norm)).ToArray(), device: group.All[0].device);
                    DeviceStatistics.ScaleEach([.. large.Select(i => group.All[i])], factors);
                    writes.SpoilWindow();
                }
                clipped += large.Length;
                position += group.All.Length;
            }
            return clipped;
        })) as ClipResult;
    }

    /// <summary>Ends the watching: writes what sinks still hold. The model is not touched.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        foreach (var sink in sinks.ToArray())
            AskSink(sink, s => s.Dispose());
        StopWatchingActivations();
        measurements.Dispose();
        writes.Dispose();
        updates.Dispose();
    }

    private bool IsDue(long step) => step >= Options.WarmUp && (step - Options.WarmUp) % Options.Every == 0;

    private bool NextStepIsDue() => IsDue(++Step);

    /// <summary>Lets nothing but asked-for exceptions out: training must not die of the monitor.</summary>
    private object? Guarded(Func<object?> work)
    {
        if (isDisposed)
            return Fail("it was disposed and watches nothing any more. Dispose it after training.");
        if (isOff)
            return null;
        if (Interlocked.Exchange(ref entered, 1) == 1)
            return Fail("two threads called it at the same time, and one of the calls was left out. Give each training loop a monitor of its own.");
        try
        {
            var result = work();
            failures = 0;
            return result;
        }
        catch (Exception e) when (e is not GradientAlertException and not HandlerException and not OutOfMemoryException)
        {
            isOff = ++failures >= MostFailures;
            return Fail($"{e.Message.Split('\n')[0].TrimEnd('.')}. {(isOff ? "It turned itself off after three failures in a row" : "This step was not observed; training goes on.")}");
        }
        catch (HandlerException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerException!);
            throw;
        }
        finally
        {
            Volatile.Write(ref entered, 0);
        }
    }

    private object? Fail(string what)
    {
        Raise(new Finding(AlertKind.Monitor, "the monitor: " + what, null, []));
        return null;
    }

    private GradientObservation? Look(bool isDue, Tensor? loss, double knownLoss)
    {
        var isLossHere = loss is not null && loss.device_type == DeviceType.CPU;
        if (isLossHere)
            knownLoss = LossValue(loss!);
        progress.Add(knownLoss);
        MeasureUpdates(isStart: false);
        isDue |= IsFirstBrokenLoss(isLossHere, knownLoss);
        return isDue ? Observation(Measure(IsDetailDue(), isLossHere ? null : loss), knownLoss) : null;
    }

    private ClipResult? Clip(Tensor? loss, Func<ParameterGradient[], int> scale)
    {
        var isDue = NextStepIsDue();
        var isLossHere = loss is not null && loss.device_type == DeviceType.CPU;
        var knownLoss = isLossHere ? LossValue(loss!) : double.NaN;
        progress.Add(knownLoss);
        MeasureUpdates(isStart: false);
        isDue |= IsFirstBrokenLoss(isLossHere, knownLoss);
        var gradients = Measure(isDue && IsDetailDue(), isLossHere || !isDue ? null : loss);
        using var _ = no_grad();
        var norm = GlobalNorm(gradients);
        var isFinite = double.IsFinite(norm);
        var clipped = isFinite ? scale(gradients) : 0;
        var result = new ClipResult(norm, clipped, isFinite, !isFinite && Options.NonFinite == NonFiniteAction.SkipStep) { Parameters = CurrentLayout().Arrange(gradients) };
        // Judged after the scaling: an alert that is thrown must not leave the gradients half done.
        if (isDue || !isFinite)
            Observation(gradients, knownLoss);
        if (!isFinite && Options.NonFinite == NonFiniteAction.Throw)
            throw new GradientAlertException(log.All.LastOrDefault(a => a.Kind == AlertKind.NonFinite)
                ?? new GradientAlert(AlertKind.NonFinite, Step, "", "a gradient is NaN or infinite.", null, []));
        if (result.IsStepSkipped)
            TakeGradientsAway();
        return result;
    }

    /// <summary>The value of a loss on the CPU. It is read at every step, also where none is observed, so the usual case takes the shortest way.</summary>
    private static double LossValue(Tensor loss)
    {
        if (loss.numel() == 1 && loss.dtype == ScalarType.Float32)
            return loss.ReadCpuSingle(0);
        using var _ = no_grad();
        return loss.numel() == 1 ? loss.ToDouble() : throw new ArgumentException($"the loss has {loss.numel()} elements; it must have one: give the tensor that backward was called on", nameof(loss));
    }

    /// <summary>The first loss that is not finite is looked into at once, whatever the cadence.</summary>
    private bool IsFirstBrokenLoss(bool isKnown, double loss)
    {
        if (!isKnown || double.IsFinite(loss) || sawBrokenLoss)
            return false;
        return sawBrokenLoss = true;
    }

    private bool IsDetailDue() => Step - lastDetail >= Options.DetailEvery;

    private ParameterGradient[] Measure(bool detailed, Tensor? loss)
    {
        if (detailed)
        {
            lastDetail = Step;
            isThorough = ++details <= ThoroughDetails || details % ThoroughEvery == 0;
            if (isThorough)
                measurements.Refresh();
        }
        return measurements.Measure(detailed, loss);
    }

    private void TakeGradientsAway()
    {
        foreach (var watched in measurements.Table.Measured)
            watched.Tensor.grad = null;
        writes.SpoilWindow();
    }

    private static double GlobalNorm(ParameterGradient[] gradients)
    {
        double squares = 0;
        foreach (var gradient in gradients)
            squares += gradient.Norm * gradient.Norm;
        return Math.Sqrt(squares);
    }

    private static void RequirePositive(double value, string name)
    {
        if (!(value > 0))
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it must be above 0.");
    }
}
