using GradAnalyzers.Monitor.Judgement;
using GradAnalyzers.Monitor.Measurement;

namespace GradAnalyzers.Monitor;

/// <content>Activations, where hooks reach.</content>
public sealed partial class GradientMonitor
{
    private readonly Dictionary<string, Streak> flatActivations = [];
    private ActivationTaps? taps;

    /// <summary>Saturation, dead units and backward signal of each hooked module in the last detailed observation. Empty unless <see cref="WatchActivations"/> was called.</summary>
    public IReadOnlyList<ActivationStatistics> LatestActivations { get; private set; } = [];

    /// <summary>
    /// Also watches what passes through the modules, in the steps that are observed. Costs a pass over every activation there, and is off by default.
    /// It reaches modules of one input and one output that are run through <c>call</c> or by a <c>Sequential</c>; <c>forward</c> runs no hooks.
    /// </summary>
    /// <returns>This monitor.</returns>
    public GradientMonitor WatchActivations()
    {
        taps ??= new ActivationTaps(model, () => IsDue(calls + 1));
        return this;
    }

    private void StopWatchingActivations()
    {
        taps?.Dispose();
        taps = null;
    }

    private IEnumerable<Finding> Activations()
    {
        if (taps is null)
            yield break;
        LatestActivations = taps.Take();
        foreach (var activation in LatestActivations)
        {
            var share = double.IsNaN(activation.SaturatedShare) ? activation.DeadUnitShare : activation.SaturatedShare;
            if (!flatActivations.TryGetValue(activation.Module, out var streak))
                flatActivations[activation.Module] = streak = new();
            if (streak.See(share >= Options.DeadShare) >= Options.Patience)
                yield return new(AlertKind.Saturated,
                    double.IsNaN(activation.SaturatedShare)
                        ? $"{Judgement.Judge.Percent(share)} of its units are zero for the whole batch and pass no gradient. Lower the learning rate, use Kaiming initialization, or LeakyReLU."
                        : $"{Judgement.Judge.Percent(share)} of its outputs sit where it is flat and pass almost no gradient. Scale its inputs: Xavier initialization, or normalization before it.",
                    double.IsNaN(activation.SaturatedShare) ? null : "GRAD1001", [activation.Module]);
        }
    }
}
