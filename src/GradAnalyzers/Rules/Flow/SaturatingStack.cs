using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>Stacked sigmoid-like activations starve the early layers.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SaturatingStack() : FlowRule(Descriptors.GRAD1001)
{
    private protected override IEnumerable<FlowFinding> Check(PredictedModel model)
    {
        if (model.Cause != Cause.Saturation)
            yield break;
        var activations = FlowWording.Activations(model.Saturating);
        var remedies = FlowWording.Remedies(model, Remedy.ReluWithKaiming, Remedy.BatchNorm, Remedy.Residual);
        yield return new(model, model.Place, activations, model.Effect(isPlural: true), remedies) { Involved = FlowWording.Places(model.Saturating) };
    }
}
