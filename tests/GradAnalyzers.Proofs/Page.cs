using System.Globalization;
using System.Text;

namespace GradAnalyzers.Proofs;

/// <summary>docs/proof.md and its pictures.</summary>
internal static class Page
{
    public const string Command = "dotnet run -c Release --project tests/GradAnalyzers.Proofs -- whole";

    /// <summary>Where the pictures are, from the page.</summary>
    private const string Pictures = "images/proof";

    /// <summary>Rules whose fix has no proof here, and why.</summary>
    public static IReadOnlyDictionary<string, string> Unproven { get; } = new Dictionary<string, string>
    {
        ["GRAD1007"] = "what the memory holds is another number in every run, and so would be the figures; a trial of fifteen trainings is on the rule's page.",
        ["GRAD9002"] = "what was measured has the fixes of GRAD1004, GRAD1002 and GRAD1003, which are proven there. A network whose ratio is not predicted to explode, does, and stops it from learning was not found: the deep ones that were tried learn, if slowly.",
    };

    public static void Write(IReadOnlyList<Evidence> all)
    {
        var folder = Path.Combine(Repository.Docs, Pictures);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Repository.Page, Markdown(all));
        File.WriteAllText(Path.Combine(folder, "overview.svg"), Picture.Of(all));
        foreach (var evidence in all)
            File.WriteAllText(Path.Combine(folder, $"{evidence.Proof.Name}.svg"), Picture.Of(evidence));
    }

    /// <summary>The heading of a rule's proof, as a link finds it.</summary>
    public static string Anchor(Proof proof) =>
        new(Heading(proof).ToLowerInvariant().Where(character => char.IsLetterOrDigit(character) || character is ' ' or '-' or '_').Select(character => character == ' ' ? '-' : character).ToArray());

    private static string Heading(Proof proof) => $"{proof.Rule}: {char.ToLowerInvariant(proof.Fault[0])}{proof.Fault[1..]}";

    private static string Markdown(IReadOnlyList<Evidence> all)
    {
        var seeds = all[0].Before.Count;
        var text = new StringBuilder();
        text.Append("# Fixes proven by training\n\n");
        text.Append($"Each program below has one fault that one rule reports. It is compiled and trained as it is written; then the code fix itself is applied to its source, and it is compiled and trained again, with the same {seeds} seeds. ");
        text.Append("A figure must become better with *every* seed.\n\n");
        text.Append($"![All programs before and after]({Pictures}/overview.svg)\n\n");
        text.Append("| Rule | Measured | must become | As it is written | Fix | After it | With |\n|---|---|---|--:|---|--:|--:|\n");
        foreach (var evidence in all)
        {
            foreach (var repair in evidence.Repairs)
            {
                var isFirst = repair == evidence.Repairs[0];
                text.Append($"| {(isFirst ? $"[{evidence.Proof.Rule}](#{Anchor(evidence.Proof)})" : "")} | {(isFirst ? evidence.Proof.Figure : "")} | {(isFirst ? evidence.Proof.Sought.Text : "")} | {(isFirst ? Range(evidence.Before) : "")} | {repair.Title.Replace("|", "\\|")} | {Range(repair.After)} | {evidence.Kept(repair)} of {seeds} seeds |\n");
            }
        }

        text.Append("\nThe median of the seeds, and their range. The numbers in a fix's title are its prediction, as the light bulb shows it.\n\n");
        text.Append($"This page is written by one command, in about a minute on two cores:\n\n```sh\n{Command}\n```\n\n");
        text.Append("The programs are in [`tests/GradAnalyzers.Proofs/Programs`](../tests/GradAnalyzers.Proofs/Programs). The build's tests train them with two seeds. They fail where another rule reports something too, where the fixed program is still reported, ");
        text.Append("where the light bulb offers a fix that is not proven here, and where a rule with a fix has no program. A program of a rule that reports what was measured is first trained with the monitor, and again after the fix; the evidence file lies beside it when it is built.\n\n");
        text.Append("## Not proven\n\n");
        foreach (var (rule, reason) in Unproven)
            text.Append($"- [{rule}](rules/{rule}.md): {reason}\n");
        text.Append("- [GRAD2007](rules/GRAD2007.md) and [GRAD2008](rules/GRAD2008.md) have no fix: what to write is yours to say.\n");
        text.Append("- Fixes in the words of a framework of your own ([catalogue](configuration.md)): there is none here to train.\n");
        text.Append("- That a fix helps every network. These programs are small and show the fault plainly; on yours it may cost less, or more. A fix that changes a model, as BatchNorm does, is a choice.\n\n");
        text.Append("## Found in the wild\n\nFaults that these rules found in published code. The programs are written anew, as small as the fault allows.\n\n");
        foreach (var evidence in all.Where(evidence => evidence.Proof.Found is not null))
            Section(text, evidence);
        text.Append("## The other rules\n\n");
        foreach (var evidence in all.Where(evidence => evidence.Proof.Found is null))
            Section(text, evidence);
        return text.ToString().TrimEnd('\n') + "\n";
    }

    private static void Section(StringBuilder text, Evidence evidence)
    {
        var proof = evidence.Proof;
        text.Append($"### {Heading(proof)}\n\n");
        if (proof.Found is not null)
            text.Append($"{proof.Found}\n\n");
        text.Append($"```text\n{evidence.Reports[0]}\n```\n\n");
        text.Append($"![{proof.Curve} before and after the fix]({Pictures}/{proof.Name}.svg)\n\n");
        text.Append($"{char.ToUpperInvariant(proof.Figure[0])}{proof.Figure[1..]} as it is written: {Range(evidence.Before)}");
        text.Append(string.Concat(evidence.Repairs.Select(repair => $"; {(evidence.Repairs.Count > 1 ? repair.Fix.Label : "after the fix")}: {Range(repair.After)}"))).Append('.');
        if (evidence.Before.FirstOrDefault(trial => trial.Stopped is not null)?.Stopped is { } message)
            text.Append($" As it is written it throws \"{message.TrimEnd('.')}\".");
        text.Append($" [Program](../tests/GradAnalyzers.Proofs/Programs/{proof.File}), [rule](rules/{proof.Rule}.md).\n\n");
        if (evidence.Repairs is [var only])
        {
            text.Append($"```diff\n{only.Difference}\n```\n\n");
            return;
        }

        foreach (var repair in evidence.Repairs)
            text.Append($"<details><summary>{repair.Title}</summary>\n\n```diff\n{repair.Difference}\n```\n\n</details>\n\n");
    }

    private static string Range(IReadOnlyList<Trial> trials)
    {
        var figures = trials.Select(trial => trial.Figure).Order(Comparer<double>.Create((a, b) => (double.IsNaN(a) ? double.PositiveInfinity : a).CompareTo(double.IsNaN(b) ? double.PositiveInfinity : b))).ToList();
        var (low, middle, high) = (Number(figures[0]), Number(figures[figures.Count / 2]), Number(figures[^1]));
        return low == high ? middle : $"{middle} ({low} to {high})";
    }

    private static string Number(double value) => value switch
    {
        double.NaN => "NaN",
        0 => "0",
        >= 1e5 or < 1e-3 => value.ToString("0.#e0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => value.ToString("G2", CultureInfo.InvariantCulture),
    };
}
