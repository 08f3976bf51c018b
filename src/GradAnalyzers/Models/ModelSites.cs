using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Models;

/// <summary>Where a program may make a model, found without binding a body: its module classes, and the members outside of them that create one.</summary>
internal sealed record ModelSites(ImmutableArray<ModuleClass> Classes, ImmutableArray<CreatingMember> Members)
{
    public static ModelSites Of(WholeProgram program, CancellationToken cancellation)
    {
        var classes = ModuleClasses(program, cancellation);
        var names = classes.Select(type => type.Name).Concat(program.Catalogue.NamesOf(Role.Sequential)).Concat(program.Facts.ModelNames(cancellation)).Distinct(StringComparer.Ordinal).ToLookup(Words.HashOf);
        var members = ImmutableArray.CreateBuilder<CreatingMember>();
        foreach (var tree in program.Trees)
        {
            cancellation.ThrowIfCancellationRequested();
            members.AddRange(BoundNames.Of(tree, program.Declarations).Creating(() => In(tree, names)));
        }

        return new ModelSites(classes, WithCallers(members, names, program, cancellation));
    }

    /// <summary>Factories that call factories, no further.</summary>
    private const int MaximumFactories = 3;

    /// <summary>
    /// A factory that takes sizes makes a model of its own at each call: its callers create models, too. Which methods are factories, their declarations say:
    /// one with parameters, or of an object that may hold sizes, outside of all modules, that gives a module.
    /// </summary>
    private static ImmutableArray<CreatingMember> WithCallers(ImmutableArray<CreatingMember>.Builder members, ILookup<int, string> names, WholeProgram program, CancellationToken cancellation)
    {
        var known = members.Select(member => member.Member).ToList();
        var seen = new HashSet<SyntaxNode>(known);
        var factories = new HashSet<SyntaxNode>();
        var given = names.SelectMany(group => group).Concat(program.Catalogue.NamesOf(Role.Module)).ToImmutableHashSet(StringComparer.Ordinal);
        var added = known;
        for (var round = 0; round < MaximumFactories && added.Count > 0; round++)
        {
            var made = added.OfType<MethodDeclarationSyntax>().Where(method => IsFactory(method, given)).ToList();
            factories.UnionWith(made);
            var called = made.Select(method => method.Identifier.ValueText).Distinct(StringComparer.Ordinal).ToLookup(Words.HashOf);
            added = [];
            foreach (var tree in program.Trees.Where(_ => called.Count > 0))
            {
                cancellation.ThrowIfCancellationRequested();
                added.AddRange(tree.Words.In(called).SelectMany(name => Creations(tree, name)).OfType<InvocationExpressionSyntax>().Select(MemberOf).OfType<SyntaxNode>().Where(seen.Add));
            }

            foreach (var caller in added)
                members.Add(new CreatingMember(caller, ImmutableArray<SyntaxNode>.Empty));
        }

        return members.Select(member => factories.Contains(member.Member) ? member with { IsFactory = true } : member).ToImmutableArray();
    }

    private static bool IsFactory(MethodDeclarationSyntax method, ImmutableHashSet<string> given)
    {
        var type = method.ReturnType;
        while (type is QualifiedNameSyntax or NullableTypeSyntax)
            type = type is QualifiedNameSyntax qualified ? qualified.Right : ((NullableTypeSyntax)type).ElementType;
        return (method.ParameterList.Parameters.Count > 0 || !method.Modifiers.Any(SyntaxKind.StaticKeyword)) && type is SimpleNameSyntax name && given.Contains(name.Identifier.ValueText);
    }

    private static List<CreatingMember> In(TreeFacts tree, ILookup<int, string> names)
    {
        var created = tree.Words.In(names).SelectMany(name => Creations(tree, name)).Distinct().OrderBy(node => node.SpanStart)
            .Select(node => (Node: node, Member: MemberOf(node))).Where(pair => pair.Member is not null);
        return created.GroupBy(pair => pair.Member!).Select(group => new CreatingMember(group.Key, group.Select(pair => pair.Node).ToImmutableArray())).ToList();
    }

    public static int Order(Location one, Location other)
    {
        var files = string.CompareOrdinal(one.SourceTree?.FilePath, other.SourceTree?.FilePath);
        return files != 0 ? files : one.SourceSpan.CompareTo(other.SourceSpan);
    }

    /// <summary>The method, accessor or initializer that contains the node, or the file for top-level statements.</summary>
    public static SyntaxNode? MemberOf(SyntaxNode node)
    {
        for (var current = node.Parent; current is not null; current = current.Parent)
        {
            switch (current)
            {
                case EqualsValueClauseSyntax { Parent: PropertyDeclarationSyntax or VariableDeclaratorSyntax { Parent.Parent: FieldDeclarationSyntax } }:
                case BaseMethodDeclarationSyntax or AccessorDeclarationSyntax:
                case ArrowExpressionClauseSyntax { Parent: PropertyDeclarationSyntax or IndexerDeclarationSyntax }:
                    return current;
                case GlobalStatementSyntax:
                    return current.Parent;
            }
        }

        return null;
    }

    /// <summary>Module classes of the source, in the order of declaration.</summary>
    public static ImmutableArray<ModuleClass> ModuleClasses(WholeProgram program, CancellationToken cancellation)
    {
        var types = new List<ModuleClass>();
        foreach (var tree in program.Trees.Where(tree => !tree.Classes.IsEmpty))
        {
            cancellation.ThrowIfCancellationRequested();
            types.AddRange(BoundNames.Of(tree, program.Declarations).ModuleClasses(tree, program, cancellation));
        }

        types.Sort((one, other) => Order(one.Declaration.Identifier.GetLocation(), other.Declaration.Identifier.GetLocation()));
        return types.GroupBy(type => type.Id, StringComparer.Ordinal).Select(same => same.First()).ToImmutableArray();
    }

    /// <summary>Expressions that may create what a name says: <c>new Net(…)</c>, <c>Net net = new(…)</c>, <c>Sequential(…)</c>.</summary>
    private static IEnumerable<SyntaxNode> Creations(TreeFacts tree, string name)
    {
        foreach (var mention in tree.Mentions(name))
        {
            SyntaxNode whole = mention;
            while (whole.Parent is QualifiedNameSyntax or AliasQualifiedNameSyntax || whole.Parent is MemberAccessExpressionSyntax access && access.Name == whole)
                whole = whole.Parent;
            switch (whole.Parent)
            {
                case ObjectCreationExpressionSyntax creation when creation.Type == whole:
                    yield return creation;
                    break;
                case InvocationExpressionSyntax invocation when invocation.Expression == whole:
                    yield return invocation;
                    break;
                case VariableDeclarationSyntax declaration when declaration.Type == whole:
                    foreach (var variable in declaration.Variables)
                    {
                        if (variable.Initializer?.Value is ImplicitObjectCreationExpressionSyntax creation)
                            yield return creation;
                    }

                    break;
                case PropertyDeclarationSyntax { Initializer.Value: ImplicitObjectCreationExpressionSyntax creation } property when property.Type == whole:
                    yield return creation;
                    break;
            }
        }
    }
}

/// <summary>A member that may create models.</summary>
/// <param name="Member">Its body's syntax.</param>
/// <param name="Creations">The expressions in it that may create one.</param>
internal sealed record CreatingMember(SyntaxNode Member, ImmutableArray<SyntaxNode> Creations)
{
    /// <summary>It gives a module and takes parameters: what it makes is read at its calls, where these tell more.</summary>
    public bool IsFactory { get; init; }
}
