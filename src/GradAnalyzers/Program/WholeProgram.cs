using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Program;

/// <summary>
/// What all readings of a compilation share: facts of its files, kinds of types, and bodies as long as some reading holds them. Safe for concurrent use;
/// everything in it is a function of the compilation and the catalogue, whoever asks first.
/// </summary>
internal sealed class WholeProgram
{
    private static readonly ConditionalWeakTable<Compilation, ConcurrentDictionary<ModelCatalogue, WholeProgram>> ByCompilation = new();
    private static readonly ConditionalWeakTable<MetadataReference, ReferenceNumber> References = new();

    private readonly ConcurrentDictionary<SyntaxNode, WeakReference<MemberBody>> _bodies = new();
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _modules = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _tensors = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, ImmutableArray<IFieldSymbol>> _fields = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, ImmutableArray<IMethodSymbol>> _overrides = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, bool> _implemented = new(SymbolEqualityComparer.Default);
    private readonly Lazy<ImmutableArray<TreeFacts>> _trees;
    private readonly Lazy<ulong> _declarations;
    private readonly Lazy<bool> _mayAddGroups;
    private TrainingMembers? _members;

    private WholeProgram(Compilation compilation, ModelCatalogue catalogue)
    {
        (Compilation, Catalogue) = (compilation, catalogue);
        _trees = new(() => compilation.SyntaxTrees.Select(TreeFacts.Of).ToImmutableArray());
        _declarations = new(FindDeclarations);
        _mayAddGroups = new(() =>
        {
            var names = Words.HashesOf(catalogue.NamesOf(Role.AddGroup));
            return Trees.Any(tree => tree.Words.ContainsAny(names) && tree.Members.Any(member => member.Words.ContainsAny(names)));
        });
    }

    public Compilation Compilation { get; }

    public ModelCatalogue Catalogue { get; }

    public ImmutableArray<TreeFacts> Trees => _trees.Value;

    /// <summary>One number for everything that decides what a name means: declarations of all files, references, the catalogue.</summary>
    public ulong Declarations => _declarations.Value;

    /// <summary>Whether a file mentions adding parameters to an optimizer that is made already.</summary>
    public bool MayAddGroups => _mayAddGroups.Value;

    public static WholeProgram Of(Compilation compilation, ModelCatalogue catalogue) =>
        ByCompilation.GetValue(compilation, static _ => new()).GetOrAdd(catalogue, key => new WholeProgram(compilation, key));

    /// <summary>The members of training loops. Found once; a cancelled search leaves nothing behind.</summary>
    public TrainingMembers MembersFor(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _members) is { } known)
            return known;
        // Two threads may both search; they find the same.
        var found = new TrainingMembers(new ProgramSource(this, cancellation), cancellation);
        return Interlocked.CompareExchange(ref _members, found, null) ?? found;
    }

    /// <summary>Whether something in the source assigns to a name.</summary>
    public bool IsAssigned(string name) => Trees.Any(tree => tree.Words.Contains(name) && tree.AssignedNames.Contains(name));

    /// <summary>The body at a declaration; null where there is none or it is too broken for a flow graph.</summary>
    public MemberBody? BodyAt(SyntaxNode declaration, Func<SemanticModel> model, CancellationToken cancellation)
    {
        if (_bodies.TryGetValue(declaration, out var held) && held.TryGetTarget(out var known))
            return known;
        if (MemberBody.Read(declaration, model(), cancellation) is not { } body)
            return null;
        _bodies[declaration] = new WeakReference<MemberBody>(body);
        return body;
    }

    public bool IsModule(ITypeSymbol? type) => type is not null && _modules.GetOrAdd(type, FindIsModule);

    public bool IsTensor(ITypeSymbol? type) => type is not null && _tensors.GetOrAdd(type, FindIsTensor);

    public ImmutableArray<IFieldSymbol> InstanceFields(INamedTypeSymbol type) => _fields.GetOrAdd(type.OriginalDefinition,
        static key => key.GetMembers().OfType<IFieldSymbol>().Where(field => !field.IsStatic && !field.IsConst).ToImmutableArray());

    /// <summary>Overrides and implementations of a method that something of a training loop happens in.</summary>
    public ImmutableArray<IMethodSymbol> OverridesOf(IMethodSymbol method, CancellationToken cancellation)
    {
        if (_overrides.TryGetValue(method, out var known))
            return known;
        var found = Implementations(method, MembersFor(cancellation).DeclaredAs(method.Name)).ToImmutableArray();
        return _overrides.GetOrAdd(method, found);
    }

    /// <summary>Whether source implements an abstract method or a member of an interface, whatever the code there mentions.</summary>
    public bool IsImplemented(IMethodSymbol method) => _implemented.GetOrAdd(method.OriginalDefinition, key =>
        Implementations((IMethodSymbol)key, Trees.Where(tree => tree.Words.Contains(key.Name)).SelectMany(tree => tree.Members).Where(member => member.Name == key.Name).Select(member => member.Declaration)).Any());

    private IEnumerable<IMethodSymbol> Implementations(IMethodSymbol method, IEnumerable<SyntaxNode> declarations)
    {
        foreach (var declaration in declarations)
        {
            if (Compilation.GetSemanticModel(declaration.SyntaxTree).GetDeclaredSymbol(declaration) is IMethodSymbol candidate
                && candidate.ContainingType is { TypeKind: TypeKind.Class or TypeKind.Struct } type
                && !SymbolEqualityComparer.Default.Equals(candidate, method.OriginalDefinition)
                && SymbolEqualityComparer.Default.Equals(ProgramSource.Implementation(method.OriginalDefinition, type)?.OriginalDefinition, candidate))
            {
                yield return candidate;
            }
        }
    }

    private bool FindIsModule(ITypeSymbol type) =>
        type.TypeKind is TypeKind.Class or TypeKind.TypeParameter
        && (type is ITypeParameterSymbol parameter ? parameter.ConstraintTypes.FirstOrDefault() : type) is { } known
        && Catalogue.FindBase(known) is { } entry
        && (entry.Role is Role.Module || entry.Role.IsContainer() || entry.Role is Role.ParameterList || (entry.Role.IsOperation() && entry.Role is not Role.Tensor) || entry.Role.IsLoss());

    private bool FindIsTensor(ITypeSymbol type) => Catalogue.FindBase(type)?.Role is Role.Tensor or Role.Parameter;

    private ulong FindDeclarations()
    {
        // Not CompilationOptions.GetHashCode: the command line compiler's throws.
        var options = Compilation.Options;
        var hash = StableHash.With(StableHash.With(Catalogue.Signature, Compilation.AssemblyName ?? ""), options.MainTypeName ?? "");
        hash = StableHash.With(StableHash.With(hash, (ulong)options.OutputKind), options.CheckOverflow ? 1UL : 0UL);
        foreach (var reference in Compilation.References)
            hash = StableHash.With(hash, References.GetValue(reference, static _ => new ReferenceNumber()).Value);
        foreach (var tree in Trees)
            hash = StableHash.With(hash, tree.Declarations);
        return hash;
    }

    /// <summary>Tells references apart without holding them.</summary>
    private sealed class ReferenceNumber
    {
        private static long _last;

        public ulong Value { get; } = (ulong)Interlocked.Increment(ref _last);
    }
}
