using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Losses;

/// <summary>A sigmoid before binary cross entropy: where it saturates no gradient is left; the loss on logits keeps it.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SigmoidBeforeBinaryCrossEntropy() : LossPairRule(Descriptors.GRAD3002)
{
    private protected override Role Loss => Role.BceLoss;

    private protected override Role Activation => Role.Sigmoid;
}
