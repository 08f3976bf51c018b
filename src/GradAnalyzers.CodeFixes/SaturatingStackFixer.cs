using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>ReLU with Kaiming initialization in the place of the hidden saturating activations; the output's stays.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(SaturatingStackFixer)), Shared]
public sealed class SaturatingStackFixer() : FlowFixer("GRAD1001", new SaturatingStack())
{
    private protected override IEnumerable<Plan> Plans(ModelFinding finding, FixedModel model)
    {
        var activations = finding.Model.Saturating;
        yield return new("Use ReLU with Kaiming initialization", "relu", edits =>
            Activations.ToRelu(edits, model, activations) && Initializers.AddKaiming(edits, model, finding.Model.Feeding));
    }
}
