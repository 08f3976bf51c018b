using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>
/// The layers and tensors of a program's models that forward computes with and that TorchSharp does not know of, each cause once, by file.
/// A layer in one that is not registered is not another cause.
/// </summary>
internal sealed class UnregisteredLayers
{
    private static readonly ConditionalWeakTable<WholeProgram, UnregisteredLayers> ByProgram = new();

    private readonly WholeProgram _program;
    private ILookup<SyntaxTree?, Unregistered>? _byTree;

    private UnregisteredLayers(WholeProgram program) => _program = program;

    public static UnregisteredLayers Of(WholeProgram program) => ByProgram.GetValue(program, static key => new UnregisteredLayers(key));

    public IEnumerable<Unregistered> In(SyntaxTree tree, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _byTree) is not { } known)
        {
            // Two threads may both search; they find the same.
            var found = Find(cancellation).ToLookup(entry => entry.Place.SourceTree);
            known = Interlocked.CompareExchange(ref _byTree, found, null) ?? found;
        }

        return known[tree];
    }

    private IEnumerable<Unregistered> Find(CancellationToken cancellation)
    {
        var graphs = ModelGraphs.Of(_program).All(cancellation);
        var source = new ProgramSource(_program, cancellation);
        var classes = new ModuleClasses(source);
        var children = graphs.SelectMany(graph => graph.Layers).Where(layer => layer.Owner is not null).Select(layer => layer.Type).OfType<ModelType>().ToImmutableHashSet();
        var found = new Dictionary<Location, Unregistered>();
        foreach (var graph in graphs)
        {
            foreach (var cause in Causes(graph, classes, children))
            {
                if (!found.ContainsKey(cause.Place))
                    found.Add(cause.Place, cause);
            }
        }

        return found.Values.Concat(TensorsAsParameters.Find(_program, classes, cancellation)).OrderBy(entry => entry.Place, Comparer<Location>.Create(ModelSites.Order));
    }

    private static IEnumerable<Unregistered> Causes(ModelGraph graph, ModuleClasses classes, ImmutableHashSet<ModelType> children)
    {
        var unregistered = graph.Layers.Where(layer => layer.Registration is not (Registration.Registered or Registration.Local) && layer.Owner is { Registration: Registration.Registered }
            && HasWeights(graph, layer) && IsUsed(graph, layer, classes)).ToList();
        foreach (var group in unregistered.GroupBy(layer => (layer.Registration, layer.Owner, Holder: layer.Registration == Registration.InPlainCollection ? layer.Holder : null)))
        {
            var layers = group.ToImmutableArray();
            var owner = group.Key.Owner!;
            var holder = owner.IsSource ? owner : owner.Owner;
            if (holder?.Type is not { } type || classes.MayBeMeant(type, layers[0].Holder ?? owner.Holder))
                continue;
            switch (group.Key.Registration)
            {
                case Registration.InPlainCollection when layers[0].HolderDeclaration is { } declaration:
                    yield return new(Cause.PlainCollection, declaration.Place, layers[0].Holder!, declaration.Type);
                    break;
                case Registration.AssignedTooLate when owner.IsSource:
                    var assigned = layers.Where(layer => layer.Assignment is not null && classes.ComesAfter(layer.Assignment, owner.RegisteredAt)).ToImmutableArray();
                    if (!assigned.IsEmpty)
                        yield return new(Cause.TooLate, assigned[0].Assignment!, string.Join("' and '", assigned.Select(layer => layer.Holder))) { Involved = assigned.Select(layer => layer.Assignment!).ToImmutableArray() };
                    break;
                case Registration.AssignedTooLate:
                    yield return new(Cause.FilledTooLate, layers[0].Creation, owner.Holder ?? owner.Path) { Involved = layers.Select(layer => layer.Creation).ToImmutableArray() };
                    break;
                case Registration.InUnregisteredElement or Registration.NeverRegistered when classes.IdentifierOf(type) is { } identifier && !classes.Registers(type)
                    && (group.Key.Registration == Registration.InUnregisteredElement || (owner.Owner is null && graph.Creation is { } creation && !children.Contains(type) && !classes.MayBePart(creation))):
                    yield return new(group.Key.Registration == Registration.InUnregisteredElement ? Cause.ForgottenInElement : Cause.Forgotten, identifier, type.Name);
                    break;
            }
        }
    }

    /// <summary>It, or a layer in it, has something to train.</summary>
    private static bool HasWeights(ModelGraph graph, ModelLayer layer) => graph.Layers.Any(inner => inner.Parameters.Length > 0 && IsIn(inner, layer));

    /// <summary>What forward returns depends on it. Where the graph does not show all of forward, a mention of its field there counts; and so does another method of the class that runs it.</summary>
    private static bool IsUsed(ModelGraph graph, ModelLayer layer, ModuleClasses classes)
    {
        if (graph.Nodes.Any(node => node.Layer is { } used && IsIn(used, layer)))
            return true;
        var owner = layer.Owner!.IsSource ? layer.Owner : layer.Owner.Owner;
        return owner?.Type is { } type && (layer.Holder ?? layer.Owner.Holder) is { } holder && ((!graph.IsComplete && classes.ForwardMentions(type, holder)) || classes.RunsElsewhere(type, holder));
    }

    private static bool IsIn(ModelLayer inner, ModelLayer outer)
    {
        for (var current = inner; current is not null; current = current.Owner)
        {
            if (current == outer)
                return true;
        }

        return false;
    }
}

/// <summary>Why TorchSharp does not know of a layer.</summary>
internal enum Cause
{
    /// <summary>In an array, List, Dictionary, tuple or plain object.</summary>
    PlainCollection,

    /// <summary>Assigned after the first RegisterComponents.</summary>
    TooLate,

    /// <summary>Added to a ModuleList after its registration.</summary>
    FilledTooLate,

    /// <summary>A class that never registers, created on its own.</summary>
    Forgotten,

    /// <summary>A class that never registers, as an element of a Sequential.</summary>
    ForgottenInElement,

    /// <summary>A tensor that requires gradients and is no Parameter.</summary>
    PlainTensor,
}

/// <summary>A cause, where it is to be put right.</summary>
/// <param name="Cause">Why.</param>
/// <param name="Place">Where it is reported.</param>
/// <param name="Name">The field, or the class.</param>
/// <param name="Container">What holds the layers: <c>List&lt;Linear&gt;</c>.</param>
internal sealed record Unregistered(Cause Cause, Location Place, string Name, string Container = "")
{
    /// <summary>For the fix: the assignments that come too late.</summary>
    public ImmutableArray<Location> Involved { get; init; } = ImmutableArray<Location>.Empty;
}
