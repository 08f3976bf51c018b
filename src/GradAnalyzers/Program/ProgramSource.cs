using System.Collections.Concurrent;
using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>The source of a compilation as bodies to follow calls into. Everything is read when first asked for and kept with the compilation.</summary>
internal sealed class ProgramSource(Compilation compilation, ModelCatalogue catalogue)
{
    private readonly ConcurrentDictionary<SyntaxNode, MemberBody?> _bodies = new();
    private readonly ConcurrentDictionary<SyntaxTree, SemanticModel> _models = new();
    private readonly ConcurrentDictionary<ISymbol, ConcurrentDictionary<ISymbol, ImmutableArray<MemberWrite>>> _writes = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, bool> _implemented = new(SymbolEqualityComparer.Default);
    private readonly Lazy<SourceIndex> _index = new(() => new SourceIndex(compilation, catalogue));

    private readonly Lazy<bool> _mayAddGroups = new(() => SourceIndex.Mentions(compilation, catalogue.NamesOf(Role.AddGroup)));

    public ModelCatalogue Catalogue { get; } = catalogue;

    public SourceIndex Index => _index.Value;

    /// <summary>Whether code anywhere adds parameters to an optimizer that is made already.</summary>
    public bool MayAddGroups => _mayAddGroups.Value;

    /// <summary>The body that executes when the method is called, with the lambda or local function in it; null where source has none.</summary>
    public (MemberBody Body, SyntaxNode? Function)? CodeOf(IMethodSymbol method)
    {
        var definition = method.OriginalDefinition.PartialImplementationPart ?? method.OriginalDefinition;
        foreach (var reference in definition.DeclaringSyntaxReferences)
        {
            var syntax = reference.GetSyntax();
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

    public MemberBody? BodyAt(SyntaxNode declaration) =>
        _bodies.GetOrAdd(declaration, key => compilation.ContainsSyntaxTree(key.SyntaxTree) ? MemberBody.Read(key, Model(key.SyntaxTree), CancellationToken.None) : null);

    public SemanticModel Model(SyntaxTree tree) => _models.GetOrAdd(tree, key => compilation.GetSemanticModel(key));

    /// <summary>Everything that an object writes to one of its fields or properties: in the declaring type, and in the types between it and the object's own.</summary>
    public ImmutableArray<MemberWrite> WritesTo(ISymbol member, ITypeSymbol? owner = null)
    {
        var writes = _writes.GetOrAdd(member.OriginalDefinition, _ => new ConcurrentDictionary<ISymbol, ImmutableArray<MemberWrite>>(SymbolEqualityComparer.Default));
        return Deriving(owner, member.ContainingType).Append(member.ContainingType).OfType<INamedTypeSymbol>()
            .SelectMany(type => writes.GetOrAdd(type.OriginalDefinition, key => FindWrites(member.OriginalDefinition, key))).ToImmutableArray();
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

    private ImmutableArray<MemberWrite> FindWrites(ISymbol member, ISymbol type)
    {
        var found = ImmutableArray.CreateBuilder<MemberWrite>();
        foreach (var reference in type.DeclaringSyntaxReferences)
        {
            var mentions = reference.GetSyntax().DescendantTokens()
                .Where(token => token.IsKind(SyntaxKind.IdentifierToken) && token.ValueText == member.Name);
            var bodies = mentions.Select(token => Executable(token.Parent)).OfType<SyntaxNode>().Distinct();
            foreach (var body in bodies.Select(BodyAt).OfType<MemberBody>())
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
        Model(body.Declaration.SyntaxTree).GetEnclosingSymbol(operation.Syntax.SpanStart) as IMethodSymbol;

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
        if (!method.IsVirtual && !method.IsAbstract && !method.IsOverride && method.ContainingType.TypeKind != TypeKind.Interface)
            return [method];
        var exact = exactReceivers
            .Select(type => Implementation(method, type)).OfType<IMethodSymbol>().Distinct<IMethodSymbol>(SymbolEqualityComparer.Default).ToList();
        if (exact.Count > 0)
            return exact;
        var all = new List<IMethodSymbol>();
        if (!method.IsAbstract)
            all.Add(method);
        all.AddRange(Implementations(method, Index.DeclaredAs(method.Name)));
        return all;
    }

    /// <summary>Whether source implements an abstract method or a member of an interface, whatever the code there mentions.</summary>
    public bool IsImplemented(IMethodSymbol method) =>
        _implemented.GetOrAdd(method.OriginalDefinition, key => Implementations((IMethodSymbol)key, Index.AllDeclaredAs(key.Name)).Any());

    private IEnumerable<IMethodSymbol> Implementations(IMethodSymbol method, IEnumerable<SyntaxNode> declarations)
    {
        foreach (var declaration in declarations)
        {
            if (Model(declaration.SyntaxTree).GetDeclaredSymbol(declaration) is IMethodSymbol candidate
                && candidate.ContainingType is { TypeKind: TypeKind.Class or TypeKind.Struct } type
                && !SymbolEqualityComparer.Default.Equals(candidate, method.OriginalDefinition)
                && SymbolEqualityComparer.Default.Equals(Implementation(method.OriginalDefinition, type)?.OriginalDefinition, candidate))
            {
                yield return candidate;
            }
        }
    }

    /// <summary>The property that a read reaches on an object of the given type.</summary>
    public static IPropertySymbol MostDerived(IPropertySymbol property, ITypeSymbol? type)
    {
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
                    return implementation;
            }

            return null;
        }

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
