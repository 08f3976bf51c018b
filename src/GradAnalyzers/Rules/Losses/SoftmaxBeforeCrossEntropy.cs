using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Losses;

/// <summary>Cross entropy is given probabilities: its own softmax flattens them, and a confident wrong answer gets almost no gradient.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SoftmaxBeforeCrossEntropy() : LossPairRule(Descriptors.GRAD3001)
{
    private protected override Role Loss => Role.CrossEntropy;

    private protected override Role Activation => Role.Softmax;
}
