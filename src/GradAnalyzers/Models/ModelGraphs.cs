using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models.Evaluation;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Models;

/// <summary>
/// All models of a compilation, read once and shared by all rules: each module class at each set of constructor arguments that the program creates it with
/// (at its parameters' defaults where it never does with constants), and each Sequential that no class holds.
/// </summary>
internal sealed class ModelGraphs
{
    private static readonly ConditionalWeakTable<Compilation, ModelGraphs> ByCompilation = new();

    private readonly object _gate = new();
    private readonly Compilation _compilation;
    private readonly ModelCatalogue _catalogue;
    private Program? _program;

    private ModelGraphs(Compilation compilation, ModelCatalogue catalogue) => (_compilation, _catalogue) = (compilation, catalogue);

    /// <summary>The models of a compilation, made once and forgotten with it.</summary>
    public static ModelGraphs For(Compilation compilation, ModelCatalogue catalogue) =>
        ByCompilation.GetValue(compilation, key => new ModelGraphs(key, catalogue));

    /// <summary>Every model, in the order of files and classes.</summary>
    public ImmutableArray<ModelGraph> All(CancellationToken cancellation)
    {
        var program = Whole(cancellation);
        return Enumerable.Range(0, program.Files.Count).SelectMany(group => program.Models(group, cancellation))
            .OrderBy(graph => graph.Location, Comparer<Location>.Create(Program.Order)).ToImmutableArray();
    }

    /// <summary>The models whose <see cref="ModelGraph.Location"/> lies in this file.</summary>
    public IEnumerable<ModelGraph> In(SyntaxTree tree, CancellationToken cancellation) =>
        GroupOf(tree, cancellation) is { } group ? Together(group, cancellation).Where(graph => graph.Location.SourceTree == tree) : [];

    /// <summary>The models of one class.</summary>
    public IEnumerable<ModelGraph> Of(INamedTypeSymbol type, CancellationToken cancellation) =>
        All(cancellation).Where(graph => SymbolEqualityComparer.Default.Equals(graph.Type?.OriginalDefinition, type.OriginalDefinition));

    /// <summary>The number of the group of files that this one belongs to: outside of it nothing has to do with its models.</summary>
    public int? GroupOf(SyntaxTree tree, CancellationToken cancellation) => Whole(cancellation).Files.Of(tree);

    /// <summary>The models of a group of files.</summary>
    public ImmutableArray<ModelGraph> Together(int group, CancellationToken cancellation) => Whole(cancellation).Models(group, cancellation);

    private Program Whole(CancellationToken cancellation)
    {
        lock (_gate)
            return _program ??= new Program(_compilation, _catalogue, cancellation);
    }

    /// <summary>What is known of the whole program without binding a body: module classes, members that may create models, names that are assigned to.</summary>
    private sealed class Program
    {
        private readonly Compilation _compilation;
        private readonly ModelCatalogue _catalogue;
        private readonly ILookup<int, INamedTypeSymbol> _types;
        private readonly ILookup<int, (SyntaxNode Member, List<SyntaxNode> Candidates)> _creations;
        private readonly HashSet<string> _assignedNames = new(StringComparer.Ordinal);
        private readonly ConcurrentDictionary<int, Group> _groups = new();

        public Program(Compilation compilation, ModelCatalogue catalogue, CancellationToken cancellation)
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

    /// <summary>Finds and reads the models of one group of files.</summary>
    private sealed class Discovery(Source source, CancellationToken cancellation)
    {
        private readonly List<ModelGraph> _graphs = new();
        private readonly HashSet<string> _known = new(StringComparer.Ordinal);
        private readonly HashSet<Location> _creations = new();
        private readonly HashSet<INamedTypeSymbol> _types = new(SymbolEqualityComparer.Default);

        public ImmutableArray<ModelGraph> Models(IEnumerable<INamedTypeSymbol> types, IEnumerable<(SyntaxNode Member, List<SyntaxNode> Candidates)> places)
        {
            foreach (var place in places.Where(place => !IsInModule(place.Member)))
                ReadProgram(place);
            foreach (var type in types)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!type.IsAbstract && !_types.Contains(type))
                    ReadWithDefaults(type);
            }

            return Marked();
        }

        // What a module's constructor creates is part of that module; its static factories are the program's.
        private bool IsInModule(SyntaxNode member)
        {
            var isStatic = member.AncestorsAndSelf().OfType<MemberDeclarationSyntax>().FirstOrDefault()?.Modifiers.Any(SyntaxKind.StaticKeyword) == true;
            return !isStatic
                && member.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault() is { } declaration
                && source.Model(declaration.SyntaxTree).GetDeclaredSymbol(declaration, cancellation) is { } type
                && source.IsModule(type);
        }

        private void ReadProgram((SyntaxNode Member, List<SyntaxNode> Candidates) place)
        {
            cancellation.ThrowIfCancellationRequested();
            var operation = source.Operation(place.Member, cancellation);
            if (operation is null)
                return;
            var evaluator = new Evaluator(source, cancellation);
            if (operation is Microsoft.CodeAnalysis.Operations.ISymbolInitializerOperation initializer)
                evaluator.Evaluate(initializer.Value);
            else
                evaluator.Run(operation, source.Model(place.Member.SyntaxTree).GetDeclaredSymbol(place.Member, cancellation) as IMethodSymbol);
            ReadRoots(evaluator, operation);

            // What the run did not come by: lambdas, handlers, branches that do not return.
            foreach (var candidate in place.Candidates)
            {
                if (_creations.Contains(candidate.GetLocation()) || source.Operation(candidate, cancellation) is not { } expression)
                    continue;
                var alone = new Evaluator(source, cancellation);
                alone.Evaluate(expression);
                ReadRoots(alone, expression);
            }
        }

        /// <summary>Reads the modules that a run created and that no other module holds.</summary>
        private void ReadRoots(Evaluator evaluator, IOperation at)
        {
            var created = evaluator.Modules.ToList();
            foreach (var module in created)
                _creations.Add(module.Creation);
            var held = HeldByOthers(created);
            foreach (var module in created)
            {
                if (held.Contains(module) || !(module.IsSource || module.Role == Role.Sequential) || module.Type.IsAbstract || IsMadeByModule(module.Creation))
                    continue;
                // A class created with nothing but unknown arguments is read with its defaults instead.
                if (module.IsSource && module.Arguments.Length > 0 && module.Get(Slot.Unknowns) is not null)
                    continue;
                evaluator.Rewind();
                Keep(new GraphReader(evaluator, source).Read(module, evaluator.RunForward(module, at), module.IsSource ? Identifier(module.Type) : module.Creation, module.Creation));
            }
        }

        // A module that another one's constructor makes is read with that one, even where the run lost it in a branch.
        private bool IsMadeByModule(Location creation) =>
            creation.SourceTree is { } tree && Program.Member(tree.GetRoot(cancellation).FindNode(creation.SourceSpan)) is { } member && IsInModule(member);

        private static HashSet<ModuleValue> HeldByOthers(List<ModuleValue> modules)
        {
            var held = new HashSet<ModuleValue>();
            foreach (var module in modules)
            {
                var pending = new Stack<Value>(module.Slots.Values);
                var seen = new HashSet<Value>();
                while (pending.Count > 0)
                {
                    var value = pending.Pop();
                    if (!seen.Add(value))
                        continue;
                    switch (value)
                    {
                        case ModuleValue inner:
                            if (inner != module)
                                held.Add(inner);
                            break;
                        case Items items:
                            foreach (var item in items.Values)
                                pending.Push(item);
                            break;
                        case TupleValue tuple:
                            foreach (var element in tuple.Elements)
                                pending.Push(element);
                            break;
                        case Stateful and not Frame and var stateful:
                            foreach (var slot in ((Stateful)stateful).Slots.Values)
                                pending.Push(slot);
                            break;
                    }
                }
            }

            return held;
        }

        private void ReadWithDefaults(INamedTypeSymbol type)
        {
            var evaluator = new Evaluator(source, cancellation);
            var identifier = Identifier(type);
            if (evaluator.ConstructWithDefaults(type, identifier) is not ModuleValue module)
                return;
            evaluator.Rewind();
            Keep(new GraphReader(evaluator, source).Read(module, evaluator.RunForward(module, null), identifier, null));
        }

        private void Keep(ModelGraph graph)
        {
            // Creations with different arguments that come to the same model are one: names of devices and the like make no difference.
            var key = new System.Text.StringBuilder().Append(graph.Location.SourceTree?.FilePath).Append(graph.Location.SourceSpan);
            foreach (var node in graph.Nodes)
            {
                key.Append(';').Append((int)node.Role).Append(node.Path).Append('(').Append(string.Join(",", node.Inputs)).Append(')');
                foreach (var constant in node.Constants.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    key.Append(constant.Key).Append('=').Append(constant.Value.Text).Append(' ');
            }

            foreach (var parameter in graph.Layers.SelectMany(layer => layer.Parameters))
            {
                key.Append(',').Append(parameter.Path).Append((int)parameter.Initialization.Role);
                foreach (var constant in parameter.Initialization.Constants.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    key.Append(constant.Key).Append('=').Append(constant.Value.Text).Append(' ');
            }

            if (!_known.Add(key.ToString()))
                return;
            _graphs.Add(graph);
            if (graph.Type is { } type)
                _types.Add(type.OriginalDefinition);
        }

        private static Location Identifier(INamedTypeSymbol type) => type.OriginalDefinition.Locations[0];

        /// <summary>Marks what other models contain.</summary>
        private ImmutableArray<ModelGraph> Marked()
        {
            var inner = new HashSet<INamedTypeSymbol>(SymbolEqualityComparer.Default);
            var places = new HashSet<Location>();
            foreach (var graph in _graphs)
            {
                foreach (var layer in graph.Layers)
                {
                    if (layer.Path.Length == 0 && layer.Registration == Registration.Registered)
                        continue;
                    if (layer is { IsSource: true, Type: INamedTypeSymbol type })
                        inner.Add(type.OriginalDefinition);
                    places.Add(layer.Creation);
                }
            }

            return _graphs
                .Select(graph => (graph.Type is null ? places.Contains(graph.Location) : inner.Contains(graph.Type.OriginalDefinition)) ? graph with { IsSubmodule = true } : graph)
                .OrderBy(graph => graph.Location, Comparer<Location>.Create(Program.Order))
                .ToImmutableArray();
        }
    }
}
