using System.Globalization;
using System.Runtime.CompilerServices;

namespace GradAnalyzers.Monitor;

/// <summary>
/// When the monitor looks, and from which value on it speaks up. The defaults are published ones; their sources stand beside each option.
/// A value out of range throws where it is set.
/// </summary>
public sealed record GradientMonitorOptions
{
    /// <summary>The first step that is observed. Default 10 (TheDeepChecker): the first steps of a run say little. 1 to 1,000,000,000.</summary>
    public int WarmUp { get; init => field = Within(value, 1, 1_000_000_000); } = 10;

    /// <summary>Every how many steps to observe. Default 10 (TheDeepChecker). 1 to 1,000,000,000.</summary>
    public int Every { get; init => field = Within(value, 1, 1_000_000_000); } = 10;

    /// <summary>
    /// At least how many steps lie between observations that measure more than norms (mean, maximum, zero share), which cost three to five times as much.
    /// Default 20: with the default cadence every second observation does. 1 to 1,000,000,000.
    /// </summary>
    public int DetailEvery { get; init => field = Within(value, 1, 1_000_000_000); } = 20;

    /// <summary>How many observations in a row must agree before an alert. Default 5 (TheDeepChecker). 1 to 10,000.</summary>
    public int Patience { get; init => field = Within(value, 1, 10_000); } = 5;

    /// <summary>
    /// Alert where a layer's first gradient is a hundred times off the one that the analyzers predicted when the model was built. Default true: of 700 healthy trainings none raised it (docs/monitor.md).
    /// </summary>
    public bool AlertOnDeparture { get; init; } = true;

    /// <summary>
    /// Vanishing, exploding and dead count only while the loss, where it is given, neither improves nor is down to a tenth of where it began. Default true
    /// (AUTOTRAINER: this gate is what avoids false alarms).
    /// </summary>
    public bool GateOnLoss { get; init; } = true;

    /// <summary>Vanishing: norm of the first weight's gradient over that of the last. Default 1e-3 (AUTOTRAINER). 0 to 1.</summary>
    public double VanishingRatio { get; init => field = Within(value, 0, 1); } = 1e-3;

    /// <summary>Vanishing: the norm that the first weight's gradient must also be under; and, of the whole model, while the loss stalls. Default 1e-4 (AUTOTRAINER). 0 to 1e6.</summary>
    public double VanishingNorm { get; init => field = Within(value, 0, 1e6); } = 1e-4;

    /// <summary>Vanishing: mean absolute gradient of one weight while the loss stalls. Default 1e-7 (SageMaker Debugger). 0 to 1e6.</summary>
    public double VanishingMeanAbsolute { get; init => field = Within(value, 0, 1e6); } = 1e-7;

    /// <summary>Exploding: norm of the first weight's gradient over that of the last. Default 70 (AUTOTRAINER). 1 to 1e30.</summary>
    public double ExplodingRatio { get; init => field = Within(value, 1, 1e30); } = 70;

    /// <summary>Exploding: norm over all gradients. Default 100 (torch-audit). 0 to 1e30.</summary>
    public double ExplodingNorm { get; init => field = Within(value, 0, 1e30); } = 100;

    /// <summary>Exploding, at once: mean absolute gradient of one parameter. Default 1e6 (TheDeepChecker). 0 to 1e30.</summary>
    public double ExplodingMeanAbsolute { get; init => field = Within(value, 0, 1e30); } = 1e6;

    /// <summary>Exploding: growth of the global norm over <see cref="Patience"/> observations, each larger than the one before. Default 2 (TheDeepChecker). 1 to 1e30.</summary>
    public double ExplodingGrowth { get; init => field = Within(value, 1, 1e30); } = 2;

    /// <summary>Spike: standard deviations above the running mean of the global norm. Default 2.5 (ZClip). 0 to 1e6.</summary>
    public double SpikeDeviations { get; init => field = Within(value, 0, 1e6); } = 2.5;

    /// <summary>Spike: the decay of the running mean and variance. Default 0.97 (ZClip). 0 to 0.9999.</summary>
    public double SpikeDecay { get; init => field = Within(value, 0, 0.9999); } = 0.97;

    /// <summary>Spike: observations before the first. Default 25 (ZClip). 2 to 1,000,000.</summary>
    public int SpikeWarmUp { get; init => field = Within(value, 2, 1_000_000); } = 25;

    /// <summary>
    /// Spike: how many times its running mean the global norm must be for an alert. A smaller spike is only marked in the observation: norms of healthy runs
    /// have heavy tails, and deviations alone would alarm on them. Default 10. 1 to 1e6.
    /// </summary>
    public double SpikeFactor { get; init => field = Within(value, 1, 1e6); } = 10;

    /// <summary>Dead: share of a layer's units whose gradient is exactly zero. Default 0.7 (AUTOTRAINER). Above 0 to 1.</summary>
    public double DeadShare { get; init => field = Within(value, 1e-6, 1); } = 0.7;

    /// <summary>
    /// Measure norm of the update over norm of the parameter. Costs a second copy of the parameters while it waits for the step. Default false.
    /// </summary>
    public bool MeasureUpdates { get; init; }

    /// <summary>
    /// Every how many detailed observations to count histograms of gradients, weights and, where they are measured, updates, for report and TensorBoard. Each is a pass over all parameters for each
    /// of the three, on devices six and one read-back. 0, the default, counts none. 0 to 1,000,000.
    /// </summary>
    public int HistogramEvery { get; init => field = Within(value, 0, 1_000_000); }

    /// <summary>Update over weight below which nothing is learned. Default 1e-8 (SageMaker Debugger). 0 to 1.</summary>
    public double SmallestUpdateRatio { get; init => field = Within(value, 0, 1); } = 1e-8;

    /// <summary>Update over weight above which the weights are thrown away. Default 10 (SageMaker Debugger). 0 to 1e30.</summary>
    public double LargestUpdateRatio { get; init => field = Within(value, 0, 1e30); } = 10;

    /// <summary>What <see cref="GradientMonitor.ClipGradNorm"/> does with NaN and infinity. Default <see cref="NonFiniteAction.SkipStep"/>.</summary>
    public NonFiniteAction NonFinite
    {
        get;
        init => field = Enum.IsDefined(value) ? value
            : throw new ArgumentOutOfRangeException(nameof(NonFinite), value, $"{nameof(NonFinite)} is {value}; it must be SkipStep, Throw or Pass.");
    }

    /// <summary>
    /// Throw every alert as a <see cref="GradientAlertException"/> out of the call that found it: for a training run in CI that must fail.
    /// Default false: training never dies of the monitor. Alerts about the monitor itself are never thrown.
    /// </summary>
    public bool ThrowOnAlert { get; init; }

    /// <summary>Findings that are no faults in this training. Default none.</summary>
    public IReadOnlyList<Mute> Mutes { get; init => field = value ?? throw new ArgumentNullException(nameof(Mutes)); } = [];

    /// <summary>
    /// What an alert of a kind does to the training. A kind that is not in it continues, or throws where <see cref="ThrowOnAlert"/> says so. <see cref="AlertKind.Monitor"/> always continues. Default empty.
    /// </summary>
    public IReadOnlyDictionary<AlertKind, AlertAction> Actions { get; init => field = value ?? throw new ArgumentNullException(nameof(Actions)); } = new Dictionary<AlertKind, AlertAction>();

    /// <summary>What report and summary say about the run: its name, optimizer, rate and notes. Default nothing.</summary>
    public RunDescription Run { get; init => field = value ?? throw new ArgumentNullException(nameof(Run)); } = new();

    internal AlertAction ActionOn(AlertKind kind) =>
        kind == AlertKind.Monitor ? AlertAction.Continue
        : Actions.TryGetValue(kind, out var action) ? action
        : ThrowOnAlert ? AlertAction.Throw
        : AlertAction.Continue;

    private static T Within<T>(T value, T least, T most, [CallerMemberName] string option = "") where T : IComparable<T>, IFormattable =>
        value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0
            ? value
            : throw new ArgumentOutOfRangeException(option, value, string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; it must be from {least} to {most}."));
}
