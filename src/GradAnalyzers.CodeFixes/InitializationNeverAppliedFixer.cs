using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Moves the call of apply after the registration.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(InitializationNeverAppliedFixer)), Shared]
public sealed class InitializationNeverAppliedFixer() : FlowFixer("GRAD1006", new InitializationNeverApplied())
{
    private protected override IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model)
    {
        yield return new("Move it after RegisterComponents()", "move", edits => MoveStatement.TryAfter(edits, FixedModel.NodeAt(finding.Place), FixedModel.NodeAt(finding.Involved[0])), MustHeal: false);
    }
}
