using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Writes <c>binary_cross_entropy_with_logits</c> for <c>binary_cross_entropy</c>, and <c>BCEWithLogitsLoss</c> for <c>BCELoss</c> where it is made and where a field or local is declared as it.</summary>
internal static class LossOnLogits
{
    public static bool CanReplace(SyntaxNode loss, SemanticModel model) => NamesOf(loss, model) is { Count: > 0 };

    public static void Replace(SolutionEdits edits, SyntaxNode loss, SemanticModel model)
    {
        foreach (var name in NamesOf(loss, model))
        {
            if (edits.IsNew(name, "logits"))
                edits.EditorFor(name).ReplaceNode(name, (current, _) => SyntaxFactory.IdentifierName(OnLogits(name.Identifier.ValueText)!).WithTriviaFrom(current));
        }
    }

    private static string? OnLogits(string name) => name switch
    {
        "binary_cross_entropy" => "binary_cross_entropy_with_logits",
        "BCELoss" => "BCEWithLogitsLoss",
        _ => null,
    };

    /// <summary>The names to write anew: of the function or constructor, and of the type that the variable is declared with; none where a declaration cannot be found.</summary>
    private static IReadOnlyList<SimpleNameSyntax> NamesOf(SyntaxNode loss, SemanticModel model)
    {
        var made = loss switch
        {
            InvocationExpressionSyntax call => Activations.NameOf(call.Expression),
            ObjectCreationExpressionSyntax creation => Activations.NameOf(creation.Type),
            _ => null,
        };
        if (made is null || OnLogits(made.Identifier.ValueText) is null)
            return [];
        var semantics = model.Compilation.GetSemanticModel(loss.SyntaxTree);
        var holder = loss.Parent switch
        {
            AssignmentExpressionSyntax assignment when assignment.Right == loss => semantics.GetSymbolInfo(assignment.Left).Symbol,
            EqualsValueClauseSyntax { Parent: { } declared } => semantics.GetDeclaredSymbol(declared),
            _ => null,
        };
        var type = holder?.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax()).Select(node => node switch
        {
            VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax declaration } => declaration.Type,
            PropertyDeclarationSyntax property => property.Type,
            _ => null,
        }).FirstOrDefault();
        return type is not null && Activations.NameOf(type) is { Identifier.ValueText: "BCELoss" } declaredAs ? [made, declaredAs] : [made];
    }
}
