using GradAnalyzers.Catalogue;
using GradAnalyzers.Facts;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>What the program tells of the modules and optimizers of a loop.</summary>
internal sealed class LoopProgram(ProgramSource source)
{
    private const int MaximumModules = 200;

    private readonly ModuleContent _contents = new(source);

    public ProgramSource Source { get; } = source;

    /// <summary>Whether the optimizer is a class of the program itself, whose step may do more than the library's.</summary>
    public bool IsFromSource(OptimizerSet optimizer) =>
        optimizer.Optimizers.Any(value => value.Type is { } type && Source.Has(type.OriginalDefinition));

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
            if ((current.Type is { } type && _contents.IsRecurrent(type)) || FactOf(current)?.IsRecurrent == true)
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
    public int? ReachOf(Value module)
    {
        if ((FactOf(module) ?? Source.FactOf(module.Type)?.Module) is { IsRecurrent: true } fact)
            return fact.Reach;
        if (module.Type is not INamedTypeSymbol type)
            return null;
        var reaches = ModelGraphs.Of(Source.Program).Of(type, Source).Take(1)
            .SelectMany(graph => GraphNetwork.Of(graph).Nodes).Select(node => node.Layer).OfType<Recurrent>().Select(RecurrentReach.Of).ToList();
        return reaches.Count == 0 ? null : reaches.Max();
    }

    /// <summary>The name of a module's class, as far as it is known.</summary>
    public string? NameOf(Value module) => FactOf(module)?.Name ?? module.Type?.Name;

    /// <summary>What another project's factory, property or field gives.</summary>
    private ModuleFact? FactOf(Value module) => module switch
    {
        Created { Creation: IInvocationOperation { TargetMethod: var factory } } => Source.FactOf(factory)?.Module,
        Part { Member: var member } => Source.FactOf(member)?.Module,
        _ => null,
    };

    /// <summary>What a module was made of: arguments of its creation, what was appended to it, the layers called on the way to a functional model's output.</summary>
    private IEnumerable<Value> PartsOf(Created created, ValueTracer tracer)
    {
        if (created.Creation is IInvocationOperation { TargetMethod: { } method } call && Source.Catalogue.Is(method, Role.Forward))
            return tracer.Trace(call.Instance, created.Frame).Concat(Given(created, tracer));
        return Source.Catalogue.IsModule(created.Type) ? Given(created, tracer).Concat(Appended(created, tracer)) : [];
    }

    private static IEnumerable<Value> Given(Created created, ValueTracer tracer) => Frame.Arguments(created.Creation)
        .SelectMany(argument => tracer.Trace(argument.Value, created.Frame).Concat(tracer.TraceElements(argument.Value, created.Frame)));

    private IEnumerable<Value> Appended(Created created, ValueTracer tracer) => created.Frame.Body.Invocations
        .Where(call => Source.Catalogue.Is(call.TargetMethod, Role.Append) && tracer.Trace(call.Instance, created.Frame).Contains(created))
        .SelectMany(call => call.Arguments.SelectMany(argument => tracer.Trace(argument.Value, created.Frame)));

    /// <summary>Whether a module has weights of its own to learn: a loss, an activation or a dropout has none.</summary>
    public bool HasWeights(Value module, ValueTracer tracer) =>
        FactOf(module)?.HasWeights == true || (module.Type is { } type && (_contents.HasWeights(type)
            || (module is Created created && PartsOf(created, tracer).Any(part => part.Type is { } made && _contents.HasWeights(made)))));
}
