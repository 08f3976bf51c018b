using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Adds statements to constructors, before or after the registration of their components. Several additions to one place compose, in order.</summary>
internal static class Constructors
{
    /// <summary>The constructors of a class that run its base's, to which code can be added; empty where there is none.</summary>
    public static IReadOnlyList<ConstructorDeclarationSyntax> Of(TypeDeclarationSyntax type) =>
        type.Members.OfType<ConstructorDeclarationSyntax>()
            .Where(constructor => !constructor.Modifiers.Any(SyntaxKind.StaticKeyword) && constructor.Initializer?.ThisOrBaseKeyword.IsKind(SyntaxKind.ThisKeyword) != true && (constructor.Body is not null || constructor.ExpressionBody is not null))
            .ToList();

    /// <summary>Adds a statement to a constructor, right before or after RegisterComponents(), or at the end where there is no such call.</summary>
    public static void AddTo(SolutionEdits edits, ConstructorDeclarationSyntax constructor, bool isAfterRegistration, params (int Level, string Text)[] lines)
    {
        if (!edits.IsNew(constructor, string.Join("\n", lines)))
            return;
        var layout = Layout.Of(constructor);
        var outer = Layout.IndentationOf(constructor);
        var inner = constructor.Body is { Statements: [var first, ..] } body && Layout.IndentationOf(first) != outer ? Layout.IndentationOf(first) : outer + layout.Unit;
        edits.EditorFor(constructor).ReplaceNode(constructor, (current, _) =>
        {
            var changed = WithBody((ConstructorDeclarationSyntax)current, layout, outer, inner);
            var statements = changed.Body!.Statements;
            var registration = statements.LastIndexOf(IsRegistration);
            var place = registration < 0 ? statements.Count : isAfterRegistration ? statements.Count : registration;
            return changed.WithBody(changed.Body.WithStatements(statements.Insert(place, InsertStatement.Parse(layout, inner, lines))));
        });
    }

    public static bool IsRegistration(StatementSyntax statement) =>
        statement is ExpressionStatementSyntax { Expression: InvocationExpressionSyntax call } && Activations.NameOf(call.Expression)?.Identifier.ValueText == "RegisterComponents";

    /// <summary><c>public Net() : base("Net") => RegisterComponents();</c> with a block for a body.</summary>
    private static ConstructorDeclarationSyntax WithBody(ConstructorDeclarationSyntax constructor, Layout layout, string outer, string inner)
    {
        if (constructor.ExpressionBody is not { } arrow)
            return Opened(constructor, layout, outer, inner);
        // A comment after the semicolon belongs to the statement.
        var trailing = constructor.SemicolonToken.TrailingTrivia;
        var statement = SyntaxFactory.ExpressionStatement(arrow.Expression.WithoutTrivia(), SyntaxFactory.Token(SyntaxKind.SemicolonToken))
            .WithLeadingTrivia(Layout.Indentation(inner)).WithTrailingTrivia(trailing.Any(SyntaxKind.EndOfLineTrivia) ? trailing : trailing.Add(layout.NewLine));
        var head = constructor.WithExpressionBody(null).WithSemicolonToken(default);
        var last = head.GetLastToken();
        // What stood before "=>" on the same line goes; the brace starts a new line.
        var ended = last.TrailingTrivia.Any(SyntaxKind.EndOfLineTrivia);
        head = head.ReplaceToken(last, last.WithTrailingTrivia(ended ? last.TrailingTrivia : last.TrailingTrivia.Where(trivia => !trivia.IsKind(SyntaxKind.WhitespaceTrivia)).Concat([layout.NewLine])));
        return head.WithBody(SyntaxFactory.Block(
            SyntaxFactory.Token(SyntaxKind.OpenBraceToken).WithLeadingTrivia(Layout.Indentation(outer)).WithTrailingTrivia(layout.NewLine),
            SyntaxFactory.SingletonList<StatementSyntax>(statement),
            SyntaxFactory.Token(SyntaxKind.CloseBraceToken).WithLeadingTrivia(Layout.Indentation(outer)).WithTrailingTrivia(layout.NewLine)));
    }

    /// <summary><c>{ RegisterComponents(); }</c> on one line is opened up.</summary>
    private static ConstructorDeclarationSyntax Opened(ConstructorDeclarationSyntax constructor, Layout layout, string outer, string inner)
    {
        var body = constructor.Body!;
        if (body.OpenBraceToken.TrailingTrivia.Any(SyntaxKind.EndOfLineTrivia) || body.Statements.Any(statement => statement.GetTrailingTrivia().Any(SyntaxKind.EndOfLineTrivia)))
            return constructor;
        var last = constructor.WithBody(null).GetLastToken();
        var isBraceOnNewLine = body.OpenBraceToken.LeadingTrivia.Any(SyntaxKind.WhitespaceTrivia) || last.TrailingTrivia.Any(SyntaxKind.EndOfLineTrivia);
        var opened = body
            .WithStatements(SyntaxFactory.List(body.Statements.Select(statement => statement.WithLeadingTrivia(Layout.Indentation(inner)).WithTrailingTrivia(layout.NewLine))))
            .WithOpenBraceToken(SyntaxFactory.Token(SyntaxKind.OpenBraceToken).WithLeadingTrivia(isBraceOnNewLine ? body.OpenBraceToken.LeadingTrivia : SyntaxFactory.TriviaList(layout.NewLine).AddRange(Layout.Indentation(outer))).WithTrailingTrivia(layout.NewLine))
            .WithCloseBraceToken(SyntaxFactory.Token(SyntaxKind.CloseBraceToken).WithLeadingTrivia(Layout.Indentation(outer)).WithTrailingTrivia(body.CloseBraceToken.TrailingTrivia));
        var changed = constructor.WithBody(opened);
        if (isBraceOnNewLine)
            return changed;
        var before = changed.Body!.OpenBraceToken.GetPreviousToken();
        return changed.ReplaceToken(before, before.WithTrailingTrivia(before.TrailingTrivia.Where(trivia => !trivia.IsKind(SyntaxKind.WhitespaceTrivia))));
    }
}
