using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>
/// Code that is nested too deeply to ask the compiler for its operations: it makes them by a recursion without a guard (CSharpOperationFactory.Create), which ends the process where the stack does.
/// Such code (a call chain of thousands of links, written by a generator) is not read.
/// </summary>
internal static class Nesting
{
    /// <summary>Levels of syntax. A stack of 1 MB has room for some 5,600; code that compiles at all and is not a chain stays far below.</summary>
    private const int Deepest = 2_000;

    private static readonly ConditionalWeakTable<SyntaxNode, StrongBox<bool>> Known = new();

    /// <summary>Whether the member around a node is nested too deeply: the compiler makes the operations of a member together.</summary>
    public static bool IsTooDeep(SyntaxNode node)
    {
        var member = node is TypeDeclarationSyntax ? node : TreeFacts.MemberOf(node);
        // Every level takes a character.
        return member.Span.Length > Deepest && Known.GetValue(member, static key => new(Measure(key))).Value;
    }

    private static bool Measure(SyntaxNode member)
    {
        var open = new Stack<(SyntaxNode Node, int Depth)>([(member, 0)]);
        while (open.Count > 0)
        {
            var (node, depth) = open.Pop();
            if (depth > Deepest)
                return true;
            foreach (var child in node.ChildNodes())
            {
                // A sum leans to the left, and is walked without recursion.
                open.Push((child, node is BinaryExpressionSyntax binary && child == binary.Left && child is BinaryExpressionSyntax ? depth : depth + 1));
            }
        }

        return false;
    }
}
