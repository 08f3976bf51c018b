using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules;

/// <summary>
/// The base of rules that ask a question of a training loop. A finding is placed at its event where the event's own code decides it,
/// otherwise at the call that brings in what decides it (the model, say), with the event as the first additional location.
/// </summary>
public abstract class TrainingLoopRule(DiagnosticDescriptor descriptor) : Rule(descriptor)
{
    private protected sealed override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var loops = CompilationLoops.For(start.Compilation, catalogue);
        start.RegisterCodeBlockAction(context =>
        {
            foreach (var loop in loops.Of(context.OwningSymbol, context.CodeBlock))
            {
                foreach (var finding in Findings(loop, loops))
                    Report(finding, loop, loops, context.ReportDiagnostic);
            }
        });
    }

    /// <summary>What is wrong with the loop.</summary>
    private protected abstract IEnumerable<Finding> Check(TrainingLoop loop, CompilationLoops program);

    private ImmutableArray<Finding> Findings(TrainingLoop loop, CompilationLoops program)
    {
        if (loop.IsTruncated)
            return ImmutableArray<Finding>.Empty;
        lock (loop.Values)
            return Check(loop, program).ToImmutableArray();
    }

    private void Report(Finding finding, TrainingLoop loop, CompilationLoops program, Action<Diagnostic> report)
    {
        var happening = finding.Event;
        var location = happening.Operation.Syntax.GetLocation();
        if (happening.Frame.LeavingFrom(loop.Root.Body) is { } left)
        {
            // The code called decides by itself: it has the finding in its own place.
            if (program.Of(left.Method, left.Body).Any(own => Findings(own, program).Any(other => other.Event.Operation == happening.Operation)))
                return;
            location = left.Call!.Syntax.GetLocation();
        }

        var others = ImmutableArray.Create(happening.Operation.Syntax.GetLocation()).AddRange(finding.Places.Select(place => place.Syntax.GetLocation()));
        report(Diagnostic.Create(Descriptor, location, others, finding.Properties, finding.Arguments));
    }
}

/// <summary>Something wrong with an event of a loop.</summary>
/// <param name="Event">What is wrong; its place is the diagnostic's first additional location.</param>
/// <param name="Arguments">What the message says.</param>
internal sealed record Finding(LoopEvent Event, params object[] Arguments)
{
    /// <summary>Further additional locations, for the fix.</summary>
    public ImmutableArray<IOperation> Places { get; init; } = ImmutableArray<IOperation>.Empty;

    /// <summary>What the fix needs to know.</summary>
    public ImmutableDictionary<string, string?> Properties { get; init; } = ImmutableDictionary<string, string?>.Empty;
}
