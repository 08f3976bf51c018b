using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Finds the modules whose output leads to a loss, by following data backwards from it.</summary>
internal sealed class LossTracer(ValueTracer tracer)
{
    private const int MaximumOperations = 5_000;

    private ModelCatalogue Catalogue => tracer.Source.Catalogue;

    /// <summary>Every module called on the way to the loss; complete unless data came from code that is not to be seen.</summary>
    public (ImmutableArray<Value> Modules, bool IsComplete) ModulesOf(IOperation? loss, Frame frame)
    {
        if (loss is null)
            return (ImmutableArray<Value>.Empty, false);
        var modules = new List<Value>();
        var isComplete = true;
        var seen = new HashSet<(IOperation, Frame)>();
        var open = new Stack<(IOperation Operation, Frame Frame)>();
        open.Push((loss, frame));
        while (open.Count > 0)
        {
            var current = open.Pop();
            if (!seen.Add(current))
                continue;
            if (seen.Count > MaximumOperations)
                return (modules.Distinct().ToImmutableArray(), false);
            if (current.Operation is IInvocationOperation { Instance: { } receiver } && Catalogue.IsModule(receiver.Type))
                modules.AddRange(tracer.Trace(receiver, current.Frame));
            if (current.Operation is IParameterReferenceOperation parameter && current.Frame.ArgumentOf(parameter.Parameter) is null)
                isComplete = false;
            foreach (var next in Sources(current.Operation, current.Frame))
                open.Push(next);
        }

        return (modules.Distinct().ToImmutableArray(), isComplete);
    }

    /// <summary>What the value of an operation is computed from.</summary>
    private IEnumerable<(IOperation, Frame)> Sources(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case ILocalReferenceOperation reference:
                var declaring = Frame.Declaring(reference.Local, frame);
                return declaring.Body.Writes(reference.Local).SelectMany(write => Written(write.Value, declaring));
            case IParameterReferenceOperation reference:
                return (frame.ArgumentOf(reference.Parameter) is { } argument ? [argument] : Array.Empty<(IOperation, Frame)>())
                    .Concat(frame.Body.Writes(reference.Parameter).SelectMany(write => Written(write.Value, frame)));
            case IMemberReferenceOperation reference and (IFieldReferenceOperation or IPropertyReferenceOperation) when !Catalogue.IsModule(reference.Type):
                var owner = tracer.Trace(reference.Instance, frame).FirstOrDefault();
                return tracer.Source.WritesTo(reference.Member).Select(write => (write.Write.Value, tracer.Detached(write.Method, write.Body, owner)))
                    .Concat(Children(reference, frame));
            case IInvocationOperation { Instance: { } receiver } invocation when Catalogue.IsModule(receiver.Type):
                return invocation.Arguments.Select(argument => (argument.Value, frame));
            case IInvocationOperation invocation:
                var frames = tracer.Enter(invocation, frame);
                var arguments = Children(invocation, frame);
                return frames.IsEmpty ? arguments : frames.SelectMany(Returned).Concat(arguments);
            case IAnonymousFunctionOperation lambda:
                return frame.Body.Returns(lambda.Syntax).Select(value => (value, frame));
            default:
                return Children(operation, frame);
        }
    }

    private IEnumerable<(IOperation, Frame)> Written(IOperation value, Frame frame)
    {
        if (value is not IArgumentOperation { Parent: IInvocationOperation call, Parameter: { } parameter })
            return [(value, frame)];

        // An out argument: what the method called assigns to it.
        return tracer.Enter(call, frame)
            .SelectMany(entered => entered.Method!.Parameters.Where(candidate => candidate.Ordinal == parameter.Ordinal)
                .SelectMany(candidate => entered.Body.Writes(candidate)).Select(write => (write.Value, entered)))
            .Concat(Children(call, frame));
    }

    private static IEnumerable<(IOperation, Frame)> Returned(Frame frame) => frame.Body.Returns(frame.Function).Select(value => (value, frame));

    private static IEnumerable<(IOperation, Frame)> Children(IOperation operation, Frame frame) => operation.ChildOperations.Select(child => (child, frame));
}
