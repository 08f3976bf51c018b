using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;

namespace GradAnalyzers.CodeFixes;

/// <summary>
/// The base of every fixer. A fixer lists its choices, safest first, and says what each edits; single fixes and Fix All run the same code
/// over one <see cref="SolutionEdits"/>, so that <c>dotnet format</c> (which takes the first choice) and the editor agree. What would not compile is not offered.
/// </summary>
public abstract class Fixer(string id) : CodeFixProvider
{
    public sealed override ImmutableArray<string> FixableDiagnosticIds { get; } = ImmutableArray.Create(id);

    public sealed override FixAllProvider GetFixAllProvider() => FixEverywhere.Instance;

    public sealed override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        foreach (var diagnostic in context.Diagnostics)
        {
            var solution = context.Document.Project.Solution;
            foreach (var choice in await Offered(diagnostic, solution, context.CancellationToken).ConfigureAwait(false))
            {
                context.RegisterCodeFix(
                    CodeAction.Create(choice.Title, cancellation => Apply(solution, ImmutableArray.Create(diagnostic), choice.Key, cancellation), choice.Key),
                    diagnostic);
            }
        }
    }

    /// <summary>The fixes for a diagnostic, safest first; none where the code gives nothing to write.</summary>
    private protected abstract Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation);

    /// <summary>The choices that compile.</summary>
    private async Task<ImmutableArray<Choice>> Offered(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        var offered = ImmutableArray.CreateBuilder<Choice>();
        foreach (var choice in await Choices(diagnostic, solution, cancellation).ConfigureAwait(false))
        {
            if (choice.IsTried || await Compiles(choice, solution, cancellation).ConfigureAwait(false))
                offered.Add(choice);
        }

        return offered.ToImmutable();
    }

    private static async Task<bool> Compiles(Choice choice, Solution solution, CancellationToken cancellation)
    {
        var trial = new SolutionEdits(solution);
        await choice.Edit(trial, cancellation).ConfigureAwait(false);
        return !(await CompileCheck.BrokenBy(solution, trial.Changed(), cancellation).ConfigureAwait(false)).Any();
    }

    /// <summary>
    /// Applies to every diagnostic the choice with the given key. Without a key (<c>dotnet format</c> hands in none when the first diagnostic
    /// it meets has no fix) each diagnostic gets its first choice.
    /// </summary>
    internal async Task<Solution> Apply(Solution solution, ImmutableArray<Diagnostic> diagnostics, string? key, CancellationToken cancellation)
    {
        var edits = new SolutionEdits(solution);
        foreach (var diagnostic in diagnostics)
        {
            var choices = await Offered(diagnostic, solution, cancellation).ConfigureAwait(false);
            var choice = key is null ? choices.FirstOrDefault() : choices.FirstOrDefault(candidate => candidate.Key == key);
            if (choice is not null)
                await choice.Edit(edits, cancellation).ConfigureAwait(false);
        }

        // Fixes that compile each by itself may not together.
        var changed = edits.Changed();
        foreach (var broken in diagnostics.Length > 1 ? await CompileCheck.BrokenBy(solution, changed, cancellation).ConfigureAwait(false) : [])
            changed = changed.WithDocumentText(broken, await solution.GetDocument(broken)!.GetTextAsync(cancellation).ConfigureAwait(false));
        return changed;
    }

    /// <summary>One entry of the light bulb.</summary>
    /// <param name="Title">What the user reads.</param>
    /// <param name="Key">Names the kind of fix: the same for every place it is offered in.</param>
    /// <param name="Edit">Adds the edits of one diagnostic.</param>
    /// <param name="IsTried">It is known to compile.</param>
    private protected sealed record Choice(string Title, string Key, Func<SolutionEdits, CancellationToken, Task> Edit, bool IsTried = false);

    /// <summary>Fix All for a document, a project or the solution, through the fixer's own code.</summary>
    private sealed class FixEverywhere : FixAllProvider
    {
        public static FixEverywhere Instance { get; } = new();

        public override IEnumerable<FixAllScope> GetSupportedFixAllScopes() => [FixAllScope.Document, FixAllScope.Project, FixAllScope.Solution];

        public override async Task<CodeAction?> GetFixAsync(FixAllContext context)
        {
            var fixer = (Fixer)context.CodeFixProvider;
            var diagnostics = await Diagnostics(context).ConfigureAwait(false);
            var fixable = diagnostics.Where(diagnostic => fixer.FixableDiagnosticIds.Contains(diagnostic.Id)).ToImmutableArray();
            return fixable.IsEmpty
                ? null
                : CodeAction.Create(
                    $"Fix all {fixer.FixableDiagnosticIds[0]}",
                    cancellation => fixer.Apply(context.Solution, fixable, context.CodeActionEquivalenceKey, cancellation),
                    context.CodeActionEquivalenceKey);
        }

        private static async Task<ImmutableArray<Diagnostic>> Diagnostics(FixAllContext context)
        {
            if (context.Scope == FixAllScope.Document && context.Document is { } document)
                return await context.GetDocumentDiagnosticsAsync(document).ConfigureAwait(false);
            var projects = context.Scope == FixAllScope.Project ? [context.Project] : context.Solution.Projects;
            var all = ImmutableArray.CreateBuilder<Diagnostic>();
            foreach (var project in projects.Where(project => project.Language == LanguageNames.CSharp))
                all.AddRange(await context.GetAllDiagnosticsAsync(project).ConfigureAwait(false));
            return all.ToImmutable();
        }
    }
}
