using System.Collections.Immutable;
using GradAnalyzers.Program;
using GradAnalyzers.Rules.GradientPath;
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
        if (loop.HasOpaqueCalls || held.Count == 0 || held.Any(set => !set.IsComplete) || loop.AllSteps.Any(step => step.Event.IsByHand))
            yield break;
        var reported = new HashSet<Value>();
        foreach (var finding in Replaced(loop, program, reported))
            yield return finding;
        if (held.Any(set => set.IsFiltered))
            yield break;
        var unheld = Unheld(loop, held, program).ToList();
        foreach (var step in loop.Steps.Concat(loop.UnfedSteps))
        {
            foreach (var (node, backward, calls) in unheld)
            {
                foreach (var (module, call) in calls)
                {
                    var receiver = (call as IInvocationOperation)?.Instance;
                    if (module is Created created && step.IsReachedBy(node, backward)
                        && !IsHeldByAnother(module, held, loop) && !new ModuleUse(created, loop).MayBeMeantOrDoneElsewhere() && reported.Add(module))
                    {
                        // Where the optimizer was made for an object that this one replaces, it has to be made anew.
                        var isReplaced = step.Backwards.IsEmpty || IsGivenEarlier(receiver, step.Event.Optimizer) || (receiver is not null && loop.Values.Trace(receiver, backward.Frame).Any(other => other != module));
                        Wording name = at => at.NameOf(module) ?? receiver?.Syntax.ToString() ?? "it";
                        Wording why = at => isReplaced ? $"the optimizer was made for an earlier object in '{name(at)}'" : $"no optimizer holds the parameters of '{name(at)}'";
                        yield return new Finding(step.Event, module.Type?.Name ?? "a module", why)
                        {
                            Places = isReplaced ? Creations(step.Event.Optimizer).Add(call).Add(created.Creation) : Creations(step.Event.Optimizer).Add(call),
                        };
                    }
                }
            }

            foreach (var (layer, assignment) in loop.PartsReplacedBefore(step))
            {
                // What is not registered would be in no optimizer that is made later, either: that is the cause, and reported there.
                if (program.HasWeights(layer, loop.Values) && !IsUnregistered(layer, assignment, program.Source) && !held.Any(set => set.Modules.Any(other => layer == other)) && !new ModuleUse(layer, loop, assignment).MayBeMeantOrDoneElsewhere() && reported.Add(layer))
                    yield return new Finding(step.Event, layer.Type?.Name ?? "a module", assignment.Target.Syntax.ToString());
            }
        }
    }

    /// <summary>A model that is put where the optimizer's was, when the optimizer is made already, and that the loss is then computed by.</summary>
    private static IEnumerable<Finding> Replaced(TrainingLoop loop, LoopProgram program, HashSet<Value> reported)
    {
        foreach (var step in loop.Steps.Concat(loop.UnfedSteps))
        {
            foreach (var (model, member, place) in loop.ModelsReplacedBefore(step))
            {
                var learns = loop.Of<BackwardEvent>().Any(backward => step.IsReachedBy(backward.Node, backward.Event) && loop.Losses.ModulesOf(backward.Event.Loss, backward.Event.Frame).Calls
                    .Any(call => SymbolEqualityComparer.Default.Equals(VariableOf((call.Call as IInvocationOperation)?.Instance)?.OriginalDefinition, member.Member.OriginalDefinition)));
                if (learns && program.HasWeights(model, loop.Values) && !loop.AllSteps.Any(other => other.Event.Optimizer.Parameters.Modules.Contains(model)) && !new ModuleUse(model, loop, place).MayBeMeantOrDoneElsewhere() && reported.Add(model))
                    yield return new Finding(step.Event, model.Type?.Name ?? "a module", $"the optimizer was made for an earlier object in '{member.Member.Name}'") { Places = Creations(step.Event.Optimizer).Add(place).Add(model.Creation) };
            }
        }
    }

    private static bool IsUnregistered(Created layer, IOperation assignment, ProgramSource source) => UnregisteredLayers.Of(source.Program).In(assignment.Syntax.SyntaxTree, source.Cancellation)
        .SelectMany(unregistered => unregistered.Involved.Add(unregistered.Place)).Any(place => place.SourceTree == assignment.Syntax.SyntaxTree && (place.SourceSpan.IntersectsWith(assignment.Syntax.Span) || place.SourceSpan.IntersectsWith(layer.Creation.Syntax.Span)));

    /// <summary>The backward calls with the modules of their losses that have weights and are in no optimizer, nor a part of one or around one that is.</summary>
    private static IEnumerable<(int Node, BackwardEvent Event, List<(Value Module, IOperation Call)> Calls)> Unheld(TrainingLoop loop, List<ParameterSet> held, LoopProgram program)
    {
        var modules = held.SelectMany(set => set.Modules).ToImmutableHashSet();
        var owners = modules.SelectMany(module => module.WithOwners()).ToImmutableHashSet();
        foreach (var (node, backward) in loop.Of<BackwardEvent>())
        {
            var calls = loop.Losses.ModulesOf(backward.Loss, backward.Frame).Calls
                .Where(call => call.Module is Created && !owners.Contains(call.Module) && !call.Module.WithOwners().Any(modules.Contains) && program.HasWeights(call.Module, loop.Values)).ToList();
            if (calls.Count > 0)
                yield return (node, backward, calls);
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
        held.SelectMany(set => set.Modules).OfType<Created>().Any(owner => Frame.Arguments(owner.Creation).Any(argument => Given(argument.Value, owner.Frame, loop.Values).Contains(module)));

    /// <summary>What an argument hands over: itself, its elements, and what stands in arrays and tuples.</summary>
    private static IEnumerable<Value> Given(IOperation argument, Frame frame, ValueTracer values)
    {
        var elements = values.TraceElements(argument, frame);
        var inTuples = elements.OfType<Created>().Where(element => element.Creation is ITupleOperation).SelectMany(element => element.Creation.ChildOperations.SelectMany(part => values.Trace(part, element.Frame)));
        return elements.Concat(inTuples).Concat(argument.DescendantsAndSelf().Where(part => values.Source.IsModule(part.Type)).SelectMany(part => values.Trace(part, frame)));
    }
}
