using System.Composition;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>ReLU with Kaiming initialization in the place of the hidden saturating activations (the output's stays), batch normalization before them, or residual connections.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(SaturatingStackFixer)), Shared]
public sealed class SaturatingStackFixer() : FlowFixer("GRAD1001", new SaturatingStack())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        yield return FlowPlans.Relu(model);
        yield return FlowPlans.BatchNorm(model);
        yield return FlowPlans.Residual(model);
    }
}
