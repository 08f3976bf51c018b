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

    /// <summary>The content in the place of the block; comments at the block's head and end stay beside it.</summary>
    private static void Unwrap(SolutionEdits edits, UsingStatementSyntax block, SyntaxList<StatementSyntax> statements)
    {
        var leading = block.GetLeadingTrivia();
        var margin = leading.LastOrDefault(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia));
        var (head, end) = block.Statement is BlockSyntax body
            ? (block.CloseParenToken.TrailingTrivia.Concat(body.OpenBraceToken.LeadingTrivia).Concat(body.OpenBraceToken.TrailingTrivia), body.CloseBraceToken.LeadingTrivia.Concat(body.CloseBraceToken.TrailingTrivia))
            : (block.CloseParenToken.TrailingTrivia, Enumerable.Empty<SyntaxTrivia>());
        var editor = edits.EditorFor(block);
        editor.InsertBefore(block, statements.Select((statement, index) =>
        {
            var before = (index == 0 ? leading.AddRange(CommentsOf(head, margin)) : SyntaxFactory.TriviaList(margin)).AddRange(CommentsOf(statement.GetLeadingTrivia(), margin));
            var after = index == statements.Count - 1 ? CommentsOf(end, margin).Prepend(margin).ToList() : [];
            return statement.WithLeadingTrivia(before).WithTrailingTrivia(statement.GetTrailingTrivia().AddRange(after.Take(after.Count - 1)));
        }));
        editor.RemoveNode(block, SyntaxRemoveOptions.KeepNoTrivia);
    }

    /// <summary>Each comment on a line of its own, the next line at the margin.</summary>
    private static IEnumerable<SyntaxTrivia> CommentsOf(IEnumerable<SyntaxTrivia> trivia, SyntaxTrivia margin)
    {
        var all = trivia.ToList();
        var lineEnd = all.FirstOrDefault(one => one.IsKind(SyntaxKind.EndOfLineTrivia));
        return all.Where(one => one.IsKind(SyntaxKind.SingleLineCommentTrivia) || one.IsKind(SyntaxKind.MultiLineCommentTrivia))
            .SelectMany(comment => new[] { comment, lineEnd, margin }).Where(one => !one.IsKind(SyntaxKind.None));
    }
}
