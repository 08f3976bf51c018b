using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>An explicit initialization has a gain with which gradients vanish or explode.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class InitializationGain() : PredictionRule(Descriptors.GRAD1004, Cause.Initialization, isPlural: false)
{
    private protected override FlowFinding? Finding(PredictedModel model, string effect)
    {
        if (model.Initialized is not [var first, ..] initialized)
            return null;
        var layers = initialized.Length == 1 ? $"'{first.Node.Name}'" : $"'{first.Node.Name}' and {initialized.Length - 1} more";
        return new(model, first.Call, layers, effect, FlowWording.Initializer(model.FedTo(first.Node))) { Involved = FlowWording.Places(initialized.Select(entry => entry.Node)) };
    }
}
