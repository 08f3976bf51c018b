using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Facts;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Program;

/// <summary>
/// The source of a compilation for one reading, of a loop or of a model: bodies, initializers, and where a call can lead. It notes which trees are read, so that the result
/// can be kept while these stay as they are; what it holds is free again when the reading ends. For one thread.
/// </summary>
internal sealed class ProgramSource(WholeProgram program, CancellationToken cancellation)
{
    private readonly Dictionary<SyntaxNode, MemberBody?> _bodies = [];
    private readonly Dictionary<SyntaxTree, SemanticModel> _models = [];
    private readonly Dictionary<ISymbol, Dictionary<ISymbol, ImmutableArray<MemberWrite>>> _writes = new(SymbolEqualityComparer.Default);
    private readonly HashSet<SyntaxTree> _read = [];
    private readonly Dictionary<string, bool> _askedNames = new(StringComparer.Ordinal);

    public ModelCatalogue Catalogue { get; } = program.Catalogue;

    public Compilation Compilation { get; } = program.Compilation;

    public WholeProgram Program { get; } = program;

    /// <summary>Cancelled where the reading is no longer wanted.</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>The facts of all files.</summary>
    public ImmutableArray<TreeFacts> Trees => Program.Trees;

    /// <summary>The members of training loops and what leads to them.</summary>
    public TrainingMembers Members => Program.MembersFor(Cancellation);

    /// <summary>A place in the tree is part of the result.</summary>
    public void Reads(SyntaxTree? tree)
    {
        if (tree is not null)
            _read.Add(tree);
    }

    /// <summary>A result of this reading, to be kept with a tree.</summary>
    public Kept Keep(ProgramKey key, object value) => new(key, _read.ToImmutableArray(), _askedNames.ToImmutableArray(), value);

    /// <summary>A result that another reading kept takes part in this one.</summary>
    public void Uses(Kept kept)
    {
        _read.UnionWith(kept.Trees);
        foreach (var name in kept.AskedNames)
            _askedNames[name.Key] = name.Value;
    }

    public BoundNames Bound(TreeFacts tree) => BoundNames.Of(tree, Program.Declarations);

    public BoundNames Bound(SyntaxTree tree) => Bound(TreeFacts.Of(tree));

    public SemanticModel Model(SyntaxTree tree)
    {
        if (!_models.TryGetValue(tree, out var model))
            _models.Add(tree, model = Program.Model(tree));
        return model;
    }

    /// <summary>Whether the type is a module: a base, layer, container or loss of the catalogue, or derived from one.</summary>
    public bool IsModule(ITypeSymbol? type) => Program.IsModule(type);

    public bool IsTensor(ITypeSymbol? type) => Program.IsTensor(type);

    /// <summary>Whether something in the source assigns to a name: a static field of another name keeps its initializer's value.</summary>
    public bool IsAssigned(string name)
    {
        if (!_askedNames.TryGetValue(name, out var isAssigned))
            _askedNames.Add(name, isAssigned = Program.IsAssigned(name));
        return isAssigned;
    }

    /// <summary>What is known of a member of another project; null where nothing is.</summary>
    public MemberFact? FactOf(ISymbol? symbol) => Program.Facts.Of(symbol, Cancellation);

    /// <summary>Whether the symbol is declared in this compilation's own source; a referenced project's source is no more at hand than a library's.</summary>
    public bool Has(ISymbol symbol) => !symbol.DeclaringSyntaxReferences.IsEmpty && SymbolEqualityComparer.Default.Equals(symbol.ContainingAssembly, Compilation.Assembly);

    /// <summary>The operation at a node; null where the compiler has none for it, and where it lies too deep.</summary>
    public IOperation? Operation(SyntaxNode syntax)
    {
        _read.Add(syntax.SyntaxTree);
        return Nesting.IsTooDeep(syntax) ? null : Model(syntax.SyntaxTree).GetOperation(syntax, Cancellation);
    }

    /// <summary>The operation of a method's, accessor's or constructor's body; null where it has none in source.</summary>
    public IOperation? Body(IMethodSymbol method)
    {
        // A primary constructor's declaration is the whole class: its base call is all that runs.
        return WithBody(method).DeclaringSyntaxReferences.Select(reference => Operation(reference.GetSyntax(Cancellation))).FirstOrDefault(body => body is not null);
    }

    /// <summary>Whether the code that a method runs, in whichever part of a partial class, is of a training loop.</summary>
    public bool IsOfTraining(IMethodSymbol method) =>
        WithBody(method).DeclaringSyntaxReferences.Any(reference => Members.Contains(reference.GetSyntax(Cancellation)));

    /// <summary>A partial method is called by the part that only declares it.</summary>
    private static IMethodSymbol WithBody(IMethodSymbol method) => method.OriginalDefinition.PartialImplementationPart ?? method.OriginalDefinition;

    /// <summary>The instance fields that the type itself declares, backing fields included, in order.</summary>
    public ImmutableArray<IFieldSymbol> InstanceFields(INamedTypeSymbol type) => Program.InstanceFields(type);

    /// <summary>The field that an auto-property keeps its value in, or null for another property.</summary>
    public IFieldSymbol? BackingField(IPropertySymbol property)
    {
        var definition = property.OriginalDefinition;
        foreach (var field in InstanceFields(definition.ContainingType))
        {
            if (field.AssociatedSymbol is { } associated && SymbolEqualityComparer.Default.Equals(associated, definition))
                return field;
        }

        return null;
    }

    /// <summary>The initializer's value of a field or auto-property, or null where it has none.</summary>
    public IOperation? Initializer(ISymbol member)
    {
        var symbol = (member as IFieldSymbol)?.AssociatedSymbol ?? member;
        foreach (var reference in symbol.DeclaringSyntaxReferences)
        {
            if (Executable(reference.GetSyntax(Cancellation)) is EqualsValueClauseSyntax initializer)
                return (Operation(initializer) as ISymbolInitializerOperation)?.Value;
        }

        return null;
    }

    /// <summary>The body that executes when the method is called, with the lambda or local function in it; null where source has none.</summary>
    public (MemberBody Body, SyntaxNode? Function)? CodeOf(IMethodSymbol method)
    {
        foreach (var reference in WithBody(method).DeclaringSyntaxReferences)
        {
            var syntax = reference.GetSyntax(Cancellation);
            var function = syntax is LocalFunctionStatementSyntax or AnonymousFunctionExpressionSyntax ? syntax : null;
            // A primary constructor's code is the type declaration: its base call and initializers.
            if ((syntax is TypeDeclarationSyntax ? BodyAt(syntax) : BodyAround(syntax)) is { } body)
                return (body, function);
        }

        return null;
    }

    /// <summary>The body of the member, accessor, initializer or top-level program that a node stands in.</summary>
    public MemberBody? BodyAround(SyntaxNode node)
    {
        for (var current = node; current is not null; current = current.Parent)
        {
            if (IsExecutable(current))
                return BodyAt(current);
        }

        return null;
    }

    public MemberBody? BodyAt(SyntaxNode declaration)
    {
        if (_bodies.TryGetValue(declaration, out var known))
            return known;
        Cancellation.ThrowIfCancellationRequested();
        _read.Add(declaration.SyntaxTree);
        var body = Compilation.ContainsSyntaxTree(declaration.SyntaxTree) ? Program.BodyAt(declaration, () => Model(declaration.SyntaxTree), Cancellation) : null;
        _bodies.Add(declaration, body);
        return body;
    }

    /// <summary>Everything that an object writes to one of its fields or properties: in the declaring type, and in the types between it and the object's own.</summary>
    public ImmutableArray<MemberWrite> WritesTo(ISymbol member, ITypeSymbol? owner = null)
    {
        if (!_writes.TryGetValue(member.OriginalDefinition, out var writes))
            _writes.Add(member.OriginalDefinition, writes = new(SymbolEqualityComparer.Default));
        return Deriving(owner, member.ContainingType).Append(member.ContainingType).OfType<INamedTypeSymbol>().SelectMany(type =>
        {
            if (!writes.TryGetValue(type.OriginalDefinition, out var found))
                writes.Add(type.OriginalDefinition, found = FindWrites(member.OriginalDefinition, type.OriginalDefinition));
            return found;
        }).ToImmutableArray();
    }

    /// <summary>Every handler that the program adds to an event; null where code that is not to be seen may add others.</summary>
    public ImmutableArray<MemberWrite>? HandlersOf(IEventSymbol raised)
    {
        if (!Has(raised.OriginalDefinition) || raised.IsVirtual || raised.IsAbstract || raised.IsOverride || (Compilation.Options.OutputKind == OutputKind.DynamicallyLinkedLibrary && IsSeenOutside(raised)))
            return null;
        if (!_writes.TryGetValue(raised.OriginalDefinition, out var handlers))
            _writes.Add(raised.OriginalDefinition, handlers = new(SymbolEqualityComparer.Default));
        if (!handlers.TryGetValue(raised.OriginalDefinition, out var found))
        {
            var adding = Trees.SelectMany(tree => tree.AssignmentsTo(raised.Name)).Select(Executable).OfType<SyntaxNode>().Distinct().Select(BodyAt).OfType<MemberBody>();
            handlers.Add(raised.OriginalDefinition, found = adding.SelectMany(body => body.MemberWrites()
                .Where(pair => SymbolEqualityComparer.Default.Equals(pair.Member, raised.OriginalDefinition))
                .Select(pair => new MemberWrite(pair.Write, body, MethodOf(body, pair.Write.Value)))).ToImmutableArray());
        }

        return found;
    }

    private static bool IsSeenOutside(ISymbol symbol)
    {
        for (var current = symbol; current is not null and not INamespaceSymbol; current = current.ContainingType)
        {
            if (current.DeclaredAccessibility is Accessibility.Private or Accessibility.Internal or Accessibility.ProtectedAndInternal)
                return false;
        }

        return true;
    }

    /// <summary>The type and its base types below the given one; none where it does not derive from it.</summary>
    private static IEnumerable<INamedTypeSymbol> Deriving(ITypeSymbol? type, INamedTypeSymbol? from)
    {
        var types = new List<INamedTypeSymbol>();
        for (var current = type as INamedTypeSymbol; current is not null; current = current.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(current.OriginalDefinition, from?.OriginalDefinition))
                return types;
            types.Add(current);
        }

        return [];
    }

    /// <summary>Only bodies that assign to the name, and the member's own initializer, are bound.</summary>
    private ImmutableArray<MemberWrite> FindWrites(ISymbol member, ISymbol type)
    {
        var found = ImmutableArray.CreateBuilder<MemberWrite>();
        foreach (var reference in type.DeclaringSyntaxReferences)
        {
            var tree = reference.SyntaxTree;
            _read.Add(tree);
            var initializers = member.DeclaringSyntaxReferences.Where(declared => declared.SyntaxTree == tree && reference.Span.Contains(declared.Span))
                .Select(declared => Executable(declared.GetSyntax(Cancellation))).Where(body => body is EqualsValueClauseSyntax);
            var assigning = TreeFacts.Of(tree).AssignmentsTo(member.Name).Where(place => reference.Span.Contains(place.Span)).Select(Executable);
            foreach (var body in initializers.Concat(assigning).OfType<SyntaxNode>().Distinct().OrderBy(body => body.SpanStart).Select(BodyAt).OfType<MemberBody>())
            {
                found.AddRange(body.MemberWrites()
                    .Where(pair => SymbolEqualityComparer.Default.Equals(pair.Member, member))
                    .Select(pair => new MemberWrite(pair.Write, body, MethodOf(body, pair.Write.Value))));
            }
        }

        return found.ToImmutable();
    }

    /// <summary>The method whose code the operation is; null in a field initializer.</summary>
    public IMethodSymbol? MethodOf(MemberBody body, IOperation operation) =>
        Model(body.Declaration.SyntaxTree).GetEnclosingSymbol(operation.Syntax.SpanStart, Cancellation) as IMethodSymbol;

    /// <summary>The initializer of a field or property declaration; null where it has none.</summary>
    public MemberBody? InitializerAt(SyntaxNode declaration) =>
        Executable(declaration) is EqualsValueClauseSyntax initializer ? BodyAt(initializer) : null;

    /// <summary>The field or property initializers write their member from the declaration itself.</summary>
    private static SyntaxNode? Executable(SyntaxNode? node)
    {
        switch (node)
        {
            case VariableDeclaratorSyntax { Parent.Parent: BaseFieldDeclarationSyntax, Initializer: { } initializer }:
                return initializer;
            case PropertyDeclarationSyntax { Initializer: { } initializer }:
                return initializer;
        }

        for (var current = node; current is not null; current = current.Parent)
        {
            if (IsExecutable(current))
                return current;
        }

        return null;
    }

    private static bool IsExecutable(SyntaxNode node) => node switch
    {
        BaseMethodDeclarationSyntax or AccessorDeclarationSyntax or CompilationUnitSyntax => true,
        ArrowExpressionClauseSyntax arrow => arrow.Parent is BasePropertyDeclarationSyntax,
        EqualsValueClauseSyntax equals => equals.Parent is PropertyDeclarationSyntax or VariableDeclaratorSyntax { Parent.Parent: BaseFieldDeclarationSyntax },
        _ => false,
    };

    /// <summary>In-source methods that a call can reach: the target itself, its override in the exact types known, or every override in source.</summary>
    public IEnumerable<IMethodSymbol> TargetsOf(IMethodSymbol method, IEnumerable<INamedTypeSymbol> exactReceivers)
    {
        if (!IsVirtual(method))
            return [method];
        var exact = exactReceivers
            .Select(type => Implementation(method, type)).OfType<IMethodSymbol>().Distinct<IMethodSymbol>(SymbolEqualityComparer.Default).ToList();
        if (exact.Count > 0)
            return exact;
        var overrides = Program.OverridesOf(method, Cancellation);
        return method.IsAbstract ? overrides : overrides.Insert(0, method);
    }

    private static bool IsOverridable(IMethodSymbol method) => method.IsVirtual || method.IsAbstract || method.IsOverride;

    /// <summary>Whether the class of the object decides what a call of the method runs.</summary>
    public static bool IsVirtual(IMethodSymbol method) => IsOverridable(method) || method.ContainingType.TypeKind == TypeKind.Interface;

    /// <summary>Whether source implements an abstract method or a member of an interface, whatever the code there mentions.</summary>
    public bool IsImplemented(IMethodSymbol method) => Program.IsImplemented(method);

    /// <summary>The property that a read reaches on an object of the given type.</summary>
    public static IPropertySymbol MostDerived(IPropertySymbol property, ITypeSymbol? type)
    {
        if (property.ContainingType.TypeKind == TypeKind.Interface)
        {
            return type?.AllInterfaces.Where(contract => SymbolEqualityComparer.Default.Equals(contract.OriginalDefinition, property.ContainingType.OriginalDefinition))
                .SelectMany(contract => contract.GetMembers(property.Name)).Select(type.FindImplementationForInterfaceMember).OfType<IPropertySymbol>().FirstOrDefault() ?? property;
        }

        for (var current = type; current is not null; current = current.BaseType)
        {
            foreach (var member in current.GetMembers(property.Name).OfType<IPropertySymbol>())
            {
                for (var overridden = member; overridden is not null; overridden = overridden.OverriddenProperty)
                {
                    if (SymbolEqualityComparer.Default.Equals(overridden.OriginalDefinition, property.OriginalDefinition))
                        return member;
                }
            }
        }

        return property;
    }

    /// <summary>The property of a record that stands at a place of its primary constructor, and of what the record is taken apart into; null for any other type.</summary>
    public static IPropertySymbol? PositionalAt(ITypeSymbol? type, int place) => type is INamedTypeSymbol { IsRecord: true } record
        && record.InstanceConstructors.FirstOrDefault(constructor => constructor.DeclaringSyntaxReferences is [var declared] && declared.GetSyntax() is RecordDeclarationSyntax) is { } primary && place < primary.Parameters.Length
            ? record.GetMembers(primary.Parameters[place].Name).OfType<IPropertySymbol>().FirstOrDefault() : null;

    /// <summary>The method that a call of the given one runs on an object of exactly the given type; null where the type does not have it.</summary>
    public static IMethodSymbol? Implementation(IMethodSymbol method, INamedTypeSymbol type)
    {
        if (method.ContainingType.TypeKind == TypeKind.Interface)
        {
            foreach (var contract in type.AllInterfaces.Where(contract => SymbolEqualityComparer.Default.Equals(contract.OriginalDefinition, method.ContainingType.OriginalDefinition)))
            {
                var member = contract.GetMembers(method.Name).OfType<IMethodSymbol>()
                    .FirstOrDefault(candidate => SymbolEqualityComparer.Default.Equals(candidate.OriginalDefinition, method.OriginalDefinition));
                if (member is not null && type.FindImplementationForInterfaceMember(member) is IMethodSymbol implementation)
                    return IsOverridable(implementation) ? OverrideIn(type, implementation) ?? implementation : implementation;
            }

            return null;
        }

        return OverrideIn(type, method);
    }

    /// <summary>What an object of exactly the type runs where a method of one of its base classes is called.</summary>
    private static IMethodSymbol? OverrideIn(INamedTypeSymbol type, IMethodSymbol method)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            foreach (var member in current.GetMembers(method.Name).OfType<IMethodSymbol>())
            {
                for (var overridden = member; overridden is not null; overridden = overridden.OverriddenMethod)
                {
                    if (SymbolEqualityComparer.Default.Equals(overridden.OriginalDefinition, method.OriginalDefinition))
                        return member;
                }
            }
        }

        return null;
    }
}

/// <summary>A write to a field or property, and the code that it stands in.</summary>
/// <param name="Method">The method that writes, or null for an initializer.</param>
internal sealed record MemberWrite(Write Write, MemberBody Body, IMethodSymbol? Method);
