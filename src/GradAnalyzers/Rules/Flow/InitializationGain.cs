using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>An explicit initialization has a gain with which gradients vanish or explode.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class InitializationGain() : FlowRule(Descriptors.GRAD1004)
{
    private protected override IEnumerable<FlowFinding> Check(PredictedModel model)
    {
        if (model.Cause != Cause.Initialization || model.Initialized is not [var first, ..] initialized)
            yield break;
        var layers = initialized.Length == 1 ? $"'{first.Node.Name}'" : $"'{first.Node.Name}' and {initialized.Length - 1} more";
        yield return new(model, first.Call, layers, model.Effect(isPlural: false), FlowWording.Initializer(model.FedTo(first.Node))) { Involved = FlowWording.Places(initialized.Select(entry => entry.Node)) };
    }
}
