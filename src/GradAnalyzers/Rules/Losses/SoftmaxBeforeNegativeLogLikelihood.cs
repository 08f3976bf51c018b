using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Losses;

/// <summary>Negative log likelihood is given probabilities where it needs their logarithms.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SoftmaxBeforeNegativeLogLikelihood() : LossPairRule(Descriptors.GRAD3005)
{
    private protected override Role Loss => Role.NllLoss;

    private protected override Role Activation => Role.Softmax;
}
