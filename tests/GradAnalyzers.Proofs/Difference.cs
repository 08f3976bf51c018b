using System.Text;
using DiffPlex.DiffBuilder;
using DiffPlex.DiffBuilder.Model;

namespace GradAnalyzers.Proofs;

/// <summary>What changed in a text, as a patch shows it.</summary>
internal static class Difference
{
    /// <summary>Unchanged lines that are shown around what changed.</summary>
    private const int Around = 2;

    public static string Between(string before, string after)
    {
        var lines = InlineDiffBuilder.Diff(before, after, ignoreWhiteSpace: false).Lines;
        var shown = lines.Select((_, index) => lines.Skip(index - Around).Take((2 * Around) + 1 + Math.Min(index - Around, 0)).Any(line => line.Type != ChangeType.Unchanged)).ToList();
        var text = new StringBuilder();
        for (var index = 0; index < lines.Count; index++)
        {
            if (!shown[index])
                continue;
            if (index > 0 && !shown[index - 1] && text.Length > 0)
                text.Append("  ...\n");
            text.Append(lines[index].Type switch { ChangeType.Inserted => "+ ", ChangeType.Deleted => "- ", _ => "  " }).Append(lines[index].Text).Append('\n');
        }

        return string.Join('\n', text.ToString().TrimEnd('\n').Split('\n').Select(line => line.TrimEnd()));
    }
}
