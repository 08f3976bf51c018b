using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Writes one and zero into the weight and the bias of the GroupNorms that start with whatever the memory held.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(UninitializedNormalizationFixer)), Shared]
public sealed class UninitializedNormalizationFixer() : FlowFixer("GRAD1007", new UninitializedNormalization())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        yield return new("Set weight to one and bias to zero", "ones", edits => Initializers.AddOnesAndZeros(edits, model, model.Graph.Layers.Where(layer => layer.Creation == finding.Place)), MustHeal: false);
    }
}
