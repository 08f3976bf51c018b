using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Inserts <c>optimizer.zero_grad()</c> before backward, or after the step where several backwards lead to it.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(GradientsNeverClearedFixer)), Shared]
public sealed class GradientsNeverClearedFixer() : TrainingLoopFixer("GRAD2003")
{
    private protected override ImmutableArray<Choice> Choices(Diagnostic diagnostic, SyntaxNode happening, ImmutableArray<SyntaxNode> places, SemanticModel model)
    {
        if (happening is not InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: var optimizer } } || !places.Add(happening).All(InsertStatement.IsPossible))
            return None;
        if (!diagnostic.Properties.TryGetValue(GradientsNeverCleared.Clear, out var statement))
            statement = $"{optimizer.WithoutTrivia()}.zero_grad();";
        if (statement is not { Length: > 0 })
            return None;
        return places is [var backward]
            ? One("Clear gradients before backward", "zero_grad", edits => InsertStatement.Before(edits, backward, statement))
            : One("Clear gradients after the step", "zero_grad", edits => InsertStatement.After(edits, happening, statement));
    }
}
