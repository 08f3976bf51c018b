using System.Composition;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Measured;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>The fixes of GRAD1004, GRAD1002 and GRAD1003: the initialization that fits in the place of explicit ones, normalization, residual connections. Clipping is GRAD2001's, at the step.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MeasuredExplodingFixer)), Shared]
public sealed class MeasuredExplodingFixer() : MeasuredFixer("GRAD9002", new MeasuredExploding())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        if (!finding.Model.Initialized.IsEmpty)
            yield return FlowPlans.FittingInitialization(finding, model);
        yield return FlowPlans.Normalize(model);
        yield return FlowPlans.Residual(model);
    }
}
