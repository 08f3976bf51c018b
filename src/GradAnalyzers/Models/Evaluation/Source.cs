using System.Collections.Concurrent;
using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>Bodies, initializers and kinds of types of one compilation, each found once. Safe for concurrent use.</summary>
internal sealed class Source(Compilation compilation, ModelCatalogue catalogue, HashSet<string> assignedNames)
{
    private readonly ConcurrentDictionary<SyntaxTree, SemanticModel> _models = new();
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _modules = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _tensors = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, ImmutableArray<IFieldSymbol>> _fields = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<IMethodSymbol, IOperation?> _bodies = new(SymbolEqualityComparer.Default);

    public Compilation Compilation { get; } = compilation;

    public ModelCatalogue Catalogue { get; } = catalogue;

    /// <summary>Whether the type is a module: a base, layer, container or loss of the catalogue, or derived from one.</summary>
    public bool IsModule(ITypeSymbol? type) => type is not null && _modules.GetOrAdd(type, FindIsModule);

    public bool IsTensor(ITypeSymbol? type) => type is not null && _tensors.GetOrAdd(type, FindIsTensor);

    /// <summary>Names that something in the source assigns to: a static field of another name keeps its initializer's value.</summary>
    public HashSet<string> AssignedNames { get; } = assignedNames;

    /// <summary>Whether the symbol is declared in this compilation's own source; a referenced project's source is no more at hand than a library's.</summary>
    public bool Has(ISymbol symbol) => !symbol.DeclaringSyntaxReferences.IsEmpty && SymbolEqualityComparer.Default.Equals(symbol.ContainingAssembly, Compilation.Assembly);

    /// <summary>The operation of a method's, accessor's or constructor's body; null where it has none in source.</summary>
    public IOperation? Body(IMethodSymbol method, CancellationToken cancellation)
    {
        var definition = method.OriginalDefinition;
        return _bodies.TryGetValue(definition, out var body) ? body : _bodies.GetOrAdd(definition, FindBody(definition, cancellation));
    }

    /// <summary>The instance fields that the type itself declares, backing fields included, in order.</summary>
    public ImmutableArray<IFieldSymbol> InstanceFields(INamedTypeSymbol type) => _fields.GetOrAdd(type.OriginalDefinition,
        static key => key.GetMembers().OfType<IFieldSymbol>().Where(field => !field.IsStatic && !field.IsConst).ToImmutableArray());

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
    public IOperation? Initializer(ISymbol member, CancellationToken cancellation)
    {
        var symbol = (member as IFieldSymbol)?.AssociatedSymbol ?? member;
        foreach (var reference in symbol.DeclaringSyntaxReferences)
        {
            var initializer = reference.GetSyntax(cancellation) switch
            {
                VariableDeclaratorSyntax variable => variable.Initializer,
                PropertyDeclarationSyntax property => property.Initializer,
                _ => null,
            };
            if (initializer is not null)
                return (Operation(initializer, cancellation) as ISymbolInitializerOperation)?.Value;
        }

        return null;
    }

    public IOperation? Operation(SyntaxNode syntax, CancellationToken cancellation) => Model(syntax.SyntaxTree).GetOperation(syntax, cancellation);

    // Within the compiler's analyzer driver this is the model that it shares among all analyzers; one per tree is kept for elsewhere.
    public SemanticModel Model(SyntaxTree tree) => _models.GetOrAdd(tree, key => Compilation.GetSemanticModel(key));

    private bool FindIsModule(ITypeSymbol type) =>
        type.TypeKind is TypeKind.Class or TypeKind.TypeParameter
        && (type is ITypeParameterSymbol parameter ? parameter.ConstraintTypes.FirstOrDefault() : type) is { } known
        && Catalogue.FindBase(known) is { } entry
        && (entry.Role is Role.Module || entry.Role.IsContainer() || entry.Role is Role.ParameterList || (entry.Role.IsOperation() && entry.Role is not Role.Tensor) || entry.Role.IsLoss());

    private bool FindIsTensor(ITypeSymbol type) => Catalogue.FindBase(type)?.Role is Role.Tensor or Role.Parameter;

    private IOperation? FindBody(IMethodSymbol method, CancellationToken cancellation)
    {
        var implementation = method.PartialImplementationPart ?? method;
        foreach (var reference in implementation.DeclaringSyntaxReferences)
        {
            var syntax = reference.GetSyntax(cancellation);
            // A primary constructor's declaration is the whole class: its base call is all that runs.
            if (Operation(syntax, cancellation) is { } body)
                return body;
        }

        return null;
    }
}
