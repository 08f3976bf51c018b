using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>How a file is laid out: its line endings and indentation, which every edit keeps.</summary>
/// <param name="EndOfLine">The line ending of the line asked about.</param>
/// <param name="Unit">One level of indentation.</param>
internal sealed record Layout(string EndOfLine, string Unit)
{
    /// <summary>Reads the layout from the text around a node.</summary>
    public static Layout Of(SyntaxNode node)
    {
        var text = node.SyntaxTree.GetText();
        var line = text.Lines.GetLineFromPosition(node.SpanStart);
        if (line.EndIncludingLineBreak == line.End && line.LineNumber > 0)
            line = text.Lines[line.LineNumber - 1];
        var ending = text.ToString(TextSpan.FromBounds(line.End, line.EndIncludingLineBreak));
        return new Layout(ending.Length == 0 ? "\n" : ending, IndentationOf(node).Contains('\t') ? "\t" : "    ");
    }

    /// <summary>The white space that the node's first line begins with.</summary>
    public static string IndentationOf(SyntaxNode node)
    {
        var text = node.SyntaxTree.GetText();
        var line = text.Lines.GetLineFromPosition(node.SpanStart);
        var content = text.ToString(line.Span);
        return content[..(content.Length - content.TrimStart(' ', '\t').Length)];
    }

    /// <summary>Whether something else stands before or behind the node on its line, and the node is no longer than that line.</summary>
    public static bool IsInline(SyntaxNode node)
    {
        var lines = node.SyntaxTree.GetText().Lines;
        var (previous, next) = (node.GetFirstToken().GetPreviousToken(), node.GetLastToken().GetNextToken());
        var (first, last) = (lines.GetLineFromPosition(node.SpanStart).LineNumber, lines.GetLineFromPosition(node.Span.End).LineNumber);
        return first == last && ((!previous.IsKind(SyntaxKind.None) && lines.GetLineFromPosition(previous.Span.End).LineNumber == first) || (!next.IsKind(SyntaxKind.None) && lines.GetLineFromPosition(next.SpanStart).LineNumber == last));
    }

    public SyntaxTrivia NewLine => SyntaxFactory.EndOfLine(EndOfLine);

    public static SyntaxTriviaList Indentation(string whitespace) =>
        whitespace.Length == 0 ? SyntaxFactory.TriviaList() : SyntaxFactory.TriviaList(SyntaxFactory.Whitespace(whitespace));
}
