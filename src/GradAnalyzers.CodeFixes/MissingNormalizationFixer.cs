using System.Composition;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Inserts the normalization that fits each layer, or initializes for the activation.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MissingNormalizationFixer)), Shared]
public sealed class MissingNormalizationFixer() : FlowFixer("GRAD1002", new MissingNormalization())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        // Over tokens or time steps BatchNorm1d would take the wrong dimension for the features.
        if (!finding.Model.IsSequence)
            yield return FlowPlans.BatchNorm(model);
        yield return FlowPlans.LayerNorm(model);
        yield return FlowPlans.Kaiming(model);
    }
}
