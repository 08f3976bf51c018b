using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>The 2-norm takes a float: <c>norm(2f)</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(NormOverDimensionFixer)), Shared]
public sealed class NormOverDimensionFixer() : Fixer("GRAD4006")
{
    private protected override Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        if (FixedModel.NodeAt(diagnostic.Location).FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { ArgumentList.Arguments: [.., { Expression: var order }] })
            return Task.FromResult(ImmutableArray<Choice>.Empty);
        return Task.FromResult(ImmutableArray.Create(new Choice($"Use the {order}-norm: norm({order}f)", "norm", (edits, _) =>
        {
            edits.EditorFor(order).ReplaceNode(order, SyntaxFactory.LiteralExpression(SyntaxKind.NumericLiteralExpression, SyntaxFactory.Literal("2f", 2f)).WithTriviaFrom(order));
            return Task.CompletedTask;
        })));
    }
}
