using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules.Training;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>Inserts clipping by global norm (or by value) right before the step, after backward.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(UnclippedRecurrentTrainingFixer)), Shared]
public sealed class UnclippedRecurrentTrainingFixer() : Fixer("GRAD2001")
{
    private protected override async Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        if (!diagnostic.Properties.TryGetValue(ClipPlacement.Parameters, out var parameters))
            return ImmutableArray<Choice>.Empty;
        var step = diagnostic.AdditionalLocations[0];
        var backwards = diagnostic.AdditionalLocations.Skip(1).ToImmutableArray();
        var places = backwards.IsEmpty ? ImmutableArray.Create(step) : backwards;
        if (places.Any(place => solution.GetDocument(place.SourceTree) is null || !InsertStatement.IsPossible(NodeAt(place))))
            return ImmutableArray<Choice>.Empty;
        var model = await solution.GetDocument(places[0].SourceTree)!.GetSemanticModelAsync(cancellation).ConfigureAwait(false);
        if (model is null)
            return ImmutableArray<Choice>.Empty;

        return ImmutableArray.Create(
            Insert("Clip by global norm: clip_grad_norm_(…, 1.0)", "clip_grad_norm_", $"torch.nn.utils.clip_grad_norm_", $"({parameters}, max_norm: 1.0);"),
            Insert("Clip each value: clip_grad_value_(…, 1.0)", "clip_grad_value_", $"torch.nn.utils.clip_grad_value_", $"({parameters}, clip_value: 1.0);"));

        Choice Insert(string title, string key, string method, string arguments) => new(title, key, (edits, _) =>
        {
            foreach (var place in places)
            {
                var node = NodeAt(place);
                var statement = LibraryName.At(model, node.SpanStart, method) + arguments;
                if (backwards.IsEmpty)
                    InsertStatement.Before(edits, node, statement);
                else
                    InsertStatement.After(edits, node, statement);
            }

            return Task.CompletedTask;
        });
    }

    private static SyntaxNode NodeAt(Location location) => location.SourceTree!.GetRoot().FindNode(location.SourceSpan, getInnermostNodeForTie: true);
}
