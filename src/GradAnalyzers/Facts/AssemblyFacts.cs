using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Facts;

/// <summary>
/// What is known of the members of other projects: read from their source where the compilation has it, as in an editor, otherwise from what their assemblies carry. Safe for concurrent use.
/// </summary>
internal sealed class AssemblyFacts(Compilation compilation, ModelCatalogue catalogue)
{
    private static readonly ConditionalWeakTable<WholeProgram, IReadOnlyDictionary<string, MemberFact>> BySource = new();

    /// <summary>What an assembly's file carries, as long as compilations refer to it.</summary>
    private static readonly ConditionalWeakTable<MetadataReference, IReadOnlyDictionary<string, MemberFact>> ByReference = new();

    private readonly ConcurrentDictionary<ISymbol, MemberFact?> _known = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<IAssemblySymbol, IReadOnlyDictionary<string, MemberFact>> _assemblies = new(SymbolEqualityComparer.Default);

    private ImmutableHashSet<string>? _modelNames;
    private ILookup<string, MemberFact>? _helpers;

    private static IReadOnlyDictionary<string, MemberFact> Nothing { get; } = new Dictionary<string, MemberFact>();

    /// <summary>What is known of a member; null where it is this project's own, or nothing is known.</summary>
    public MemberFact? Of(ISymbol? symbol, CancellationToken cancellation)
    {
        if (!catalogue.ReadsFacts || symbol?.ContainingAssembly is not { } assembly || SymbolEqualityComparer.Default.Equals(assembly, compilation.Assembly) || assembly.Name == ModelCatalogue.Library)
            return null;
        if (_known.TryGetValue(symbol.OriginalDefinition, out var known))
            return known;
        var facts = In(assembly, cancellation);
        var fact = facts.Count > 0 && symbol.OriginalDefinition.GetDocumentationCommentId() is { } id && facts.TryGetValue(id, out var found) ? found : null;
        return _known.GetOrAdd(symbol.OriginalDefinition, fact);
    }

    /// <summary>The simple names of the classes and factories of other projects whose models can be read.</summary>
    public ImmutableHashSet<string> ModelNames(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _modelNames) is { } known)
            return known;
        var names = All(cancellation).Where(fact => fact.Module is { Forwards.IsEmpty: false }).Select(fact => NameOf(fact.Id)).ToImmutableHashSet(StringComparer.Ordinal);
        return Interlocked.CompareExchange(ref _modelNames, names, null) ?? _modelNames;
    }

    /// <summary>What methods of other projects do to gradients, by their simple names: those that do anything.</summary>
    public ILookup<string, MemberFact> GradientHelpers(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _helpers) is { } known)
            return known;
        var helpers = All(cancellation).Where(fact => fact.Gradients is { IsNone: false }).ToLookup(fact => NameOf(fact.Id), StringComparer.Ordinal);
        return Interlocked.CompareExchange(ref _helpers, helpers, null) ?? _helpers;
    }

    private IEnumerable<MemberFact> All(CancellationToken cancellation) => catalogue.ReadsFacts
        ? compilation.SourceModule.ReferencedAssemblySymbols.Where(assembly => assembly.Name != ModelCatalogue.Library).SelectMany(assembly => In(assembly, cancellation).Values)
        : [];

    /// <summary><c>M:Shop.Blocks.Saturating``1(System.Int64)</c>: Saturating.</summary>
    private static string NameOf(string id)
    {
        var name = id.IndexOf('(') is >= 0 and var list ? id[..list] : id;
        name = name[(name.LastIndexOfAny(['.', ':']) + 1)..];
        return name.IndexOf('`') is >= 0 and var arity ? name[..arity] : name;
    }

    private IReadOnlyDictionary<string, MemberFact> In(IAssemblySymbol assembly, CancellationToken cancellation) =>
        _assemblies.TryGetValue(assembly, out var facts) ? facts : _assemblies.GetOrAdd(assembly, Read(assembly, cancellation));

    private IReadOnlyDictionary<string, MemberFact> Read(IAssemblySymbol assembly, CancellationToken cancellation)
    {
        var reference = compilation.GetMetadataReference(assembly);
        if (reference is CompilationReference { Compilation: { Language: LanguageNames.CSharp } other })
            return OfSource(other, cancellation);
        return reference is PortableExecutableReference file ? ByReference.GetValue(file, _ => Carried(assembly)) : Carried(assembly);
    }

    private static IReadOnlyDictionary<string, MemberFact> Carried(IAssemblySymbol assembly)
    {
        Dictionary<string, MemberFact>? facts = null;
        foreach (var attribute in assembly.GetAttributes())
        {
            if (attribute is { AttributeClass.Name: "AssemblyMetadataAttribute", ConstructorArguments: [{ Value: FactText.Key }, { Value: string text }] } && FactText.Read(text) is { } fact)
                (facts ??= new(StringComparer.Ordinal))[fact.Id] = fact;
        }

        return facts ?? Nothing;
    }

    // The other project's own catalogue and program: what this compilation holds must not outlive it there.
    private IReadOnlyDictionary<string, MemberFact> OfSource(Compilation other, CancellationToken cancellation)
    {
        var own = catalogue.For(other);
        if (!own.IsRelevant)
            return Nothing;
        var program = WholeProgram.Of(other, own);
        if (BySource.TryGetValue(program, out var known))
            return known;
        var facts = FactReading.Of(program, cancellation).ToDictionary(fact => fact.Id, StringComparer.Ordinal);
        return BySource.GetValue(program, _ => facts);
    }
}
