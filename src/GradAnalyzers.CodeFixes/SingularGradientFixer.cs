using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Keeps the operand from the point: <c>(x + 1e-8).sqrt()</c>, and between -1 and 1 for the arc cosine.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(SingularGradientFixer)), Shared]
public sealed class SingularGradientFixer() : Fixer("GRAD4005")
{
    /// <summary>The slope of the root is 5000 there, and what it adds is not seen beside ordinary values.</summary>
    private const string Epsilon = "1e-8";

    /// <summary>The nearest to 1 by three of the last places of float32.</summary>
    private const string Bound = "0.9999998";

    private protected override async Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        if (FixedModel.NodeAt(diagnostic.Location).FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { } call || diagnostic.AdditionalLocations is not [var place, ..] || solution.GetDocument(call.SyntaxTree) is not { } document
            || await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false) is not { } model || FixedModel.NodeAt(place) is not { } found)
        {
            return ImmutableArray<Choice>.Empty;
        }

        var operand = found is ArgumentSyntax argument ? argument.Expression : (ExpressionSyntax)found;
        // Parentheses that stand around it go with it: (d * d).sqrt().
        while (operand.Parent is ParenthesizedExpressionSyntax around)
            operand = around;
        var isCosine = ModelCatalogue.For(model.Compilation, document.Project.AnalyzerOptions).Is(model.GetSymbolInfo(call, cancellation).Symbol, Role.ArcCosine);
        var title = isCosine ? $"Keep it between -{Bound} and {Bound}" : $"Add {Epsilon} inside";
        return ImmutableArray.Create(new Choice(title, isCosine ? "clamp" : "epsilon", (edits, _) =>
        {
            if (edits.IsNew(call, "singular"))
                edits.EditorFor(operand).ReplaceNode(operand, (current, _) => isCosine ? Clamped((ExpressionSyntax)current) : Added((ExpressionSyntax)current, operand.Parent is ArgumentSyntax));
            return Task.CompletedTask;
        }));
    }

    private static ExpressionSyntax Added(ExpressionSyntax operand, bool isArgument)
    {
        var sum = SyntaxFactory.ParseExpression($"0 + {Epsilon}") as BinaryExpressionSyntax;
        var inner = operand is ParenthesizedExpressionSyntax { Expression: BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression or (int)SyntaxKind.MultiplyExpression or (int)SyntaxKind.DivideExpression } arithmetic } ? arithmetic : operand;
        var left = inner is BinaryExpressionSyntax { RawKind: not ((int)SyntaxKind.AddExpression or (int)SyntaxKind.MultiplyExpression or (int)SyntaxKind.DivideExpression) } or ConditionalExpressionSyntax or AssignmentExpressionSyntax
            ? SyntaxFactory.ParenthesizedExpression(inner.WithoutTrivia()) : inner.WithoutTrivia();
        var added = sum!.WithLeft(left.WithTrailingTrivia(SyntaxFactory.Space));
        return (isArgument ? added : (ExpressionSyntax)SyntaxFactory.ParenthesizedExpression(added)).WithTriviaFrom(operand);
    }

    private static ExpressionSyntax Clamped(ExpressionSyntax operand)
    {
        var value = operand is BinaryExpressionSyntax or ConditionalExpressionSyntax ? SyntaxFactory.ParenthesizedExpression(operand.WithoutTrivia()) : operand.WithoutTrivia();
        return SyntaxFactory.InvocationExpression(SyntaxFactory.MemberAccessExpression(SyntaxKind.SimpleMemberAccessExpression, value, SyntaxFactory.IdentifierName("clamp")), SyntaxFactory.ParseArgumentList($"(-{Bound}, {Bound})")).WithTriviaFrom(operand);
    }
}
