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

    public SyntaxTrivia NewLine => SyntaxFactory.EndOfLine(EndOfLine);

    public static SyntaxTriviaList Indentation(string whitespace) =>
        whitespace.Length == 0 ? SyntaxFactory.TriviaList() : SyntaxFactory.TriviaList(SyntaxFactory.Whitespace(whitespace));
}
