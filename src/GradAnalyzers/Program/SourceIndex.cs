using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>
/// Which members can take part in a training loop, by the names they mention. It only saves work: what a name means is always decided
/// by binding. Names are collected once a syntax tree, and only where its text has one that matters, so that typing in one file leaves the others' lists as they are.
/// </summary>
internal sealed class SourceIndex
{
    /// <summary>How far from a step a caller may be: helper, trainer, command, program.</summary>
    private const int MaximumCallDepth = 8;

    /// <summary>With more names than this a look at every tree's tokens is cheaper than searching its text for each of them.</summary>
    private const int MaximumSearches = 64;

    private static readonly ConditionalWeakTable<SyntaxTree, TreeNames> ByTree = new();

    private readonly ImmutableArray<TreeNames> _trees;
    private readonly HashSet<SyntaxNode> _relevant = [];
    private readonly Dictionary<string, List<MemberNames>> _relevantByName = new(StringComparer.Ordinal);

    public SourceIndex(Compilation compilation, ModelCatalogue catalogue)
    {
        _trees = Trees(compilation).ToImmutableArray();
        var names = new HashSet<string>(catalogue.TrainingNames, StringComparer.Ordinal);
        var newNames = names.ToList();
        var candidates = new HashSet<TreeNames>();
        for (var depth = 0; depth < MaximumCallDepth && newNames.Count > 0; depth++)
        {
            candidates.UnionWith(_trees.Where(tree => newNames.Count > MaximumSearches || newNames.Any(tree.MayMention)));
            var added = candidates.SelectMany(tree => tree.Members)
                .Where(member => !_relevant.Contains(member.Declaration) && member.Mentions.Overlaps(names)).ToList();
            newNames.Clear();
            foreach (var member in added)
            {
                _relevant.Add(member.Declaration);
                // What a model computes is no part of the loop around it: nearly every member mentions forward.
                if (!catalogue.ForwardNames.Contains(member.Name) && names.Add(member.Name))
                    newNames.Add(member.Name);
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

    /// <summary>Relevant members other than the given one that mention a name, so that they may call it.</summary>
    public IEnumerable<SyntaxNode> Mentioning(string name, SyntaxNode declaration) =>
        _relevantByName.Values.SelectMany(members => members).Where(other => other.Declaration != declaration && other.Mentions.Contains(name)).Select(member => member.Declaration);

    /// <summary>Whether any member of the compilation mentions one of the names.</summary>
    public static bool Mentions(Compilation compilation, ImmutableHashSet<string> names) =>
        Trees(compilation).Any(tree => names.Any(tree.MayMention) && tree.Members.Any(member => member.Mentions.Overlaps(names)));

    /// <summary>Relevant members that are declared under this name.</summary>
    public IEnumerable<SyntaxNode> DeclaredAs(string name) =>
        _relevantByName.TryGetValue(name, out var members) ? members.Select(member => member.Declaration) : [];

    /// <summary>All members that are declared under this name.</summary>
    public IEnumerable<SyntaxNode> AllDeclaredAs(string name) =>
        _trees.Where(tree => tree.MayMention(name)).SelectMany(tree => tree.Members).Where(member => member.Name == name).Select(member => member.Declaration);

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

    private static IEnumerable<TreeNames> Trees(Compilation compilation) =>
        compilation.SyntaxTrees.Select(tree => ByTree.GetValue(tree, key => new TreeNames(key)));

    private static ImmutableArray<MemberNames> Collect(SyntaxTree tree)
    {
        var root = tree.GetRoot();
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

    /// <summary>The members of a tree, collected when its text has a name that is asked for.</summary>
    private sealed class TreeNames(SyntaxTree tree)
    {
        private readonly Lazy<string> _text = new(() => tree.GetText().ToString());
        private readonly Lazy<ImmutableArray<MemberNames>> _members = new(() => Collect(tree));

        public ImmutableArray<MemberNames> Members => _members.Value;

        public bool MayMention(string name) => _text.Value.IndexOf(name, StringComparison.Ordinal) >= 0;
    }
}
