namespace GradAnalyzers.Catalogue;

/// <summary>What somebody probably meant to write.</summary>
internal static class Spelling
{
    /// <summary>" did you mean 'linear'?" where a word is near enough to one of the candidates, otherwise the other text.</summary>
    public static string DidYouMean(string word, IEnumerable<string> candidates, string otherwise) =>
        Nearest(word, candidates) is { } near ? $"did you mean '{near}'?" : otherwise;

    /// <summary>The candidate that fewest letters have to be changed for; null where that is more than a third of them.</summary>
    private static string? Nearest(string word, IEnumerable<string> candidates) =>
        candidates.Select(candidate => (Text: candidate, Distance: Distance(word.ToLowerInvariant(), candidate)))
            .Where(candidate => candidate.Distance <= Math.Max(1, Math.Min(word.Length, candidate.Text.Length) / 3))
            .OrderBy(candidate => candidate.Distance).ThenBy(candidate => candidate.Text, StringComparer.Ordinal).Select(candidate => candidate.Text).FirstOrDefault();

    /// <summary>Letters to insert, remove, replace or swap with their neighbour (optimal string alignment).</summary>
    private static int Distance(string one, string other)
    {
        var rows = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++)
        {
            for (var j = 0; j <= other.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    rows[i, j] = i + j;
                    continue;
                }

                var replaced = rows[i - 1, j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replaced, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }

        return rows[one.Length, other.Length];
    }
}
