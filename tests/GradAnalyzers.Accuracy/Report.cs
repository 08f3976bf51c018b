using System.Text;
using GradAnalyzers.GradientFlow;

namespace GradAnalyzers.Accuracy;

/// <summary>The tables of docs/gradient-flow.md.</summary>
internal static class Report
{
    public const string Start = "<!-- accuracy: written by the accuracy suite -->";
    public const string End = "<!-- end of accuracy -->";

    public static IReadOnlyList<Summary> Summaries(IReadOnlyList<Comparison> developed, IReadOnlyList<Comparison> heldOut)
    {
        Comparison[] all = [.. developed, .. heldOut];
        return
        [
            .. Enum.GetValues<Family>().Select(family => Summary.Of(Describe(family), [.. all.Where(comparison => comparison.Network.Family == family)])),
            Summary.Of("all developed on", developed),
            Summary.Of("all held out", heldOut),
            Summary.Of("all", all),
        ];
    }

    public static string Markdown(IReadOnlyList<Comparison> developed, IReadOnlyList<Comparison> heldOut)
    {
        var text = new StringBuilder();
        text.AppendLine("| networks | number | median error | 95th percentile | largest | verdict right | unknown |");
        text.AppendLine("|---|--:|--:|--:|--:|--:|--:|");
        foreach (var summary in Summaries(developed, heldOut))
            text.AppendLine($"| {summary.Name} | {summary.Count} | {summary.Median:F2} | {summary.Percentile95:F2} | {summary.Largest:F2} | {summary.VerdictsRight:P0} | {summary.Unknown:P0} |");
        text.AppendLine();
        Networks("Networks that the recursion was developed on", developed);
        text.AppendLine();
        Networks("Networks held out: written and measured after the recursion was finished", heldOut);
        return text.ToString();

        void Networks(string title, IReadOnlyList<Comparison> comparisons)
        {
            text.AppendLine($"<details><summary>{title}</summary>");
            text.AppendLine();
            text.AppendLine("log10 of the first/last weight-gradient ratio.");
            text.AppendLine();
            text.AppendLine("| network | loss | predicted | measured | seeds differ by | verdict |");
            text.AppendLine("|---|---|--:|--:|--:|---|");
            foreach (var one in comparisons)
            {
                var verdict = one.IsUnknown ? $"unknown: {one.Reason}" : one.IsVerdictRight ? Name(one.PredictedVerdict) : $"**{Name(one.PredictedVerdict)}**, measured {Name(one.MeasuredVerdict)}";
                text.AppendLine($"| `{one.Network.Name}` | {(one.Network.Task == Task.Regression ? "squared error" : "cross entropy")} | {Number(one.Predicted)} | {Number(one.Measured)} | {one.Scatter:F2} | {verdict} |");
            }

            text.AppendLine();
            text.AppendLine("</details>");
        }
    }

    /// <summary>Puts the tables between the two marks of the page.</summary>
    public static string Into(string page, string tables)
    {
        var start = page.IndexOf(Start, StringComparison.Ordinal);
        var end = page.IndexOf(End, StringComparison.Ordinal);
        if (start < 0 || end < start)
            throw new InvalidOperationException($"docs/gradient-flow.md must contain the lines '{Start}' and '{End}'; the tables go between them.");
        return page[..(start + Start.Length)] + "\n" + tables.Trim().ReplaceLineEndings("\n") + "\n" + page[end..];
    }

    public static string Describe(Family family) => family switch
    {
        Family.Plain => "plain stacks",
        Family.Normalized => "normalized stacks",
        Family.Convolutional => "convolutional",
        Family.Residual => "residual",
        Family.Recurrent => "recurrent",
        Family.Attention => "attention",
        Family.Gated => "gates and scales",
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "a family without a name"),
    };

    private static string Name(Verdict verdict) => verdict.ToString().ToLowerInvariant();

    private static string Number(double value) => double.IsNaN(value) ? "" : value.ToString("F2");
}
