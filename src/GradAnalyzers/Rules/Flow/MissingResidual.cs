using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>A stack is so deep that normalization alone does not save the gradient.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class MissingResidual() : FlowRule(Descriptors.GRAD1003)
{
    private protected override IEnumerable<FlowFinding> Check(PredictedModel model)
    {
        if (model.Cause == Cause.MissingResidual)
            yield return new(model, model.Place, model.Weighted.Length, model.Effect(isPlural: true)) { Involved = FlowWording.Places(model.Weighted) };
    }
}
