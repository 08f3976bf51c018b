using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Moves a whole statement, with its comments, to right before or after another one.</summary>
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

    /// <summary>A declaration or an assignment can go behind a later statement of its own block: nothing between them names what it sets.</summary>
    public static bool IsPossibleAfter(SyntaxNode moved, SyntaxNode target, SemanticModel model)
    {
        if (moved.SyntaxTree != model.SyntaxTree || target.SyntaxTree != model.SyntaxTree || StatementOf(moved) is not { } statement || StatementOf(target) is not { } place
            || place.Parent != statement.Parent || place.SpanStart <= statement.SpanStart || statement.ContainsDirectives || place.ContainsDirectives)
        {
            return false;
        }

        var set = (statement is GlobalStatementSyntax global ? global.Statement : statement) switch
        {
            LocalDeclarationStatementSyntax { Declaration.Variables: [var variable] } => model.GetDeclaredSymbol(variable),
            ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax assignment } => model.GetSymbolInfo(assignment.Left).Symbol,
            _ => null,
        };
        return set is not null && !statement.Parent!.ChildNodes().SkipWhile(node => node != statement).Skip(1).TakeWhile(node => node.SpanStart <= place.SpanStart)
            .SelectMany(node => node.DescendantNodes().OfType<IdentifierNameSyntax>()).Any(name => SymbolEqualityComparer.Default.Equals(model.GetSymbolInfo(name).Symbol, set));
    }

    /// <summary>Moves the statement around an expression right after the one around another; false where they are not in one block.</summary>
    public static bool TryAfter(SolutionEdits edits, SyntaxNode moved, SyntaxNode target)
    {
        if (StatementOf(moved) is not ExpressionStatementSyntax { Parent: BlockSyntax block } statement || StatementOf(target) is not { } place || place.Parent != block || statement.ContainsDirectives || place.ContainsDirectives)
            return false;
        After(edits, moved, target);
        return true;
    }

    public static void After(SolutionEdits edits, SyntaxNode moved, SyntaxNode target)
    {
        var statement = StatementOf(moved)!;
        var place = StatementOf(target)!;
        if (!edits.IsNew(statement, "move"))
            return;
        var editor = edits.EditorFor(place);
        // A blank line above it stays where it is.
        editor.InsertAfter(place, statement.WithLeadingTrivia(statement.GetLeadingTrivia().SkipWhile(trivia => trivia.IsKind(SyntaxKind.EndOfLineTrivia))));
        editor.RemoveNode(statement, SyntaxRemoveOptions.KeepNoTrivia);
    }

    public static void Before(SolutionEdits edits, SyntaxNode moved, SyntaxNode target)
    {
        var statement = StatementOf(moved)!;
        var place = StatementOf(target)!;
        if (!edits.IsNew(statement, "move"))
            return;
        var editor = edits.EditorFor(place);
        var indentation = Layout.Indentation(Layout.IndentationOf(place));
        if (Layout.IsInline(place) && Layout.IsInline(statement))
        {
            editor.InsertBefore(place, statement.WithLeadingTrivia().WithTrailingTrivia(SyntaxFactory.Space));
            // The end of the line, and a comment before it, belong to what is left there.
            editor.RemoveNode(statement, statement.GetTrailingTrivia().Any(SyntaxKind.EndOfLineTrivia) ? SyntaxRemoveOptions.KeepTrailingTrivia : SyntaxRemoveOptions.KeepNoTrivia);
            return;
        }

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
