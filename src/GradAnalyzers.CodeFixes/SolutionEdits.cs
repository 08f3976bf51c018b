using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Editing;

namespace GradAnalyzers.CodeFixes;

/// <summary>The edits of one fix or one Fix All: a single <see cref="SyntaxEditor"/> for each document, and no edit twice.</summary>
internal sealed class SolutionEdits(Solution solution)
{
    private readonly Dictionary<DocumentId, SyntaxEditor> _editors = [];
    private readonly HashSet<(SyntaxNode Place, string Edit)> _done = [];

    public Solution Solution { get; } = solution;

    /// <summary>The document that a syntax tree belongs to; null for one outside the solution.</summary>
    public Document? DocumentOf(SyntaxTree tree) => Solution.GetDocument(tree);

    /// <summary>The editor of the document that holds the node.</summary>
    public SyntaxEditor EditorFor(SyntaxNode node)
    {
        var document = DocumentOf(node.SyntaxTree) ?? throw new InvalidOperationException($"'{node.SyntaxTree.FilePath}' is no document of the solution");
        if (!_editors.TryGetValue(document.Id, out var editor))
            _editors.Add(document.Id, editor = new SyntaxEditor(node.SyntaxTree.GetRoot(), Solution.Workspace.Services));
        return editor;
    }

    /// <summary>True the first time that this edit is asked for at this place: two diagnostics may want the same.</summary>
    public bool IsNew(SyntaxNode place, string edit) => _done.Add((place, edit));

    public Solution Changed()
    {
        var changed = Solution;
        foreach (var pair in _editors)
            changed = changed.WithDocumentSyntaxRoot(pair.Key, pair.Value.GetChangedRoot());
        return changed;
    }
}
