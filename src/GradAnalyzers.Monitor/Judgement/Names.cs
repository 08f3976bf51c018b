using System.Globalization;
using System.Text;

namespace GradAnalyzers.Monitor.Judgement;

/// <summary>Names come from the model and end in terminals, files and pages: what would steer those is written out.</summary>
internal static class Names
{
    /// <summary>The text with control characters, line separators and characters that turn the direction of text as <c>\u001B</c>.</summary>
    public static string Plain(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
            return text;
        var plain = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
                plain.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:X4}");
            else
                plain.Append(rune);
        return plain.ToString();
    }
}
