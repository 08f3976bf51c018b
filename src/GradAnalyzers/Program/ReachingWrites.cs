using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>
/// Which writes to one local can be what a read of it sees: <c>loss = a(x); loss.backward(); loss = b(x); loss.backward();</c> reads two losses.
/// A statement that writes whichever way it is run hides all that is written before it from what follows it in its block. In any doubt every write counts.
/// </summary>
internal sealed class ReachingWrites
{
    private readonly ImmutableArray<Write> _writes;
    private readonly ConcurrentDictionary<SyntaxNode, ImmutableArray<Write>> _known = new();

    /// <summary>The lambda, local function or member that all writes stand in; null where one never hides another.</summary>
    private readonly SyntaxNode? _function;

    /// <summary>The statements that write whichever way they are run, by the block that they stand in, in order of place.</summary>
    private readonly Dictionary<SyntaxNode, List<StatementSyntax>> _certain = [];

    public ReachingWrites(IEnumerable<Write> writes, Func<SyntaxNode, bool> hasLabels)
    {
        _writes = writes.ToImmutableArray();
        if (_writes.IsEmpty)
            return;
        var function = FunctionOf(_writes[0].Value.Syntax);
        if (_writes.Any(write => write.Value.Syntax.SyntaxTree != function.SyntaxTree || FunctionOf(write.Value.Syntax) != function) || hasLabels(function))
            return;
        _function = function;
        FindCertain();
    }

    public ImmutableArray<Write> At(SyntaxNode read)
    {
        if (_writes.Length < 2 || _function is null || read.SyntaxTree != _function.SyntaxTree)
            return _writes;
        return _known.TryGetValue(read, out var known) ? known : _known.GetOrAdd(read, Find);
    }

    /// <summary>The same for a parameter, which begins with its argument.</summary>
    /// <param name="read">The read.</param>
    /// <param name="isArgument">Whether the read can also see the argument.</param>
    public ImmutableArray<Write> AtParameter(SyntaxNode read, out bool isArgument)
    {
        isArgument = true;
        if (_function is null || read.SyntaxTree != _function.SyntaxTree || FunctionOf(read) != _function)
            return _writes;
        isArgument = HidingFrom(read) is null;
        return isArgument
            ? _writes.Where(write => (write.Value.Syntax.SpanStart < read.SpanStart && !write.Value.Syntax.Span.Contains(read.Span)) || read.Ancestors().Any(node => IsLoop(node) && node.Span.Contains(write.Value.Syntax.Span))).ToImmutableArray()
            : Find(read);
    }

    private ImmutableArray<Write> Find(SyntaxNode read)
    {
        if (FunctionOf(read) != _function)
            return _writes;
        return HidingFrom(read) is var (hiding, block)
            ? _writes.Where(write => hiding.Span.Contains(write.Value.Syntax.Span) || MayComeBetween(write.Value.Syntax, hiding, block, read)).ToImmutableArray()
            : _writes;
    }

    /// <summary>The last statement before a read that surely writes, and the block around both; null where there is none.</summary>
    private (StatementSyntax Hiding, SyntaxNode Block)? HidingFrom(SyntaxNode read)
    {
        foreach (var block in read.Ancestors().TakeWhile(node => node != _function!.Parent))
        {
            if (_certain.TryGetValue(block, out var statements) && statements.LastOrDefault(statement => statement.Span.End <= read.SpanStart) is { } hiding)
                return (hiding, block);
        }

        return null;
    }

    /// <summary>Whether a write can happen after the hiding statement and before the read: between the two, or in a loop around the read.</summary>
    private static bool MayComeBetween(SyntaxNode write, StatementSyntax hiding, SyntaxNode block, SyntaxNode read)
    {
        if (!block.Span.Contains(write.Span) || write.SpanStart < hiding.Span.End)
            return false;
        return (write.SpanStart < read.SpanStart && !write.Span.Contains(read.Span))
            || read.Ancestors().TakeWhile(node => node != block).Any(node => IsLoop(node) && node.Span.Contains(write.Span));
    }

    /// <summary>From each write that is a statement of its own outwards, as long as what is around it can't be left without it.</summary>
    private void FindCertain()
    {
        var certain = new HashSet<StatementSyntax>();
        var open = new Stack<StatementSyntax>(_writes.Select(StatementOf).OfType<StatementSyntax>());
        while (open.Count > 0)
        {
            var statement = open.Pop();
            if (!certain.Add(statement))
                continue;
            switch (statement.Parent)
            {
                case BlockSyntax block:
                    Add(block, statement);
                    if (block.Parent is BlockSyntax or GlobalStatementSyntax or IfStatementSyntax or ElseClauseSyntax or LockStatementSyntax or UsingStatementSyntax or FixedStatementSyntax or CheckedStatementSyntax)
                        open.Push(block);
                    break;
                case GlobalStatementSyntax { Parent: { } program }:
                    Add(program, statement);
                    break;
                case LockStatementSyntax or UsingStatementSyntax or FixedStatementSyntax or CheckedStatementSyntax:
                    open.Push((StatementSyntax)statement.Parent);
                    break;
                case IfStatementSyntax { Else.Statement: { } otherwise } choice when certain.Contains(otherwise):
                    open.Push(choice);
                    break;
                case ElseClauseSyntax { Parent: IfStatementSyntax choice } when certain.Contains(choice.Statement):
                    open.Push(choice);
                    break;
            }
        }

        foreach (var statements in _certain.Values)
            statements.Sort(static (one, other) => one.SpanStart.CompareTo(other.SpanStart));
    }

    private void Add(SyntaxNode block, StatementSyntax statement)
    {
        if (!_certain.TryGetValue(block, out var statements))
            _certain.Add(block, statements = []);
        statements.Add(statement);
    }

    private static bool IsLoop(SyntaxNode node) => node is ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax;

    /// <summary>The statement that a write is; null for any other write.</summary>
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
