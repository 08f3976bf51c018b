using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>A stack is so deep that normalization alone does not save the gradient.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class MissingResidual() : PredictionRule(Descriptors.GRAD1003, Cause.MissingResidual)
{
    private protected override FlowFinding Finding(PredictedModel model, string effect) =>
        new(model, model.Place, model.Weighted.Length, effect) { Involved = FlowWording.Places(model.Weighted) };
}
