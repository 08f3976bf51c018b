using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Training;

/// <summary>An optimizer is given a parameter twice, and steps it twice.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class OverlappingParameterGroups() : TrainingLoopRule(Descriptors.GRAD2008)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        foreach (var (_, step) in loop.AllSteps)
        {
            if (step.Optimizer is { Parameters.Repeated: [var module, ..], Optimizers: [Created created] })
                yield return new Finding(step, (Wording)(at => at.NameOf(step.Optimizer)), (Wording)(at => at.NameOf(module) ?? module.Type?.Name ?? "a module")) { Places = ImmutableArray.Create(created.Creation) };
        }
    }
}
