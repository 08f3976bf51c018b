using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Catalogue;

/// <summary>
/// What each library member <em>is</em>: the built-in table for TorchSharp plus the project's own <c>*.catalogue.txt</c> files.
/// Symbols are bound by the compiler first and looked up by their full name, so look-alike names in user code never match.
/// </summary>
internal sealed class ModelCatalogue
{
    public const string FileSuffix = ".catalogue.txt";
    public const string Library = "TorchSharp";

    /// <summary>What belongs to the library: images, sounds and texts. It makes, reads and changes data, and modules that do; it trains nothing.</summary>
    private static readonly ImmutableHashSet<string> Sisters = ImmutableHashSet.Create(StringComparer.Ordinal, "TorchVision", "TorchAudio", "TorchText");
    private const string FactsProperty = "build_property.GradAnalyzersFacts";

    private static readonly Lazy<ImmutableArray<CatalogueEntry>> BuiltIn = new(ReadBuiltIn);

    /// <summary>Of a project that references TorchSharp and has no catalogue of its own: nearly every one.</summary>
    private static readonly Lazy<CatalogueTable> BuiltInTable = new(() => CatalogueTable.Empty.With(BuiltInEntries));

    private static readonly ConditionalWeakTable<Compilation, ConcurrentDictionary<ulong, ModelCatalogue>> ByCompilation = new();

    private readonly IReadOnlyCollection<(AdditionalText File, SourceText Text)> _files;
    private readonly CatalogueTable _table;
    private readonly ConcurrentDictionary<ISymbol, CatalogueEntry?> _found = new(SymbolEqualityComparer.Default);

    private ModelCatalogue(ulong signature, CatalogueTable table, ImmutableArray<(AdditionalText File, CatalogueError Error)> errors, bool isRelevant, bool readsFacts, IReadOnlyCollection<(AdditionalText File, SourceText Text)> files)
    {
        _files = files;
        Signature = signature;
        ReadsFacts = readsFacts;
        _table = table;
        Errors = errors;
        HasTensorType = !NamesOf(Role.Tensor).IsEmpty;
        IsRelevant = isRelevant;
        ClipsByNorm = OwnEntries.Where(entry => entry.Role == Role.ClipNorm).Select(entry => entry.Member).OrderBy(name => name, StringComparer.Ordinal).ToImmutableArray();
    }

    /// <summary>The built-in lines, in the order of the tables.</summary>
    public static ImmutableArray<CatalogueEntry> BuiltInEntries => BuiltIn.Value;

    /// <summary>Whether the compilation can contain a model at all: it references TorchSharp or brings a catalogue of its own.</summary>
    public bool IsRelevant { get; }

    /// <summary>A number that is another one where the project's own lines are others.</summary>
    public ulong Signature { get; }

    /// <summary>Whether facts travel with assemblies: <c>GradAnalyzersFacts</c> is not false.</summary>
    public bool ReadsFacts { get; }

    /// <summary>Whether the catalogue says which type is a tensor; a framework of the user's own need not.</summary>
    public bool HasTensorType { get; }

    public ImmutableArray<(AdditionalText File, CatalogueError Error)> Errors { get; }

    /// <summary>The catalogue of a compilation with these options, made once and forgotten with it.</summary>
    public static ModelCatalogue For(Compilation compilation, AnalyzerOptions options)
    {
        var files = options.AdditionalFiles.Where(file => file.Path.EndsWith(FileSuffix, StringComparison.OrdinalIgnoreCase))
            .Select(file => (File: file, Text: file.GetText())).Where(file => file.Text is not null).ToList();
        var signature = files.Aggregate(1UL, (hash, file) => file.Text!.GetChecksum().Aggregate(StableHash.With(hash, file.File.Path), (all, one) => StableHash.With(all, one)));
        var readsFacts = !(options.AnalyzerConfigOptionsProvider.GlobalOptions.TryGetValue(FactsProperty, out var facts) && string.Equals(facts.Trim(), "false", StringComparison.OrdinalIgnoreCase));
        if (!readsFacts)
            signature = StableHash.With(signature, FactsProperty);
        return ByCompilation.GetValue(compilation, static _ => new()).GetOrAdd(signature, key => Create(key, compilation, files!, readsFacts));
    }

    /// <summary>The entry of a method, property or type; an override has the entry of what it overrides.</summary>
    public CatalogueEntry? Find(ISymbol? symbol) =>
        symbol is null ? null : _found.TryGetValue(symbol.OriginalDefinition, out var known) ? known : _found.GetOrAdd(symbol.OriginalDefinition, FindUncached);

    /// <summary>The simple names of everything that moves gradients: a member that mentions none of them cannot be part of a training loop.</summary>
    public ImmutableHashSet<string> TrainingNames => _table.TrainingNames;

    /// <summary>The calls that clip by norm in the project's own catalogues.</summary>
    public ImmutableArray<string> ClipsByNorm { get; }

    /// <summary>What clearing gradients is called in the library that steps by this method: TorchSharp's word, or the one of the project's own catalogue.</summary>
    public string ClearNameFor(IMethodSymbol? step) => Find(step) is not { IsBuiltIn: false } ? "zero_grad"
        : OwnEntries.Where(entry => entry.Role == Role.Clear).Select(entry => entry.Member[(entry.Member.LastIndexOf('.') + 1)..]).OrderBy(name => name, StringComparer.Ordinal).FirstOrDefault() ?? "the clear";

    /// <summary>The project's own lines.</summary>
    public ImmutableArray<CatalogueEntry> OwnEntries => _table.OwnEntries;

    /// <summary>The simple names of everything that runs a model.</summary>
    public ImmutableHashSet<string> ForwardNames => NamesOf(Role.Forward);

    /// <summary>Whether the symbol's entry has this role.</summary>
    public bool Is(ISymbol? symbol, Role role) => Find(symbol)?.Role == role;

    /// <summary>The last parts of the names of all members with this role, for a look at syntax before anything is bound.</summary>
    public ImmutableHashSet<string> NamesOf(Role role) => _table.NamesOf(role);

    /// <summary>The entry of a type or of the nearest of its base types that has one.</summary>
    public CatalogueEntry? FindBase(ITypeSymbol? type)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (Find(current) is { } entry)
                return entry;
        }

        return null;
    }

    /// <summary>Whether the type, a base type or an interface of it, or a constraint of the type parameter has this role.</summary>
    public bool DerivesFrom(ITypeSymbol? type, Role role)
    {
        if (type is null)
            return false;
        if (type is ITypeParameterSymbol parameter)
            return parameter.ConstraintTypes.Any(constraint => constraint is not ITypeParameterSymbol && DerivesFrom(constraint, role));
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (Is(current, role))
                return true;
        }

        return type.AllInterfaces.Any(contract => Is(contract, role));
    }

    public bool IsModule(ITypeSymbol? type) => DerivesFrom(type, Role.Module);

    /// <summary>Whether an assembly is the library or belongs to it.</summary>
    public static bool IsOfLibrary(IAssemblySymbol? assembly) => assembly is { Name: var name } && (name == Library || Sisters.Contains(name));

    /// <summary>Full name without type arguments; nested types by a dot.</summary>
    public static string QualifiedName(ISymbol symbol)
    {
        var names = new Stack<string>();
        for (var current = symbol; current is not null and not INamespaceSymbol { IsGlobalNamespace: true }; current = current.ContainingSymbol)
        {
            if (current is IModuleSymbol or IAssemblySymbol)
                break;
            // An indexer has one name in source, this[], and another in metadata.
            names.Push(current is IPropertySymbol { IsIndexer: true } ? current.MetadataName : current.Name);
        }

        return string.Join(".", names);
    }

    private CatalogueEntry? FindUncached(ISymbol symbol)
    {
        for (var current = symbol; current is not null; current = Overridden(current))
        {
            if (_table.Entries.TryGetValue(QualifiedName(current), out var entry) && entry.IsOf(current.ContainingAssembly))
                return entry;
        }

        return symbol is IMethodSymbol or IPropertySymbol && symbol.ContainingType is { TypeKind: not TypeKind.Interface } type ? FindImplemented(symbol, type) : null;
    }

    /// <summary>The entry of the interface member that a class's member implements.</summary>
    private CatalogueEntry? FindImplemented(ISymbol symbol, INamedTypeSymbol type)
    {
        foreach (var contract in type.AllInterfaces)
        {
            if (_table.Entries.TryGetValue($"{QualifiedName(contract)}.{symbol.Name}", out var entry)
                && entry.IsOf(contract.ContainingAssembly)
                && contract.GetMembers(symbol.Name).Any(member => SymbolEqualityComparer.Default.Equals(type.FindImplementationForInterfaceMember(member), symbol)))
                return entry;
        }

        return null;
    }

    private static ISymbol? Overridden(ISymbol symbol) => symbol switch
    {
        IMethodSymbol method => method.OverriddenMethod?.OriginalDefinition,
        IPropertySymbol property => property.OverriddenProperty?.OriginalDefinition,
        _ => null,
    };

    /// <summary>The same lines for another project, whose source this one's compilation has.</summary>
    public ModelCatalogue For(Compilation other) => ByCompilation.GetValue(other, static _ => new()).GetOrAdd(Signature, key => Create(key, other, _files, ReadsFacts));

    private static ModelCatalogue Create(ulong signature, Compilation compilation, IReadOnlyCollection<(AdditionalText File, SourceText Text)> files, bool readsFacts)
    {
        var referencesLibrary = compilation.ReferencedAssemblyNames.Any(name => name.Name == Library);
        var table = referencesLibrary ? BuiltInTable.Value : CatalogueTable.Empty;
        if (files.Count == 0)
            return new ModelCatalogue(signature, table, ImmutableArray<(AdditionalText, CatalogueError)>.Empty, referencesLibrary, readsFacts, files);
        var lines = new List<CatalogueEntry>();
        var errors = ImmutableArray.CreateBuilder<(AdditionalText, CatalogueError)>();
        foreach (var (file, text) in files)
        {
            var (own, wrong) = CatalogueText.Parse(text);
            lines.AddRange(own);
            errors.AddRange(wrong.Select(error => (file, error)));
        }

        return new ModelCatalogue(signature, table.With(lines), errors.ToImmutable(), isRelevant: true, readsFacts, files);
    }

    private static ImmutableArray<CatalogueEntry> ReadBuiltIn()
    {
        var assembly = typeof(ModelCatalogue).Assembly;
        var entries = ImmutableArray.CreateBuilder<CatalogueEntry>();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(FileSuffix, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            var (lines, errors) = CatalogueText.Parse(SourceText.From(stream), AssemblyOf(name));
            if (!errors.IsEmpty)
                throw new InvalidDataException($"{name}: {errors[0].Message}");
            entries.AddRange(lines);
        }

        return entries.ToImmutable();
    }

    /// <summary>A table of ours is named after the assembly that it describes: <c>TorchSharp.layers.catalogue.txt</c>.</summary>
    private static string AssemblyOf(string file) => file.StartsWith(Library + ".", StringComparison.Ordinal) ? Library : file[..^FileSuffix.Length];
}
