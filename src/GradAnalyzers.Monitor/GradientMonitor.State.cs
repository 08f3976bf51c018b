using GradAnalyzers.Monitor.Judgement;
using GradAnalyzers.Monitor.Sinks;
using System.Text.Json;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor;

/// <content>What goes on where a training is resumed, and the optimizers.</content>
public sealed partial class GradientMonitor
{
    private const int StateVersion = 1;

    private static readonly JsonSerializerOptions StateFormat = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly List<(string Name, optim.Optimizer Optimizer)> optimizers = [];

    /// <summary>Watches several models at once: both halves of a GAN, an actor and a critic. Paths begin with the names.</summary>
    /// <param name="modules">The models with names of their own.</param>
    /// <param name="options">When to look and what to alarm on; the defaults if null.</param>
    /// <exception cref="ArgumentException">There is no model, two have one name, or none has parameters.</exception>
    /// <exception cref="PlatformNotSupportedException">TorchSharp is older than 0.107.</exception>
    /// <returns>The monitor. Call it once a round, after the last backward.</returns>
    public static GradientMonitor ForModules(IReadOnlyList<(string Name, nn.Module Module)> modules, GradientMonitorOptions? options = null) => new(Together(modules), options);

    /// <summary>
    /// Tells the monitor of an optimizer: report and summary show its kind and rate. Call it once for each where there are several: a trainable parameter that is in none of them
    /// is then reported at the first detailed observation, and not only when it has not changed for long.
    /// </summary>
    /// <param name="optimizer">The optimizer; it stays the caller's.</param>
    /// <param name="name">What to call it; its class if null.</param>
    /// <returns>This monitor.</returns>
    public GradientMonitor WatchOptimizer(optim.Optimizer optimizer, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        optimizers.Add((name ?? optimizer.GetType().Name, optimizer));
        return this;
    }

    /// <summary>
    /// Saves what a resumed training needs to go on: counts, history, alerts, running means, the progress of the loss. Call it where the model's checkpoint is written.
    /// Runs of agreement begin again after loading.
    /// </summary>
    /// <param name="path">The file to write, JSON; its folder is made where it is missing.</param>
    /// <exception cref="IOException">The file can't be written.</exception>
    public void SaveState(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var state = new State(StateVersion, Step, calls, Observations, details, SkippedSteps, Started, Elapsed, progress.Save(), judge.SaveSpikes(), timeline.Save(),
            [.. Alerts], StopReason, [.. order.Select(p => records[p].Save())]);
        new OutputFile(path, "state").Write(JsonSerializer.Serialize(state, StateFormat));
    }

    /// <summary>Goes on from a saved state. Call it before the first observation, with the same model and options.</summary>
    /// <param name="path">A file of <see cref="SaveState"/>.</param>
    /// <returns>This monitor.</returns>
    /// <exception cref="InvalidOperationException">Something was observed already.</exception>
    /// <exception cref="InvalidDataException">The file is no state of a monitor, or of another version.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public GradientMonitor LoadState(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (calls > 0)
            throw new InvalidOperationException("LoadState was called after the first observation. Call it where the monitor is made.");
        State? state;
        try
        {
            state = JsonSerializer.Deserialize<State>(File.ReadAllText(path), StateFormat);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' is no saved state of a monitor: {Text(e)}.", e);
        }
        if (state is not { Version: StateVersion, Progress: not null, Spikes: not null, Timeline: not null, Alerts: not null, Records: not null })
            throw new InvalidDataException($"'{path}' is no saved state of this version ({StateVersion}) of the monitor. Begin without it.");
        (Step, calls, Observations, details, SkippedSteps) = (state.Step, state.Calls, state.Observations, state.Details, state.SkippedSteps);
        (Started, elapsedBefore, StopReason) = (state.Started, state.Elapsed, state.StopReason);
        progress.Load(state.Progress);
        judge.LoadSpikes(state.Spikes);
        foreach (var alert in state.Alerts)
            log.Restore(alert);
        foreach (var saved in state.Records)
        {
            if (records.ContainsKey(saved.Path))
                continue;
            records[saved.Path] = ParameterRecord.Load(saved);
            order.Add(saved.Path);
        }
        timeline.Load(state.Timeline, records.Values);
        return this;
    }

    /// <summary>The optimizers in words, or null.</summary>
    internal string? OptimizerText => Options.Run.Optimizer ?? (optimizers.Count == 0 ? null : string.Join(", ", optimizers.Select(o => o.Name)));

    /// <summary>The learning rates now, or null.</summary>
    internal IReadOnlyList<double> LearningRates => Options.Run.LearningRate is { } rate ? [rate] : [.. optimizers.SelectMany(o => o.Optimizer.ParamGroups.Select(g => g.LearningRate)).Distinct()];

    private static NamedModules Together(IReadOnlyList<(string Name, nn.Module Module)> modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        if (modules.Count == 0 || modules.Any(m => string.IsNullOrEmpty(m.Name) || m.Name.Contains('.') || m.Module is null) || modules.DistinctBy(m => m.Name).Count() < modules.Count)
            throw new ArgumentException("Give each model a name of its own, without a dot: GradientMonitor.ForModules([(\"generator\", generator), (\"critic\", critic)]).", nameof(modules));
        return new(modules);
    }

    /// <summary>Parameters that train and that none of the optimizers holds, where those are known.</summary>
    private Finding? Unheld()
    {
        if (optimizers.Count == 0)
            return null;
        var held = optimizers.SelectMany(o => o.Optimizer.parameters()).ToHashSet<object>(ReferenceEqualityComparer.Instance);
        string[] unheld = [.. measurements.Table.Parameters.Where(p => p.IsTrainable && !held.Contains(p.Tensor)).Select(p => p.Path)];
        return unheld.Length == 0 ? null : new(AlertKind.NeverUpdated,
            $"{(unheld.Length == 1 ? "it is" : $"{unheld.Length} parameters are")} in none of the optimizers that the monitor was told of. Give {(unheld.Length == 1 ? "it" : "them")} to one, make the optimizer after the last change of the model, or set requires_grad to false where this is meant.",
            "GRAD2009", unheld);
    }

    private sealed record State(int Version, long Step, long Calls, long Observations, long Details, long SkippedSteps, DateTimeOffset Started, TimeSpan Elapsed,
        double[] Progress, double[] Spikes, TimelineState Timeline, GradientAlert[] Alerts, GradientAlert? StopReason, RecordState[] Records);
}
