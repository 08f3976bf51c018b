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
    private protected override ImmutableArray<Choice> Choices(Reported reported) =>
        reported.Places is [var threshold] && threshold.SyntaxTree == reported.Happening.SyntaxTree && reported.Model.GetTypeInfo(threshold).ConvertedType?.SpecialType is SpecialType.System_Single or SpecialType.System_Double
            ? One("Use 1.0", "threshold", edits =>
            {
                var isSingle = reported.Model.GetTypeInfo(threshold).ConvertedType?.SpecialType == SpecialType.System_Single;
                if (edits.IsNew(threshold, "1.0"))
                    edits.EditorFor(threshold).ReplaceNode(threshold, (current, _) => SyntaxFactory.ParseExpression(isSingle ? "1.0f" : "1.0").WithTriviaFrom(current));
            })
            : None;
}
