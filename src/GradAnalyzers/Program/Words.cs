using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Program;

/// <summary>
/// Where the words of a text are, as sorted pairs of hash and place: which names it, or a part of it, can mention. Comments and strings count too, and two names can share a hash:
/// it only says where to look. Eight bytes a word; the text is scanned once.
/// </summary>
internal sealed class Words
{
    private const uint Seed = 2166136261;
    private const uint Prime = 16777619;

    private readonly long[] _places;

    private Words(long[] places) => _places = places;

    public bool Contains(string name) => Contains(HashOf(name), Everywhere);

    /// <summary>Whether a part of the text mentions a name.</summary>
    public bool Contains(string name, TextSpan span) => Contains(HashOf(name), span);

    public bool ContainsAny(int[] hashes) => ContainsAny(hashes, Everywhere);

    public bool ContainsAny(int[] hashes, TextSpan span)
    {
        foreach (var hash in hashes)
        {
            if (Contains(hash, span))
                return true;
        }

        return false;
    }

    /// <summary>Those of the names, by their hashes, that the text mentions: each is searched for, or, where the names are many, each word of the text.</summary>
    public IEnumerable<string> In(ILookup<int, string> names) => names.Count < _places.Length / 16 ? names.Where(group => Contains(group.Key, Everywhere)).SelectMany(group => group) : Scanned(names);

    private IEnumerable<string> Scanned(ILookup<int, string> names)
    {
        for (var index = 0; index < _places.Length; index++)
        {
            var hash = (int)(_places[index] >> 32);
            if (index > 0 && hash == (int)(_places[index - 1] >> 32))
                continue;
            foreach (var name in names[hash])
                yield return name;
        }
    }

    /// <summary>Every place of a word in a part of the text, in order.</summary>
    public IEnumerable<int> Places(string word, TextSpan span)
    {
        var hash = HashOf(word);
        for (var index = First(hash, span.Start); index < _places.Length && IsIn(_places[index], hash, span); index++)
            yield return (int)_places[index];
    }

    public static int HashOf(string name)
    {
        var hash = Seed;
        foreach (var character in name)
            hash = (hash ^ character) * Prime;
        return unchecked((int)hash);
    }

    public static int[] HashesOf(IEnumerable<string> names) => names.Select(HashOf).ToArray();

    public static Words Of(SourceText text)
    {
        var places = new List<long>(text.Length / 8);
        var buffer = new char[Math.Min(text.Length, 32_768)];
        var (hash, start) = (Seed, -1);
        for (var offset = 0; offset < text.Length; offset += buffer.Length)
        {
            var count = Math.Min(buffer.Length, text.Length - offset);
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
                    places.Add(Key(unchecked((int)hash), start));
                    start = -1;
                }
            }
        }

        if (start >= 0)
            places.Add(Key(unchecked((int)hash), start));
        var sorted = places.ToArray();
        Array.Sort(sorted);
        return new Words(sorted);
    }

    private static TextSpan Everywhere => new(0, int.MaxValue);

    private bool Contains(int hash, TextSpan span)
    {
        var index = First(hash, span.Start);
        return index < _places.Length && IsIn(_places[index], hash, span);
    }

    private static bool IsIn(long place, int hash, TextSpan span) => (int)(place >> 32) == hash && (int)place < span.End;

    private int First(int hash, int start)
    {
        var index = Array.BinarySearch(_places, Key(hash, start));
        return index < 0 ? ~index : index;
    }

    private static long Key(int hash, int start) => ((long)hash << 32) | (uint)start;

    private static bool IsPartOfWord(char character) =>
        character is >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9' or '_' || (character >= 0x80 && char.IsLetterOrDigit(character));
}
