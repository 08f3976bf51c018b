using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>A hidden state is carried from batch to batch with the graph of all earlier batches behind it.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class HiddenStateNotDetached() : TrainingLoopRule(Descriptors.GRAD2005)
{
    /// <summary>Property of the diagnostic: the statements that cut the states off.</summary>
    public const string Detach = "detach";

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        foreach (var (_, backward) in loop.Of<BackwardEvent>())
        {
            var trained = loop.Losses.ModulesOf(backward.Loss, backward.Frame).Modules.ToImmutableHashSet();
            foreach (var (frame, at) in Frame.WayTo(backward.Operation, backward.Frame))
            {
                if (LoopAround(at) is not { } round || Recurrence.Of(round, program.Source) is not { } repeated || (RetainsGraph(backward.Operation) && !loop.AllSteps.Any(step => IsIn(round, step.Event))))
                    continue;
                var carried = repeated.CarriedStates
                    .Where(state => !repeated.MayBeDetached(state) && !loop.Losses.IsWithoutGradient(state.Call, frame) && loop.Values.Trace(state.Call.Instance, frame).Any(trained.Contains))
                    .ToImmutableArray();
                if (!carried.IsEmpty)
                {
                    yield return Finding(backward, carried, round, program);
                    break;
                }

                var kept = trained.SelectMany(model => KeptState.Of(model, round, program.Source)).Distinct(SymbolEqualityComparer.Default).ToList();
                if (kept.Count > 0)
                {
                    yield return new Finding(backward, string.Join("' and '", kept.Select(member => member!.Name)), Effect(backward));
                    break;
                }
            }
        }
    }

    private static Finding Finding(BackwardEvent backward, ImmutableArray<CarriedState> carried, IOperation round, LoopProgram program)
    {
        var finding = new Finding(backward, string.Join("' and '", carried.Select(state => state.State.Name)), Effect(backward))
        {
            Places = ImmutableArray.Create(PlaceIn(round, carried[0].Call)),
        };
        var isTensor = carried.All(state => program.Source.Catalogue.Is(state.Type, Catalogue.Role.Tensor));
        return isTensor && round is ILoopOperation
            ? finding with { Properties = finding.Properties.Add(Detach, string.Join("\n", carried.Select(state => $"{state.State.Name} = {state.State.Name}{(StartsAsNull(state.State, round) ? "?" : "")}.detach();"))) }
            : finding;
    }

    private static string Effect(BackwardEvent backward) => RetainsGraph(backward.Operation)
        ? "the retained graph grows with every batch"
        : "the second batch throws 'Trying to backward through the graph a second time'";

    /// <summary>The statement of the loop's own body that the call is part of: a loop over time within it keeps its history.</summary>
    private static IOperation PlaceIn(IOperation round, IOperation call)
    {
        for (var current = call; current.Parent is { } parent; current = parent)
        {
            if (parent == (round as ILoopOperation)?.Body)
                return current;
        }

        return call;
    }

    /// <summary>The step, or a call that leads to it, stands in the loop.</summary>
    private static bool IsIn(IOperation round, StepEvent step) => Frame.WayTo(step.Operation, step.Frame)
        .Any(place => place.At.Syntax.SyntaxTree == round.Syntax.SyntaxTree && round.Syntax.Span.Contains(place.At.Syntax.Span));

    /// <summary>The innermost loop around an operation, within its function, or the fold that runs the function.</summary>
    private static IOperation? LoopAround(IOperation operation)
    {
        for (var current = operation.Parent; current is not null and not ILocalFunctionOperation; current = current.Parent)
        {
            if (current is ILoopOperation)
                return current;
            if (current is IAnonymousFunctionOperation)
                return current is { Parent: IDelegateCreationOperation { Parent: IArgumentOperation { Parent: IInvocationOperation { TargetMethod.Name: nameof(Enumerable.Aggregate) } fold } } } ? fold : null;
        }

        return null;
    }

    private static bool RetainsGraph(IOperation backward) =>
        backward is IInvocationOperation call && call.Arguments.Any(argument => argument.Parameter?.Name == "retain_graph" && argument.Value.ConstantValue is { HasValue: true, Value: true });

    /// <summary><c>Tensor? h = null;</c> before the loop: the first detach has nothing to work on.</summary>
    private static bool StartsAsNull(ISymbol state, IOperation loop)
    {
        IOperation top = loop;
        while (top.Parent is { } parent)
            top = parent;
        return top.DescendantsAndSelf().OfType<IVariableDeclaratorOperation>()
            .Where(declarator => SymbolEqualityComparer.Default.Equals(declarator.Symbol, state))
            .Any(declarator => declarator.GetVariableInitializer()?.Value is { } value && IsNull(value));
    }

    private static bool IsNull(IOperation value) => value switch
    {
        IConversionOperation conversion => IsNull(conversion.Operand),
        IDefaultValueOperation => true,
        _ => value.ConstantValue is { HasValue: true, Value: null },
    };
}
