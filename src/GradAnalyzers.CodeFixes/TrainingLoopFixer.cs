using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.CodeFixes;

/// <summary>The base of fixers for rules of the training loop: the first additional location is the event, the others are what the rule adds.</summary>
public abstract class TrainingLoopFixer(string id) : Fixer(id)
{
    private protected sealed override async Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        var places = diagnostic.AdditionalLocations.Select(NodeAt).ToImmutableArray();
        if (places.IsEmpty || places.Any(place => solution.GetDocument(place.SyntaxTree) is null))
            return ImmutableArray<Choice>.Empty;
        var model = await solution.GetDocument(places[0].SyntaxTree)!.GetSemanticModelAsync(cancellation).ConfigureAwait(false);
        return model is null ? ImmutableArray<Choice>.Empty : Choices(diagnostic, places[0], places.RemoveAt(0), model);
    }

    /// <param name="diagnostic">What was reported.</param>
    /// <param name="happening">The event: the step, the clip, the backward.</param>
    /// <param name="places">The further places that the rule names.</param>
    /// <param name="model">The semantic model of the event's file.</param>
    private protected abstract ImmutableArray<Choice> Choices(Diagnostic diagnostic, SyntaxNode happening, ImmutableArray<SyntaxNode> places, SemanticModel model);

    private protected static ImmutableArray<Choice> None => ImmutableArray<Choice>.Empty;

    private protected static ImmutableArray<Choice> One(string title, string key, Action<SolutionEdits> edit) => ImmutableArray.Create(ChoiceOf(title, key, edit));

    private protected static Choice ChoiceOf(string title, string key, Action<SolutionEdits> edit) => new(title, key, (edits, _) =>
    {
        edit(edits);
        return Task.CompletedTask;
    });

    private static SyntaxNode NodeAt(Location location) => location.SourceTree!.GetRoot().FindNode(location.SourceSpan, getInnermostNodeForTie: true);
}
