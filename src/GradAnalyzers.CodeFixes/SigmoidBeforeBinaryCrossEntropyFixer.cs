using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Takes the loss on logits and drops the sigmoid.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(SigmoidBeforeBinaryCrossEntropyFixer)), Shared]
public sealed class SigmoidBeforeBinaryCrossEntropyFixer() : LossPairFixer("GRAD3002", "Use the loss on logits and drop the sigmoid")
{
    private protected override bool CanEdit(SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model) => CanDrop(activation, isElement, model) && LossOnLogits.CanReplace(loss, model);

    private protected override void Edit(SolutionEdits edits, SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model)
    {
        Drop(edits, activation, isElement, model);
        LossOnLogits.Replace(edits, loss, model);
    }
}
