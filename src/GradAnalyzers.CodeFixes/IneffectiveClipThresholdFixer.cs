using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;

namespace GradAnalyzers.CodeFixes;

/// <summary>Sets the threshold to 1.0.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(IneffectiveClipThresholdFixer)), Shared]
public sealed class IneffectiveClipThresholdFixer() : TrainingLoopFixer("GRAD2006")
{
    private protected override ImmutableArray<Choice> Choices(Diagnostic diagnostic, SyntaxNode happening, ImmutableArray<SyntaxNode> places, SemanticModel model) =>
        places is [var threshold]
            ? One("Use 1.0", "threshold", edits =>
            {
                if (edits.IsNew(threshold, "1.0"))
                    edits.EditorFor(threshold).ReplaceNode(threshold, (current, _) => SyntaxFactory.ParseExpression("1.0").WithTriviaFrom(current));
            })
            : None;
}
