using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Facts;
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
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _trained = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<IAssemblySymbol, bool> _knowing = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _holders = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _moduleHolders = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, ImmutableArray<IFieldSymbol>> _fields = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, ImmutableArray<IMethodSymbol>> _overrides = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, bool> _implemented = new(SymbolEqualityComparer.Default);
    private readonly Lazy<ImmutableArray<TreeFacts>> _trees;
    private readonly Lazy<ulong> _declarations;
    private readonly Lazy<bool> _mayAddGroups;
    private readonly Lazy<bool> _mentionsGradients;
    private readonly Lazy<bool> _hasUnseenTraining;
    private readonly Lazy<ImmutableHashSet<string>> _frameworks;
    private readonly SharedWork<TrainingMembers> _members;
    private ConcurrentDictionary<SyntaxTree, SemanticModel>? _models;

    private WholeProgram(Compilation compilation, ModelCatalogue catalogue)
    {
        (Compilation, Catalogue) = (compilation, catalogue);
        Facts = new(compilation, catalogue);
        _members = new(1, (_, cancellation) => new TrainingMembers(new ProgramSource(this, cancellation), cancellation));
        _trees = new(() => compilation.SyntaxTrees.Where(tree => !IsOfFacts(tree)).Select(TreeFacts.Of).ToImmutableArray());
        _declarations = new(FindDeclarations);
        _mayAddGroups = new(() => Mentions(Role.AddGroup));
        _mentionsGradients = new(() => Mentions(Role.Gradient));
        _frameworks = new(FindFrameworks);
        _hasUnseenTraining = new(() => compilation.SourceModule.ReferencedAssemblySymbols.Any(KnowsTraining));
    }

    public Compilation Compilation { get; }

    public ModelCatalogue Catalogue { get; }

    /// <summary>All files but the one that is written for other projects: it comes after the reading and changes nothing in it.</summary>
    public ImmutableArray<TreeFacts> Trees => _trees.Value;

    /// <summary>What is known of other projects.</summary>
    public AssemblyFacts Facts { get; }

    /// <summary>One number for everything that decides what a name means: declarations of all files, references, the catalogue.</summary>
    public ulong Declarations => _declarations.Value;

    /// <summary>Whether a file mentions adding parameters to an optimizer that is made already.</summary>
    public bool MayAddGroups => _mayAddGroups.Value;

    /// <summary>The version of TorchSharp that the program is compiled with; null where it is not.</summary>
    public Version? LibraryVersion => Compilation.ReferencedAssemblyNames.FirstOrDefault(assembly => assembly.Name == ModelCatalogue.Library)?.Version;

    /// <summary>Whether code anywhere reads or writes a gradient.</summary>
    public bool MentionsGradients => _mentionsGradients.Value;

    /// <summary>Whether another assembly is built on what is trained here, so that it may change gradients: not TorchSharp itself, nor what a catalogue describes.</summary>
    public bool KnowsTraining(IAssemblySymbol assembly) => _knowing.GetOrAdd(assembly, key =>
        !_frameworks.Value.Contains(key.Name) && !ModelCatalogue.IsOfLibrary(key) && key.Modules.SelectMany(module => module.ReferencedAssemblies).Any(reference => _frameworks.Value.Contains(reference.Name)));

    /// <summary>Whether the compilation has such an assembly at all.</summary>
    public bool HasUnseenTraining => _hasUnseenTraining.Value;

    /// <summary>Whether a type is a module, an optimizer or a parameter, or a collection of such.</summary>
    public bool IsTrained(ITypeSymbol? type) => type switch
    {
        IArrayTypeSymbol array => IsTrained(array.ElementType),
        null or { SpecialType: not SpecialType.None } => false,
        _ => Catalogue.IsModule(type) || Catalogue.DerivesFrom(type, Role.Optimizer) || Catalogue.DerivesFrom(type, Role.Parameter)
            || (type is INamedTypeSymbol { IsGenericType: true } named && type.TypeKind != TypeKind.Delegate && named.TypeArguments.Any(IsTrained)),
    };

    /// <summary>Whether objects of a type are or hold such, as far as source shows their fields.</summary>
    public bool HoldsTrained(ITypeSymbol? type) => type is not null && (_trained.TryGetValue(type, out var known) ? known : Holds(type, _trained, current => IsTrained(current) ? null
        : current is not INamedTypeSymbol named || !named.Locations.Any(location => location.IsInSource) ? []
        : named.GetMembers().OfType<IFieldSymbol>().Where(field => !field.IsStatic).Select(field => field.Type).Prepend(named.BaseType).OfType<ITypeSymbol>()));

    public static WholeProgram Of(Compilation compilation, ModelCatalogue catalogue) =>
        ByCompilation.GetValue(compilation, static _ => new()).GetOrAdd(catalogue, key => new WholeProgram(compilation, key));

    /// <summary>The members of training loops. Found once; a cancelled search leaves nothing behind.</summary>
    public TrainingMembers MembersFor(CancellationToken cancellation) => _members.All(cancellation)[0];

    /// <summary>The meaning of a tree. Within the compiler's analyzer driver this is the model that all analyzers share; elsewhere each question would make one anew and bind again, but for <see cref="WithModels"/>.</summary>
    public SemanticModel Model(SyntaxTree tree) => Volatile.Read(ref _models) is { } held ? held.GetOrAdd(tree, key => Compilation.GetSemanticModel(key)) : Compilation.GetSemanticModel(tree);

    /// <summary>Reads with one model for each tree, for a reading outside the analyzer driver. What they bound is free again at its end.</summary>
    public T WithModels<T>(Func<WholeProgram, T> read)
    {
        Volatile.Write(ref _models, new());
        try
        {
            return read(this);
        }
        finally
        {
            Volatile.Write(ref _models, null);
        }
    }

    /// <summary>Whether something in the source assigns to a name.</summary>
    public bool IsAssigned(string name) => Trees.Any(tree => tree.Words.Contains(name) && tree.Assigns(name));

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

    public bool IsModule(ITypeSymbol? type) => type is not null && (_modules.TryGetValue(type, out var known) ? known : _modules.GetOrAdd(type, FindIsModule));

    public bool IsTensor(ITypeSymbol? type) => type is not null && (_tensors.TryGetValue(type, out var known) ? known : _tensors.GetOrAdd(type, FindIsTensor));

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

    /// <summary>A layer's class of the library.</summary>
    public INamedTypeSymbol? LayerType(string name) =>
        Compilation.SourceModule.ReferencedAssemblySymbols.FirstOrDefault(assembly => assembly.Name == ModelCatalogue.Library)?.GetTypeByMetadataName($"{ModelCatalogue.Library}.Modules.{name}");

    private ImmutableHashSet<string> FindFrameworks()
    {
        var described = Catalogue.OwnEntries.Where(entry => entry.Role is Role.Module or Role.Optimizer or Role.Parameter).Select(entry => entry.Member).ToList();
        return Compilation.SourceModule.ReferencedAssemblySymbols.Where(assembly => described.Any(type => assembly.GetTypeByMetadataName(type) is not null)).Select(assembly => assembly.Name)
            .Concat(ModelCatalogue.BuiltInEntries.Select(entry => entry.Assembly!)).ToImmutableHashSet(StringComparer.Ordinal);
    }

    private static bool IsOfFacts(SyntaxTree tree) => tree.FilePath.EndsWith(FactsGenerator.FileName, StringComparison.Ordinal);

    private bool Mentions(Role role)
    {
        var names = Words.HashesOf(Catalogue.NamesOf(role));
        return Trees.Any(tree => tree.Words.ContainsAny(names) && tree.Members.Any(member => member.ContainsAny(names)));
    }

    private IEnumerable<IMethodSymbol> Implementations(IMethodSymbol method, IEnumerable<SyntaxNode> declarations)
    {
        foreach (var declaration in declarations)
        {
            if (Model(declaration.SyntaxTree).GetDeclaredSymbol(declaration) is IMethodSymbol candidate
                && candidate.ContainingType is { TypeKind: TypeKind.Class or TypeKind.Struct } type
                && !SymbolEqualityComparer.Default.Equals(candidate, method.OriginalDefinition)
                && SymbolEqualityComparer.Default.Equals(ProgramSource.Implementation(method.OriginalDefinition, type)?.OriginalDefinition, candidate))
            {
                yield return candidate;
            }
        }
    }

    /// <summary>
    /// Whether an object of this type can be, hold or run what a training loop works on: a module, an optimizer, tensors, a function. What other assemblies hold is not to be seen, and counts as nothing,
    /// except for what is a container of such by its type arguments.
    /// </summary>
    public bool MayHoldTraining(ITypeSymbol? type) => type is not null && (_holders.TryGetValue(type, out var known) ? known : Holds(type, _holders, current =>
        PartsOf(current, out var holds) is var parts && holds ? null : parts.Where(part => part.SpecialType is not SpecialType.System_Object))); // What a configuration keeps as objects are numbers and texts.

    /// <summary>Whether objects of a type may be or hold modules or parameters: not what is only handed tensors, numbers and texts.</summary>
    public bool MayHoldModules(ITypeSymbol? type) => type is not null && (_moduleHolders.TryGetValue(type, out var known) ? known : Holds(type, _moduleHolders, current => Catalogue.FindBase(current)?.Role is { } role
        ? role is Role.Tensor or Role.Optimizer ? [] : null
        : current switch
        {
            { SpecialType: SpecialType.System_Object } => [],
            INamedTypeSymbol { DelegateInvokeMethod: { } function } => function.Parameters.Select(parameter => parameter.Type).Append(function.ReturnType).Where(part => part.SpecialType is SpecialType.None),
            _ => PartsOf(current, out var holds) is var parts && holds ? null : parts.Where(part => part.SpecialType is SpecialType.None),
        }));

    /// <summary>Whether a type, or one that its objects hold, is of the kind asked for.</summary>
    /// <param name="type">The type.</param>
    /// <param name="answers">What is known already; the answer is added.</param>
    /// <param name="partsOf">What objects of a type hold; null where it is of the kind itself.</param>
    private static bool Holds(ITypeSymbol type, ConcurrentDictionary<ITypeSymbol, bool> answers, Func<ITypeSymbol, IEnumerable<ITypeSymbol>?> partsOf)
    {
        var seen = new HashSet<ITypeSymbol>(SymbolEqualityComparer.Default) { type };
        var open = new Stack<ITypeSymbol>([type]);
        while (open.Count > 0)
        {
            if (partsOf(open.Pop()) is not { } parts)
                return answers.GetOrAdd(type, true);
            foreach (var part in parts.Where(seen.Add))
                open.Push(part);
        }

        return answers.GetOrAdd(type, false);
    }

    /// <summary>The types of what objects of a type hold.</summary>
    private IEnumerable<ITypeSymbol> PartsOf(ITypeSymbol type, out bool holds)
    {
        var isInSource = type.Locations.Any(location => location.IsInSource);
        holds = type.TypeKind is TypeKind.Delegate or TypeKind.TypeParameter or TypeKind.Dynamic || type.SpecialType is SpecialType.System_Object
            || (isInSource && (type.IsAbstract || type.TypeKind == TypeKind.Interface)) || Catalogue.FindBase(type) is not null;
        if (holds || type.SpecialType is not SpecialType.None || type.TypeKind == TypeKind.Enum)
            return [];
        return type switch
        {
            IArrayTypeSymbol array => [array.ElementType],
            INamedTypeSymbol named when isInSource => named.GetMembers().OfType<IFieldSymbol>().Where(field => !field.IsStatic).Select(field => field.Type)
                .Concat(named.BaseType is { } parent ? [parent] : Array.Empty<ITypeSymbol>()),
            INamedTypeSymbol { IsGenericType: true } named => named.TypeArguments,
            _ => [],
        };
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
