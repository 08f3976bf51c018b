using System.Composition;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Puts the initializer that fits each layer's activation in the place of the explicit ones.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(InitializationGainFixer)), Shared]
public sealed class InitializationGainFixer() : FlowFixer("GRAD1004", new InitializationGain())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        yield return FlowPlans.FittingInitialization(finding, model);
    }
}
