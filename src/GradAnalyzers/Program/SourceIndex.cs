using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>
/// Which members can take part in a training loop, by the names they mention. It only saves work: what a name means is always decided
/// by binding. Names are collected once a syntax tree, so that typing in one file leaves the others' lists as they are.
/// </summary>
internal sealed class SourceIndex
{
    /// <summary>How far from a step a caller may be: helper, trainer, command, program.</summary>
    private const int MaximumCallDepth = 8;

    private static readonly ConditionalWeakTable<SyntaxTree, StrongBox<ImmutableArray<MemberNames>>> ByTree = new();

    private readonly HashSet<SyntaxNode> _relevant = [];
    private readonly Dictionary<string, List<MemberNames>> _relevantByName = new(StringComparer.Ordinal);

    public SourceIndex(Compilation compilation, ModelCatalogue catalogue, CancellationToken cancellation)
    {
        var names = new HashSet<string>(catalogue.TrainingNames, StringComparer.Ordinal);
        var members = compilation.SyntaxTrees.SelectMany(tree => Members(tree, cancellation)).ToList();
        for (var depth = 0; depth < MaximumCallDepth; depth++)
        {
            var added = new List<MemberNames>();
            foreach (var member in members)
            {
                if (!_relevant.Contains(member.Declaration) && member.Mentions.Any(names.Contains))
                    added.Add(member);
            }

            if (added.Count == 0)
                break;
            foreach (var member in added)
            {
                _relevant.Add(member.Declaration);
                // What a model computes is no part of the loop around it: nearly every member mentions forward.
                if (!catalogue.ForwardNames.Contains(member.Name))
                    names.Add(member.Name);
                if (!_relevantByName.TryGetValue(member.Name, out var same))
                    _relevantByName.Add(member.Name, same = []);
                same.Add(member);
            }
        }
    }

    /// <summary>Whether anything in the compilation can be a training loop.</summary>
    public bool IsEmpty => _relevant.Count == 0;

    /// <summary>Whether the member around the node mentions a training call or something that leads to one.</summary>
    public bool IsRelevant(SyntaxNode node) => _relevant.Contains(MemberOf(node));

    /// <summary>Whether a relevant member other than the given one mentions its name, so that it may be called from there.</summary>
    public bool IsMentionedElsewhere(string name, SyntaxNode declaration) =>
        _relevantByName.Values.SelectMany(members => members).Any(other => other.Declaration != declaration && other.Mentions.Contains(name));

    /// <summary>Relevant members that are declared under this name.</summary>
    public IEnumerable<SyntaxNode> DeclaredAs(string name) =>
        _relevantByName.TryGetValue(name, out var members) ? members.Select(member => member.Declaration) : [];

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

    private static ImmutableArray<MemberNames> Members(SyntaxTree tree, CancellationToken cancellation) =>
        ByTree.GetValue(tree, key => new StrongBox<ImmutableArray<MemberNames>>(Collect(key, cancellation))).Value;

    private static ImmutableArray<MemberNames> Collect(SyntaxTree tree, CancellationToken cancellation)
    {
        var root = tree.GetRoot(cancellation);
        var members = ImmutableArray.CreateBuilder<MemberNames>();
        foreach (var member in root.DescendantNodes(node => !IsMember(node)).Where(IsMember))
            members.Add(new MemberNames(NameOf(member), member, Identifiers(member.DescendantTokens())));
        if (root is CompilationUnitSyntax unit && unit.Members.Any(SyntaxKind.GlobalStatement))
        {
            var tokens = unit.Members.OfType<GlobalStatementSyntax>().SelectMany(statement => statement.DescendantTokens());
            members.Add(new MemberNames("<Main>$", unit, Identifiers(tokens)));
        }

        return members.ToImmutable();
    }

    private static HashSet<string> Identifiers(IEnumerable<SyntaxToken> tokens) =>
        new(tokens.Where(token => token.IsKind(SyntaxKind.IdentifierToken)).Select(token => token.ValueText), StringComparer.Ordinal);

    private static string NameOf(SyntaxNode member) => member switch
    {
        MethodDeclarationSyntax method => method.Identifier.ValueText,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.ValueText,
        PropertyDeclarationSyntax property => property.Identifier.ValueText,
        BaseFieldDeclarationSyntax field => field.Declaration.Variables.FirstOrDefault()?.Identifier.ValueText ?? "",
        _ => "",
    };

    private sealed record MemberNames(string Name, SyntaxNode Declaration, HashSet<string> Mentions);
}
