using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>A recurrent model is stepped with nothing that limits its gradients.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class UnclippedRecurrentTraining() : TrainingLoopRule(Descriptors.GRAD2001)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, CompilationLoops program)
    {
        foreach (var step in loop.Steps)
        {
            if (!step.MayBeClipped && step.Models.FirstOrDefault(model => program.IsRecurrent(model, loop.Values)) is { } model)
                yield return ClipPlacement.Finding(step, loop, model);
        }
    }
}
