using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Takes away the scope without gradients around a loss that is differentiated.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(BackwardWithoutGraphFixer)), Shared]
public sealed class BackwardWithoutGraphFixer() : TrainingLoopFixer("GRAD4003")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported)
    {
        if (reported.Places is not [var scope])
            return None;
        Action<SolutionEdits>? edit = scope.FirstAncestorOrSelf<StatementSyntax>() switch
        {
            LocalDeclarationStatementSyntax { Declaration.Variables.Count: 1, Parent: BlockSyntax } declaration => edits => edits.EditorFor(declaration).RemoveNode(declaration, SyntaxRemoveOptions.KeepNoTrivia),
            UsingStatementSyntax { Statement: BlockSyntax body, Parent: BlockSyntax } block when body.Statements.Count > 0 => edits => Unwrap(edits, block, body.Statements),
            UsingStatementSyntax { Statement: not BlockSyntax, Parent: BlockSyntax } block => edits => Unwrap(edits, block, new([block.Statement])),
            _ => null,
        };
        return edit is null ? None : One("Compute the loss with gradients: remove the scope", "scope", edits =>
        {
            if (edits.IsNew(scope, "scope"))
                edit(edits);
        });
    }

    private static void Unwrap(SolutionEdits edits, UsingStatementSyntax block, SyntaxList<StatementSyntax> statements)
    {
        var leading = block.GetLeadingTrivia();
        var margin = leading.Where(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia)).LastOrDefault();
        var editor = edits.EditorFor(block);
        editor.InsertBefore(block, statements.Select((statement, index) => statement.WithLeadingTrivia((index == 0 ? leading : SyntaxFactory.TriviaList(margin)).AddRange(CommentsOf(statement, margin)))));
        editor.RemoveNode(block, SyntaxRemoveOptions.KeepNoTrivia);
    }

    /// <summary>The comments before a statement, moved to the margin.</summary>
    private static IEnumerable<SyntaxTrivia> CommentsOf(StatementSyntax statement, SyntaxTrivia margin) => statement.GetLeadingTrivia()
        .Where(trivia => trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia))
        .SelectMany(comment => new[] { comment, statement.GetLeadingTrivia().FirstOrDefault(trivia => trivia.IsKind(SyntaxKind.EndOfLineTrivia)), margin })
        .Where(trivia => !trivia.IsKind(SyntaxKind.None));
}
