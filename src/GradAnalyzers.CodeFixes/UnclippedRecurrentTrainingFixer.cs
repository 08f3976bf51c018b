using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Inserts clipping by global norm (or by value) right before the step; in a closure, after its backward.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(UnclippedRecurrentTrainingFixer)), Shared]
public sealed class UnclippedRecurrentTrainingFixer() : TrainingLoopFixer("GRAD2001")
{
    private protected override ImmutableArray<Choice> Choices(Diagnostic diagnostic, SyntaxNode happening, ImmutableArray<SyntaxNode> places, SemanticModel model)
    {
        if (!diagnostic.Properties.TryGetValue(ClipPlacement.Parameters, out var parameters) || !places.Add(happening).All(InsertStatement.IsPossible))
            return None;
        return ImmutableArray.Create(
            ChoiceOf("Clip by global norm: clip_grad_norm_(…, 1.0)", "clip_grad_norm_", edits => Insert(edits, "torch.nn.utils.clip_grad_norm_", "max_norm")),
            ChoiceOf("Clip each value: clip_grad_value_(…, 1.0)", "clip_grad_value_", edits => Insert(edits, "torch.nn.utils.clip_grad_value_", "clip_value")));

        void Insert(SolutionEdits edits, string method, string threshold)
        {
            var statement = $"{LibraryName.At(model, happening.SpanStart, method)}({parameters}, {threshold}: 1.0);";
            foreach (var backward in places)
                InsertStatement.After(edits, backward, statement);
            if (places.IsEmpty)
                InsertStatement.Before(edits, happening, statement);
        }
    }
}
