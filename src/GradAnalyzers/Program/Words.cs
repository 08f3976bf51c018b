using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Program;

/// <summary>
/// The words of a piece of text as sorted hashes: which names it can mention. Comments and strings count too, and two names can share a hash:
/// it only says where to look. Four bytes a word, where a second copy of the text would take two a character.
/// </summary>
internal sealed class Words
{
    private const uint Seed = 2166136261;
    private const uint Prime = 16777619;

    private readonly int[] _hashes;

    private Words(int[] hashes) => _hashes = hashes;

    public bool Contains(string name) => Array.BinarySearch(_hashes, HashOf(name)) >= 0;

    public bool ContainsAny(int[] hashes)
    {
        foreach (var hash in hashes)
        {
            if (Array.BinarySearch(_hashes, hash) >= 0)
                return true;
        }

        return false;
    }

    /// <summary>Those of the names, by their hashes, that the text mentions: found in the time that the text has words, however many names there are.</summary>
    public IEnumerable<string> In(ILookup<int, string> names) => _hashes.SelectMany(hash => names[hash]);

    public static int HashOf(string name)
    {
        var hash = Seed;
        foreach (var character in name)
            hash = (hash ^ character) * Prime;
        return unchecked((int)hash);
    }

    public static int[] HashesOf(IEnumerable<string> names) => names.Select(HashOf).ToArray();

    /// <summary>The words of a part of a text.</summary>
    public static Words Of(SourceText text, TextSpan span)
    {
        var found = new HashSet<int>();
        foreach (var (hash, _) in Scan(text, span))
            found.Add(hash);
        var hashes = found.ToArray();
        Array.Sort(hashes);
        return new Words(hashes);
    }

    /// <summary>Every place of a word in a part of a text.</summary>
    public static IEnumerable<int> Places(SourceText text, TextSpan span, string word)
    {
        var wanted = HashOf(word);
        foreach (var (hash, start) in Scan(text, span))
        {
            if (hash == wanted)
                yield return start;
        }
    }

    private static IEnumerable<(int Hash, int Start)> Scan(SourceText text, TextSpan span)
    {
        var buffer = new char[4096];
        var (hash, start) = (Seed, -1);
        for (var offset = span.Start; offset < span.End; offset += buffer.Length)
        {
            var count = Math.Min(buffer.Length, span.End - offset);
            text.CopyTo(offset, buffer, 0, count);
            for (var index = 0; index < count; index++)
            {
                var character = buffer[index];
                if (IsPartOfWord(character))
                {
                    if (start < 0)
                        (hash, start) = (Seed, offset + index);
                    hash = (hash ^ character) * Prime;
                }
                else if (start >= 0)
                {
                    yield return (unchecked((int)hash), start);
                    start = -1;
                }
            }
        }

        if (start >= 0)
            yield return (unchecked((int)hash), start);
    }

    private static bool IsPartOfWord(char character) =>
        character is >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9' or '_' || (character >= 0x80 && char.IsLetterOrDigit(character));
}
