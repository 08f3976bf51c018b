using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models;

/// <summary>
/// All models of a program, read once and shared by all rules: each module class at each set of constructor arguments that the program creates it with
/// (at its parameters' defaults where it never does with constants), and each Sequential that no class holds.
/// What each member creates is read by itself and stays with the member's tree: the next compilation reads again what an edit takes part in.
/// </summary>
internal sealed class ModelGraphs
{
    private const string CreatedKind = "models created";
    private const string ReturnedKind = "model returned";
    private const string AnySizeKind = "model of any size";
    private const string DefaultKind = "model with defaults";

    private static readonly ConditionalWeakTable<WholeProgram, ModelGraphs> ByProgram = new();
    private static readonly ConditionalWeakTable<ModelGraph, GraphKey> Keys = new();

    private readonly WholeProgram _program;
    private Reading? _reading;
    private Models? _models;

    private ModelGraphs(WholeProgram program) => _program = program;

    /// <summary>The models of a program, made once and forgotten with it.</summary>
    public static ModelGraphs For(Compilation compilation, ModelCatalogue catalogue) => Of(WholeProgram.Of(compilation, catalogue));

    /// <summary>The models of a program, made once and forgotten with it.</summary>
    public static ModelGraphs Of(WholeProgram program) => ByProgram.GetValue(program, static key => new ModelGraphs(key));

    /// <summary>Every model, in the order of files and classes.</summary>
    public ImmutableArray<ModelGraph> All(CancellationToken cancellation) => Read(cancellation).Graphs;

    /// <summary>The module classes of the source, in the order of declaration.</summary>
    public ImmutableArray<ModuleClass> Classes(CancellationToken cancellation) => Begun(cancellation).Sites.Classes;

    /// <summary>The models whose <see cref="ModelGraph.Location"/> lies in this file.</summary>
    public IEnumerable<ModelGraph> In(SyntaxTree tree, CancellationToken cancellation) => Read(cancellation).ByTree[tree];

    /// <summary>The models of one class, asked by a reading that from then on hangs on all models.</summary>
    public IEnumerable<ModelGraph> Of(INamedTypeSymbol type, ProgramSource asking)
    {
        var models = Read(asking.Cancellation);
        foreach (var kept in models.Kept)
            asking.Uses(kept);
        return models.ByType[ModelType.IdOf(type)];
    }

    /// <summary>The models whose creation is an expression, one that no class holds, asked in the same way.</summary>
    public IEnumerable<ModelGraph> At(SyntaxNode creation, ProgramSource asking)
    {
        var models = Read(asking.Cancellation);
        foreach (var kept in models.Kept)
            asking.Uses(kept);
        return models.ByTree[creation.SyntaxTree].Where(graph => graph.Type is null && graph.Location.SourceSpan == creation.Span);
    }

    /// <summary>A class as any whole numbers make it; null where they decide its structure, or it cannot be made.</summary>
    public ModelGraph? OfAnySize(INamedTypeSymbol type, CancellationToken cancellation) => type.IsAbstract ? null
        : Graphs(KeptOrRead(AnySizeKind, type.DeclaringSyntaxReferences[0].GetSyntax(cancellation), source => new ModelReading(source).OfAnySize(type), cancellation)).FirstOrDefault(graph => graph.IsComplete);

    /// <summary>A class as its constructor's defaults make it; null where they do not.</summary>
    public ModelGraph? OfDefaults(ModuleClass type, CancellationToken cancellation) => type.IsAbstract ? null : Graphs(WithDefaults(type, cancellation)).FirstOrDefault();

    /// <summary>The model that a method returns, its arguments by their names; null where that is not one known module.</summary>
    public ModelGraph? ReturnedBy(IMethodSymbol method, CancellationToken cancellation) =>
        method.DeclaringSyntaxReferences is [var reference]
            ? Graphs(KeptOrRead(ReturnedKind, reference.GetSyntax(cancellation), source => new ModelReading(source).ReturnedBy(method), cancellation)).FirstOrDefault()
            : null;

    /// <summary>Whether the models of a class are all that the program makes of it: each creation has constants, or was read with arguments that are numbers, and none is left to reflection.</summary>
    public bool KnowsAllOf(ModelType type, CancellationToken cancellation)
    {
        if (_program.Trees.SelectMany(tree => tree.Mentions(type.Name)).Any(mention => mention.FirstAncestorOrSelf<TypeOfExpressionSyntax>() is not null))
            return false;
        var known = Read(cancellation).ByType[type.Id].Where(graph => graph.Arguments.All(argument => IsConstant(argument.Value))).Select(graph => graph.Creation).ToImmutableHashSet();
        return Begun(cancellation).Sites.Members.All(member => member.Creations.All(creation => IsKnown(creation, member)));

        bool IsKnown(SyntaxNode creation, CreatingMember member) =>
            _program.Model(creation.SyntaxTree).GetOperation(creation, cancellation) is not IObjectCreationOperation { Type: { } made } operation || ModelType.IdOf(made) != type.Id
            || operation.Arguments.All(argument => argument.ArgumentKind == ArgumentKind.DefaultValue || argument.Value.ConstantValue.HasValue)
            // What takes sizes may be called with others.
            || (!member.IsFactory && known.Contains(creation.GetLocation()) && !creation.Ancestors().TakeWhile(outer => outer != member.Member).Any(outer => outer is AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax));

        static bool IsConstant(string value) => value is "true" or "false" or "null" || double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
    }

    private Models Read(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _models) is { } known)
            return known;
        var reading = Begun(cancellation);
        var created = reading.Created.All(cancellation);
        var classes = created.SelectMany(kept => Graphs(kept)).Select(graph => graph.Type?.Id).OfType<string>().ToImmutableHashSet(StringComparer.Ordinal);
        var atCalls = created.Where((_, part) => !reading.Sites.Members[part].IsFactory).SelectMany(kept => Graphs(kept)).Select(graph => graph.Creation).OfType<Location>().ToImmutableHashSet();
        var alone = reading.Defaults(classes, WithDefaults).All(cancellation);
        // What a factory makes of arguments that it does not know says less than what its callers make of it.
        var all = created.SelectMany((kept, part) => Graphs(kept).Where(graph => !reading.Sites.Members[part].IsFactory || graph.Creation is not { } creation || !atCalls.Contains(creation)))
            .Concat(alone.SelectMany(kept => Graphs(kept)));
        var models = new Models(WithUses(Distinct(all), cancellation), created.Concat(alone).ToImmutableArray());
        return Interlocked.CompareExchange(ref _models, models, null) ?? models;
    }

    private static readonly ConditionalWeakTable<ModelGraph, ModelGraph> WithItsUses = new();

    /// <summary>What the program does with each value of a model that returns several.</summary>
    private ImmutableArray<ModelGraph> WithUses(ImmutableArray<ModelGraph> graphs, CancellationToken cancellation)
    {
        if (!graphs.Any(graph => graph.Outputs.Length > 1 && graph.Type is not null) || !_program.MembersFor(cancellation).Trains)
            return graphs;
        var uses = OutputUses.In(_program, cancellation);
        return ImmutableArray.CreateRange(graphs, graph =>
        {
            if (graph.Outputs.Length < 2 || graph.Type is not { } type || OutputUses.Together(uses[type.Id]) is not { IsEmpty: false } together || together.Length != graph.Outputs.Length)
                return graph;
            // A graph that is kept from before keeps its prediction, as long as nothing else becomes of its values.
            if (WithItsUses.TryGetValue(graph, out var known) && known.UsesOfOutputs.SequenceEqual(together))
                return known;
            WithItsUses.Remove(graph);
            return WithItsUses.GetValue(graph, key => key with
            {
                UsesOfOutputs = together,
                Counted = ImmutableArray.CreateRange(key.Counted, counted => counted with { UsesOfOutputs = together }),
            });
        });
    }

    private Reading Begun(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _reading) is { } known)
            return known;
        var sites = ModelSites.Of(_program, cancellation);
        var creating = sites.Members.Select(member => member.Member).ToImmutableHashSet();
        var reading = new Reading(sites, new(sites.Members.Length, (part, token) => Created(sites.Members[part], creating, token)));
        return Interlocked.CompareExchange(ref _reading, reading, null) ?? reading;
    }

    private static ImmutableArray<ModelGraph> Graphs(Kept kept) => (ImmutableArray<ModelGraph>)kept.Value;

    private Kept Created(CreatingMember member, ImmutableHashSet<SyntaxNode> creating, CancellationToken cancellation) =>
        KeptOrRead(CreatedKind, member.Member, source => new ModelReading(source).CreatedBy(member, creating), cancellation);

    private Kept WithDefaults(ModuleClass type, CancellationToken cancellation) =>
        KeptOrRead(DefaultKind, type.Declaration, source => new ModelReading(source).WithDefaults(type.Symbol(_program, cancellation)), cancellation);

    private Kept KeptOrRead(string kind, SyntaxNode node, Func<ProgramSource, ImmutableArray<ModelGraph>> read, CancellationToken cancellation) => Kept.Of(_program, kind, node, cancellation, source =>
    {
        var graphs = read(source);
        foreach (var place in graphs.SelectMany(graph => (graph.Type?.Declarations ?? ImmutableArray<Location>.Empty).Append(graph.Location)))
            source.Reads(place.SourceTree);
        return graphs;
    });

    /// <summary>Creations with different arguments that come to the same model are one: names of devices and the like make no difference.</summary>
    private static ImmutableArray<ModelGraph> Distinct(IEnumerable<ModelGraph> graphs)
    {
        var known = new HashSet<ulong>();
        var all = graphs.Where(graph => known.Add(KeyOf(graph).Value)).OrderBy(graph => graph.Location, Comparer<Location>.Create(ModelSites.Order)).ToList();
        // A model that one program trains and another loads is judged as it starts where it is trained.
        var fresh = new HashSet<ulong>(all.Where(graph => !IsLoaded(graph)).Select(graph => KeyOf(graph).Structure));
        return all.Where(graph => !IsLoaded(graph) || !fresh.Contains(KeyOf(graph).Structure)).ToImmutableArray();
    }

    private static bool IsLoaded(ModelGraph graph) => graph.Layers.Any(layer => layer.Parameters.Any(parameter => parameter.Initialization.Role == Role.Load));

    private static GraphKey KeyOf(ModelGraph graph) => Keys.GetValue(graph, static key => NewKeyOf(key));

    private static GraphKey NewKeyOf(ModelGraph graph)
    {
        var key = StableHash.With(StableHash.With(StableHash.Seed, graph.Location.SourceTree?.FilePath ?? ""), (ulong)graph.Location.SourceSpan.GetHashCode());
        foreach (var node in graph.Nodes)
        {
            key = StableHash.With(StableHash.With(StableHash.With(key, (ulong)node.Role), node.Path ?? ""), (ulong)node.Inputs.Length);
            foreach (var input in node.Inputs)
                key = StableHash.With(key, (ulong)input);
            key = StableHash.With(key, KeyOf(node.Constants));
        }

        var structure = key;
        foreach (var parameter in graph.Layers.SelectMany(layer => layer.Parameters))
            key = StableHash.With(StableHash.With(StableHash.With(key, parameter.Path), (ulong)parameter.Initialization.Role), KeyOf(parameter.Initialization.Constants));
        return new(key, structure);
    }

    /// <summary>The same in whatever order they stand.</summary>
    private static ulong KeyOf(ImmutableDictionary<string, Constant> constants)
    {
        var sum = 0UL;
        foreach (var constant in constants)
            sum += StableHash.With(StableHash.With(StableHash.With(StableHash.Seed, constant.Key), "="), constant.Value.Text);
        return sum;
    }

    /// <summary>Computed once for a graph, which outlives the compilation.</summary>
    /// <param name="Value">Of everything that the prediction reads.</param>
    /// <param name="Structure">Without how parameters start.</param>
    private sealed record GraphKey(ulong Value, ulong Structure);

    /// <summary>The work: first what members create, then the classes that none of them did.</summary>
    private sealed record Reading(ModelSites Sites, SharedWork<Kept> Created)
    {
        private SharedWork<Kept>? _defaults;

        public SharedWork<Kept> Defaults(ImmutableHashSet<string> known, Func<ModuleClass, CancellationToken, Kept> read)
        {
            if (Volatile.Read(ref _defaults) is { } begun)
                return begun;
            var rest = Sites.Classes.Where(type => !type.IsAbstract && !known.Contains(type.Id)).ToImmutableArray();
            return Interlocked.CompareExchange(ref _defaults, new(rest.Length, (part, token) => read(rest[part], token)), null) ?? _defaults;
        }
    }

    /// <summary>What was read.</summary>
    private sealed class Models(ImmutableArray<ModelGraph> graphs, ImmutableArray<Kept> kept)
    {
        public ImmutableArray<ModelGraph> Graphs { get; } = graphs;

        public ImmutableArray<Kept> Kept { get; } = kept;

        public ILookup<SyntaxTree?, ModelGraph> ByTree { get; } = graphs.ToLookup(graph => graph.Location.SourceTree);

        public ILookup<string?, ModelGraph> ByType { get; } = graphs.ToLookup(graph => graph.Type?.Id, StringComparer.Ordinal);
    }
}
