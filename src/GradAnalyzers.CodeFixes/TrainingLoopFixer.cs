using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Rules;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.CodeFixes;

/// <summary>The base of fixers for rules of the training loop: the event is what is reported, or the first additional location where that is a call that leads to it; then come the places that the rule adds.</summary>
public abstract class TrainingLoopFixer(string id) : Fixer(id)
{
    private protected sealed override async Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        var given = diagnostic.AdditionalLocations;
        var isElsewhere = diagnostic.Properties.ContainsKey(LoopFinding.IsElsewhere);
        if (!diagnostic.Properties.TryGetValue(LoopFinding.PlaceCount, out var text) || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || given.Count < count + (isElsewhere ? 1 : 0))
            return ImmutableArray<Choice>.Empty;
        var places = (isElsewhere ? given.Take(count + 1) : given.Take(count).Prepend(diagnostic.Location)).Select(NodeAt).ToImmutableArray();
        if (places.Any(place => solution.GetDocument(place.SyntaxTree) is null))
            return ImmutableArray<Choice>.Empty;
        var document = solution.GetDocument(places[0].SyntaxTree)!;
        var model = await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false);
        return model is null
            ? ImmutableArray<Choice>.Empty
            : Choices(new Reported(diagnostic, places[0], places.RemoveAt(0), model, ModelCatalogue.For(model.Compilation, document.Project.AnalyzerOptions)));
    }

    private protected abstract ImmutableArray<Choice> Choices(Reported reported);

    /// <summary>What a fix has to go by.</summary>
    /// <param name="Diagnostic">What was reported.</param>
    /// <param name="Happening">The event: the step, the clip, the backward.</param>
    /// <param name="Places">The further places that the rule names.</param>
    /// <param name="Model">The semantic model of the event's file.</param>
    /// <param name="Catalogue">What the members of libraries are.</param>
    private protected sealed record Reported(Diagnostic Diagnostic, SyntaxNode Happening, ImmutableArray<SyntaxNode> Places, SemanticModel Model, ModelCatalogue Catalogue)
    {
        /// <summary>The words of the project's own catalogue, at the event.</summary>
        public InHouse InHouse => new(Catalogue, Model, Happening.SpanStart);
    }

    private protected static ImmutableArray<Choice> None => ImmutableArray<Choice>.Empty;

    private protected static ImmutableArray<Choice> One(string title, string key, Action<SolutionEdits> edit) => ImmutableArray.Create(ChoiceOf(title, key, edit));

    private protected static Choice ChoiceOf(string title, string key, Action<SolutionEdits> edit) => new(title, key, (edits, _) =>
    {
        edit(edits);
        return Task.CompletedTask;
    });

    private static SyntaxNode NodeAt(Location location) => location.SourceTree!.GetRoot().FindNode(location.SourceSpan, getInnermostNodeForTie: true);
}
