using System.Collections.Immutable;
using GradAnalyzers.Models;
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

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, CompilationLoops program)
    {
        foreach (var (_, backward) in loop.Of<BackwardEvent>())
        {
            if (LoopAround(backward.Operation) is not { } round)
                continue;
            var unrolled = new UnrolledLoop(round, program.Source.Catalogue, program.Source);
            var trained = loop.Losses.ModulesOf(backward.Loss, backward.Frame).Modules.ToImmutableHashSet();
            var carried = unrolled.CarriedStates()
                .Where(state => !unrolled.MayBeDetached(state.State) && loop.Values.Trace(state.Call.Instance, backward.Frame).Any(trained.Contains))
                .ToImmutableArray();
            if (carried.IsEmpty)
                continue;
            var names = string.Join("' and '", carried.Select(state => state.State.Name));
            yield return new Finding(backward, names, RetainsGraph(backward.Operation)
                ? "the retained graph grows with every batch, and gradients flow back through all of them"
                : "the second batch throws 'Trying to backward through the graph a second time'")
            {
                Places = ImmutableArray.Create<IOperation>(carried[0].Call),
                Properties = carried.All(state => program.Source.Catalogue.Is(state.State.Type, Catalogue.Role.Tensor))
                    ? ImmutableDictionary<string, string?>.Empty.Add(Detach, string.Join("\n", carried.Select(state => $"{state.State.Name} = {state.State.Name}{(StartsAsNull(state.State, round) ? "?" : "")}.detach();")))
                    : ImmutableDictionary<string, string?>.Empty,
            };
        }
    }

    /// <summary>The innermost loop around an operation, within its function.</summary>
    private static ILoopOperation? LoopAround(IOperation operation)
    {
        for (var current = operation.Parent; current is not null and not (IAnonymousFunctionOperation or ILocalFunctionOperation); current = current.Parent)
        {
            if (current is ILoopOperation loop)
                return loop;
        }

        return null;
    }

    private static bool RetainsGraph(IOperation backward) =>
        backward is IInvocationOperation call && call.Arguments.Any(argument => argument.Parameter?.Name == "retain_graph" && argument.Value.ConstantValue is { HasValue: true, Value: true });

    /// <summary><c>Tensor? h = null;</c> before the loop: the first detach has nothing to work on.</summary>
    private static bool StartsAsNull(ILocalSymbol state, IOperation loop)
    {
        IOperation top = loop;
        while (top.Parent is { } parent)
            top = parent;
        return top.DescendantsAndSelf().OfType<IVariableDeclaratorOperation>()
            .Where(declarator => SymbolEqualityComparer.Default.Equals(declarator.Symbol, state))
            .Any(declarator => declarator.GetVariableInitializer()?.Value is { } value && value.DescendantsAndSelf().Any(part => part is IDefaultValueOperation || part.ConstantValue is { HasValue: true, Value: null }));
    }
}
