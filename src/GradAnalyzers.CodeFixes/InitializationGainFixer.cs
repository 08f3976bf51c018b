using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Puts the initializer that fits each layer's activation in the place of the explicit ones.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(InitializationGainFixer)), Shared]
public sealed class InitializationGainFixer() : FlowFixer("GRAD1004", new InitializationGain())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        var initialized = finding.Model.Initialized;
        yield return new("Use the initialization that fits the activation", "fitting", edits => initialized
            .GroupBy(entry => entry.Call)
            // One call for all layers, in a loop or a function, gets what fits those that feed an activation.
            .All(call => Initializers.Replace(edits, model, call.Key, call.Select(entry => finding.Model.FedTo(entry.Node)).FirstOrDefault(activation => activation is not null))));
    }
}
