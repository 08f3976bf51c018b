using GradAnalyzers.Monitor;
using TorchSharp;
using static TorchSharp.torch;

namespace GradAnalyzers.Detection;

/// <summary>A short real training, healthy or with one fault.</summary>
/// <param name="Family">What is trained, or the fault.</param>
/// <param name="Name">What is special about this one.</param>
/// <param name="Create">Builds it; called after the seed is set.</param>
internal sealed record Scenario(string Family, string Name, Func<Setup> Create)
{
    /// <summary>The alerts that count as finding the fault; empty for a healthy training.</summary>
    public AlertKind[] Expected { get; init; } = [];

    /// <summary>Whether an alert names the layer that has the fault; null where the fault is in no layer.</summary>
    public Func<string, bool>? IsRightLayer { get; init; }

    public bool IsHealthy => Expected.Length == 0;

    /// <summary>Not consulted between being written and its first run; <c>docs/monitor.md</c> says what came after.</summary>
    public bool IsHeldOut { get; init; }

    /// <summary>Written after the judgement was settled; its first results changed nothing in it.</summary>
    public bool IsUnseen { get; init; }

    /// <summary>Of the second set that was written after the judgement was settled.</summary>
    public bool IsLater { get; init; }
}

/// <summary>What a training consists of.</summary>
internal sealed record Setup(nn.Module Model, optim.Optimizer Optimizer, Func<Tensor> Loss)
{
    public optim.lr_scheduler.LRScheduler? Scheduler { get; init; }

    /// <summary>Runs before each step: the other half of a GAN.</summary>
    public Action? Before { get; init; }

    /// <summary>Runs after backward: a fault in the gradients themselves, or several backwards.</summary>
    public Action? AfterBackward { get; init; }

    public bool Clears { get; init; } = true;

    /// <summary>Clips by this norm through the monitor; observes only, if null.</summary>
    public double? Clip { get; init; }

    public int Backwards { get; init; } = 1;

    /// <summary>How the monitor is called, where it is neither observed nor clipped in the usual place.</summary>
    public Action<GradientMonitor, Tensor>? Watch { get; init; }

    /// <summary>Runs between the monitor's call and the step.</summary>
    public Action? BeforeStep { get; init; }

    /// <summary>Runs after the step, with the number of steps so far.</summary>
    public Action<GradientMonitor, int>? AfterStep { get; init; }
}

/// <summary>What the monitor said about one training.</summary>
internal sealed record Outcome(Scenario Scenario, IReadOnlyList<GradientAlert> Alerts, double FirstLoss, double LastLoss, double LargestNorm)
{
    /// <summary>What was measured of the parameters, beside what was predicted.</summary>
    public IReadOnlyList<ParameterSummary> Summaries { get; init; } = [];

    private GradientAlert? Finding => Alerts.FirstOrDefault(a => Scenario.Expected.Contains(a.Kind));

    /// <summary>The fault was found; or, of a healthy training, nothing was.</summary>
    public bool IsRight => Scenario.IsHealthy ? Alerts.Count == 0 : Finding is not null;

    /// <summary>Whether the first finding names the faulty layer; null where there is none to name, or nothing was found.</summary>
    public bool? NamesLayer => Finding is { } finding && Scenario.IsRightLayer is { } isRight ? isRight(finding.Parameter) : null;

    public long? StepsUntilAlarm => Finding?.Step;

    /// <summary>The first that was said of a fault was of an expected kind; null where nothing was said, and of a healthy training.</summary>
    public bool? IsRightKind => Scenario.IsHealthy || Alerts.Count == 0 ? null : Scenario.Expected.Contains(Alerts[0].Kind);
}

internal static class Runner
{
    public const int Steps = 400;

    /// <summary>Trains, with the monitor's defaults where nothing else is said. A fault ends the training when it is found, a healthy training runs through.</summary>
    public static Outcome Run(Scenario scenario, int seed = 1, GradientMonitorOptions? options = null, int steps = Steps)
    {
        set_num_threads(1);
        manual_seed(seed);
        var setup = scenario.Create();
        using var monitor = new GradientMonitor(setup.Model, options);
        double first = double.NaN, last = double.NaN, largest = 0;
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            setup.Before?.Invoke();
            if (setup.Clears)
                setup.Optimizer.zero_grad();
            Tensor loss = null!;
            for (var i = 0; i < setup.Backwards; i++)
            {
                loss = setup.Loss();
                loss.backward();
            }
            setup.AfterBackward?.Invoke();
            last = loss.ToDouble();
            if (step == 0)
                first = last;
            if (setup.Watch is { } watch)
                watch(monitor, loss);
            else if (setup.Clip is { } max)
                monitor.ClipGradNorm(max, loss);
            else
                monitor.Observe(loss);
            largest = Math.Max(largest, monitor.Latest?.GlobalNorm ?? 0);
            if (monitor.Alerts.Any(a => scenario.Expected.Contains(a.Kind)))
                break;
            setup.BeforeStep?.Invoke();
            setup.Optimizer.step();
            setup.Scheduler?.step();
            setup.AfterStep?.Invoke(monitor, step);
        }
        setup.Optimizer.Dispose();
        setup.Model.Dispose();
        return new(scenario, monitor.Alerts, first, last, largest) { Summaries = monitor.Summaries() };
    }
}
