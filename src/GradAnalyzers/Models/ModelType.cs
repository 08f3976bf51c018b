using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models;

/// <summary>A module's class, without its symbol: a symbol would keep the whole compilation.</summary>
/// <param name="Id">Its full name with arity; two classes are one where this is.</param>
/// <param name="Name">Its simple name.</param>
/// <param name="IsOfLibrary">It is TorchSharp's.</param>
/// <param name="Declarations">Its declarations in source.</param>
internal sealed record ModelType(string Id, string Name, bool IsOfLibrary, ImmutableArray<Location> Declarations)
{
    public static ModelType Of(ITypeSymbol type) => new(IdOf(type), type.Name, type.ContainingAssembly?.Name == ModelCatalogue.Library,
        type.OriginalDefinition.DeclaringSyntaxReferences.Select(reference => Location.Create(reference.SyntaxTree, reference.Span)).ToImmutableArray());

    public static string IdOf(ITypeSymbol type) => type.OriginalDefinition.GetDocumentationCommentId() ?? type.ToDisplayString();

    public bool Equals(ModelType? other) => other?.Id == Id;

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Id);
}
