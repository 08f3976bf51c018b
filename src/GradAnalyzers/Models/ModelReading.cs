using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models.Evaluation;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models;

/// <summary>Reads the models that one member creates, or one class with the defaults of its constructor.</summary>
internal sealed class ModelReading(ProgramSource source)
{
    /// <summary>Different models of one creation, as a search over sizes makes them.</summary>
    private const int MaximumKinds = 64;

    private readonly List<ModelGraph> _graphs = [];
    private readonly HashSet<Location> _creations = [];
    private readonly Dictionary<Location, bool> _madeByModules = [];
    private bool _isAlone;

    /// <summary>The models that a member creates and that no other module holds.</summary>
    /// <param name="place">The member.</param>
    /// <param name="creating">All members of the program that may create models.</param>
    public ImmutableArray<ModelGraph> CreatedBy(CreatingMember place, ImmutableHashSet<SyntaxNode> creating)
    {
        if (IsInModule(place.Member) || source.Operation(place.Member) is not { } operation)
            return ImmutableArray<ModelGraph>.Empty;
        var evaluator = new Evaluator(source, source.Cancellation, new ProgramSlice(source, method => MakesModels(method, creating)));
        if (operation is ISymbolInitializerOperation initializer)
            evaluator.Evaluate(initializer.Value);
        else
            evaluator.Run(operation, source.Model(place.Member.SyntaxTree).GetDeclaredSymbol(place.Member, source.Cancellation) as IMethodSymbol);
        ReadRoots(evaluator, operation);

        // What the run did not come by: lambdas, handlers, branches that do not return.
        foreach (var candidate in place.Creations)
        {
            if (_creations.Contains(candidate.GetLocation()) || source.Operation(candidate) is not { } expression)
                continue;
            var alone = new Evaluator(source, source.Cancellation);
            alone.Evaluate(expression);
            _isAlone = true;
            ReadRoots(alone, expression);
        }

        return _graphs.ToImmutableArray();
    }

    /// <summary>A class as its constructor's defaults make it; none where it cannot be made.</summary>
    public ImmutableArray<ModelGraph> WithDefaults(INamedTypeSymbol type)
    {
        var evaluator = new Evaluator(source, source.Cancellation);
        if (evaluator.ConstructWithDefaults(type, Identifier(type)) is not ModuleValue module)
            return ImmutableArray<ModelGraph>.Empty;
        evaluator.Rewind();
        var graph = new GraphReader(evaluator, source).Read(module, evaluator.RunForward(module, null), Identifier(type), null);
        return ImmutableArray.Create(graph.IsReadable ? graph : graph with { Counted = Counted(evaluator, module, null, Identifier(type)) });
    }

    /// <summary>The model with few and with many of what it repeats and nobody counts.</summary>
    private ImmutableArray<ModelGraph> Counted(Evaluator evaluator, ModuleValue module, IOperation? at, Location location)
    {
        var graphs = ImmutableArray.CreateBuilder<ModelGraph>();
        foreach (var count in ModelGraph.Counts)
        {
            if (evaluator.WithCounts(module, count) is not { } counted)
                break;
            evaluator.Rewind();
            var graph = new GraphReader(evaluator, source).Read(counted, evaluator.RunForward(counted, at), location, module.Creation);
            if (!graph.IsReadable)
                break;
            graphs.Add(graph);
        }

        evaluator.ForgetCounts();
        return graphs.Count == ModelGraph.Counts.Length ? graphs.ToImmutable() : ImmutableArray<ModelGraph>.Empty;
    }

    /// <summary>A class as any whole numbers make it: its constructor's numbers, those with a default, too, by their names.</summary>
    public ImmutableArray<ModelGraph> OfAnySize(INamedTypeSymbol type)
    {
        var evaluator = new Evaluator(source, source.Cancellation);
        if (evaluator.ConstructWithDefaults(type, Identifier(type), isOfAnySize: true) is not ModuleValue module)
            return ImmutableArray<ModelGraph>.Empty;
        evaluator.Rewind();
        return ImmutableArray.Create(new GraphReader(evaluator, source).Read(module, evaluator.RunForward(module, null), Identifier(type), null));
    }

    /// <summary>The module that a method returns; none where it is none that is known.</summary>
    public ImmutableArray<ModelGraph> ReturnedBy(IMethodSymbol method)
    {
        var evaluator = new Evaluator(source, source.Cancellation);
        if (source.Body(method) is not { } body || evaluator.Returned(method, body) is not ModuleValue module)
            return ImmutableArray<ModelGraph>.Empty;
        evaluator.Rewind();
        return ImmutableArray.Create(new GraphReader(evaluator, source).Read(module, evaluator.RunForward(module, body), module.Creation, module.Creation));
    }

    private bool MakesModels(IMethodSymbol method, ImmutableHashSet<SyntaxNode> creating)
    {
        foreach (var reference in method.OriginalDefinition.DeclaringSyntaxReferences)
        {
            source.Reads(reference.SyntaxTree);
            if (creating.Contains(reference.GetSyntax(source.Cancellation)))
                return true;
        }

        return false;
    }

    // What a module's constructor creates is part of that module; its static factories are the program's.
    private bool IsInModule(SyntaxNode member)
    {
        var isStatic = member.AncestorsAndSelf().OfType<MemberDeclarationSyntax>().FirstOrDefault()?.Modifiers.Any(SyntaxKind.StaticKeyword) == true;
        return !isStatic
            && member.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault() is { } declaration
            && source.Model(declaration.SyntaxTree).GetDeclaredSymbol(declaration, source.Cancellation) is { } type
            && source.IsModule(type);
    }

    /// <summary>Reads the modules that a run created and that no other module holds.</summary>
    private void ReadRoots(Evaluator evaluator, IOperation at)
    {
        // What a long program no longer got whole is read by itself.
        var created = evaluator.Modules.ToList();
        foreach (var module in created.Where(module => !module.IsCutShort))
            _creations.Add(module.Creation);
        var held = HeldByOthers(created);
        var read = new Dictionary<Location, List<ModuleValue>>();
        foreach (var module in created)
        {
            if ((module.IsCutShort && !_isAlone) || held.Contains(module) || !(module.IsSource || module.Role == Role.Sequential || module.Elsewhere is { IsJudged: false }) || (module.Type.IsAbstract && module.Elsewhere is null) || IsMadeByModule(module.Creation))
                continue;
            // A class created with nothing but unknown arguments is read with its defaults instead.
            if (module.IsSource && module.Arguments.Length > 0 && module.Get(Slot.Unknowns) is not null)
                continue;
            // A creation that the run came by again, with the same arguments, makes the same model.
            if (!read.TryGetValue(module.Creation, out var others))
                read.Add(module.Creation, others = []);
            if (others.Count >= MaximumKinds || others.Any(other => evaluator.AreAlike(module, other)))
                continue;
            others.Add(module);
            _graphs.Add(Read(evaluator, module, at));
        }
    }

    /// <summary>The model; where arguments that its creation does not tell keep it from being read, with their defaults instead.</summary>
    private ModelGraph Read(Evaluator evaluator, ModuleValue module, IOperation at)
    {
        var graph = Graph(module);
        return graph.IsReadable ? graph
            : evaluator.WithDefaults(module) is { } usual && Graph(usual) is { IsReadable: true } readable ? readable
            : graph with { Counted = Counted(evaluator, module, at, graph.Location) };

        ModelGraph Graph(ModuleValue root)
        {
            evaluator.Rewind();
            return new GraphReader(evaluator, source).Read(root, evaluator.RunForward(root, at), root.IsSource ? Identifier(root.Type) : root.Creation, root.Creation);
        }
    }

    // A module that another one's constructor makes is read with that one, even where the run lost it in a branch.
    private bool IsMadeByModule(Location creation)
    {
        if (!_madeByModules.TryGetValue(creation, out var isMade))
        {
            isMade = creation.SourceTree is { } tree && ModelSites.MemberOf(tree.GetRoot(source.Cancellation).FindNode(creation.SourceSpan)) is { } member && IsInModule(member);
            _madeByModules.Add(creation, isMade);
        }

        return isMade;
    }

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
                    case Optional optional:
                        pending.Push(optional.Present);
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

    private static Location Identifier(INamedTypeSymbol type) => type.OriginalDefinition.Locations[0];
}
