using System.Collections.Immutable;

namespace GradAnalyzers.Catalogue;

/// <summary>Lines of catalogues by the full names of their members, and the names to look for in syntax before anything is bound.</summary>
internal sealed class CatalogueTable
{
    private readonly ImmutableDictionary<Role, ImmutableHashSet<string>> _names;

    private CatalogueTable(ImmutableDictionary<string, CatalogueEntry> entries)
    {
        Entries = entries;
        OwnEntries = entries.Values.Where(entry => !entry.IsBuiltIn).ToImmutableArray();
        _names = entries.Values.GroupBy(entry => entry.Role).ToImmutableDictionary(group => group.Key, group => group.Select(SimpleName).ToImmutableHashSet(StringComparer.Ordinal));
        TrainingNames = entries.Values.Where(entry => entry.Role.IsTraining()).Select(SimpleName).ToImmutableHashSet(StringComparer.Ordinal);
    }

    public static CatalogueTable Empty { get; } = new(ImmutableDictionary<string, CatalogueEntry>.Empty);

    /// <summary>This table and more lines; of two for one member the later holds.</summary>
    public CatalogueTable With(IEnumerable<CatalogueEntry> lines)
    {
        var entries = Entries.ToBuilder();
        foreach (var line in lines)
            entries[line.Member] = line;
        return new CatalogueTable(entries.ToImmutable());
    }

    public ImmutableDictionary<string, CatalogueEntry> Entries { get; }

    /// <summary>The project's own lines.</summary>
    public ImmutableArray<CatalogueEntry> OwnEntries { get; }

    /// <summary>The simple names of everything that moves gradients.</summary>
    public ImmutableHashSet<string> TrainingNames { get; }

    /// <summary>The simple names of all members with this role.</summary>
    public ImmutableHashSet<string> NamesOf(Role role) => _names.TryGetValue(role, out var names) ? names : ImmutableHashSet<string>.Empty;

    private static string SimpleName(CatalogueEntry entry) => entry.Member[(entry.Member.LastIndexOf('.') + 1)..];
}
