using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>backward is called on a loss whose model ran under no_grad.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class BackwardWithoutGraph() : TrainingLoopRule(Descriptors.GRAD4003)
{
    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        foreach (var (_, backward) in loop.Of<BackwardEvent>())
        {
            if (loop.Ways.CutsOf(backward) is { IsEmpty: false } cuts && cuts.All(cut => cut.IsUnrecorded))
            {
                var scope = cuts.Select(cut => cut.Scope).FirstOrDefault(scope => scope is not null);
                yield return new Finding(backward, cuts[0].Operation.Syntax.ToString(), scope is null ? "no_grad" : $"'{scope.Syntax}'", RequiredGradients.HintFor(backward, loop))
                {
                    Places = scope is not null && cuts.All(cut => cut.Scope == scope) ? ImmutableArray.Create<IOperation>(scope) : ImmutableArray<IOperation>.Empty,
                    Related = scope is null ? ImmutableArray<Location>.Empty : ImmutableArray.Create(scope.Syntax.GetLocation()),
                };
            }
        }
    }
}
