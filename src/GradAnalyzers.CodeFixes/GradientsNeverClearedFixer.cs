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
    private protected override ImmutableArray<Choice> Choices(Reported reported)
    {
        if (reported.Happening is not InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: var optimizer } } step)
            return None;
        var words = reported.InHouse;
        var name = optimizer.WithoutTrivia().ToString();
        // A step by hand has no optimizer to name: the rule says what clears.
        var statement = reported.Diagnostic.Properties.TryGetValue(GradientsNeverCleared.Clear, out var written) ? written : words.Speaks(step) ? words.Clear(name) : $"{name}.zero_grad();";
        if (statement is not { Length: > 0 })
            return None;
        if (reported.Places is [var backward])
            return InsertStatement.IsPossibleBefore(backward) ? One("Clear gradients before backward", "zero_grad", edits => InsertStatement.Before(edits, backward, statement)) : None;
        return InsertStatement.IsPossibleAfter(step) ? One("Clear gradients after the step", "zero_grad", edits => InsertStatement.After(edits, step, statement)) : None;
    }
}
