using System.Globalization;
using System.Text;
using GradAnalyzers.Monitor;

namespace GradAnalyzers.Detection;

/// <summary>Runs scenarios and says how well the monitor judged, as a table.</summary>
internal static class Suite
{
    public static string Table(IReadOnlyList<Outcome> outcomes)
    {
        Outcome[] healthy = [.. outcomes.Where(o => o.Scenario.IsHealthy)], faulty = [.. outcomes.Where(o => !o.Scenario.IsHealthy)];
        Outcome[] located = [.. faulty.Where(o => o.NamesLayer is not null)];
        long[] steps = [.. faulty.Where(o => o.IsRight).Select(o => o.StepsUntilAlarm!.Value).Order()];
        var text = new StringBuilder();
        text.AppendLine("| fault | runs | found | right kind first | right layer | median step of the alarm |").AppendLine("|---|--:|--:|--:|--:|--:|");
        foreach (var family in faulty.GroupBy(o => o.Scenario.Family))
        {
            long[] its = [.. family.Where(o => o.IsRight).Select(o => o.StepsUntilAlarm!.Value).Order()];
            var named = family.Where(o => o.NamesLayer is not null).ToArray();
            text.AppendLine(CultureInfo.InvariantCulture, $"| {family.Key} | {family.Count()} | {family.Count(o => o.IsRight)} | {Of(family)} | {(named.Length == 0 ? "-" : $"{named.Count(o => o.NamesLayer == true)} of {named.Length}")} | {(its.Length == 0 ? "-" : its[its.Length / 2])} |");
        }
        text.AppendLine(CultureInfo.InvariantCulture,
            $"| **all faults** | **{faulty.Length}** | **{faulty.Count(o => o.IsRight)} ({Share(faulty.Count(o => o.IsRight), faulty.Length)})** | **{Of(faulty)} ({Share(faulty.Count(o => o.IsRightKind == true), faulty.Count(o => o.IsRightKind is not null))})** | **{located.Count(o => o.NamesLayer == true)} of {located.Length} ({Share(located.Count(o => o.NamesLayer == true), located.Length)})** | **{(steps.Length == 0 ? "-" : steps[steps.Length / 2])}** |");
        text.AppendLine().AppendLine("| healthy | runs | with an alarm |").AppendLine("|---|--:|--:|");
        foreach (var family in healthy.GroupBy(o => o.Scenario.Family))
            text.AppendLine(CultureInfo.InvariantCulture, $"| {family.Key} | {family.Count()} | {family.Count(o => !o.IsRight)} |");
        text.AppendLine(CultureInfo.InvariantCulture, $"| **all healthy** | **{healthy.Length}** | **{healthy.Count(o => !o.IsRight)} ({Share(healthy.Count(o => !o.IsRight), healthy.Length)})** |");
        return text.ToString();
    }

    /// <summary>One line a training: what it was, whether the monitor was right, what it said.</summary>
    public static string Line(Outcome o) => string.Create(CultureInfo.InvariantCulture,
        $"{(o.IsRight ? o.NamesLayer == false ? "layer?" : "right " : "WRONG ")} {o.Scenario.Family}: {o.Scenario.Name}; loss {o.FirstLoss:G3} to {o.LastLoss:G3}, norm up to {o.LargestNorm:G3}; {(o.Alerts.Count == 0 ? "no alert" : string.Join(" | ", o.Alerts.Take(3).Select(Short)))}");

    /// <summary>Of the faults of which something was said, those of which the first was of an expected kind.</summary>
    private static string Of(IEnumerable<Outcome> outcomes) => $"{outcomes.Count(o => o.IsRightKind == true)} of {outcomes.Count(o => o.IsRightKind is not null)}";

    private static string Short(GradientAlert alert) => alert.ToString() is { Length: > 150 } text ? text[..150] + "..." : alert.ToString();

    private static string Share(int part, int whole) => whole == 0 ? "-" : (100.0 * part / whole).ToString("F0", CultureInfo.InvariantCulture) + " %";
}
