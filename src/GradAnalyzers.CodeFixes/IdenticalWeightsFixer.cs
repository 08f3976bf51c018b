using System.Composition;
using GradAnalyzers.Catalogue;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Random weights in the place of identical ones: the normal distribution that a broken trunc_normal_ was to give, else the initializer that fits the activation.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(IdenticalWeightsFixer)), Shared]
public sealed class IdenticalWeightsFixer() : FlowFixer("GRAD1005", new IdenticalWeights())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        var started = model.Graph.Layers.SelectMany(layer => layer.Parameters.Select(parameter => (layer, parameter))).Where(entry => entry.parameter.Initialization.Location == finding.Place).ToList();
        if (started.Any(entry => entry.parameter.Initialization.Role == Role.TruncNormal))
        {
            yield return new("Use normal_", "normal", edits => Initializers.UseNormal(edits, model, finding.Place), MustHeal: false);
        }
        else if (started.All(entry => entry.parameter == entry.layer.Weight && entry.layer.Role is Role.Linear or Role.Conv or Role.ConvTranspose))
        {
            // A call that also writes biases, which are vectors, has no fan-in.
            var node = model.Graph.Nodes.FirstOrDefault(node => started.Any(entry => entry.layer == node.Layer));
            yield return new("Use the initialization that fits the activation", "fitting", edits => node is not null && Initializers.Replace(edits, model, finding.Place, finding.Model.FedTo(node), isReluByDefault: true), MustHeal: false);
        }
    }
}
