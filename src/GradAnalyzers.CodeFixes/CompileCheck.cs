using Microsoft.CodeAnalysis;

namespace GradAnalyzers.CodeFixes;

/// <summary>The one check that every fix passes before it is offered: no document that it edits has an error more than before, or more code that never runs.</summary>
internal static class CompileCheck
{
    /// <summary>What is written behind a return compiles, and does nothing.</summary>
    private const string UnreachableCode = "CS0162";

    /// <summary>The edited documents that have new errors; warnings that the project treats as errors count.</summary>
    public static async Task<IReadOnlyList<DocumentId>> BrokenBy(Solution before, Solution after, CancellationToken cancellation)
    {
        var broken = new List<DocumentId>();
        foreach (var id in after.GetChanges(before).GetProjectChanges().SelectMany(project => project.GetChangedDocuments()))
        {
            var (old, now) = (before.GetDocument(id)!, after.GetDocument(id)!);
            var known = await Errors(old, cancellation).ConfigureAwait(false);
            var found = await Errors(now, cancellation).ConfigureAwait(false);
            if (found.Any(error => error.Value > (known.TryGetValue(error.Key, out var count) ? count : 0)))
                broken.Add(id);
        }

        return broken;
    }

    private static async Task<Dictionary<string, int>> Errors(Document document, CancellationToken cancellation)
    {
        var model = await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false);
        return model!.GetDiagnostics(cancellationToken: cancellation).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error || diagnostic.Id == UnreachableCode)
            .GroupBy(diagnostic => diagnostic.Id, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
    }
}
