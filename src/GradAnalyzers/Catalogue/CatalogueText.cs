using System.Collections.Immutable;
using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Catalogue;

/// <summary>
/// Reads the text format: a member name, its role, then <c>meaning=parameter</c> pairs, separated by blanks; <c>#</c> starts a comment.
/// <code>TorchSharp.torch.nn.utils.clip_grad_norm_   clip_norm   parameters=tensors threshold=max_norm</code>
/// </summary>
internal static class CatalogueText
{
    private static readonly ImmutableDictionary<string, Role> Roles = Enum.GetValues(typeof(Role)).Cast<Role>()
        .ToImmutableDictionary(role => SnakeCase(role.ToString()));

    /// <summary>Parses a whole file. A bad line becomes an error with its place; the other lines still count.</summary>
    public static (ImmutableArray<CatalogueEntry> Entries, ImmutableArray<CatalogueError> Errors) Parse(SourceText text, string? assembly = null)
    {
        var entries = ImmutableArray.CreateBuilder<CatalogueEntry>();
        var errors = ImmutableArray.CreateBuilder<CatalogueError>();
        foreach (var line in text.Lines)
        {
            var content = line.ToString();
            var comment = content.IndexOf('#');
            var words = (comment < 0 ? content : content[..comment]).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
                continue;
            if (Read(words, assembly, out var entry) is { } problem)
                errors.Add(new CatalogueError(line.Span, problem));
            else
                entries.Add(entry!);
        }

        return (entries.ToImmutable(), errors.ToImmutable());
    }

    private static string? Read(string[] words, string? assembly, out CatalogueEntry? entry)
    {
        entry = null;
        if (words.Length < 2)
            return $"'{words[0]}' has no role; write the member, a role such as 'linear' or 'clip_norm', then meaning=parameter pairs";
        if (!Roles.TryGetValue(words[1], out var role))
            return $"'{words[1]}' is no role; {Spelling.DidYouMean(words[1], Roles.Keys, "docs/configuration.md lists them, such as 'linear', 'lstm', 'clip_norm'")}";
        var meanings = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var word in words.Skip(2))
        {
            var equals = word.IndexOf('=');
            if (equals <= 0 || equals == word.Length - 1)
                return $"'{word}' is no pair; write meaning=parameter, for example fan_in=inputSize";
            if (meanings.ContainsKey(word[..equals]))
                return $"'{word[..equals]}' is given twice; keep one";
            meanings.Add(word[..equals], word[(equals + 1)..]);
        }

        entry = new CatalogueEntry(words[0], role, meanings.ToImmutable(), assembly);
        return null;
    }

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((letter, index) => char.IsUpper(letter) ? (index > 0 ? "_" : "") + char.ToLowerInvariant(letter) : letter.ToString()));
}

/// <summary>A line that could not be read, and what to write instead.</summary>
internal sealed record CatalogueError(TextSpan Span, string Message);
