using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Ends a scope without gradients at the end of its block: <c>using var</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(GradientModeLeakedFixer)), Shared]
public sealed class GradientModeLeakedFixer() : Fixer("GRAD4002")
{
    private protected override Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        var call = FixedModel.NodeAt(diagnostic.Location);
        var edit = call.FirstAncestorOrSelf<StatementSyntax>() switch
        {
            LocalDeclarationStatementSyntax { UsingKeyword.RawKind: 0, Declaration.Variables.Count: 1 } declaration when IsOfBlock(declaration) && !call.Ancestors().TakeWhile(node => node != declaration).Any(node => node is AnonymousFunctionExpressionSyntax) => edits => AddUsing(edits, declaration),
            ExpressionStatementSyntax { Expression: var whole } statement when IsOfBlock(statement) && (whole == call || whole is AssignmentExpressionSyntax { Left: IdentifierNameSyntax { Identifier.ValueText: "_" } }) => edits => Declare(edits, statement),
            _ => (Action<SolutionEdits>?)null,
        };
        return Task.FromResult(edit is null ? ImmutableArray<Choice>.Empty : ImmutableArray.Create(new Choice("End it with the block: using var", "using", (edits, _) =>
        {
            edit(edits);
            return Task.CompletedTask;
        })));
    }

    private static bool IsOfBlock(StatementSyntax statement) => statement.Parent is BlockSyntax or GlobalStatementSyntax;

    private static void AddUsing(SolutionEdits edits, LocalDeclarationStatementSyntax declaration)
    {
        if (!edits.IsNew(declaration, "using"))
            return;
        edits.EditorFor(declaration).ReplaceNode(declaration, (current, _) => ((LocalDeclarationStatementSyntax)current.WithoutLeadingTrivia())
            .WithUsingKeyword(SyntaxFactory.Token(SyntaxKind.UsingKeyword).WithTrailingTrivia(SyntaxFactory.Space)).WithLeadingTrivia(current.GetLeadingTrivia()));
    }

    private static void Declare(SolutionEdits edits, ExpressionStatementSyntax statement)
    {
        if (!edits.IsNew(statement, "using"))
            return;
        var name = NameFor(statement);
        edits.EditorFor(statement).ReplaceNode(statement, (current, _) =>
        {
            var value = ((ExpressionStatementSyntax)current).Expression is AssignmentExpressionSyntax { Right: var right } ? right : ((ExpressionStatementSyntax)current).Expression;
            return SyntaxFactory.ParseStatement($"using var {name} = {value.WithoutTrivia()};").WithTriviaFrom(current);
        });
    }

    /// <summary><c>_</c>, where the member has no other use of it: as a variable's name it would be no discard there any more. The second of several in a member gets another name.</summary>
    private static string NameFor(ExpressionStatementSyntax statement)
    {
        var member = statement.FirstAncestorOrSelf<MemberDeclarationSyntax>(node => node is not GlobalStatementSyntax) as SyntaxNode ?? statement.SyntaxTree.GetRoot();
        var own = statement.Expression is AssignmentExpressionSyntax { Left: IdentifierNameSyntax discard } ? discard.Identifier : default;
        var taken = new HashSet<string>(member.DescendantTokens().Where(token => token != own && (token.IsKind(SyntaxKind.IdentifierToken) || token.IsKind(SyntaxKind.UnderscoreToken))).Select(token => token.ValueText), StringComparer.Ordinal);
        var earlier = member.DescendantNodes().OfType<ExpressionStatementSyntax>().TakeWhile(other => other != statement).Count(other => other.Expression.ToString() == statement.Expression.ToString());
        return new[] { "_", "noGrad" }.Concat(Enumerable.Range(2, taken.Count + earlier).Select(number => $"noGrad{number}")).Where(name => !taken.Contains(name)).ElementAt(earlier);
    }
}
