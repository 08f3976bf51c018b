using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>
/// Puts a statement before or after the one that contains an expression, in blocks, single-statement bodies, expression bodies and top-level programs.
/// Nothing goes behind a return, and nothing beside a loop whose own condition or step the expression is: that runs once a round.
/// </summary>
internal static class InsertStatement
{
    public static bool IsPossibleBefore(SyntaxNode expression) => PlaceOf(expression) is not null;

    public static bool IsPossibleAfter(SyntaxNode expression) => PlaceOf(expression) switch
    {
        null or ReturnStatementSyntax or ThrowStatementSyntax or GlobalStatementSyntax { Statement: ReturnStatementSyntax or ThrowStatementSyntax } => false,
        // A condition or the head of a using: behind it comes what it guards.
        IfStatementSyntax or SwitchStatementSyntax or UsingStatementSyntax or LockStatementSyntax or CommonForEachStatementSyntax or GlobalStatementSyntax { Statement: not (ExpressionStatementSyntax or LocalDeclarationStatementSyntax) } => false,
        ArrowExpressionClauseSyntax { Parent: MethodDeclarationSyntax { ReturnType: not PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword } } method } => IsAsync(method.Modifiers, method.ReturnType),
        ArrowExpressionClauseSyntax { Parent: LocalFunctionStatementSyntax { ReturnType: not PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword } } function } => IsAsync(function.Modifiers, function.ReturnType),
        ArrowExpressionClauseSyntax { Parent: AccessorDeclarationSyntax accessor } => !accessor.IsKind(SyntaxKind.GetAccessorDeclaration),
        _ => true,
    };

    public static void Before(SolutionEdits edits, SyntaxNode expression, string statement) => Insert(edits, expression, statement, isBefore: true);

    public static void After(SolutionEdits edits, SyntaxNode expression, string statement) => Insert(edits, expression, statement, isBefore: false);

    /// <summary>Puts a statement of one or more lines after another one, in a block, a switch section or a top-level program; false where it stands alone.</summary>
    public static bool After(SolutionEdits edits, StatementSyntax statement, params (int Level, string Text)[] lines)
    {
        if (statement.Parent is not (BlockSyntax or SwitchSectionSyntax or GlobalStatementSyntax))
            return false;
        if (!edits.IsNew(statement, string.Join("\n", lines)))
            return true;
        var added = Parse(Layout.Of(statement), Layout.IndentationOf(statement), lines);
        if (statement.Parent is GlobalStatementSyntax global)
            Beside(edits.EditorFor(global), global, SyntaxFactory.GlobalStatement(added), isBefore: false);
        else
            Beside(edits.EditorFor(statement), statement, added, isBefore: false);
        return true;
    }

    /// <summary>The statement, or the expression body, that the expression is part of.</summary>
    private static SyntaxNode? PlaceOf(SyntaxNode expression)
    {
        foreach (var node in expression.AncestorsAndSelf())
        {
            switch (node)
            {
                case ForStatementSyntax or WhileStatementSyntax or DoStatementSyntax when node != expression:
                    return null;
                case StatementSyntax and not BlockSyntax:
                    return node.Parent is GlobalStatementSyntax ? node.Parent : node;
                case ArrowExpressionClauseSyntax { Parent: MethodDeclarationSyntax or ConstructorDeclarationSyntax or LocalFunctionStatementSyntax or AccessorDeclarationSyntax }:
                    return node;
                case LambdaExpressionSyntax { ExpressionBody: not null } lambda when lambda.ExpressionBody.Span.Contains(expression.Span):
                    return node;
                case MemberDeclarationSyntax:
                    return null;
            }
        }

        return null;
    }

    private static void Insert(SolutionEdits edits, SyntaxNode expression, string statement, bool isBefore)
    {
        if (PlaceOf(expression) is not { } place || !edits.IsNew(place, statement))
            return;
        var editor = edits.EditorFor(place);
        switch (place)
        {
            case ArrowExpressionClauseSyntax arrow:
                ExpandMember(editor, arrow, statement, isBefore);
                break;
            case LambdaExpressionSyntax lambda:
                editor.ReplaceNode(lambda, (current, _) => ExpandLambda((LambdaExpressionSyntax)current, lambda, statement, isBefore, ReturnsValue(edits, lambda)));
                break;
            case StatementSyntax { Parent: not (BlockSyntax or SwitchSectionSyntax) } embedded:
                editor.ReplaceNode(embedded, (current, _) => Wrap((StatementSyntax)current, embedded, statement, isBefore));
                break;
            case GlobalStatementSyntax:
                Beside(editor, place, SyntaxFactory.GlobalStatement(Parse(statement)), isBefore);
                break;
            default:
                Beside(editor, place, Parse(statement), isBefore);
                break;
        }
    }

    /// <summary>A statement over one or more lines, each indented by its level below the statement.</summary>
    public static StatementSyntax Parse(Layout layout, string indentation, params (int Level, string Text)[] lines)
    {
        var text = string.Join(layout.EndOfLine, lines.Select((line, index) => (index == 0 ? "" : indentation + string.Concat(Enumerable.Repeat(layout.Unit, line.Level))) + line.Text));
        return SyntaxFactory.ParseStatement(text).WithLeadingTrivia(Layout.Indentation(indentation)).WithTrailingTrivia(layout.NewLine);
    }

    private static StatementSyntax Parse(string statement) => SyntaxFactory.ParseStatement(statement);

    private static void Beside(SyntaxEditor editor, SyntaxNode place, SyntaxNode added, bool isBefore)
    {
        var layout = Layout.Of(place);
        var indentation = Layout.IndentationOf(place);
        var inserted = added.WithLeadingTrivia(Layout.Indentation(indentation)).WithTrailingTrivia(layout.NewLine);
        if (!isBefore)
        {
            // "{ backward(); step(); }" on one line stays on it.
            if (EndsLine(place))
                editor.InsertAfter(place, inserted);
            else
                editor.InsertAfter(place, added.WithLeadingTrivia().WithTrailingTrivia(SyntaxFactory.Space));
            return;
        }

        // "backward(); step();" on one line: the new statement stays on it.
        if (!StartsLine(place))
        {
            editor.InsertBefore(place, added.WithLeadingTrivia().WithTrailingTrivia(SyntaxFactory.Space));
        }
        else if (place.GetLeadingTrivia().Any(trivia => trivia.IsDirective))
        {
            // After "#if", not before it: the directive keeps both.
            editor.InsertBefore(place, inserted.WithLeadingTrivia(place.GetLeadingTrivia()));
            editor.ReplaceNode(place, (current, _) => current.WithLeadingTrivia(Layout.Indentation(indentation)));
        }
        else
        {
            editor.InsertBefore(place, inserted);
        }
    }

    /// <summary>Whether nothing but white space and comments stands before the node on its line.</summary>
    private static bool StartsLine(SyntaxNode node)
    {
        var previous = node.GetFirstToken().GetPreviousToken();
        var lines = node.SyntaxTree.GetText().Lines;
        return previous.IsKind(SyntaxKind.None) || lines.GetLineFromPosition(previous.Span.End).LineNumber < lines.GetLineFromPosition(node.SpanStart).LineNumber;
    }

    /// <summary>Whether nothing but white space and comments stands behind the node on its line.</summary>
    private static bool EndsLine(SyntaxNode node)
    {
        var next = node.GetLastToken().GetNextToken();
        var lines = node.SyntaxTree.GetText().Lines;
        return next.IsKind(SyntaxKind.None) || lines.GetLineFromPosition(next.SpanStart).LineNumber > lines.GetLineFromPosition(node.Span.End).LineNumber;
    }

    /// <summary><c>async Task Step() =&gt; optimizer.step();</c> returns nothing.</summary>
    private static bool IsAsync(SyntaxTokenList modifiers, TypeSyntax returned) =>
        modifiers.Any(SyntaxKind.AsyncKeyword) && returned is not (GenericNameSyntax or QualifiedNameSyntax { Right: GenericNameSyntax });

    /// <summary><c>if (x) optimizer.step();</c> becomes a block of two.</summary>
    private static BlockSyntax Wrap(StatementSyntax current, StatementSyntax original, string statement, bool isBefore)
    {
        var layout = Layout.Of(original);
        var outer = Layout.IndentationOf(original.Parent!);
        var inner = Layout.Indentation(outer + layout.Unit);
        var startsLine = StartsLine(original);
        var kept = current.WithLeadingTrivia(inner).WithTrailingTrivia(WithNewLine(current.GetTrailingTrivia(), layout));
        var added = Parse(statement).WithLeadingTrivia(inner).WithTrailingTrivia(layout.NewLine);
        var open = SyntaxFactory.Token(SyntaxKind.OpenBraceToken).WithTrailingTrivia(layout.NewLine);
        var leading = startsLine ? WithIndentation(current.GetLeadingTrivia(), outer) : SyntaxFactory.TriviaList(layout.NewLine).AddRange(Layout.Indentation(outer));
        var close = SyntaxFactory.Token(SyntaxKind.CloseBraceToken).WithLeadingTrivia(Layout.Indentation(outer)).WithTrailingTrivia(layout.NewLine);
        return SyntaxFactory.Block(open.WithLeadingTrivia(leading), SyntaxFactory.List(isBefore ? [added, kept] : new[] { kept, added }), close);
    }

    private static SyntaxTriviaList WithNewLine(SyntaxTriviaList trailing, Layout layout) =>
        trailing.Any(SyntaxKind.EndOfLineTrivia) ? trailing : trailing.Add(layout.NewLine);

    /// <summary>Keeps comments above a statement; its last piece of white space becomes the given indentation.</summary>
    private static SyntaxTriviaList WithIndentation(SyntaxTriviaList leading, string indentation) =>
        SyntaxFactory.TriviaList(leading.Reverse().SkipWhile(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia)).Reverse()).AddRange(Layout.Indentation(indentation));

    /// <summary><c>void Step() => optimizer.step();</c> becomes a method with a block.</summary>
    private static void ExpandMember(SyntaxEditor editor, ArrowExpressionClauseSyntax arrow, string statement, bool isBefore)
    {
        var returnsValue = arrow.Parent switch
        {
            MethodDeclarationSyntax { ReturnType: not PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword } } method => !IsAsync(method.Modifiers, method.ReturnType),
            LocalFunctionStatementSyntax { ReturnType: not PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword } } function => !IsAsync(function.Modifiers, function.ReturnType),
            AccessorDeclarationSyntax accessor => accessor.IsKind(SyntaxKind.GetAccessorDeclaration),
            _ => false,
        };
        editor.ReplaceNode(arrow.Parent!, (current, _) =>
        {
            var layout = Layout.Of(arrow.Parent!);
            var outer = Layout.IndentationOf(arrow.Parent!);
            var clause = current.ChildNodes().OfType<ArrowExpressionClauseSyntax>().Single();
            var block = BlockOf(clause.Expression, statement, isBefore, returnsValue, layout, outer, onNewLine: true)
                .WithTrailingTrivia(current.GetTrailingTrivia());
            return current switch
            {
                MethodDeclarationSyntax method => method.WithExpressionBody(null).WithSemicolonToken(default).WithParameterList(method.ParameterList.WithTrailingTrivia()).WithBody(block),
                ConstructorDeclarationSyntax constructor => constructor.WithExpressionBody(null).WithSemicolonToken(default).WithBody(block),
                LocalFunctionStatementSyntax function => function.WithExpressionBody(null).WithSemicolonToken(default).WithParameterList(function.ParameterList.WithTrailingTrivia()).WithBody(block),
                AccessorDeclarationSyntax accessor => accessor.WithExpressionBody(null).WithSemicolonToken(default).WithBody(block),
                _ => current,
            };
        });
    }

    private static SyntaxNode ExpandLambda(LambdaExpressionSyntax current, LambdaExpressionSyntax original, string statement, bool isBefore, bool returnsValue)
    {
        var layout = Layout.Of(original);
        var outer = Layout.IndentationOf(original);
        var block = BlockOf(current.ExpressionBody!, statement, isBefore, returnsValue, layout, outer, onNewLine: true);
        return current switch
        {
            ParenthesizedLambdaExpressionSyntax lambda => lambda.WithArrowToken(lambda.ArrowToken.WithTrailingTrivia()).WithExpressionBody(null).WithBlock(block),
            SimpleLambdaExpressionSyntax lambda => lambda.WithArrowToken(lambda.ArrowToken.WithTrailingTrivia()).WithExpressionBody(null).WithBlock(block),
            _ => current,
        };
    }

    private static BlockSyntax BlockOf(ExpressionSyntax expression, string statement, bool isBefore, bool returnsValue, Layout layout, string outer, bool onNewLine)
    {
        var inner = Layout.Indentation(outer + layout.Unit);
        var value = expression.WithoutTrivia();
        StatementSyntax kept = returnsValue
            ? SyntaxFactory.ReturnStatement(SyntaxFactory.Token(SyntaxKind.ReturnKeyword).WithTrailingTrivia(SyntaxFactory.Space), value, SyntaxFactory.Token(SyntaxKind.SemicolonToken))
            : SyntaxFactory.ExpressionStatement(value);
        kept = kept.WithLeadingTrivia(inner).WithTrailingTrivia(layout.NewLine);
        var added = Parse(statement).WithLeadingTrivia(inner).WithTrailingTrivia(layout.NewLine);
        var leading = onNewLine ? SyntaxFactory.TriviaList(layout.NewLine).AddRange(Layout.Indentation(outer)) : SyntaxFactory.TriviaList();
        return SyntaxFactory.Block(
            SyntaxFactory.Token(SyntaxKind.OpenBraceToken).WithLeadingTrivia(leading).WithTrailingTrivia(layout.NewLine),
            SyntaxFactory.List(isBefore ? [added, kept] : new[] { kept, added }),
            SyntaxFactory.Token(SyntaxKind.CloseBraceToken).WithLeadingTrivia(Layout.Indentation(outer)));
    }

    private static bool ReturnsValue(SolutionEdits edits, LambdaExpressionSyntax lambda)
    {
        var document = edits.DocumentOf(lambda.SyntaxTree);
        return document is not null && document.TryGetSemanticModel(out var model)
            && model.GetSymbolInfo(lambda).Symbol is IMethodSymbol { ReturnsVoid: false } method
            && !(method.IsAsync && method.ReturnType is INamedTypeSymbol { IsGenericType: false });
    }
}
