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
        foreach (var step in loop.Steps)
        {
            if (!step.MayBeClipped && !attempted.Contains(step.Event) && step.Models.FirstOrDefault(model => program.IsRecurrent(model, loop.Values)) is { } model)
                yield return ClipPlacement.Finding(step, loop, model, program.ReachOf(model));
        }
    }
}
