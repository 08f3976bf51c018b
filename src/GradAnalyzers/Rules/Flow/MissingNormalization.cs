using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>A deep stack without normalization loses (or multiplies) the gradient on the way.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class MissingNormalization() : PredictionRule(Descriptors.GRAD1002, Cause.MissingNormalization)
{
    private protected override FlowFinding Finding(PredictedModel model, string effect)
    {
        var norm = model.IsSequence ? Remedy.LayerNorm : Remedy.BatchNorm;
        return new(model, model.Place, model.Weighted.Length, effect, FlowWording.Remedies(model, norm, Remedy.Kaiming)) { Involved = FlowWording.Places(model.Weighted) };
    }
}
