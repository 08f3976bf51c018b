using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Rules.Losses;

/// <summary>The base of rules on a loss and the activation that ends the model before it. Everything that can reach the loss must end so: a model that gives probabilities only outside of training is fine.</summary>
public abstract class LossPairRule(DiagnosticDescriptor descriptor) : TrainingLoopRule(descriptor)
{
    /// <summary>Property of the diagnostic: the activation is an element of a Sequential.</summary>
    public const string Element = "element";

    /// <summary>Property of the diagnostic: nothing else reads what the activation gives, so that it can go.</summary>
    public const string OnlyForTheLoss = "only";

    private protected abstract Role Loss { get; }

    private protected abstract Role Activation { get; }

    private protected sealed override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        var outputs = new OutputHeads(loop.Values);
        var reported = new HashSet<(IOperation, Frame)>();
        foreach (var (_, backward) in loop.Of<BackwardEvent>())
        {
            foreach (var loss in loop.Losses.LossesIn(backward.Loss, backward.Frame))
            {
                if (loss.Role != Loss || !reported.Add((loss.Call, loss.Frame)))
                    continue;
                var heads = outputs.Of(loss.Input, loss.Frame);
                if (heads.IsEmpty || heads.Any(head => head.Role != Activation) || loop.Losses.IsWithoutGradient(loss.Call, loss.Frame))
                    continue;
                yield return Finding(loss, heads, new PredictionUse(program, loop));
            }
        }
    }

    private static Finding Finding(LossCall loss, ImmutableArray<OutputHead> heads, PredictionUse use)
    {
        var places = heads.Select(head => head.Operation).Distinct().ToImmutableArray();
        var finding = new Finding(new LossEvent(loss.Call, loss.Frame), ShownAs(heads[0]))
        {
            Places = loss.Creation is { } creation ? places.Insert(0, creation) : places.Insert(0, loss.Call),
        };
        if (heads.All(head => head.IsElement))
            finding = finding with { Properties = finding.Properties.Add(Element, "") };
        return places.Length == 1 && use.IsOnlyForTheLoss(loss, heads[0]) ? finding with { Properties = finding.Properties.Add(OnlyForTheLoss, "") } : finding;
    }

    /// <summary>The activation and where it stands: <c>softmax(x, 1)</c>.</summary>
    private static string ShownAs(OutputHead head) => head.Operation.Syntax.ToString() is var text && text.Length <= 60 ? text : text[..57] + "...";
}
