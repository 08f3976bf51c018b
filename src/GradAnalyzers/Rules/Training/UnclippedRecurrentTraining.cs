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
                yield return ClipPlacement.Finding(step, loop, models[..1], program.ReachOf(models[0]));
            else if (step.Models.All(model => models.Contains(model) || !program.HasWeights(model, loop.Values)))
                yield return ClipPlacement.Finding(step, loop, models, reach: null) with { IsGuess = true };
        }
    }
}
