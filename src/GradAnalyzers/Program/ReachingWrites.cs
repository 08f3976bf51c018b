using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>
/// Which writes to a local can be what a read of it sees: <c>loss = a(x); loss.backward(); loss = b(x); loss.backward();</c> reads two losses.
/// A plain assignment hides all that is written before it from what follows it in the same block. In any doubt every write counts.
/// </summary>
internal static class ReachingWrites
{
    public static IEnumerable<Write> At(IOperation read, IReadOnlyList<Write> writes)
    {
        var place = read.Syntax;
        var function = FunctionOf(place);
        if (writes.Count < 2 || writes.Any(write => write.Value.Syntax.SyntaxTree != place.SyntaxTree || FunctionOf(write.Value.Syntax) != function) || function.DescendantNodes().Any(node => node is LabeledStatementSyntax))
            return writes;
        var hiding = writes.Where(write => BlockOf(write) is { } block && block.Span.Contains(place.Span) && StatementOf(write)!.Span.End <= place.SpanStart)
            .OrderByDescending(write => write.Value.Syntax.SpanStart).FirstOrDefault();
        return hiding is null ? writes : writes.Where(write => write == hiding || MayComeBetween(write, hiding, place));
    }

    /// <summary>The same for a parameter, which begins with its argument.</summary>
    /// <param name="read">The read.</param>
    /// <param name="writes">All writes to the parameter.</param>
    /// <param name="isArgument">Whether the read can also see the argument.</param>
    public static IEnumerable<Write> AtParameter(IOperation read, IReadOnlyList<Write> writes, out bool isArgument)
    {
        isArgument = true;
        var place = read.Syntax;
        var function = FunctionOf(place);
        if (writes.Count == 0 || writes.Any(write => write.Value.Syntax.SyntaxTree != place.SyntaxTree || FunctionOf(write.Value.Syntax) != function) || function.DescendantNodes().Any(node => node is LabeledStatementSyntax))
            return writes;
        var hiding = writes.Where(write => BlockOf(write) is { } block && block.Span.Contains(place.Span) && StatementOf(write)!.Span.End <= place.SpanStart)
            .OrderByDescending(write => write.Value.Syntax.SpanStart).FirstOrDefault();
        isArgument = hiding is null;
        return hiding is not null
            ? writes.Where(write => write == hiding || MayComeBetween(write, hiding, place))
            : writes.Where(write => (write.Value.Syntax.SpanStart < place.SpanStart && !write.Value.Syntax.Span.Contains(place.Span)) || place.Ancestors().Any(node => IsLoop(node) && node.Span.Contains(write.Value.Syntax.Span)));
    }

    private static bool MayComeBetween(Write write, Write hiding, SyntaxNode read)
    {
        var value = write.Value.Syntax;
        var block = BlockOf(hiding)!;
        if (!block.Span.Contains(value.Span) || value.SpanStart < hiding.Value.Syntax.SpanStart)
            return false;
        return (value.SpanStart < read.SpanStart && !value.Span.Contains(read.Span))
            || read.Ancestors().TakeWhile(node => node != block).Any(node => IsLoop(node) && node.Span.Contains(value.Span));
    }

    private static bool IsLoop(SyntaxNode node) => node is ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax;

    /// <summary>The block in which the write is a statement of its own, so that it happens whenever the block gets there; null for any other write.</summary>
    private static SyntaxNode? BlockOf(Write write) => StatementOf(write)?.Parent switch
    {
        BlockSyntax block => block,
        GlobalStatementSyntax { Parent: { } program } => program,
        _ => null,
    };

    private static StatementSyntax? StatementOf(Write write) => write.IsElement ? null : write.Value.Syntax switch
    {
        { Parent: AssignmentExpressionSyntax { Parent: ExpressionStatementSyntax statement } assignment } value when assignment.Right == value => statement,
        { Parent: EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax { Parent.Parent: LocalDeclarationStatementSyntax statement } } } => statement,
        AssignmentExpressionSyntax { Parent: ExpressionStatementSyntax statement } => statement,
        _ => null,
    };

    /// <summary>The innermost lambda, local function or member around a node.</summary>
    private static SyntaxNode FunctionOf(SyntaxNode node) =>
        node.Ancestors().First(ancestor => ancestor is AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax or MemberDeclarationSyntax and not GlobalStatementSyntax or CompilationUnitSyntax);
}
