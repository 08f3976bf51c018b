using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

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
        var losses = loop.Of<BackwardEvent>().SelectMany(backward => loop.Losses.LossesIn(backward.Event.Loss, backward.Event.Frame))
            .GroupBy(loss => (loss.Call, loss.Frame, loss.Role)).Select(group => (Loss: group.First(), Heads: outputs.Of(group.First().Input, group.Key.Frame))).ToList();
        foreach (var (loss, heads) in losses)
        {
            if (IsPair(loss, heads) && !loop.Losses.IsWithoutGradient(loss.Call, loss.Frame))
                yield return Finding(loss, heads, losses.Where(other => IsPair(other.Loss, other.Heads)).ToList(), losses, program);
        }
    }

    private bool IsPair(LossCall loss, ImmutableArray<OutputHead> heads) => loss.Role == Loss && !heads.IsEmpty && heads.All(head => head.Role == Activation);

    private static Finding Finding(LossCall loss, ImmutableArray<OutputHead> heads, List<(LossCall Loss, ImmutableArray<OutputHead> Heads)> pairs, List<(LossCall Loss, ImmutableArray<OutputHead> Heads)> all, LoopProgram program)
    {
        var places = heads.Select(head => head.Operation).Distinct().ToImmutableArray();
        var finding = new Finding(new LossEvent(loss.Call, loss.Frame), ShownAs(heads[0]))
        {
            Places = places.Insert(0, loss.Creation ?? loss.Call),
        };
        if (heads.All(head => head.IsElement))
            finding = finding with { Properties = finding.Properties.Add(Element, "") };
        // A condition chooses the loss, the activation gives other losses something too, or the loss is given something else, too: then neither can change alone.
        var isShared = loss.IsOneOfSeveral || all.Any(other => !pairs.Contains(other) && other.Heads.Any(head => places.Contains(head.Operation)))
            || (loss.Creation is not null && all.Any(other => other.Loss.Creation == loss.Creation && !other.Heads.All(head => places.Contains(head.Operation))));
        var models = pairs.SelectMany(pair => pair.Heads).Select(head => head.Model).OfType<IOperation>();
        return places.Length == 1 && !isShared && !heads.Any(head => head.IsInList) && new PredictionUse(program, models).IsOnlyForTheLoss(loss, heads[0]) ? finding with { Properties = finding.Properties.Add(OnlyForTheLoss, "") } : finding;
    }

    /// <summary>The activation and where it stands, <c>softmax(x, 1)</c>, or its name alone.</summary>
    private static Forms ShownAs(OutputHead head) => Forms.Of(
        head.Operation.Syntax.ToString(), head.Operation is IInvocationOperation call ? call.TargetMethod.Name : head.Operation.Syntax.ToString());
}
