using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>Gradients are cleared in every round and stepped only in every so many: what was to be accumulated is thrown away.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class AccumulatedGradientsErased() : TrainingLoopRule(Descriptors.GRAD2010)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        if (loop.HasOpaqueCalls)
            yield break;
        var reported = new HashSet<LoopEvent>();
        foreach (var step in loop.Steps)
        {
            foreach (var (backward, _) in step.Backwards)
            {
                foreach (var (nodes, _) in loop.Graph.RoundsWith(step.Node, nodes => nodes.Contains(step.Node) && nodes.Contains(backward)))
                {
                    var clears = loop.Of<ClearEvent>().Where(clear => nodes.Contains(clear.Node) && step.SurelyClears(clear.Event)).ToList();
                    if (clears.Count == 0)
                        continue;
                    var steps = loop.AllSteps.Where(other => other.Event.Optimizer.MayBe(step.Event.Optimizer)).Select(other => other.Node).ToList();
                    // From one backward to the next without a step, always and only through a clear; and a counter says when to step.
                    if (loop.Graph.LeadsTo(backward, backward, nodes, [.. steps])
                        && !loop.Graph.LeadsTo(backward, backward, nodes, [.. steps, .. clears.Select(clear => clear.Node)])
                        && loop.Graph.Deciding(step.Node, backward, nodes).Any(branch => Counting.Decides(branch.Condition, branch.Frame)))
                    {
                        foreach (var (_, clear) in clears.Where(clear => loop.Graph.LeadsTo(backward, clear.Node, nodes, [.. steps, backward]) && reported.Add(clear.Event)))
                            yield return new Finding(clear, step.Event.Optimizer.Name) { Places = clear.Frame == step.Event.Frame && clears.Count == 1 ? ImmutableArray.Create(step.Event.Operation) : ImmutableArray<IOperation>.Empty };
                    }
                }
            }
        }
    }
}
