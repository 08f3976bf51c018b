using System.Collections.Concurrent;
using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models.Evaluation;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Models;

internal sealed partial class ModelGraphs
{
    /// <summary>What is known of the whole program without binding a body: module classes, members that may create models, names that are assigned to.</summary>
    private sealed class WholeProgram
    {
        private readonly Compilation _compilation;
        private readonly ModelCatalogue _catalogue;
        private readonly ILookup<int, INamedTypeSymbol> _types;
        private readonly ILookup<int, (SyntaxNode Member, List<SyntaxNode> Candidates)> _creations;
        private readonly HashSet<string> _assignedNames = new(StringComparer.Ordinal);
        private readonly ConcurrentDictionary<int, Group> _groups = new();

        public WholeProgram(Compilation compilation, ModelCatalogue catalogue, CancellationToken cancellation)
        {
            (_compilation, _catalogue) = (compilation, catalogue);
            Files = new FileGroups(compilation, cancellation);
            var types = ModuleTypes(new Source(compilation, catalogue, _assignedNames));
            _types = types.ToLookup(type => Files.Of(type.Locations[0].SourceTree!) ?? -1);
            _creations = Creations(types, cancellation).ToLookup(place => Files.Of(place.Member.SyntaxTree) ?? -1);
        }

        public FileGroups Files { get; }

        public ImmutableArray<ModelGraph> Models(int group, CancellationToken cancellation)
        {
            var found = _groups.GetOrAdd(group, static _ => new Group());
            lock (found)
            {
                // What binding the bodies took is held by the source of this group alone, which ends here.
                return found.Models ??= new Discovery(new Source(_compilation, _catalogue, _assignedNames), cancellation).Models(_types[group], _creations[group]);
            }
        }

        public static int Order(Location one, Location other)
        {
            var files = string.CompareOrdinal(one.SourceTree?.FilePath, other.SourceTree?.FilePath);
            return files != 0 ? files : one.SourceSpan.CompareTo(other.SourceSpan);
        }

        /// <summary>Module classes of the source, in the order of declaration.</summary>
        private static List<INamedTypeSymbol> ModuleTypes(Source source)
        {
            var types = new List<INamedTypeSymbol>();
            var pending = new Stack<INamespaceOrTypeSymbol>([source.Compilation.Assembly.GlobalNamespace]);
            while (pending.Count > 0)
            {
                var current = pending.Pop();
                if (current is INamedTypeSymbol type && source.IsModule(type))
                    types.Add(type);
                foreach (var member in current is INamespaceSymbol space ? space.GetMembers() : ((INamedTypeSymbol)current).GetTypeMembers().CastArray<INamespaceOrTypeSymbol>())
                    pending.Push(member);
            }

            types.Sort((one, other) => Order(one.Locations[0], other.Locations[0]));
            return types;
        }

        /// <summary>Members whose text may create a model.</summary>
        private List<(SyntaxNode Member, List<SyntaxNode> Candidates)> Creations(List<INamedTypeSymbol> types, CancellationToken cancellation)
        {
            var names = new HashSet<string>(types.Select(type => type.Name), StringComparer.Ordinal);
            var factories = _catalogue.NamesOf(Role.Sequential);
            var members = new Dictionary<SyntaxNode, List<SyntaxNode>>();
            var order = new List<SyntaxNode>();
            foreach (var tree in _compilation.SyntaxTrees)
            {
                cancellation.ThrowIfCancellationRequested();
                foreach (var node in tree.GetRoot(cancellation).DescendantNodes())
                {
                    NoteAssignment(node);
                    var isCandidate = node switch
                    {
                        ObjectCreationExpressionSyntax creation => Name(creation.Type) is { } name && (names.Contains(name) || factories.Contains(name)),
                        ImplicitObjectCreationExpressionSyntax creation => TargetName(creation) is { } name && names.Contains(name),
                        InvocationExpressionSyntax invocation => Name(invocation.Expression) is { } name && factories.Contains(name),
                        _ => false,
                    };
                    if (!isCandidate || Member(node) is not { } member)
                        continue;
                    if (!members.TryGetValue(member, out var candidates))
                    {
                        members.Add(member, candidates = new());
                        order.Add(member);
                    }

                    candidates.Add(node);
                }
            }

            return order.Select(member => (member, members[member])).ToList();
        }

        private void NoteAssignment(SyntaxNode node)
        {
            var target = node switch
            {
                AssignmentExpressionSyntax assignment => assignment.Left,
                PrefixUnaryExpressionSyntax step when step.IsKind(SyntaxKind.PreIncrementExpression) || step.IsKind(SyntaxKind.PreDecrementExpression) => step.Operand,
                PostfixUnaryExpressionSyntax step => step.Operand,
                ArgumentSyntax argument when !argument.RefKindKeyword.IsKind(SyntaxKind.None) => argument.Expression,
                _ => null,
            };
            switch (target)
            {
                case TupleExpressionSyntax tuple:
                    foreach (var argument in tuple.Arguments)
                        Note(argument.Expression);
                    break;
                case not null:
                    Note(target);
                    break;
            }

            void Note(ExpressionSyntax expression)
            {
                if (Name(expression) is { } name)
                    _assignedNames.Add(name);
            }
        }

        private static string? Name(SyntaxNode? expression) => expression switch
        {
            GenericNameSyntax generic => generic.Identifier.Text,
            SimpleNameSyntax simple => simple.Identifier.Text,
            QualifiedNameSyntax qualified => Name(qualified.Right),
            AliasQualifiedNameSyntax alias => Name(alias.Name),
            MemberAccessExpressionSyntax access => Name(access.Name),
            _ => null,
        };

        private static string? TargetName(ImplicitObjectCreationExpressionSyntax creation) => creation.Parent?.Parent?.Parent switch
        {
            VariableDeclarationSyntax declaration => Name(declaration.Type),
            _ when creation.Parent?.Parent is PropertyDeclarationSyntax property => Name(property.Type),
            _ => null,
        };

        /// <summary>The method, accessor or initializer that contains the node, or the file for top-level statements.</summary>
        public static SyntaxNode? Member(SyntaxNode node)
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

        /// <summary>The models of a group, once they are read.</summary>
        private sealed class Group
        {
            public ImmutableArray<ModelGraph>? Models { get; set; }
        }
    }
}
