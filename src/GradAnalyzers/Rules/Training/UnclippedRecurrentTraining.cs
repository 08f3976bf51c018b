using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>A recurrent model is stepped with nothing that limits its gradients.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class UnclippedRecurrentTraining() : TrainingLoopRule(Descriptors.GRAD2001)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        // A clip in the wrong place is one mistake, and GRAD2002's.
        var attempted = MisplacedClips.In(loop).Select(misplaced => misplaced.Step).ToList();
        foreach (var step in loop.Steps.Where(step => !step.MayBeClipped && !attempted.Contains(step.Event)))
        {
            var models = step.Models.Where(model => program.IsRecurrent(model, loop.Values) || step.IsUnrolled(model)).ToImmutableArray();
            if (models.IsEmpty)
                continue;
            if (!step.IsOneOfSeveral)
                yield return ClipPlacement.Finding(step, loop, models[..1], program, program.ReachOf(models[0]));
            else if (step.Models.All(model => models.Contains(model) || !program.HasWeights(model, loop.Values)))
                yield return ClipPlacement.Finding(step, loop, models, program, reach: null) with { IsGuess = true };
        }

        // What another project trains, it trains with no clip of its own: an object that was made before may still be one.
        foreach (var (node, call) in loop.Of<OpaqueEvent>().Where(call => !call.Event.Trained.IsEmpty && !loop.Of<OpaqueEvent>().Any(other => other.Event.Keeps && loop.Graph.Reaches(other.Node, call.Node))))
        {
            if (call.Trained.FirstOrDefault(model => program.IsRecurrent(model, loop.Values)) is { } model)
                yield return ClipPlacement.Elsewhere(call, model, program);
        }
    }
}
