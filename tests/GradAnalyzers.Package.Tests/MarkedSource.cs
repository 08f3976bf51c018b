using System.Text.RegularExpressions;

namespace GradAnalyzers.Package.Tests;

/// <summary>Source text in which <c>[|...|]</c> marks what is to be reported.</summary>
public sealed partial record MarkedSource
{
    private MarkedSource(string text, IReadOnlyList<(int Line, int Column)> marks) => (Text, Marks) = (text, marks);

    /// <summary>The text without the marks.</summary>
    public string Text { get; }

    /// <summary>Where each marked span begins: line and column, counted from one, as the compiler prints them.</summary>
    public IReadOnlyList<(int Line, int Column)> Marks { get; }

    public static MarkedSource Parse(string marked)
    {
        var marks = new List<(int, int)>();
        var text = Mark().Replace(marked, match =>
        {
            if (match.Value == "[|")
            {
                var before = Mark().Replace(marked[..match.Index], "");
                marks.Add((before.Count(character => character == '\n') + 1, before.Length - before.LastIndexOf('\n')));
            }
            return "";
        });
        return new(text, marks);
    }

    [GeneratedRegex(@"\[\||\|\]")]
    private static partial Regex Mark();
}
