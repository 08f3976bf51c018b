using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// What else the code does with a module that is made in it: where it is made, in the other members of the class that holds it, and in the loop.
/// Any doubt counts as a use.
/// </summary>
/// <param name="module">The module.</param>
/// <param name="loop">The loop.</param>
/// <param name="known">A use of it that is no news.</param>
internal sealed class ModuleUse(Created module, TrainingLoop loop, IOperation? known = null)
{
    private const int MaximumMethods = 50;

    private readonly ValueTracer _tracer = loop.Values;
    private readonly ParameterTracer _parameters = new(loop.Values);
    private bool? _isPutInTraining;

    private ModelCatalogue Catalogue => _tracer.Source.Catalogue;

    /// <summary>It may be meant to stay as it is (loaded, frozen, in evaluation mode), be a part of another module, or be stepped or changed elsewhere.</summary>
    public bool MayBeMeantOrDoneElsewhere() =>
        Places().Any(place => place.Body.Operations.Any(operation => operation != known && IsUse(operation, place.Frame)));

    private IEnumerable<(MemberBody Body, Frame Frame)> Places()
    {
        var owned = module.WithOwners().Skip(1).SelectMany(owner => Members(owner.Type).Select(member => (member.Body, _tracer.Detached(member.Method, member.Body, owner))));
        return new[] { (module.Frame.Body, module.Frame), (loop.Root.Body, loop.Root) }
            .Concat(loop.Graph.Events.Select(node => (node.Event.Frame.Body, node.Event.Frame)))
            .Concat(owned).Distinct();
    }

    private IEnumerable<(IMethodSymbol? Method, MemberBody Body)> Members(ITypeSymbol? type)
    {
        foreach (var member in type?.GetMembers() ?? ImmutableArray<ISymbol>.Empty)
        {
            if (member is IMethodSymbol method && _tracer.Source.CodeOf(method) is { } code)
                yield return (method, code.Body);
            else if (member is IFieldSymbol or IPropertySymbol && member.DeclaringSyntaxReferences is [var reference, ..] && _tracer.Source.InitializerAt(reference.GetSyntax()) is { } initializer)
                yield return (null, initializer);
        }
    }

    private bool IsUse(IOperation operation, Frame frame) => operation switch
    {
        IInvocationOperation or IObjectCreationOperation when Catalogue.DerivesFrom(operation.Type, Role.Optimizer) => MayHold(operation, frame),
        IInvocationOperation call => Freezes(call, frame) || HandsOut(call, frame) || IsGivenAway(call, frame),
        IObjectCreationOperation creation => IsGivenAway(creation, frame),
        ISimpleAssignmentOperation { Target: IPropertyReferenceOperation { Property: var property } } when Catalogue.Is(property, Role.Freeze) => true,
        ISimpleAssignmentOperation { Target: IMemberReferenceOperation { Instance: { } owner } } assignment =>
            Catalogue.IsModule(owner.Type) && Catalogue.IsModule(assignment.Value.Type) && Is(assignment.Value, frame) && !_tracer.Trace(owner, frame).Any(module.WithOwners().Contains),
        _ => false,
    };

    private bool Is(IOperation? value, Frame frame) => _tracer.Trace(value, frame).Any(found => found is not Created || Value.Overlap(found, module));

    private bool IsSurely(IOperation? value, Frame frame) => _tracer.Trace(value, frame).Concat(_tracer.TraceElements(value, frame)).Any(found => Value.Overlap(found, module));

    private bool MayHold(IOperation optimizer, Frame frame) =>
        _parameters.Optimizers(optimizer, frame).Parameters.MayOverlap(ParameterSet.Of([module]));

    private bool Freezes(IInvocationOperation call, Frame frame)
    {
        var entry = Catalogue.Find(call.TargetMethod);
        return entry?.Meaning("freezes") is not null || (entry?.Role is Role.Freeze or Role.Load && Is(call.Instance, frame) && !IsForValidation(call.TargetMethod));
    }

    /// <summary>Evaluation mode, of a module that is put in training mode as well: a validation between the epochs.</summary>
    private bool IsForValidation(IMethodSymbol method) => Catalogue.Find(method) is { Role: Role.Freeze, IsBuiltIn: true } && IsPutInTraining;

    private bool IsPutInTraining => _isPutInTraining ??= Places().Any(place => place.Body.Invocations.Any(call => IsTrainingMode(call) && IsSurely(call.Instance, place.Frame)));

    private static bool IsTrainingMode(IInvocationOperation call) => call.TargetMethod is { Name: "train", ContainingAssembly.Name: ModelCatalogue.Library }
        && !call.Arguments.Any(argument => argument.Value.ConstantValue is { HasValue: true, Value: false });

    /// <summary>Its parameters go somewhere else than into a clip or an optimizer: a soft update, a penalty, a freezing loop.</summary>
    private bool HandsOut(IInvocationOperation call, Frame frame) =>
        Catalogue.Is(call.TargetMethod, Role.Parameters) && IsSurely(call.Instance, frame) && !IsForClipOrOptimizer(call);

    private bool IsForClipOrOptimizer(IOperation parameters)
    {
        for (var current = parameters.Parent; current is not null; current = current.Parent)
        {
            if (current is IInvocationOperation or IObjectCreationOperation && (Catalogue.DerivesFrom(current.Type, Role.Optimizer) || IsClip(current)))
                return true;
        }

        return false;
    }

    private bool IsClip(IOperation operation) => operation is IInvocationOperation { TargetMethod: { } method } && Catalogue.Find(method)?.Role is Role.ClipNorm or Role.ClipValue;

    /// <summary>It is an argument of something that may keep it: a constructor of a module, a method of a module, a collection, code that is not to be seen, code that freezes.</summary>
    private bool IsGivenAway(IOperation call, Frame frame)
    {
        if (!Frame.Arguments(call).Any(argument => (Catalogue.IsModule(argument.Value.Type) || argument.Value is IConversionOperation { Operand.Type: var type } && Catalogue.IsModule(type)) && IsSurely(argument.Value, frame)))
            return false;
        return call switch
        {
            IObjectCreationOperation creation => Catalogue.IsModule(creation.Type) || creation.Constructor is not { DeclaringSyntaxReferences.IsEmpty: false } || IsUsedIn(_tracer.Enter(creation, frame)),
            IInvocationOperation { TargetMethod: { } method } invocation => Catalogue.IsModule(invocation.Instance?.Type) || method.DeclaringSyntaxReferences.IsEmpty || LeadsToFreezing(method),
            _ => false,
        };
    }

    /// <summary>A constructor that it is handed to, or one that this chains to, freezes it or does anything else with it.</summary>
    private bool IsUsedIn(ImmutableArray<Frame> constructors) => constructors.Any(constructor => constructor.Body.Operations.Any(operation => operation != known && operation is not ISimpleAssignmentOperation && IsUse(operation, constructor))
        || (constructor.Body.Root is IConstructorBodyOperation { Initializer: { } chained } && chained.DescendantsAndSelf().OfType<IInvocationOperation>().FirstOrDefault() is { } next && IsUsedIn(_tracer.Enter(next, constructor))));

    private bool LeadsToFreezing(IMethodSymbol method)
    {
        var seen = new HashSet<MemberBody>();
        var open = new Queue<IMethodSymbol>([method]);
        var (isEvaluated, isTrained) = (false, false);
        while (open.Count > 0)
        {
            if (seen.Count > MaximumMethods)
                return true;
            if (_tracer.Source.CodeOf(open.Dequeue()) is not { } code || !seen.Add(code.Body))
                continue;
            foreach (var operation in code.Body.Operations)
            {
                if (operation is IAssignmentOperation { Target: IPropertyReferenceOperation { Property: var property } } && Catalogue.Is(property, Role.Freeze))
                    return true;
                if (operation is not IInvocationOperation { TargetMethod: var called })
                    continue;
                if (Catalogue.Find(called) is { } entry && (entry.Role is Role.Freeze or Role.Load || entry.Meaning("freezes") is not null))
                {
                    if (entry is not { Role: Role.Freeze, IsBuiltIn: true })
                        return true;
                    isEvaluated = true;
                }

                // A helper that sets either mode freezes nothing.
                isTrained |= operation is IInvocationOperation call && IsTrainingMode(call);
                open.Enqueue(called);
            }
        }

        return isEvaluated && !isTrained && !IsPutInTraining;
    }
}
