using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Gives cross entropy the logits.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(SoftmaxBeforeCrossEntropyFixer)), Shared]
public sealed class SoftmaxBeforeCrossEntropyFixer() : LossPairFixer("GRAD3001", "Drop the softmax")
{
    private protected override bool CanEdit(SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model) => CanDrop(activation, isElement, model);

    private protected override void Edit(SolutionEdits edits, SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model) => Drop(edits, activation, isElement, model);
}
