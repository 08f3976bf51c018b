using System.Composition;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Adds the input of every block that keeps its shape to the block's output.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MissingResidualFixer)), Shared]
public sealed class MissingResidualFixer() : FlowFixer("GRAD1003", new MissingResidual())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        yield return FlowPlans.Residual(model);
    }
}
