using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Takes away a detach that is on the only way to the model. What a choice or a comparison should have been, a person must say.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(NonDifferentiableStepFixer)), Shared]
public sealed class NonDifferentiableStepFixer() : TrainingLoopFixer("GRAD4004")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported)
    {
        var cut = reported.Happening;
        var semantics = reported.Model.Compilation.GetSemanticModel(cut.SyntaxTree);
        var whole = cut switch
        {
            InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax access } => access,
            MemberAccessExpressionSyntax access => access,
            _ => null,
        };
        if (whole is null || !reported.Catalogue.Is(semantics.GetSymbolInfo(cut).Symbol, Role.Detach))
            return None;
        return One($"Remove {whole.Name}", "detach", edits =>
        {
            if (edits.IsNew(cut, "detach"))
                edits.EditorFor(cut).ReplaceNode(cut, (current, _) => (current is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax called } ? called.Expression : ((MemberAccessExpressionSyntax)current).Expression).WithTriviaFrom(current));
        });
    }
}
