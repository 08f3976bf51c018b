using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Program;

/// <summary>
/// What one file says by its syntax alone, computed when first asked for and kept with the tree: typing in one file leaves the others' facts as they are.
/// Nothing in it knows a compilation.
/// </summary>
internal sealed class TreeFacts
{
    private static readonly ConditionalWeakTable<SyntaxTree, TreeFacts> ByTree = new();

    private readonly Lazy<Words> _words;
    private readonly Lazy<ImmutableArray<MemberFacts>> _members;
    private readonly Lazy<ImmutableArray<TypeDeclarationSyntax>> _classes;
    private readonly Lazy<ulong> _declarations;
    private readonly Lazy<Dictionary<string, List<SyntaxNode>>> _assigned;

    private TreeFacts(SyntaxTree tree)
    {
        Tree = tree;
        _words = new(() => Words.Of(tree.GetText()));
        _members = new(FindMembers);
        _classes = new(() => tree.GetRoot().DescendantNodes(node => node is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax or TypeDeclarationSyntax)
            .OfType<TypeDeclarationSyntax>().Where(type => type is ClassDeclarationSyntax or RecordDeclarationSyntax && type.BaseList is not null).ToImmutableArray());
        _declarations = new(() => DeclarationHash.Of(tree.GetRoot()));
        _assigned = new(() => AssignmentsIn(tree.GetRoot()));
    }

    public SyntaxTree Tree { get; }

    /// <summary>Results that were read from this tree, for the next compilation; see <see cref="Kept"/>.</summary>
    public ConcurrentDictionary<(string Kind, SyntaxNode Node), Kept> Results { get; } = new();

    /// <summary>What names in this tree are bound to; holds as long as the declarations of the whole program do.</summary>
    public BoundNames? Bound { get; set; }

    /// <summary>Every word of the text.</summary>
    public Words Words => _words.Value;

    /// <summary>Methods, properties, fields and the top-level program, in the order of the text.</summary>
    public ImmutableArray<MemberFacts> Members => _members.Value;

    /// <summary>Classes that derive from something or implement something.</summary>
    public ImmutableArray<TypeDeclarationSyntax> Classes => _classes.Value;

    /// <summary>A hash of everything that other files can see: all but the bodies.</summary>
    public ulong Declarations => _declarations.Value;

    /// <summary>Whether something in the file assigns to a name, steps it or hands it out by reference.</summary>
    public bool Assigns(string name) => _assigned.Value.ContainsKey(name);

    /// <summary>Where that is, in the order of the text.</summary>
    public IReadOnlyList<SyntaxNode> AssignmentsTo(string name) => _assigned.Value.TryGetValue(name, out var places) ? places : [];

    /// <summary>The simple names in a part of the file that read as the given one.</summary>
    public IEnumerable<SimpleNameSyntax> Mentions(string name, TextSpan span)
    {
        var root = Tree.GetRoot();
        foreach (var place in Words.Places(name, span))
        {
            var token = root.FindToken(place);
            if (token.SpanStart <= place && token.IsKind(SyntaxKind.IdentifierToken) && token.ValueText == name && token.Parent is SimpleNameSyntax mention)
                yield return mention;
        }
    }

    /// <summary>The simple names anywhere in the file that read as the given one.</summary>
    public IEnumerable<SimpleNameSyntax> Mentions(string name) => Mentions(name, new TextSpan(0, int.MaxValue));

    public static TreeFacts Of(SyntaxTree tree) => ByTree.GetValue(tree, static key => new TreeFacts(key));

    /// <summary>The member declaration (or the compilation unit of a top-level program) that a node stands in.</summary>
    public static SyntaxNode MemberOf(SyntaxNode node)
    {
        for (var current = node; current is not null; current = current.Parent)
        {
            if (IsMember(current))
                return current;
        }

        return node.SyntaxTree.GetRoot();
    }

    private static bool IsMember(SyntaxNode node) =>
        node is BaseMethodDeclarationSyntax or BasePropertyDeclarationSyntax or BaseFieldDeclarationSyntax;

    private ImmutableArray<MemberFacts> FindMembers()
    {
        var root = Tree.GetRoot();
        var members = ImmutableArray.CreateBuilder<MemberFacts>();
        foreach (var member in root.DescendantNodes(node => !IsMember(node) && node is not (StatementSyntax or ExpressionSyntax)).Where(IsMember))
            members.Add(new MemberFacts(this, NameOf(member), member, member.Span));
        if (root is CompilationUnitSyntax unit && unit.Members.Any(SyntaxKind.GlobalStatement))
        {
            var statements = unit.Members.OfType<GlobalStatementSyntax>().ToList();
            members.Add(new MemberFacts(this, "<Main>$", unit, TextSpan.FromBounds(statements[0].SpanStart, statements[^1].Span.End)));
        }

        return members.ToImmutable();
    }

    private static string NameOf(SyntaxNode member) => member switch
    {
        MethodDeclarationSyntax method => method.Identifier.ValueText,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.ValueText,
        PropertyDeclarationSyntax property => property.Identifier.ValueText,
        BaseFieldDeclarationSyntax field => field.Declaration.Variables.FirstOrDefault()?.Identifier.ValueText ?? "",
        _ => "",
    };

    private static Dictionary<string, List<SyntaxNode>> AssignmentsIn(SyntaxNode root)
    {
        var places = new Dictionary<string, List<SyntaxNode>>(StringComparer.Ordinal);
        var open = new Stack<ExpressionSyntax>();
        foreach (var node in root.DescendantNodes())
        {
            var target = node switch
            {
                AssignmentExpressionSyntax assignment => assignment.Left,
                PrefixUnaryExpressionSyntax step when step.IsKind(SyntaxKind.PreIncrementExpression) || step.IsKind(SyntaxKind.PreDecrementExpression) => step.Operand,
                PostfixUnaryExpressionSyntax step => step.Operand,
                ArgumentSyntax argument when !argument.RefKindKeyword.IsKind(SyntaxKind.None) => argument.Expression,
                _ => null,
            };
            if (target is null)
                continue;
            open.Push(target);
            while (open.Count > 0)
            {
                var current = open.Pop();
                if (current is TupleExpressionSyntax tuple)
                {
                    foreach (var argument in tuple.Arguments)
                        open.Push(argument.Expression);
                }
                else if (current is ParenthesizedExpressionSyntax parenthesized)
                {
                    open.Push(parenthesized.Expression);
                }
                else if (SimpleNames.Of(current) is { } name)
                {
                    if (!places.TryGetValue(name, out var known))
                        places.Add(name, known = []);
                    known.Add(node);
                }
            }
        }

        return places;
    }
}

/// <summary>A member of a file.</summary>
/// <param name="file">The file.</param>
/// <param name="name">The name that callers mention; empty for an operator and the like.</param>
/// <param name="declaration">Its declaration, or the compilation unit of a top-level program.</param>
/// <param name="span">Its text.</param>
internal sealed class MemberFacts(TreeFacts file, string name, SyntaxNode declaration, TextSpan span)
{
    public string Name { get; } = name;

    public SyntaxNode Declaration { get; } = declaration;

    /// <summary>Whether its text has a word.</summary>
    public bool Contains(string word) => file.Words.Contains(word, span);

    /// <summary>Whether its text has one of the words, by their hashes.</summary>
    public bool ContainsAny(int[] hashes) => file.Words.ContainsAny(hashes, span);

    /// <summary>The simple names in it that read as the given one.</summary>
    public IEnumerable<SimpleNameSyntax> Mentions(string word) => file.Mentions(word, span);
}

/// <summary>The last part of a written name.</summary>
internal static class SimpleNames
{
    public static string? Of(SyntaxNode? expression)
    {
        for (var current = expression; ;)
        {
            switch (current)
            {
                case SimpleNameSyntax simple:
                    return simple.Identifier.ValueText;
                case QualifiedNameSyntax qualified:
                    current = qualified.Right;
                    break;
                case AliasQualifiedNameSyntax alias:
                    current = alias.Name;
                    break;
                case MemberAccessExpressionSyntax access:
                    current = access.Name;
                    break;
                default:
                    return null;
            }
        }
    }
}
