using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>Stacked sigmoid-like activations starve the early layers.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SaturatingStack() : PredictionRule(Descriptors.GRAD1001, Cause.Saturation)
{
    private protected override FlowFinding Finding(PredictedModel model, string effect)
    {
        var remedies = FlowWording.Remedies(model, Remedy.ReluWithKaiming, Remedy.BatchNorm, Remedy.Residual);
        return new(model, model.Place, FlowWording.Activations(model.Saturating), effect, remedies) { Involved = FlowWording.Places(model.Saturating) };
    }
}
