using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules;

/// <summary>
/// The base of rules that ask a question of a training loop. A finding is placed at its event where the event's own code decides it,
/// otherwise at the call that brings in what decides it (the model, say), with the event as the first additional location. What the fix needs and what helps a reader follow.
/// </summary>
public abstract class TrainingLoopRule(DiagnosticDescriptor descriptor) : Rule(descriptor)
{
    private protected sealed override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var findings = LoopFindings.Of(WholeProgram.Of(start.Compilation, catalogue));
        start.RegisterCodeBlockAction(context =>
        {
            foreach (var finding in findings.At(context.CodeBlock, Descriptor.Id, context.CancellationToken))
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, finding.Location, finding.Involved, finding.Properties, finding.Arguments.ToArray<object>()));
        });
    }

    internal string Id => Descriptor.Id;

    /// <summary>The arguments of the message, so that it fits.</summary>
    internal string[] Words(IEnumerable<object> arguments) => Message.Fit(Descriptor, arguments);

    /// <summary>What is wrong with the loop.</summary>
    private protected abstract IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program);

    /// <summary>
    /// The finding is that something is missing or in the wrong order, which callers may put right: it counts only where no caller in source does.
    /// </summary>
    private protected virtual bool DependsOnCallers => false;

    internal bool AsksCallers => DependsOnCallers;

    internal ImmutableArray<Finding> FindingsIn(TrainingLoop loop, LoopProgram program) => Check(loop, program).ToImmutableArray();
}

/// <summary>Something wrong with an event of a loop.</summary>
/// <param name="Event">What is wrong.</param>
/// <param name="Arguments">What the message says: a text, <see cref="Forms"/> of it, or a <see cref="Wording"/> that names things as they stand where it is reported.</param>
internal sealed record Finding(LoopEvent Event, params object[] Arguments)
{
    /// <summary>Which objects take part is for the callers to say: the finding counts only where no caller in source sees the event.</summary>
    public bool IsGuess { get; init; }

    /// <summary>The code around the event decides it alone: nothing that callers do changes it.</summary>
    public bool IsWholeInItself { get; init; }

    /// <summary>What else a reader wants to see: where the model or the optimizer is made, and its class.</summary>
    public ImmutableArray<Location> Related { get; init; } = ImmutableArray<Location>.Empty;

    /// <summary>Further places, for the fix.</summary>
    public ImmutableArray<IOperation> Places { get; init; } = ImmutableArray<IOperation>.Empty;

    /// <summary>What the fix needs to know.</summary>
    public ImmutableDictionary<string, string?> Properties { get; init; } = ImmutableDictionary<string, string?>.Empty;
}

/// <summary>A part of a message that depends on where it is read.</summary>
internal delegate object Wording(ReportedAt at);

/// <summary>Where a finding is reported: at its event, or at a call that leads there.</summary>
internal sealed record ReportedAt(IOperation Operation, Frame Frame, TrainingLoop Loop)
{
    /// <summary>The name of an object there; null where it has none.</summary>
    public string? NameOf(Value? value) => value is null ? null : NamesInScope.Of(value, Operation, Frame, Loop.Values);

    /// <summary>The name of an optimizer there, or what it is.</summary>
    public string NameOf(OptimizerSet optimizer) => (optimizer.IsOne ? NameOf(optimizer.Optimizers[0]) : null) ?? optimizer.Name;
}
