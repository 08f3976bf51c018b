using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Moves a whole statement, with its comments, to right before another one.</summary>
internal static class MoveStatement
{
    /// <summary>Both are statements of blocks (or of a top-level program), the target in the same block or deeper, and every local that the statement names is declared before the target.</summary>
    public static bool IsPossible(SyntaxNode moved, SyntaxNode target, SemanticModel model)
    {
        if (StatementOf(moved) is not { } statement || StatementOf(target) is not { } place || statement == place)
            return false;
        var isInBlock = statement is GlobalStatementSyntax { Statement: ExpressionStatementSyntax } or ExpressionStatementSyntax { Parent: BlockSyntax };
        var isTargetInBlock = place is GlobalStatementSyntax || place.Parent is BlockSyntax;
        return isInBlock && isTargetInBlock && place.Ancestors().Contains(statement.Parent) && !statement.GetLeadingTrivia().Concat(place.GetLeadingTrivia()).Any(trivia => trivia.IsDirective)
            && statement.DescendantNodes().OfType<IdentifierNameSyntax>().All(name => model.GetSymbolInfo(name).Symbol is not ILocalSymbol local || local.Locations[0].SourceSpan.Start < place.SpanStart);
    }

    public static void Before(SolutionEdits edits, SyntaxNode moved, SyntaxNode target)
    {
        var statement = StatementOf(moved)!;
        var place = StatementOf(target)!;
        if (!edits.IsNew(statement, "move"))
            return;
        var editor = edits.EditorFor(place);
        var indentation = Layout.Indentation(Layout.IndentationOf(place));
        var leading = SyntaxFactory.TriviaList(Reindent(statement.GetLeadingTrivia(), indentation));
        editor.InsertBefore(place, statement.WithLeadingTrivia(leading).WithTrailingTrivia(statement.GetTrailingTrivia()));
        editor.RemoveNode(statement, SyntaxRemoveOptions.KeepNoTrivia);
    }

    /// <summary>Comments come along on lines of their own; blank lines stay behind.</summary>
    private static IEnumerable<SyntaxTrivia> Reindent(SyntaxTriviaList trivia, SyntaxTriviaList indentation)
    {
        var comments = trivia.SkipWhile(part => !part.IsKind(SyntaxKind.SingleLineCommentTrivia) && !part.IsKind(SyntaxKind.MultiLineCommentTrivia));
        var startsLine = true;
        foreach (var part in comments)
        {
            if (part.IsKind(SyntaxKind.WhitespaceTrivia) && startsLine)
                continue;
            if (startsLine)
            {
                foreach (var space in indentation)
                    yield return space;
            }

            yield return part;
            startsLine = part.IsKind(SyntaxKind.EndOfLineTrivia);
        }

        if (startsLine)
        {
            foreach (var space in indentation)
                yield return space;
        }
    }

    private static SyntaxNode? StatementOf(SyntaxNode expression) =>
        expression.AncestorsAndSelf().OfType<StatementSyntax>().FirstOrDefault() is { } statement
            ? statement.Parent is GlobalStatementSyntax global ? global : statement
            : null;
}
