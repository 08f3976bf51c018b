using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>A deep stack without normalization loses (or multiplies) the gradient on the way.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class MissingNormalization() : FlowRule(Descriptors.GRAD1002)
{
    private protected override IEnumerable<FlowFinding> Check(PredictedModel model)
    {
        if (model.Cause != Cause.MissingNormalization)
            yield break;
        var norm = model.IsSequence ? Remedy.LayerNorm : Remedy.BatchNorm;
        yield return new(model, model.Place, model.Weighted.Length, model.Effect(isPlural: true), FlowWording.Remedies(model, norm, Remedy.Kaiming)) { Involved = FlowWording.Places(model.Weighted) };
    }
}
