using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.Rules.GradientPath;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Asks for gradients after the last operation, so that what is kept is the leaf: <c>(randn(4) * 0.01).requires_grad_()</c>. A Parameter asks itself.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(NonLeafTensorFixer)), Shared]
public sealed class NonLeafTensorFixer() : Fixer("GRAD4007")
{
    private protected override Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        if (diagnostic.AdditionalLocations is not [var tracked, ..] || FixedModel.NodeAt(diagnostic.Location) is not { } place || FixedModel.NodeAt(tracked).FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { } asking
            || (place is ArgumentSyntax argument ? argument.Expression : place as ExpressionSyntax) is not { } whole || !whole.Span.Contains(asking.Span))
        {
            return Task.FromResult(ImmutableArray<Choice>.Empty);
        }

        while (whole.Parent is ParenthesizedExpressionSyntax around)
            whole = around;
        var isParameter = diagnostic.Properties.ContainsKey(NonLeafTensor.ForParameter);
        return Task.FromResult(ImmutableArray.Create(new Choice(isParameter ? "Leave it to the Parameter to ask for gradients" : "Ask for gradients at the end", "leaf", (edits, _) =>
        {
            if (edits.IsNew(whole, "leaf"))
                edits.EditorFor(whole).ReplaceNode(whole, Leaf(whole.ReplaceNode(asking, WithoutTracking(asking)), isParameter).WithTriviaFrom(whole));
            return Task.CompletedTask;
        })));
    }

    private static ExpressionSyntax Leaf(ExpressionSyntax plain, bool isParameter)
    {
        if (isParameter)
            return plain;
        var value = plain is InvocationExpressionSyntax or ParenthesizedExpressionSyntax ? plain.WithoutTrivia() : SyntaxFactory.ParenthesizedExpression(plain.WithoutTrivia());
        return SyntaxFactory.InvocationExpression(SyntaxFactory.MemberAccessExpression(SyntaxKind.SimpleMemberAccessExpression, value, SyntaxFactory.IdentifierName("requires_grad_")));
    }

    private static ExpressionSyntax WithoutTracking(InvocationExpressionSyntax call)
    {
        if (call.Expression is MemberAccessExpressionSyntax { Name.Identifier.ValueText: "requires_grad_" or "with_requires_grad", Expression: var inner })
            return inner.WithTriviaFrom(call);
        return call.ArgumentList.Arguments.FirstOrDefault(argument => argument.NameColon?.Name.Identifier.ValueText == "requires_grad") is { } tracks
            ? call.WithArgumentList(call.ArgumentList.WithArguments(call.ArgumentList.Arguments.Remove(tracks))) : call;
    }
}
