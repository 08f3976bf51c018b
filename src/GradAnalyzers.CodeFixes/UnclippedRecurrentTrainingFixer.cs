using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.Catalogue;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Inserts clipping by global norm (or by value) right before the step; in a closure, after its backward.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(UnclippedRecurrentTrainingFixer)), Shared]
public sealed class UnclippedRecurrentTrainingFixer() : TrainingLoopFixer("GRAD2001")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported)
    {
        var (step, backwards) = (reported.Happening, reported.Places);
        if (backwards.IsEmpty ? !InsertStatement.IsPossibleBefore(step) : !backwards.All(InsertStatement.IsPossibleAfter))
            return None;
        if (reported.InHouse.Speaks(step))
            return InTheirWords(reported);
        if (!reported.Diagnostic.Properties.TryGetValue(ClipPlacement.Parameters, out var parameters))
            return None;
        return ImmutableArray.Create(
            ChoiceOf("Clip by global norm: clip_grad_norm_(…, 1.0)", "clip_grad_norm_", edits => Insert(edits, reported, Library("torch.nn.utils.clip_grad_norm_", "max_norm"))),
            ChoiceOf("Clip each value: clip_grad_value_(…, 1.0)", "clip_grad_value_", edits => Insert(edits, reported, Library("torch.nn.utils.clip_grad_value_", "clip_value"))));

        string Library(string method, string threshold) => $"{LibraryName.At(reported.Model, step.SpanStart, method)}({parameters}, {threshold}: 1.0);";
    }

    /// <summary>The clips of a framework of the user's own; none where its catalogue names none that is a statement.</summary>
    private static ImmutableArray<Choice> InTheirWords(Reported reported)
    {
        reported.Diagnostic.Properties.TryGetValue(ClipPlacement.Model, out var model);
        var optimizer = ((reported.Happening as InvocationExpressionSyntax)?.Expression as MemberAccessExpressionSyntax)?.Expression.WithoutTrivia().ToString();
        var choices = ImmutableArray.CreateBuilder<Choice>();
        foreach (var (role, key) in new[] { (Role.ClipNorm, "clip_norm"), (Role.ClipValue, "clip_value") })
        {
            if (reported.InHouse.Clip(role, model, optimizer) is { } statement)
                choices.Add(ChoiceOf($"Clip: {statement.TrimEnd(';')}", key, edits => Insert(edits, reported, statement)));
        }

        return choices.ToImmutable();
    }

    private static void Insert(SolutionEdits edits, Reported reported, string statement)
    {
        foreach (var backward in reported.Places)
            InsertStatement.After(edits, backward, statement);
        if (reported.Places.IsEmpty)
            InsertStatement.Before(edits, reported.Happening, statement);
    }
}
