using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Inserts elements into argument lists, collection expressions and array initializers, on lines of their own where the others are.</summary>
internal static class Elements
{
    /// <summary>Inserts an element right after another one. Several insertions into one list compose.</summary>
    public static bool Insert(SolutionEdits edits, SyntaxNode after, SyntaxNode added)
    {
        if (after.Parent is not { } list || !edits.IsNew(after, "element after"))
            return after.Parent is not null;
        var mark = new SyntaxAnnotation();
        var layout = Layout.Of(after);
        var indentation = Layout.IndentationOf(after);
        var editor = edits.EditorFor(after);
        editor.ReplaceNode(after, (current, _) => current.WithAdditionalAnnotations(mark));
        editor.ReplaceNode(list, (current, _) =>
        {
            var place = current.GetAnnotatedNodes(mark).First();
            return current switch
            {
                ArgumentListSyntax arguments => arguments.WithArguments(With(arguments.Arguments, (ArgumentSyntax)place, (ArgumentSyntax)added, layout, indentation)),
                CollectionExpressionSyntax collection => collection.WithElements(With(collection.Elements, (CollectionElementSyntax)place, (CollectionElementSyntax)added, layout, indentation)),
                InitializerExpressionSyntax initializer => initializer.WithExpressions(With(initializer.Expressions, (ExpressionSyntax)place, (ExpressionSyntax)added, layout, indentation)),
                _ => current,
            };
        });
        return list is ArgumentListSyntax or CollectionExpressionSyntax or InitializerExpressionSyntax;
    }

    public static ExpressionElementSyntax Like(ExpressionElementSyntax element, ExpressionSyntax inside, ExpressionSyntax added) =>
        element.Expression == inside ? SyntaxFactory.ExpressionElement(added) : element.ReplaceNode(inside, added);

    /// <summary><c>("fc1", Linear(…))</c> gives <c>("fc1_norm", …)</c>; null where the name is no text that can be extended.</summary>
    public static TupleExpressionSyntax? Named(TupleExpressionSyntax tuple, string suffix, ExpressionSyntax content)
    {
        if (tuple.Arguments is not [{ Expression: var name }, var second])
            return null;
        var text = name.WithoutTrivia().ToString();
        if (name is not (LiteralExpressionSyntax { RawKind: (int)SyntaxKind.StringLiteralExpression } or InterpolatedStringExpressionSyntax) || !text.EndsWith("\"", StringComparison.Ordinal) || text.EndsWith("\"\"\"", StringComparison.Ordinal))
            return null;
        return tuple.WithoutTrivia().WithArguments(SyntaxFactory.SeparatedList(
            [tuple.Arguments[0].WithExpression(SyntaxFactory.ParseExpression(text[..^1] + suffix + "\"")).WithoutTrivia(), second.WithExpression(content).WithoutTrivia()],
            [SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space)]));
    }

    private static SeparatedSyntaxList<T> With<T>(SeparatedSyntaxList<T> list, T after, T added, Layout layout, string indentation)
        where T : SyntaxNode
    {
        var index = list.IndexOf(after);
        var elements = list.ToList();
        var separators = list.GetSeparators().ToList();
        var separator = index < separators.Count ? separators[index] : default;
        // Where the next element starts a line, so does the new one, behind the comment that ends this line.
        var startsLine = separator.TrailingTrivia.Any(SyntaxKind.EndOfLineTrivia);
        var comma = SyntaxFactory.Token(SyntaxKind.CommaToken);
        if (index < separators.Count)
            separators.Insert(index + 1, comma.WithTrailingTrivia(startsLine ? SyntaxFactory.TriviaList(layout.NewLine) : SyntaxFactory.TriviaList(SyntaxFactory.Space)));
        else
            separators.Add(comma.WithTrailingTrivia(SyntaxFactory.Space));
        elements.Insert(index + 1, added.WithLeadingTrivia(startsLine ? Layout.Indentation(indentation) : SyntaxFactory.TriviaList()).WithTrailingTrivia());
        return SyntaxFactory.SeparatedList(elements, separators);
    }
}
