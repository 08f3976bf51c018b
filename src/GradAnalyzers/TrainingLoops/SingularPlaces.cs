using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>The roots, logarithms and arc cosines of a program that a gradient passes on its way back from a loss: in a loop, in what it calls, and in the forward of its models.</summary>
internal sealed class SingularPlaces
{
    private static readonly ConditionalWeakTable<WholeProgram, SingularPlaces> ByProgram = new();

    private readonly WholeProgram _program;
    private ImmutableHashSet<SyntaxNode>? _inModels;

    private SingularPlaces(WholeProgram program) => _program = program;

    public static SingularPlaces Of(WholeProgram program) => ByProgram.GetValue(program, static key => new SingularPlaces(key));

    /// <summary>Such calls on the way from a loop's losses to what is trained.</summary>
    public static ImmutableArray<SyntaxNode> In(TrainingLoop loop) => loop.Of<BackwardEvent>()
        .SelectMany(backward => loop.Losses.CallsBehind(backward.Event.Loss, backward.Event.Frame))
        .Where(call => MayBe(call.Call, loop.Values) && !loop.Losses.IsWithoutGradient(call.Call, call.Frame) && loop.Losses.IsTrained(call.Call, call.Frame))
        .Select(call => call.Call.Syntax).Distinct().ToImmutableArray();

    /// <summary>Such calls on the way from what the module classes of the source give.</summary>
    public ImmutableHashSet<SyntaxNode> InModels(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _inModels) is { } known)
            return known;
        var found = ModelGraphs.Of(_program).Classes(cancellation).SelectMany(type => InForward(type, cancellation)).ToImmutableHashSet();
        return Interlocked.CompareExchange(ref _inModels, found, null) ?? found;
    }

    private ImmutableArray<SyntaxNode> InForward(ModuleClass type, CancellationToken cancellation) =>
        (ImmutableArray<SyntaxNode>)Kept.Of(_program, "singular places", type.Declaration, cancellation, source => InForward(type.Symbol(_program, cancellation), source).ToImmutableArray()).Value;

    private static IEnumerable<SyntaxNode> InForward(INamedTypeSymbol type, ProgramSource source)
    {
        foreach (var forward in type.GetMembers().OfType<IMethodSymbol>().Where(method => !method.IsAbstract && source.Catalogue.Is(method, Role.Forward)))
        {
            if (source.CodeOf(forward) is not { } code)
                continue;
            var tracer = new ValueTracer(source);
            var losses = new LossTracer(tracer);
            var frame = tracer.Detached(forward, code.Body, receiver: null);
            var calls = code.Body.Returns(code.Function).SelectMany(value => losses.CallsBehind(value, frame)).Distinct().ToList();
            // The input of what has layers may be the data itself; a loss, a norm and an activation are given what another module computed.
            var hasLayers = calls.Any(call => losses.IsOnModule(call.Call, call.Frame));
            foreach (var (call, at) in calls)
            {
                if (MayBe(call, tracer) && !losses.IsWithoutGradient(call, at) && (losses.IsTrained(call, at) || (!hasLayers && losses.ComesFrom(call, at, forward))))
                    yield return call.Syntax;
            }
        }
    }

    private static bool MayBe(IInvocationOperation call, ValueTracer tracer) => tracer.Source.Catalogue.Find(call.TargetMethod) is { } entry && SingularPoints.MayBe(entry.Role);
}
