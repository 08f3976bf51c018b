using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Losses;

/// <summary>The loss applies the sigmoid itself, and is given the output of one.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ActivationAppliedTwice() : LossPairRule(Descriptors.GRAD3004)
{
    private protected override Role Loss => Role.BceWithLogitsLoss;

    private protected override Role Activation => Role.Sigmoid;
}
