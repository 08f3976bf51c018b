using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>
/// A hash of what a file declares: every token outside of bodies. While it stays as it is, names in other files mean what they meant.
/// </summary>
internal static class DeclarationHash
{
    public static ulong Of(SyntaxNode root)
    {
        var hash = StableHash.Seed;
        foreach (var token in root.DescendantTokens(node => !IsBody(node)))
            hash = StableHash.With(StableHash.With(hash, token.Text), "\n");
        return hash;
    }

    // The value of a constant or of an enumeration's member is part of what other files see; how a field starts is not.
    private static bool IsBody(SyntaxNode node) => node switch
    {
        BlockSyntax or ArrowExpressionClauseSyntax or ConstructorInitializerSyntax or GlobalStatementSyntax => true,
        EqualsValueClauseSyntax { Parent: PropertyDeclarationSyntax } => true,
        EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax { Parent.Parent: FieldDeclarationSyntax field } } => !field.Modifiers.Any(SyntaxKind.ConstKeyword),
        _ => false,
    };
}
