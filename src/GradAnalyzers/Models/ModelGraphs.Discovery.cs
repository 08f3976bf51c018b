using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models.Evaluation;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Models;

internal sealed partial class ModelGraphs
{
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
            creation.SourceTree is { } tree && WholeProgram.Member(tree.GetRoot(cancellation).FindNode(creation.SourceSpan)) is { } member && IsInModule(member);

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
                .OrderBy(graph => graph.Location, Comparer<Location>.Create(WholeProgram.Order))
                .ToImmutableArray();
        }
    }
}
