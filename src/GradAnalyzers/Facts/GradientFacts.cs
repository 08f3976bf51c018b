using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Facts;

/// <summary>What a method does to the gradients of what it is handed, out of its loop.</summary>
internal static class GradientFacts
{
    /// <summary>The fact, or null where something happens that a caller cannot be told in these words.</summary>
    public static GradientFact? Of(TrainingLoop loop)
    {
        if (loop.IsTruncated || loop.Root is not { Function: null, Method: { } method })
            return null;
        var (clips, clears, trains) = (new SortedSet<int>(), new SortedSet<int>(), new SortedSet<int>());
        var events = loop.Graph.Events.Select(node => node.Event).ToList();
        if (events.Any(happening => happening is StepEvent or BackwardEvent))
            return Trained(loop, method, trains) ? Fact() : null;
        foreach (var happening in events)
        {
            var isKnown = happening switch
            {
                ClipEvent { Parameters: { IsComplete: true, Modules.IsEmpty: false } parameters } => AddAll(clips, parameters.Modules, method),
                ClipEvent { Parameters.Modules: { IsEmpty: false } modules, IsByHand: true } => AddAll(clips, modules, method),
                ClipEvent { Parameters.Given: { } given } => AddAll(clips, ImmutableArray.Create(given), method),
                ClearEvent { Targets: { IsEmpty: false } targets } clear when IsCertain(clear) => AddAll(clears, targets, method),
                ClearEvent { Parameters: { IsComplete: true, IsFiltered: false, Modules.IsEmpty: false } parameters } clear when IsCertain(clear) => AddAll(clears, parameters.Modules, method),
                _ => false,
            };
            if (!isKnown)
                return null;
        }

        // In which order both are done, a caller cannot be told.
        return clips.Count > 0 && clears.Count > 0 ? null : Fact();

        GradientFact Fact() => new(clips.ToImmutableArray(), clears.ToImmutableArray(), trains.ToImmutableArray(), events.OfType<ClipEvent>().Any(clip => clip.IsByHand));
    }

    /// <summary>Every step trains models that the method is handed, and nothing limits their gradients; nothing is said of its order.</summary>
    private static bool Trained(TrainingLoop loop, IMethodSymbol method, SortedSet<int> trains)
    {
        foreach (var step in loop.Steps)
        {
            if (!step.MayBeClipped && !step.IsOneOfSeveral)
                AddAll(trains, step.Models.Where(model => model is Argument).ToImmutableArray(), method);
        }

        return trains.Count > 0;
    }

    private static bool AddAll(SortedSet<int> ordinals, ImmutableArray<Value> values, IMethodSymbol method)
    {
        var own = values.OfType<Argument>().Where(argument => SymbolEqualityComparer.Default.Equals(argument.Parameter.ContainingSymbol, method)).ToList();
        ordinals.UnionWith(own.Select(argument => argument.Parameter.Ordinal));
        return own.Count == values.Length;
    }

    /// <summary>Under no condition, here and in the calls that lead here.</summary>
    private static bool IsCertain(LoopEvent happening) => Frame.WayTo(happening.Operation, happening.Frame).All(step => !IsConditional(step.At));

    private static bool IsConditional(IOperation operation)
    {
        for (var current = operation; current is not null; current = current.Parent)
        {
            if (current is IConditionalOperation or ILoopOperation or ISwitchOperation or ISwitchExpressionOperation or ITryOperation or IConditionalAccessOperation or ICoalesceOperation or IAnonymousFunctionOperation)
                return true;
            if (current is IBlockOperation block && block.Operations.Any(statement => statement.Syntax.SpanStart < operation.Syntax.SpanStart && Leaves(statement)))
                return true;
        }

        return false;
    }

    private static bool Leaves(IOperation statement) => statement.DescendantsAndSelf().Any(part => part is IReturnOperation or IThrowOperation or IBranchOperation);
}
