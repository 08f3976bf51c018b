using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Takes the softmax in logarithms.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(SoftmaxBeforeNegativeLogLikelihoodFixer)), Shared]
public sealed class SoftmaxBeforeNegativeLogLikelihoodFixer() : LossPairFixer("GRAD3005", "Use log_softmax")
{
    private protected override bool CanEdit(SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model) => NameOf(activation)?.Identifier.ValueText is "softmax" or "Softmax";

    private protected override void Edit(SolutionEdits edits, SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model)
    {
        if (NameOf(activation) is { } name && edits.IsNew(activation, "log_softmax"))
            edits.EditorFor(activation).ReplaceNode(name, (current, _) => SyntaxFactory.IdentifierName(name.Identifier.ValueText == "Softmax" ? "LogSoftmax" : "log_softmax").WithTriviaFrom(current));
    }
}
