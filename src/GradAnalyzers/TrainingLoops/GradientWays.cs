using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Where every way that a gradient could take from a loss back to a model is cut: by a choice, a comparison, rounding, detach, a number read back, or a scope without gradients.
/// One way that leads on, or that can't be followed, and nothing is said.
/// </summary>
internal sealed class GradientWays(TrainingLoop loop)
{
    private const int MaximumSteps = 2_000;

    private readonly Dictionary<BackwardEvent, ImmutableArray<GradientCut>> _known = [];

    private ModelCatalogue Catalogue => loop.Values.Source.Catalogue;

    /// <summary>The cuts between the loss and a module that has nothing else to learn from; none where some way leads on or is not known.</summary>
    public ImmutableArray<GradientCut> CutsOf(BackwardEvent backward)
    {
        if (!_known.TryGetValue(backward, out var cuts))
            _known.Add(backward, cuts = FindCuts(backward));
        return cuts;
    }

    private ImmutableArray<GradientCut> FindCuts(BackwardEvent backward)
    {
        var cuts = ImmutableArray.CreateBuilder<GradientCut>();
        var seen = new HashSet<(IOperation, Frame)>();
        var open = new Stack<(IOperation Operation, Frame Frame, bool IsTarget)>();
        if (backward.Loss is null)
            return ImmutableArray<GradientCut>.Empty;
        open.Push((backward.Loss, backward.Frame, false));
        while (open.Count > 0)
        {
            var (operation, frame, isTarget) = open.Pop();
            if (!seen.Add((operation, frame)))
                continue;
            if (seen.Count > MaximumSteps)
                return ImmutableArray<GradientCut>.Empty;
            switch (Judge(operation, frame))
            {
                case Way.Arrives:
                    return ImmutableArray<GradientCut>.Empty;
                // Numbers carry no gradient, whoever computed them.
                case Way.Unknown when IsNumbers(operation.Type):
                    break;
                case Way.Unknown when !isTarget || operation is IInvocationOperation:
                    return ImmutableArray<GradientCut>.Empty;
                case Way.Cut:
                    cuts.Add(new GradientCut(operation, frame, Scope: null));
                    break;
                case Way.Unrecorded:
                    cuts.Add(new GradientCut(operation, frame, loop.Losses.ScopeWithoutGradient(operation)) { IsUnrecorded = true });
                    break;
                case Way.LeadsOn:
                    foreach (var (next, at) in Sources(operation, frame))
                        open.Push((next, at, isTarget || IsTargetOfLoss(operation, next)));
                    break;
            }
        }

        return cuts.Select(cut => cut with { Model = ModelBehind(cut) }).Where(cut => cut.Model is not null).ToImmutableArray();
    }

    /// <summary>What a value is computed from. Of code that is to be seen it is what it returns, and not all that it is given.</summary>
    private IEnumerable<(IOperation Operation, Frame Frame)> Sources(IOperation operation, Frame frame)
    {
        if (operation is IInvocationOperation call && (loop.Losses.IsOnModule(call, frame) ? Forwards(call, frame) : loop.Values.Enter(call, frame)) is { IsEmpty: false } entered)
            return entered.SelectMany(activation => activation.Body.Returns(activation.Function).Select(value => (value, activation)));
        // A projection gives what its function makes of the elements, and not the elements.
        if (operation is IInvocationOperation { TargetMethod: { Name: "Select" or "SelectMany" or "Average" or "Sum" or "Min" or "Max" or "Aggregate" } query, Arguments: { Length: > 1 } given } && Frameworks.IsQuery(query))
            return given.Skip(1).Select(argument => (argument.Value, frame));
        return loop.Losses.Sources(operation, frame);
    }

    /// <summary>What the modules that a call is on run, where all of them are in source: the way leads on through them to the layers in them.</summary>
    private ImmutableArray<Frame> Forwards(IInvocationOperation call, Frame frame)
    {
        // A method of a module that is not its forward does what its own code says.
        if (!Catalogue.Is(call.TargetMethod, Role.Forward))
            return loop.Values.Enter(call, frame) is { IsEmpty: false } entered && entered.All(method => method.Body.Returns(method.Function).Count > 0) ? entered : ImmutableArray<Frame>.Empty;
        var forwards = loop.Values.Trace(call.Instance, frame).Select(module => loop.Losses.ForwardOf(call, module, frame)).ToList();
        return forwards.All(forward => forward?.Body.Returns(null).Count > 0) ? forwards.OfType<Frame>().ToImmutableArray() : ImmutableArray<Frame>.Empty;
    }

    /// <summary>A number, an array of them, or a tuple of either.</summary>
    private static bool IsNumbers(ITypeSymbol? type) => type is INamedTypeSymbol { IsTupleType: true, TupleElements: var parts } ? parts.All(part => IsNumberOrArray(part.Type)) : IsNumberOrArray(type);

    private static bool IsNumberOrArray(ITypeSymbol? type) => LossTracer.IsPlain(type is IArrayTypeSymbol array ? array.ElementType : type);

    /// <summary>An activation, a dropout, a change of shape as a module: it has nothing to learn, and computes with what it is given.</summary>
    private bool OnlyComputes(Value module) => Catalogue.FindBase(module.Type)?.Role is { } role
        && (role.IsLoss() || (role.IsActivation() && role != Role.Prelu) || role is Role.Softmax or Role.LogSoftmax or Role.Softmin or Role.Dropout or Role.Identity or Role.Flatten);

    private Way Judge(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case IInvocationOperation call when IsCut(call):
            case IPropertyReferenceOperation { Property: var property } when Catalogue.Is(property, Role.Detach):
            case IBinaryOperation { OperatorMethod: { } comparison } when Catalogue.Find(comparison)?.Role is Role.Data or Role.Discrete:
                return Way.Cut;
            case IInvocationOperation call:
                return OfCall(call, frame);
            case IObjectCreationOperation or IArrayCreationOperation or ITupleOperation or IBinaryOperation or IUnaryOperation or ICompoundAssignmentOperation or IAssignmentOperation or IConditionalOperation
                or ICoalesceOperation or IConversionOperation or IArgumentOperation or IArrayInitializerOperation or IParenthesizedOperation or IAwaitOperation or ISwitchExpressionOperation or ISwitchExpressionArmOperation
                or IDelegateCreationOperation or IAnonymousFunctionOperation or IRangeOperation or IInterpolatedStringOperation or IDeclarationExpressionOperation or IIsPatternOperation:
                return Way.LeadsOn;
            case ILiteralOperation or IDefaultValueOperation or IInstanceReferenceOperation or ITypeOfOperation or INameOfOperation or IDiscardOperation or IConstantPatternOperation or IDiscardPatternOperation:
                return Way.Ends;
            case { ConstantValue.HasValue: true }:
                return Way.Ends;
            case { Type: var type } when Catalogue.Is(type, Role.Parameter):
                return Way.Arrives;
            case IMemberReferenceOperation { Member.DeclaringSyntaxReferences.IsEmpty: true } reference when LossTracer.IsPlain(reference.Type) || IsIndex(reference):
                return Way.LeadsOn;
            case ILocalReferenceOperation reference when IsOfData(reference, frame):
                return Way.Ends;
            case IFieldReferenceOperation or IPropertyReferenceOperation or ILocalReferenceOperation or IParameterReferenceOperation:
                return loop.Losses.Sources(operation, frame).Any(source => source.Operation is not IInstanceReferenceOperation) ? Way.LeadsOn : LossTracer.IsPlain(operation.Type) || !MayHoldTensor(operation.Type) ? Way.Ends : Way.Unknown;
            default:
                return LossTracer.IsPlain(operation.Type) ? Way.LeadsOn : Way.Unknown;
        }
    }

    /// <summary>A batch: an element of a sequence that other code hands in or a loader gives.</summary>
    private bool IsOfData(ILocalReferenceOperation reference, Frame frame)
    {
        var declaring = Frame.Declaring(reference.Local, frame);
        return declaring.Body.Writes(reference.Local) is [{ IsElement: true, Value: var sequence }]
            && loop.Values.Trace(sequence, declaring).All(value => value is not Created || value.Type?.ContainingAssembly?.Name == ModelCatalogue.Library);
    }

    /// <summary>The sizes and kinds that a new tensor is asked for with.</summary>
    private static bool IsShape(IOperation argument) => argument is IArrayCreationOperation { Initializer.ElementValues: var sizes } && sizes.All(size => size is IConversionOperation { Operand.ConstantValue.HasValue: true } or { ConstantValue.HasValue: true });

    private static bool IsIndex(IMemberReferenceOperation reference) => reference is IPropertyReferenceOperation { Property.IsIndexer: true } || reference.Member.ContainingType.IsTupleType;

    private bool MayHoldTensor(ITypeSymbol? type) => loop.Values.Source.Program.MayHoldTraining(type);

    private Way OfCall(IInvocationOperation call, Frame frame)
    {
        var role = Catalogue.Find(call.TargetMethod)?.Role;
        if (loop.Losses.IsOnModule(call, frame))
        {
            var modules = loop.Values.Trace(call.Instance, frame);
            if (modules.IsEmpty)
                return Way.Unknown;
            // A model is where gradients are to arrive: in its own code, where that is to be seen.
            return Recorded(call, frame) ?? (modules.All(OnlyComputes) || !Forwards(call, frame).IsEmpty ? Way.LeadsOn : Way.Arrives);
        }

        // A tensor that is made of numbers from elsewhere is no leaf to train, whatever it says of itself.
        if (role == Role.Data)
            return call.Arguments.Any(argument => argument.ArgumentKind == ArgumentKind.Explicit && !argument.Value.ConstantValue.HasValue && !IsShape(argument.Value)) ? Way.LeadsOn : Tracks(call) ? Way.Arrives : Way.Ends;
        if (role == Role.Freeze || (role is null && !IsUnderstood(call)))
            return Sources(call, frame).Any() && !loop.Values.Enter(call, frame).IsEmpty ? Way.LeadsOn : Way.Unknown;
        return IsTensor(call.Type) ? Recorded(call, frame) ?? Way.LeadsOn : Way.LeadsOn;
    }

    /// <summary>Whether a scope keeps the operation out of the graph; null where none does.</summary>
    private Way? Recorded(IOperation operation, Frame frame) =>
        loop.Losses.IsSurelyWithoutGradient(operation, frame) ? Way.Unrecorded : loop.Losses.IsWithoutGradient(operation, frame) ? Way.Unknown : null;

    /// <summary>A method of TorchSharp or of the framework computes with what it is given and nothing else.</summary>
    private static bool IsUnderstood(IInvocationOperation call) => call.TargetMethod.DeclaringSyntaxReferences.IsEmpty
        && (call.TargetMethod.ContainingAssembly?.Name == ModelCatalogue.Library || Frameworks.Contains(call.TargetMethod));

    private bool IsLoss(Value module) => Catalogue.FindBase(module.Type)?.Role.IsLoss() == true;

    /// <summary>A choice or comparison of a tensor, detach, or a number that is read from one.</summary>
    private bool IsCut(IInvocationOperation call)
    {
        if (!OperandsOf(call).Any(operand => IsTensor(operand.Type)))
            return false;
        return Catalogue.Find(call.TargetMethod)?.Role is Role.Detach or Role.ArgMax or Role.Discrete
            || (Catalogue.Is(call.TargetMethod, Role.Data) && !Tracks(call))
            || (call.TargetMethod.ContainingAssembly?.Name == ModelCatalogue.Library && LossTracer.IsPlain(call.Type));
    }

    private static IEnumerable<IOperation> OperandsOf(IInvocationOperation call) => call.Arguments.Select(argument => argument.Value).Concat(call.Instance is { } instance ? [instance] : Array.Empty<IOperation>());

    /// <summary>The new tensor requires gradients itself.</summary>
    private bool Tracks(IInvocationOperation call) => Catalogue.Find(call.TargetMethod) is { } entry
        && call.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("tracks", parameter.Name))?.Value is { } tracks && tracks.ConstantValue is not { HasValue: true, Value: false or null };

    private bool IsTensor(ITypeSymbol? type) => loop.Values.Source.IsTensor(type);

    /// <summary>What a loss compares the prediction with comes from the data where nobody shows otherwise.</summary>
    private bool IsTargetOfLoss(IOperation operation, IOperation argument) => operation is IInvocationOperation call && argument is not null
        && call.Arguments.FirstOrDefault(given => given == argument || given.Value == argument) is { Parameter.Ordinal: > 0 }
        && (Catalogue.Find(call.TargetMethod)?.Role.IsLoss() == true || Catalogue.FindBase(call.Instance?.Type)?.Role.IsLoss() == true);

    private Value? ModelBehind(GradientCut cut) => loop.Losses.ModulesBehind(cut.Operation, cut.Frame).FirstOrDefault(module => !IsLoss(module));

    private enum Way
    {
        LeadsOn,
        Ends,
        Cut,
        Unrecorded,
        Arrives,
        Unknown,
    }
}

/// <summary>A place that no gradient comes through.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Frame">Its activation.</param>
/// <param name="Scope">The call that switches gradients off there; null where the operation itself has no gradient, or the scope is around a call that leads there.</param>
internal sealed record GradientCut(IOperation Operation, Frame Frame, IInvocationOperation? Scope)
{
    /// <summary>A module that the value comes from.</summary>
    public Value? Model { get; init; }

    /// <summary>Gradients are switched off there.</summary>
    public bool IsUnrecorded { get; init; }
}
