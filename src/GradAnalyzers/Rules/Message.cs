using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Rules;

/// <summary>What a person reads in a terminal: one line of at most 160 characters before the link.</summary>
internal static class Message
{
    public const int Longest = 160;

    /// <summary>No part is cut shorter.</summary>
    private const int Shortest = 12;

    private static readonly Regex BackingField = new("<(\\w+)>k__BackingField", RegexOptions.CultureInvariant);

    /// <summary>The arguments of a message that fits: in shorter forms where there are such, cut where there are none. A property goes by its name, not by that of its hidden field.</summary>
    public static string[] Fit(DiagnosticDescriptor descriptor, IEnumerable<object> arguments)
    {
        var forms = arguments.Select(argument => argument is Forms several ? several.Texts : ImmutableArray.Create(argument.ToString() ?? "")).ToArray();
        var chosen = new int[forms.Length];
        var texts = forms.Select(form => Named(form[0])).ToArray();
        for (var next = 0; next < forms.Length && Excess(descriptor, texts) > 0;)
        {
            if (chosen[next] < forms[next].Length - 1)
                texts[next] = Named(forms[next][++chosen[next]]);
            else
                next++;
        }

        // Cut in the middle: names and paths are told from their neighbours by either end.
        for (var excess = Excess(descriptor, texts); excess > 0 && texts.Max(text => text.Length) is > Shortest and var longest; excess = Excess(descriptor, texts))
        {
            var index = Array.FindIndex(texts, text => text.Length == longest);
            texts[index] = Cut(texts[index], Math.Max(longest - excess, Shortest) - 1);
        }

        return texts;
    }

    private static string Cut(string text, int kept) => text[..(kept / 2)] + "…" + text[^(kept - (kept / 2))..];

    private static int Excess(DiagnosticDescriptor descriptor, string[] texts) =>
        string.Format(CultureInfo.InvariantCulture, descriptor.MessageFormat.ToString(CultureInfo.InvariantCulture), texts).Length - Longest;

    private static string Named(string text) => BackingField.Replace(text, "$1");
}

/// <summary>One part of a message in several forms, the longest first: the first with which the message fits is printed.</summary>
internal sealed record Forms(ImmutableArray<string> Texts)
{
    public static Forms Of(params string[] texts) => new(ImmutableArray.Create(texts));

    public override string ToString() => Texts[0];
}
