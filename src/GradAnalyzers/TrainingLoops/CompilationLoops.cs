using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
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

    private readonly ConcurrentDictionary<MemberBody, Lazy<ImmutableArray<TrainingLoop>>> _loops = new();

    private readonly RecurrentContent _recurrent;

    private CompilationLoops(Compilation compilation, ModelCatalogue catalogue)
    {
        Source = new ProgramSource(compilation, catalogue);
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

    /// <summary>Whether the optimizer is a class of the program itself, whose step may do more than the library's.</summary>
    public bool IsFromSource(OptimizerSet optimizer) =>
        optimizer.Optimizers.Any(value => value.Type is { } type && type.Locations.Any(location => location.IsInSource));

    /// <summary>Whether a module is recurrent, by its own type or by what it was made of (<c>new Wrapper(LSTM(…))</c>).</summary>
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
            if (current is not Created created || !Source.Catalogue.IsModule(created.Type))
                continue;
            foreach (var argument in Frame.Arguments(created.Creation))
            {
                foreach (var part in tracer.Trace(argument.Value, created.Frame).Concat(tracer.TraceElements(argument.Value, created.Frame)))
                    open.Enqueue(part);
            }
        }

        return false;
    }

    /// <summary>Whether a module has weights of its own to learn: a loss, an activation or a dropout has none.</summary>
    public bool HasWeights(Value module, ValueTracer tracer) =>
        module.Type is { } type && (_recurrent.HasWeights(type) || (module is Created created && Frame.Arguments(created.Creation)
            .SelectMany(argument => tracer.Trace(argument.Value, created.Frame).Concat(tracer.TraceElements(argument.Value, created.Frame)))
            .Any(part => part.Type is { } made && _recurrent.HasWeights(made))));

    /// <summary>
    /// Whether the code may mean the module to stay as it is: somewhere it is loaded, frozen, put into evaluation mode, or its type says nothing of where it came from.
    /// </summary>
    public bool MayBeFrozen(Created module, ValueTracer tracer)
    {
        // A pretrained model is often frozen far from the loop: any freezing call in the member that makes it, or that uses it, counts.
        return module.Frame.Body.Root.DescendantsAndSelf().Any(operation => operation switch
        {
            IInvocationOperation { TargetMethod: { } method } when Source.Catalogue.Find(method)?.Meaning("freezes") is not null => true,
            IInvocationOperation { TargetMethod: { } method } call => Source.Catalogue.Find(method)?.Role is Role.Freeze or Role.Load && tracer.Trace(call.Instance, module.Frame).Any(value => value.WithOwners().Contains(module) || value is not Created),
            IAssignmentOperation { Target: IPropertyReferenceOperation { Property: { } property } } => Source.Catalogue.Is(property, Role.Freeze),
            _ => false,
        });
    }
}
