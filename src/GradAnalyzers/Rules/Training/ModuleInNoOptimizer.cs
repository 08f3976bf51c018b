using System.Collections.Immutable;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>A module gets gradients from the loss, and no optimizer holds its parameters: it never learns.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ModuleInNoOptimizer() : TrainingLoopRule(Descriptors.GRAD2009)
{
    private protected override bool DependsOnCallers => true;

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        var held = loop.AllSteps.Select(step => step.Event.Optimizer.Parameters).ToList();
        if (loop.HasOpaqueCalls || held.Count == 0 || held.Any(set => !set.IsComplete || set.IsFiltered))
            yield break;
        var reported = new HashSet<Value>();
        foreach (var (node, step) in loop.AllSteps)
        {
            foreach (var (from, backward) in loop.Of<BackwardEvent>().Where(backward => loop.Graph.Reaches(backward.Node, node)))
            {
                var isUsed = loop.Steps.Any(used => used.Event == step && used.Backwards.Any(other => other.Node == from));
                foreach (var (module, call) in loop.Losses.ModulesOf(backward.Loss, backward.Frame).Calls)
                {
                    var receiver = (call as IInvocationOperation)?.Instance;
                    var isReplaced = IsGivenEarlier(receiver, step.Optimizer);
                    if ((isUsed || isReplaced) && module is Created created && program.HasWeights(module, loop.Values) && !held.Any(set => set.Modules.Any(other => Value.Overlap(other, module)))
                        && !IsHeldByAnother(module, held, loop) && !new ModuleUse(created, loop).MayBeMeantOrDoneElsewhere() && reported.Add(module))
                    {
                        Wording name = at => at.NameOf(module) ?? receiver?.Syntax.ToString() ?? "it";
                        Wording why = at => isReplaced ? $"the optimizer was made for an earlier object in '{name(at)}'" : $"no optimizer holds the parameters of '{name(at)}'";
                        yield return new Finding(step, module.Type?.Name ?? "a module", why)
                        {
                            Places = isReplaced ? Creations(step.Optimizer).Add(call).Add(created.Creation) : Creations(step.Optimizer).Add(call),
                        };
                    }
                }
            }
        }
    }

    /// <summary>The optimizer was made of the same variable, when another object was in it.</summary>
    private static bool IsGivenEarlier(IOperation? receiver, OptimizerSet optimizer) =>
        VariableOf(receiver) is { } variable && optimizer.Optimizers is [Created created] && Frame.Arguments(created.Creation)
            .SelectMany(argument => argument.Value.DescendantsAndSelf()).Any(operation => SymbolEqualityComparer.Default.Equals(VariableOf(operation), variable));

    private static ISymbol? VariableOf(IOperation? operation) => operation switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IFieldReferenceOperation { Instance: null or IInstanceReferenceOperation } reference => reference.Field,
        IPropertyReferenceOperation { Instance: null or IInstanceReferenceOperation } reference => reference.Property,
        _ => null,
    };

    private static ImmutableArray<IOperation> Creations(OptimizerSet optimizer) =>
        optimizer.Optimizers is [Created created] ? ImmutableArray.Create(created.Creation) : ImmutableArray<IOperation>.Empty;

    /// <summary>The module was handed to the constructor of one that is held.</summary>
    private static bool IsHeldByAnother(Value module, List<ParameterSet> held, TrainingLoop loop) =>
        held.SelectMany(set => set.Modules).OfType<Created>().Any(owner =>
            Frame.Arguments(owner.Creation).Any(argument => loop.Values.Trace(argument.Value, owner.Frame).Concat(loop.Values.TraceElements(argument.Value, owner.Frame)).Contains(module)));
}
