using System.Composition;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Measured;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>The fixes of GRAD1001 to GRAD1003: ReLU with Kaiming initialization for saturating activations, the normalization that fits, residual connections, or Kaiming initialization alone.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MeasuredVanishingFixer)), Shared]
public sealed class MeasuredVanishingFixer() : MeasuredFixer("GRAD9001", new MeasuredVanishing())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        if (!finding.Model.Saturating.IsEmpty)
            yield return FlowPlans.Relu(model);
        yield return FlowPlans.Normalize(model);
        yield return FlowPlans.Residual(model);
        yield return FlowPlans.Kaiming(model);
    }
}
