using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>The training loops of a compilation, read when first asked for, shared by all rules and forgotten with the compilation.</summary>
internal sealed class CompilationLoops
{
    private static readonly ConditionalWeakTable<Compilation, CompilationLoops> ByCompilation = new();

    private const int MaximumModules = 200;
    private const int MaximumCallers = 64;

    private readonly ConcurrentDictionary<MemberBody, Lazy<ImmutableArray<TrainingLoop>>> _loops = new();

    private readonly RecurrentContent _recurrent;
    private readonly ModelGraphs _graphs;

    private CompilationLoops(Compilation compilation, ModelCatalogue catalogue)
    {
        Source = new ProgramSource(compilation, catalogue);
        _graphs = ModelGraphs.For(compilation, catalogue);
        _recurrent = new RecurrentContent(Source);
    }

    public ProgramSource Source { get; }

    public static CompilationLoops For(Compilation compilation, ModelCatalogue catalogue) =>
        ByCompilation.GetValue(compilation, key => new CompilationLoops(key, catalogue));

    /// <summary>The loops that begin in a member; none where it mentions nothing that leads to a training call.</summary>
    public ImmutableArray<TrainingLoop> Of(ISymbol member, SyntaxNode declaration)
    {
        if (!Source.Index.IsRelevant(declaration))
            return ImmutableArray<TrainingLoop>.Empty;
        var body = member is IMethodSymbol method ? Source.CodeOf(method)?.Body : Source.InitializerAt(declaration);
        return body is null ? ImmutableArray<TrainingLoop>.Empty : Of(member as IMethodSymbol, body);
    }

    /// <summary>The loops that begin in a body.</summary>
    public ImmutableArray<TrainingLoop> Of(IMethodSymbol? method, MemberBody body) =>
        _loops.GetOrAdd(body, key => new Lazy<ImmutableArray<TrainingLoop>>(() => LoopReader.Read(Source, method, key))).Value;

    /// <summary>The loops that begin in members from which the loop's own member can be reached, near ones first.</summary>
    public ImmutableArray<TrainingLoop> CallersOf(TrainingLoop loop)
    {
        var callers = ImmutableArray.CreateBuilder<TrainingLoop>();
        var seen = new HashSet<SyntaxNode>();
        var open = new Queue<(string Name, SyntaxNode Declaration)>(NamesAt(SourceIndex.MemberOf(loop.Root.Body.Declaration)));
        while (open.Count > 0 && seen.Count < MaximumCallers)
        {
            var (name, declaration) = open.Dequeue();
            foreach (var caller in Source.Index.Mentioning(name, declaration).Where(seen.Add))
            {
                foreach (var method in MethodsAt(caller))
                    callers.AddRange(Of(method, method.DeclaringSyntaxReferences[0].GetSyntax()));
                foreach (var next in NamesAt(caller))
                    open.Enqueue(next);
            }
        }

        return callers.ToImmutable();
    }

    private IEnumerable<(string Name, SyntaxNode Declaration)> NamesAt(SyntaxNode declaration) =>
        Source.Model(declaration.SyntaxTree).GetDeclaredSymbol(declaration) switch
        {
            IMethodSymbol { MethodKind: MethodKind.Constructor } constructor => [(constructor.ContainingType.Name, declaration)],
            IMethodSymbol method => [(method.Name, declaration)],
            IPropertySymbol property => [(property.Name, declaration)],
            _ => [],
        };

    private IEnumerable<IMethodSymbol> MethodsAt(SyntaxNode declaration) =>
        Source.Model(declaration.SyntaxTree).GetDeclaredSymbol(declaration) switch
        {
            IMethodSymbol method => [method],
            IPropertySymbol property => new[] { property.GetMethod, property.SetMethod }.OfType<IMethodSymbol>().Where(accessor => !accessor.DeclaringSyntaxReferences.IsEmpty),
            _ => [],
        };

    /// <summary>Whether the optimizer is a class of the program itself, whose step may do more than the library's.</summary>
    public bool IsFromSource(OptimizerSet optimizer) =>
        optimizer.Optimizers.Any(value => value.Type is { } type && type.Locations.Any(location => location.IsInSource));

    /// <summary>Whether a module is recurrent, by its own type or by what it was made of: <c>new Wrapper(LSTM(…))</c>, <c>model.add(layers.LSTM(64))</c>.</summary>
    public bool IsRecurrent(Value module, ValueTracer tracer)
    {
        var seen = new HashSet<Value>();
        var open = new Queue<Value>([module]);
        while (open.Count > 0 && seen.Count < MaximumModules)
        {
            var current = open.Dequeue();
            if (!seen.Add(current))
                continue;
            if (current.Type is { } type && _recurrent.IsRecurrent(type))
                return true;
            if (current is not Created created)
                continue;
            if (created.Creation is IInvocationOperation { TargetMethod: { } factory } && Source.Catalogue.Find(factory)?.Role.IsRecurrent() == true)
                return true;
            foreach (var part in PartsOf(created, tracer))
                open.Enqueue(part);
        }

        return false;
    }

    /// <summary>How many time steps back the gradient of a recurrent model's layers reaches at initialization (the farthest); null where its graph shows no recurrent layer.</summary>
    public int? ReachOf(Value module, CancellationToken cancellation)
    {
        if (module.Type is not INamedTypeSymbol type)
            return null;
        var reaches = _graphs.Of(type, cancellation).Take(1)
            .SelectMany(graph => GraphNetwork.Of(graph).Nodes).Select(node => node.Layer).OfType<Recurrent>().Select(RecurrentReach.Of).ToList();
        return reaches.Count == 0 ? null : reaches.Max();
    }

    /// <summary>What a module was made of: arguments of its creation, what was appended to it, the layers called on the way to a functional model's output.</summary>
    private IEnumerable<Value> PartsOf(Created created, ValueTracer tracer)
    {
        if (created.Creation is IInvocationOperation { TargetMethod: { } method } call && Source.Catalogue.Is(method, Role.Forward))
            return tracer.Trace(call.Instance, created.Frame).Concat(Given(created, tracer));
        return Source.Catalogue.IsModule(created.Type) ? Given(created, tracer).Concat(Appended(created, tracer)) : [];
    }

    private static IEnumerable<Value> Given(Created created, ValueTracer tracer) => Frame.Arguments(created.Creation)
        .SelectMany(argument => tracer.Trace(argument.Value, created.Frame).Concat(tracer.TraceElements(argument.Value, created.Frame)));

    private IEnumerable<Value> Appended(Created created, ValueTracer tracer) => created.Frame.Body.Root.DescendantsAndSelf().OfType<IInvocationOperation>()
        .Where(call => Source.Catalogue.Is(call.TargetMethod, Role.Append) && tracer.Trace(call.Instance, created.Frame).Contains(created))
        .SelectMany(call => call.Arguments.SelectMany(argument => tracer.Trace(argument.Value, created.Frame)));

    /// <summary>Whether a module has weights of its own to learn: a loss, an activation or a dropout has none.</summary>
    public bool HasWeights(Value module, ValueTracer tracer) =>
        module.Type is { } type && (_recurrent.HasWeights(type)
            || (module is Created created && PartsOf(created, tracer).Any(part => part.Type is { } made && _recurrent.HasWeights(made))));
}
