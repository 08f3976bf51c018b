using System.Globalization;
using GradAnalyzers.Monitor.Judgement;
using GradAnalyzers.Monitor.Sinks;

namespace GradAnalyzers.Monitor;

/// <content>The run in one sentence.</content>
public sealed partial class GradientMonitor
{
    /// <summary>How the run is and what to do first, in a sentence or two: what the report has on top and the console prints at the end.</summary>
    public string Advice
    {
        get
        {
            var verdict = Verdict;
            var faults = Alerts.Where(a => a.Kind != AlertKind.Monitor).ToArray();
            if (verdict is GradientVerdict.Unknown)
                return faults.Length > 0 ? Say(faults[^1])
                    : $"Too early to say: observed {Times(Observations)}, and {Options.Patience} are needed." + (Observations == 0 ? $" The first is at call {Options.WarmUp}." : "");
            if (verdict is GradientVerdict.Healthy)
                return (faults.Length == 0 ? $"Healthy: nothing was found in {Observations} observations."
                    : $"Healthy now. {(faults.Length == 1 ? "One alert is" : $"{faults.Length} alerts are")} over; the last was {Kind(faults[^1])} at step {faults[^1].Step}.")
                    + (HeldBack is { } reason ? $" {reason}" : "");
            var named = faults.LastOrDefault(a => a.Kind.ToString() == verdict.ToString());
            return named is null ? $"{Capital(RunData.Word(verdict))}." : Say(named);
        }
    }

    /// <summary>Where the report is written, or null.</summary>
    internal string? ReportPath => sinks.Select(s => s.Sink).OfType<HtmlReport>().FirstOrDefault()?.Path;

    /// <summary>Why no alert comes of a curve that lies beyond its line; null where none does.</summary>
    internal string? HeldBack
    {
        get
        {
            if (Latest is not { } latest || Verdict != GradientVerdict.Healthy)
                return null;
            var trend = progress.Trend();
            var (ratio, what) = (latest.FirstToLastRatio, "");
            if (ratio < Options.VanishingRatio)
                what = string.Create(CultureInfo.InvariantCulture, $"First over last gradient is {ratio:G2}, below the line at {Options.VanishingRatio:G2}");
            else if (ratio > Options.ExplodingRatio)
                what = string.Create(CultureInfo.InvariantCulture, $"First over last gradient is {ratio:G2}, above the line at {Options.ExplodingRatio:G2}");
            else if (latest.GlobalNorm > Options.ExplodingNorm)
                what = string.Create(CultureInfo.InvariantCulture, $"The norm over all gradients is {latest.GlobalNorm:G2}, above {Options.ExplodingNorm:G2}");
            return what.Length == 0 ? null : what + (!Options.GateOnLoss ? ", but not long enough."
                : trend switch
                {
                    LossTrend.Improving => ", and no alert: the loss still improves.",
                    LossTrend.Learned => ", and no alert: the loss is down at its floor.",
                    LossTrend.TooEarly => ", and no alert: it is too early to say whether the loss improves.",
                    _ when ratio < Options.VanishingRatio => string.Create(CultureInfo.InvariantCulture, $", and no alert: the first gradient itself is not below {Options.VanishingNorm:G2}, or not for long enough."),
                    _ => ", and no alert: the size of the loss explains it, or it is not so for long enough.",
                });
        }
    }

    private static string Say(GradientAlert alert)
    {
        var (found, remedy) = alert.Message.IndexOf(". ", StringComparison.Ordinal) is var end and > 0 ? (alert.Message[..end], alert.Message[(end + 2)..]) : (alert.Message, "");
        return $"{Capital(Kind(alert))}{(alert.Parameter.Length > 0 ? $" at '{alert.Parameter}'" : "")} since step {alert.Step}: {found.TrimEnd('.')}.{(remedy.Length > 0 ? $" First: {remedy}" : "")}";
    }

    private static string Kind(GradientAlert alert) => GradientAlert.Word(alert.Kind);

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string Times(long count) => count switch { 0 => "never", 1 => "once", _ => $"{count} times" };
}
