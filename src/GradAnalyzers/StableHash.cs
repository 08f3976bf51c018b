namespace GradAnalyzers;

/// <summary>A hash that is the same in every process (Fowler, Noll and Vo, 64 bits), to tell whether something has changed.</summary>
internal static class StableHash
{
    public const ulong Seed = 14695981039346656037;

    private const ulong Prime = 1099511628211;

    public static ulong With(ulong hash, string text)
    {
        foreach (var character in text)
            hash = (hash ^ character) * Prime;
        return hash;
    }

    public static ulong With(ulong hash, ulong other)
    {
        for (var shift = 0; shift < 64; shift += 16)
            hash = (hash ^ ((other >> shift) & 0xffff)) * Prime;
        return hash;
    }
}
