using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Editing;

namespace GradAnalyzers.CodeFixes;

/// <summary>Moves zero_grad to right after the step, under its condition.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(AccumulatedGradientsErasedFixer)), Shared]
public sealed class AccumulatedGradientsErasedFixer() : TrainingLoopFixer("GRAD2010")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported) =>
        reported is { Places: [var step], Happening: var happening } && InsertStatement.IsPossibleAfter(step) && MovedFrom(happening) is { } statement && IsInScope(happening, step, reported.Model)
            ? One("Clear gradients after the step", "move", edits =>
            {
                if (!edits.IsNew(statement, "move"))
                    return;
                InsertStatement.After(edits, step, happening.WithoutTrivia().ToString() + ";");
                Remove(edits.EditorFor(statement), statement);
            })
            : None;

    /// <summary>Comments of the statement stay where they are, with the one that follows.</summary>
    private static void Remove(SyntaxEditor editor, SyntaxNode statement)
    {
        var leading = statement.GetLeadingTrivia();
        var indentation = leading.Reverse().TakeWhile(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia)).ToList();
        var after = statement.GetTrailingTrivia().SkipWhile(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia)).ToList();
        var comments = leading.Take(leading.Count - indentation.Count).Concat(after.Any(IsComment) ? indentation.Concat(after) : []).ToList();
        var siblings = statement.Parent!.ChildNodes().ToList();
        var next = siblings.ElementAtOrDefault(siblings.IndexOf(statement) + 1);
        if (next is not null && comments.Any(IsComment))
            editor.ReplaceNode(next, (current, _) => current.WithLeadingTrivia(comments.Concat(current.GetLeadingTrivia())));
        editor.RemoveNode(statement, next is null && comments.Any(IsComment) ? SyntaxRemoveOptions.KeepExteriorTrivia : SyntaxRemoveOptions.KeepNoTrivia);
    }

    private static bool IsComment(SyntaxTrivia trivia) => trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia);

    /// <summary>The statement that the clear is, in a block or a top-level program.</summary>
    private static SyntaxNode? MovedFrom(SyntaxNode clear) => clear.Parent switch
    {
        ExpressionStatementSyntax { Parent: BlockSyntax, ContainsDirectives: false } statement => statement,
        ExpressionStatementSyntax { Parent: GlobalStatementSyntax { ContainsDirectives: false } statement } => statement,
        _ => null,
    };

    private static bool IsInScope(SyntaxNode clear, SyntaxNode step, SemanticModel model) => clear.DescendantNodesAndSelf().OfType<IdentifierNameSyntax>().All(name =>
        model.GetSymbolInfo(name).Symbol is not ILocalSymbol local || (local.Locations[0].SourceSpan.Start < step.SpanStart && model.LookupSymbols(step.SpanStart, name: local.Name).Any(found => SymbolEqualityComparer.Default.Equals(found, local))));
}
