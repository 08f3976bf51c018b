using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Follows an expression back to where its object was made: through variables, fields, properties, arguments, returns, tuples and collections.
/// Several answers mean that any of them may be the object. One tracer serves one root and one thread.
/// </summary>
internal sealed class ValueTracer(ProgramSource source)
{
    /// <summary>Bounds of one reading: nesting of questions, questions in all, activations in all. Beyond them a value is unknown, and the reading says nothing.</summary>
    private const int MaximumDepth = 48;
    private const int MaximumQuestions = 200_000;
    private const int MaximumActivations = 4_000;
    private const int MaximumCalls = 12;

    private readonly Dictionary<(IOperation, Frame), Answered> _known = [];
    private readonly Dictionary<Created, Answered> _elements = [];
    private readonly Dictionary<object, int> _open = [];
    private readonly Dictionary<(IMethodSymbol?, MemberBody, Value?), Frame> _detached = [];
    private readonly Dictionary<(Frame, IOperation, IMethodSymbol), Frame> _entered = [];
    private readonly Dictionary<ActivationKey, Frame> _activations = [];
    private readonly HashSet<Frame> _subscribing = [];
    private int _depth;
    private int _questions;

    /// <summary>The levels of the open questions that were met again, one bit each: what hangs on them is not final.</summary>
    private ulong _met;

    /// <summary>By level, what to forget when the question open there is answered.</summary>
    private readonly List<Action>[] _hanging = Enumerable.Range(0, MaximumDepth).Select(_ => new List<Action>()).ToArray();

    public ProgramSource Source { get; } = source;

    /// <summary>Whether a bound of the whole reading was reached.</summary>
    public bool IsExhausted => _questions > MaximumQuestions || _activations.Count >= MaximumActivations;

    private ModelCatalogue Catalogue => Source.Catalogue;

    /// <summary>Everything the expression can be.</summary>
    public ImmutableArray<Value> Trace(IOperation? operation, Frame frame)
    {
        if (operation is null)
            return ImmutableArray<Value>.Empty;
        return Known(_known, (operation, frame)) ?? Answer(_known, (operation, frame), () => Find(operation, frame), () => [new Unknown(operation, frame)]);
    }

    /// <summary>Everything the elements of a collection can be.</summary>
    public ImmutableArray<Value> TraceElements(IOperation? collection, Frame frame) =>
        Trace(collection, frame).OfType<Created>().SelectMany(created => Known(_elements, created) ?? Answer(_elements, created, () => Elements(created), () => [])).Distinct().ToImmutableArray();

    private ImmutableArray<Value>? Known<TQuestion>(Dictionary<TQuestion, Answered> answers, TQuestion question)
        where TQuestion : notnull
    {
        if (!answers.TryGetValue(question, out var known))
            return null;
        _met |= known.HangsOn;
        return known.Values;
    }

    /// <summary>
    /// Answers a question once. A question within itself (<c>x = f(x)</c>) adds nothing to its own answer; what was answered on the way there hangs on that question,
    /// and counts only as long as it is open.
    /// </summary>
    private ImmutableArray<Value> Answer<TQuestion>(Dictionary<TQuestion, Answered> answers, TQuestion question, Func<IEnumerable<Value>> find, Func<IEnumerable<Value>> giveUp)
        where TQuestion : notnull
    {
        if (_open.TryGetValue(question, out var level))
        {
            _met |= 1UL << level;
            return ImmutableArray<Value>.Empty;
        }

        if (_depth >= MaximumDepth || ++_questions > MaximumQuestions)
            return giveUp().ToImmutableArray();
        Source.Cancellation.ThrowIfCancellationRequested();
        var metBefore = _met;
        _met = 0;
        level = _depth++;
        _open.Add(question, level);
        var values = find().Distinct().ToImmutableArray();
        _open.Remove(question);
        _depth--;
        foreach (var forget in _hanging[level])
            forget();
        _hanging[level].Clear();
        var hangsOn = _met & ~(1UL << level);
        answers[question] = new Answered(values, hangsOn);
        if (hangsOn != 0)
            _hanging[Highest(hangsOn)].Add(() => answers.Remove(question));
        _met = metBefore | hangsOn;
        return values;
    }

    private static int Highest(ulong levels)
    {
        var highest = 0;
        while ((levels >>= 1) != 0)
            highest++;
        return highest;
    }

    /// <summary>An answer, and the levels of the open questions that it hangs on, one bit each.</summary>
    private readonly record struct Answered(ImmutableArray<Value> Values, ulong HangsOn);

    /// <summary>The activation of a method on a known object, with unknown arguments.</summary>
    public Frame Detached(IMethodSymbol? method, MemberBody body, Value? receiver)
    {
        if (!_detached.TryGetValue((method, body, receiver), out var frame))
        {
            var lexical = method is { MethodKind: MethodKind.LambdaMethod or MethodKind.LocalFunction } ? method.DeclaringSyntaxReferences[0].GetSyntax() : null;
            _detached.Add((method, body, receiver), frame = Frame.Root(method, body, receiver is null ? ImmutableArray<Value>.Empty : ImmutableArray.Create(receiver), lexical));
        }

        return frame;
    }

    /// <summary>Whether calls in this activation are followed, or it is too many calls away from the root.</summary>
    public bool MayEnter(Frame frame) => frame.Depth < MaximumCalls;

    /// <summary>Whether the code of a method of the program is being executed already.</summary>
    public bool IsRunning(IMethodSymbol method, Frame frame) => Source.Has(method.OriginalDefinition) && Source.CodeOf(method) is { } code && frame.IsActive(code.Function, code.Body);

    /// <summary>The activations that a call makes in source; empty where the code called is not to be seen.</summary>
    public ImmutableArray<Frame> Enter(IOperation call, Frame frame)
    {
        if (!MayEnter(frame))
            return ImmutableArray<Frame>.Empty;
        return call switch
        {
            IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke } invocation => EnterFunctions(invocation, Trace(invocation.Instance, frame), frame),
            IInvocationOperation { TargetMethod: { MethodKind: MethodKind.LocalFunction } function } => Enter(call, function, frame.Receiver, frame, LexicalOf(function, frame)),
            IInvocationOperation { TargetMethod: var method } invocation => EnterMethod(call, method, invocation.Instance, frame),
            IPropertyReferenceOperation { Property.GetMethod: { } getter } read when Getter(getter) is not null => EnterMethod(call, getter, read.Instance, frame),
            IObjectCreationOperation { Constructor: { } constructor } creation => Enter(creation, constructor, ImmutableArray.Create<Value>(new Created(creation, frame)), frame, lexical: null),
            _ when MemberBody.OperatorOf(call) is { } used => Enter(call, used, ImmutableArray<Value>.Empty, frame, lexical: null),
            _ => ImmutableArray<Frame>.Empty,
        };
    }

    /// <summary>The activations of the functions that the values are, made by the given call.</summary>
    public ImmutableArray<Frame> EnterFunctions(IOperation call, ImmutableArray<Value> functions, Frame frame) =>
        functions.OfType<Function>().SelectMany(function => Enter(call, function.Method, function.Receiver, frame, function.Lexical, function.Lambda)).ToImmutableArray();

    /// <summary>What a method runs on the object that an expression is.</summary>
    public ImmutableArray<IMethodSymbol> TargetsOf(IMethodSymbol method, IOperation instance, Frame frame)
    {
        var types = Trace(instance, frame).Select(value => value is Created ? value.Type : instance.Type).OfType<INamedTypeSymbol>();
        return Source.TargetsOf(method, types).ToImmutableArray();
    }

    /// <summary>The activations of the methods that a call without an expression for its object runs on it.</summary>
    public ImmutableArray<Frame> EnterOn(IOperation call, IOperation instance, ImmutableArray<IMethodSymbol> targets, Frame frame) =>
        MayEnter(frame) ? targets.SelectMany(target => Enter(call, target, Trace(instance, frame), frame, lexical: null)).ToImmutableArray() : ImmutableArray<Frame>.Empty;

    private ImmutableArray<Frame> EnterMethod(IOperation call, IMethodSymbol method, IOperation? instance, Frame frame)
    {
        // T.Create(): the class that T stands for has it.
        if (method is { IsStatic: true, IsAbstract: true })
        {
            return call is IInvocationOperation { ConstrainedToType: ITypeParameterSymbol parameter } && TypeArguments.Of(parameter, frame) is INamedTypeSymbol own && ProgramSource.Implementation(method, own) is { } implemented
                ? Enter(call, implemented, ImmutableArray<Value>.Empty, frame, lexical: null) : ImmutableArray<Frame>.Empty;
        }

        // An object that holds nothing of a training is any object of its class.
        var isAny = !ProgramSource.IsVirtual(method) && !Source.Program.MayHoldTraining(method.ContainingType);
        var receivers = isAny ? ImmutableArray<Value>.Empty : Trace(instance, frame);
        if (Frame.IsOnBase(call))
            return Enter(call, method, receivers, frame, lexical: null);
        return Source.TargetsOf(method, receivers.OfType<Created>().Select(created => created.Type).OfType<INamedTypeSymbol>()).SelectMany(target => Enter(call, target, receivers, frame, lexical: null)).ToImmutableArray();
    }

    private ImmutableArray<Frame> Enter(IOperation call, IMethodSymbol method, ImmutableArray<Value> receiver, Frame frame, Frame? lexical, SyntaxNode? lambda = null)
    {
        if (method.OriginalDefinition.DeclaringSyntaxReferences.IsEmpty)
            return ImmutableArray<Frame>.Empty;
        var code = lambda is not null && lexical is not null ? (lexical.Body, lambda) : Source.CodeOf(method);
        if (code is not { } found || frame.IsActive(found.Function, found.Body))
            return ImmutableArray<Frame>.Empty;
        if (_entered.TryGetValue((frame, call, method), out var entered))
            return ImmutableArray.Create(entered);
        if (_activations.Count >= MaximumActivations)
            return ImmutableArray<Frame>.Empty;
        var key = !GivesObjects(method) ? KeyOf(call, method, found.Body, found.Function, lexical, receiver, frame) : null;
        if (key is null || !_activations.TryGetValue(key, out var activation))
        {
            activation = frame.Enter(call, method, found.Body, found.Function, lexical, receiver);
            _activations.Add(key ?? ActivationKey.Of(activation), activation);
        }
        else if (frame.IsActive(activation))
        {
            return ImmutableArray<Frame>.Empty;
        }
        else
        {
            activation.AlsoCalledBy(frame, call);
        }

        _entered[(frame, call, method)] = activation;
        return ImmutableArray.Create(activation);
    }

    /// <summary>Whether a call can give its caller an object of its own, as a factory does: then two calls give two objects, and are never one activation.</summary>
    private bool GivesObjects(IMethodSymbol method) =>
        Source.Program.MayHoldTraining(method.ReturnType) || method.Parameters.Any(parameter => parameter.RefKind is RefKind.Out or RefKind.Ref && Source.Program.MayHoldTraining(parameter.Type));

    /// <summary>What makes two activations the same: code, object, and arguments as far as they can matter. Null where an argument hangs on a question that is still open.</summary>
    private ActivationKey? KeyOf(IOperation call, IMethodSymbol method, MemberBody body, SyntaxNode? function, Frame? lexical, ImmutableArray<Value> receiver, Frame frame)
    {
        var met = _met;
        _met = 0;
        // A lambda's receiver is that of the code around it.
        var values = lexical is not null || Source.Program.MayHoldTraining(method.ContainingType) ? receiver.ToList() : [];
        foreach (var (ordinal, argument) in Frame.Given(call))
        {
            if (Source.Program.MayHoldTraining(WithoutConversion(argument).Type))
                values.AddRange(Trace(argument, frame).Prepend(new Place(ordinal)));
        }

        var isFinal = _met == 0;
        _met |= met;
        return isFinal ? new ActivationKey(method, body, function, lexical, values.ToImmutableArray()) : null;
    }

    /// <summary>Separates the values of one argument from those of the next.</summary>
    private sealed record Place(int Ordinal) : Value((ITypeSymbol?)null);

    private sealed class ActivationKey(IMethodSymbol method, MemberBody body, SyntaxNode? function, Frame? lexical, ImmutableArray<Value> values) : IEquatable<ActivationKey>
    {
        private readonly int _hash = values.Aggregate(RuntimeHelpers.GetHashCode(body), (hash, value) => (hash * 31) + value.GetHashCode());

        /// <summary>A key that no other activation has.</summary>
        public static ActivationKey Of(Frame alone) => new(alone.Method!, alone.Body, alone.Function, alone, ImmutableArray<Value>.Empty);

        private (MemberBody Body, SyntaxNode? Function, Frame? Lexical) Code { get; } = (body, function, lexical);

        private IMethodSymbol Method { get; } = method;

        private ImmutableArray<Value> Values { get; } = values;

        public bool Equals(ActivationKey? other) =>
            other is not null && _hash == other._hash && Code == other.Code && SymbolEqualityComparer.Default.Equals(Method, other.Method) && Values.SequenceEqual(other.Values);

        public override bool Equals(object? other) => Equals(other as ActivationKey);

        public override int GetHashCode() => _hash;
    }

    /// <summary>A local function sees the variables of the frame that it was declared in.</summary>
    private static Frame? LexicalOf(IMethodSymbol function, Frame frame)
    {
        for (var current = frame; current is not null; current = current.Lexical ?? current.Caller)
        {
            if (SymbolEqualityComparer.Default.Equals(current.Method, function.ContainingSymbol))
                return current;
        }

        return frame;
    }

    private IEnumerable<Value> Find(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case { } use when MemberBody.OperatorOf(use) is not null:
                return Returned(use, frame);
            case IConversionOperation conversion:
                return Trace(conversion.Operand, frame);
            case IParenthesizedOperation parenthesized:
                return Trace(parenthesized.Operand, frame);
            case IAwaitOperation awaited:
                return Trace(awaited.Operation, frame);
            case IAssignmentOperation assignment:
                return Trace(assignment.Value, frame);
            case IConditionalOperation choice:
                return Trace(choice.WhenTrue, frame).Concat(Trace(choice.WhenFalse, frame));
            case ICoalesceOperation coalesce:
                return Trace(coalesce.Value, frame).Concat(Trace(coalesce.WhenNull, frame));
            case IConditionalAccessOperation access:
                return Trace(access.WhenNotNull, frame);
            case IConditionalAccessInstanceOperation instance:
                return Trace(ConditionalOwner(instance), frame);
            case ISwitchExpressionOperation choice:
                return choice.Arms.SelectMany(arm => Trace(arm.Value, frame));
            case IIsPatternOperation { Pattern: IDeclarationPatternOperation } test:
                return Trace(test.Value, frame);
            case IArgumentOperation argument:
                return OutArgument(argument, frame);
            case ILocalReferenceOperation reference:
                return Writes(reference, reference.Local, Frame.Declaring(reference.Local, frame));
            case IParameterReferenceOperation reference:
                return ParameterValues(reference, frame);
            case IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ContainingTypeInstance } reference:
                return Receiver(reference, frame);
            case IInstanceReferenceOperation { ReferenceKind: InstanceReferenceKind.ImplicitReceiver } reference:
                return ImplicitReceiver(reference, frame);
            case IFieldReferenceOperation reference:
                return Member(reference, reference.Instance, reference.Field, frame);
            case IPropertyReferenceOperation { Property.IsIndexer: true } reference:
                return Keyed(reference, frame) ?? TraceElements(reference.Instance, frame).DefaultIfEmpty(new Unknown(reference, frame));
            case IPropertyReferenceOperation reference:
                return Member(reference, reference.Instance, reference.Property, frame);
            case IArrayElementReferenceOperation reference:
                return TraceElements(reference.ArrayReference, frame).DefaultIfEmpty(new Unknown(reference, frame));
            case IAnonymousFunctionOperation lambda:
                return [new Function(lambda.Symbol, lambda.Syntax, frame, frame.Receiver)];
            case IDelegateCreationOperation creation:
                return Trace(creation.Target, frame);
            case IMethodReferenceOperation reference:
                return [new Function(reference.Method, null, frame, reference.Instance is null ? frame.Receiver : Trace(reference.Instance, frame))];
            case IInvocationOperation invocation:
                return Invocation(invocation, frame);
            case ITypeParameterObjectCreationOperation { Type: ITypeParameterSymbol parameter }:
                return [new Created(operation, frame) with { Type = TypeArguments.Of(parameter, frame) }];
            case IEventReferenceOperation { Event: var raised }:
                return Source.HandlersOf(raised) is { } handlers ? handlers.SelectMany(handler => Written(handler.Write, Subscribing(handler, frame))) : [new Unknown(operation, frame)];
            case IObjectCreationOperation or IArrayCreationOperation or ITupleOperation or IWithOperation:
            // An argument that is still being typed: its class is known.
            case IInvalidOperation { Syntax: BaseObjectCreationExpressionSyntax, Type.TypeKind: TypeKind.Class }:
                return [new Created(operation, frame)];
            case ILiteralOperation or IDefaultValueOperation or IThrowOperation:
                return [];
            case { Kind: OperationKind.None } or { Syntax: CollectionExpressionSyntax }:
                return [new Created(operation, frame)];
            default:
                return [new Unknown(operation, frame)];
        }
    }

    /// <summary>The activation that adds a handler: the one that is running, or one of which nothing is known, whose own objects may be any that the code makes.</summary>
    private Frame Subscribing(MemberWrite handler, Frame frame)
    {
        var function = MemberBody.FunctionOf(handler.Write.Value);
        if (frame.ActivationOf(function, handler.Body) is { } running)
            return running;
        var unknown = Detached(handler.Method, handler.Body, receiver: null);
        _subscribing.Add(unknown);
        return unknown;
    }

    /// <summary>Whether a value was made by code that adds a handler, in an activation that need not be the one that really did.</summary>
    public bool IsOfUnknownSubscriber(Value value) => _subscribing.Count > 0 && value.WithOwners().Any(owner => owner is Created { Frame: var maker } && _subscribing.Contains(maker));

    private IEnumerable<Value> Invocation(IInvocationOperation invocation, Frame frame)
    {
        if (PassedThrough(invocation) is { } same)
            return Trace(same, frame);
        return Returned(invocation, frame);
    }

    /// <summary>What a call in source gives; an object of its own where that is not to be seen.</summary>
    private IEnumerable<Value> Returned(IOperation call, Frame frame)
    {
        var returned = Enter(call, frame).SelectMany(entered => entered.Body.Returns(entered.Function).SelectMany(value => Trace(value, entered))).Distinct().ToList();
        return returned.Count > 0 ? returned : [new Created(call, frame)];
    }

    /// <summary><c>model.to(device)</c>, <c>model.cuda()</c>, <c>ModuleExtensionMethods.to(model, …)</c>: the library returns the module that it was given.</summary>
    private IOperation? PassedThrough(IInvocationOperation invocation)
    {
        if (Catalogue.Is(invocation.TargetMethod, Role.Same))
            return invocation.Instance;
        if (invocation.TargetMethod.ContainingAssembly?.Name != ModelCatalogue.Library || !Catalogue.IsModule(invocation.Type))
            return null;
        var given = invocation.Instance ?? invocation.Arguments.FirstOrDefault()?.Value;
        return given is not null && Catalogue.IsModule(given.Type)
            && SymbolEqualityComparer.Default.Equals(WithoutConversion(given).Type, invocation.Type) ? given : null;
    }

    private static IOperation WithoutConversion(IOperation operation)
    {
        while (operation is IConversionOperation { IsImplicit: true } conversion)
            operation = conversion.Operand;
        return operation;
    }

    private IEnumerable<Value> Writes(IOperation reference, ISymbol variable, Frame frame)
    {
        var writes = frame.Body.WritesReaching(reference, variable);
        return writes.IsEmpty ? [new Unknown(reference, frame)] : writes.SelectMany(write => Written(write, frame));
    }

    private IEnumerable<Value> Written(Write write, Frame frame)
    {
        var values = write.IsElement ? TraceElements(write.Value, frame) : Trace(write.Value, frame);
        foreach (var place in write.TuplePath)
            values = values.SelectMany(value => TuplePlace(value, place)).ToImmutableArray();
        return values;
    }

    private static bool IsNull(IOperation operation) =>
        WithoutConversion(operation) is { ConstantValue: { HasValue: true, Value: null } } or IDefaultValueOperation;

    private IEnumerable<Value> TuplePlace(Value value, int place)
    {
        if (value is not Created created)
            return [];
        if (ProgramSource.PositionalAt(created.Type, place) is { } property)
            return MemberOf(created, property, created.Creation, created.Frame);
        if (created.Creation is ITupleOperation tuple && place < tuple.Elements.Length)
            return Trace(tuple.Elements[place], created.Frame);
        return PlaceOf(created.Type, place) is { } field ? [new Part(created, field, field.Type)] : [];
    }

    private static IFieldSymbol? PlaceOf(ITypeSymbol? type, int place) =>
        type is INamedTypeSymbol { IsTupleType: true } tuple && place < tuple.TupleElements.Length ? tuple.TupleElements[place] : null;

    private IEnumerable<Value> OutArgument(IArgumentOperation argument, Frame frame)
    {
        if (argument.Parent is not IInvocationOperation call || argument.Parameter is not { } parameter)
            return [new Unknown(argument.Value, frame)];
        return Enter(call, frame)
            .Select(entered => (Frame: entered, Parameter: entered.Method!.Parameters.ElementAtOrDefault(parameter.Ordinal)))
            .Where(entered => entered.Parameter is not null)
            .SelectMany(entered => entered.Frame.Body.Writes(entered.Parameter!).SelectMany(write => Written(write, entered.Frame)))
            .DefaultIfEmpty(new Unknown(argument.Value, frame));
    }

    private IEnumerable<Value> ParameterValues(IParameterReferenceOperation reference, Frame frame)
    {
        if (frame.ArgumentOf(reference.Parameter) is { } bound)
            return Trace(bound.Argument, bound.Frame);

        // A parameter of a primary constructor is a hidden field of the object.
        if (reference.Parameter.ContainingSymbol is IMethodSymbol { MethodKind: MethodKind.Constructor } constructor
            && !SymbolEqualityComparer.Default.Equals(frame.Method, constructor))
        {
            foreach (var created in frame.Receiver.OfType<Created>())
            {
                var argument = Frame.Arguments(created.Creation).FirstOrDefault(candidate => SymbolEqualityComparer.Default.Equals(candidate.Parameter?.OriginalDefinition, reference.Parameter.OriginalDefinition));
                if (argument is not null)
                    return Trace(argument.Value, created.Frame);
            }
        }

        return HandedByFramework(reference.Parameter, frame).DefaultIfEmpty(new Argument(reference.Parameter));
    }

    /// <summary>What a query of the framework hands a lambda: the elements that it runs over, and for a fold what the round before gave.</summary>
    private IEnumerable<Value> HandedByFramework(IParameterSymbol parameter, Frame frame)
    {
        if (QueryAround(parameter, frame) is not { Frame: var own, Call: var call, Caller: var caller, Sequence: var sequence })
            return [];
        if (call.TargetMethod.Name != nameof(Enumerable.Aggregate))
            return parameter.Ordinal == 0 ? TraceElements(sequence, caller) : ImmutableArray<Value>.Empty;
        var given = own.Body.Returns(own.Function).SelectMany(value => Trace(value, own));
        return parameter.Ordinal switch
        {
            0 => (call.Arguments.Length > 2 ? Trace(call.Arguments[1].Value, caller) : TraceElements(sequence, caller)).Concat(given),
            1 => TraceElements(sequence, caller),
            _ => [],
        };
    }

    private static IEnumerable<Value> Receiver(IInstanceReferenceOperation reference, Frame frame)
    {
        for (var current = frame; current is not null; current = current.Lexical)
        {
            if (!current.Receiver.IsEmpty)
                return current.Receiver;
        }

        return reference.Type is null ? [] : [new Instance(reference.Type)];
    }

    private IEnumerable<Value> ImplicitReceiver(IInstanceReferenceOperation reference, Frame frame)
    {
        for (var current = reference.Parent; current is not null; current = current.Parent)
        {
            if (current is IObjectOrCollectionInitializerOperation { Parent: IObjectCreationOperation creation })
                return [new Created(creation, frame)];
        }

        return [new Unknown(reference, frame)];
    }

    public static IOperation? ConditionalOwner(IConditionalAccessInstanceOperation instance)
    {
        for (var current = instance.Parent; current is not null; current = current.Parent)
        {
            if (current is IConditionalAccessOperation access && access.Operation.Syntax == instance.Syntax)
                return access.Operation;
        }

        return null;
    }

    private IEnumerable<Value> Member(IOperation reference, IOperation? instance, ISymbol member, Frame frame)
    {
        var owners = member.IsStatic ? [null] : Trace(instance, frame).Cast<Value?>().DefaultIfEmpty(instance is null ? null : new Unknown(instance, frame));
        return owners.SelectMany(owner => MemberOf(owner, member, reference, frame)).Distinct();
    }

    /// <summary>Everything that a field or property of an object can be, as far as source explains it.</summary>
    public ImmutableArray<Value> TraceMember(Created owner, ISymbol member) =>
        Source.WritesTo(member, owner.Type).SelectMany(write => WrittenBy(write, owner)).Concat(Initialized(owner, member)).Distinct().ToImmutableArray();

    /// <summary>Everything that a field or property can be, of any object of its class.</summary>
    public ImmutableArray<Value> TraceMember(ISymbol member)
    {
        if (member is IPropertySymbol { GetMethod: { } getter } && Getter(getter) is not null)
            return TraceResult(getter);
        var owner = member.IsStatic ? null : new Instance(member.ContainingType);
        return Source.WritesTo(member, member.ContainingType).SelectMany(write => WrittenBy(write, owner)).Distinct().ToImmutableArray();
    }

    /// <summary>Everything that a method returns, whoever calls it.</summary>
    public ImmutableArray<Value> TraceResult(IMethodSymbol method)
    {
        if (Source.CodeOf(method) is not { Function: null } code)
            return ImmutableArray<Value>.Empty;
        var activation = Detached(method, code.Body, method.IsStatic ? null : new Instance(method.ContainingType));
        return code.Body.Returns(null).SelectMany(value => Trace(value, activation)).Distinct().ToImmutableArray();
    }

    private IEnumerable<Value> MemberOf(Value? owner, ISymbol member, IOperation reference, Frame frame)
    {
        if (owner is Created { Creation: ITupleOperation tuple } pair && member is IFieldSymbol { ContainingType.IsTupleType: true } field)
        {
            var place = ((INamedTypeSymbol)tuple.Type!).TupleElements.IndexOf(field.CorrespondingTupleField ?? field);
            place = place >= 0 ? place : field.ContainingType.TupleElements.IndexOf(field);
            return place >= 0 ? TuplePlace(pair, place) : [new Unknown(reference, frame)];
        }

        if (owner is Created { Creation: IObjectCreationOperation { Arguments: [{ Value: { Type.TypeKind: TypeKind.Delegate } make }, ..] } } lazy && Frameworks.IsValueOfLazy(member))
        {
            var made = EnterFunctions(lazy.Creation, Trace(make, lazy.Frame), lazy.Frame).SelectMany(entered => entered.Body.Returns(entered.Function).SelectMany(value => Trace(value, entered))).ToList();
            return made.Count > 0 ? made : [new Part(owner, member.OriginalDefinition, ((IPropertySymbol)member).Type)];
        }

        // A copy has what its original has, but for what is set anew.
        if (owner is Created { Creation: IWithOperation } copy)
            return OfCopy(copy, member, reference, frame);
        if (member is IPropertySymbol { IsVirtual: true } or IPropertySymbol { IsAbstract: true } or IPropertySymbol { IsOverride: true })
            member = ProgramSource.MostDerived((IPropertySymbol)member, owner?.Type);
        if (member is IPropertySymbol { GetMethod: { } getter } && Getter(getter) is { } body)
        {
            var activation = Detached(getter, body, owner);
            return body.Returns(null).SelectMany(value => Trace(value, activation)).DefaultIfEmpty(new Unknown(reference, frame));
        }

        var writes = Source.WritesTo(member, owner?.Type);
        if (IsBeingMade(reference, frame) && writes.RemoveAll(write => write.Method is { MethodKind: not MethodKind.Constructor } later && !Calls(frame, later)) is { IsEmpty: false } early)
            writes = early;
        var written = writes.SelectMany(write => WrittenBy(write, owner)).Concat(Initialized(owner, member)).Concat(Positional(owner, member)).ToList();
        return written.Count > 0 ? written : [new Part(owner, member.OriginalDefinition, reference is IMemberReferenceOperation ? reference.Type! : ((IPropertySymbol)member).Type)];
    }

    /// <summary>The sequence whose elements a query of the framework hands a lambda as its parameter.</summary>
    public static (IOperation Sequence, Frame Frame)? SequenceOf(IParameterReferenceOperation reference, Frame frame)
    {
        var parameter = reference.Parameter;
        if (QueryAround(parameter, frame) is { Call: var call, Caller: var caller, Sequence: var sequence })
            return parameter.Ordinal == ElementPlace(call) ? (sequence, caller) : null;

        // What a lambda returns is looked at without entering it.
        IOperation? around = reference.Parent;
        while (around is not null && !(around is IAnonymousFunctionOperation { Symbol: var symbol } && SymbolEqualityComparer.Default.Equals(symbol, parameter.ContainingSymbol)))
            around = around.Parent;
        while (around is IAnonymousFunctionOperation or IDelegateCreationOperation or IConversionOperation or IArgumentOperation)
            around = around.Parent;
        return around is IInvocationOperation { TargetMethod: var query } given && Frameworks.IsQuery(query) && parameter.Ordinal == ElementPlace(given) && (given.Instance ?? given.Arguments.FirstOrDefault()?.Value) is { } run ? (run, frame) : null;
    }

    private static int ElementPlace(IInvocationOperation query) => query.TargetMethod.Name == nameof(Enumerable.Aggregate) ? 1 : 0;

    private static (Frame Frame, IInvocationOperation Call, Frame Caller, IOperation Sequence)? QueryAround(IParameterSymbol parameter, Frame frame)
    {
        var own = frame;
        while (own is not null && !SymbolEqualityComparer.Default.Equals(own.Method, parameter.ContainingSymbol))
            own = own.Lexical;
        return own is { Call: IInvocationOperation { TargetMethod: var query } call, Caller: { } caller } && Frameworks.IsQuery(query) && (call.Instance ?? call.Arguments.FirstOrDefault()?.Value) is { } sequence
            ? (own, call, caller, sequence) : null;
    }

    private IEnumerable<Value> OfCopy(Created copy, ISymbol member, IOperation reference, Frame frame)
    {
        var values = new List<Value>();
        var seen = new HashSet<Value>();
        var open = new Queue<Value>([copy]);
        while (open.Count > 0)
        {
            var current = open.Dequeue();
            if (!seen.Add(current))
                continue;
            if (current is not Created { Creation: IWithOperation with, Frame: var at })
            {
                values.AddRange(MemberOf(current, member, reference, frame));
                continue;
            }

            var set = Set(with.Initializer, member).ToList();
            values.AddRange(set.SelectMany(value => Trace(value, at)));
            foreach (var original in set.Count > 0 ? ImmutableArray<Value>.Empty : Trace(with.Operand, at))
                open.Enqueue(original);
        }

        return values;
    }

    /// <summary>An object reads its own member while it is made: what other methods write has not been written yet.</summary>
    private static bool IsBeingMade(IOperation reference, Frame frame) => frame.Function is null
        && frame.Body.Root is IConstructorBodyOperation or IFieldInitializerOperation or IPropertyInitializerOperation && reference is IMemberReferenceOperation { Instance: IInstanceReferenceOperation };

    private static bool Calls(Frame frame, IMethodSymbol method) => method.MethodKind is not MethodKind.Ordinary || frame.Body.Invocations
        .Any(call => !call.TargetMethod.DeclaringSyntaxReferences.IsEmpty && SymbolEqualityComparer.Default.Equals(call.TargetMethod.ContainingType.OriginalDefinition, method.ContainingType.OriginalDefinition));

    /// <summary>The body of a property that computes its value; null for an automatic one.</summary>
    private MemberBody? Getter(IMethodSymbol getter)
    {
        var syntax = getter.OriginalDefinition.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax();
        return syntax is AccessorDeclarationSyntax { Body: null, ExpressionBody: null } or null ? null : Source.BodyAt(syntax);
    }

    private IEnumerable<Value> WrittenBy(MemberWrite write, Value? owner)
    {
        if (IsNull(write.Write.Value))
            return [];
        if (owner is not Created { Creation: IObjectCreationOperation { Constructor: { } constructor } } created || write.Method is not { MethodKind: MethodKind.Constructor } writer)
            return Written(write.Write, Detached(write.Method, write.Body, owner));

        // The constructor that made this object, or one that it chains to: its arguments are known.
        var frames = Enter(created.Creation, created.Frame);
        for (var chain = 0; chain < MaximumCalls && frames.Length == 1; chain++)
        {
            if (frames[0].Body == write.Body)
                return Written(write.Write, frames[0]);
            if (frames[0].Body.Root is not IConstructorBodyOperation { Initializer: { } next } || ChainedCall(next) is not { } call)
                break;
            frames = Enter(call, call.TargetMethod, created.WithOwners().Take(1).ToImmutableArray(), frames[0], lexical: null);
        }

        return SymbolEqualityComparer.Default.Equals(writer.ContainingType.OriginalDefinition, constructor.ContainingType.OriginalDefinition)
            ? []
            : Written(write.Write, Detached(write.Method, write.Body, owner));
    }

    private static IInvocationOperation? ChainedCall(IOperation initializer) => initializer switch
    {
        IInvocationOperation call => call,
        IExpressionStatementOperation { Operation: IInvocationOperation call } => call,
        _ => null,
    };

    /// <summary><c>new Trainer { Model = model }</c>.</summary>
    private IEnumerable<Value> Initialized(Value? owner, ISymbol member)
    {
        if (owner is not Created { Creation: IObjectCreationOperation { Initializer: { } initializer } } created)
            return [];
        return Set(initializer, member).SelectMany(value => Trace(value, created.Frame));
    }

    private static IEnumerable<IOperation> Set(IObjectOrCollectionInitializerOperation initializer, ISymbol member) => initializer.Initializers.OfType<ISimpleAssignmentOperation>()
        .Where(assignment => assignment.Target is IMemberReferenceOperation target && SymbolEqualityComparer.Default.Equals(target.Member.OriginalDefinition, member.OriginalDefinition))
        .Select(assignment => assignment.Value);

    /// <summary>The property of a record that its primary constructor's parameter declares.</summary>
    private IEnumerable<Value> Positional(Value? owner, ISymbol member) =>
        owner is Created { Creation: IObjectCreationOperation creation } created && member.OriginalDefinition is IPropertySymbol { DeclaringSyntaxReferences: [var declared] } && declared.GetSyntax() is ParameterSyntax
            ? creation.Arguments.Where(argument => argument.Parameter?.Name == member.Name).SelectMany(argument => Trace(argument.Value, created.Frame)) : [];

    /// <summary>What an object that is written out holds in a member: by its initializer, or by the place of a record's primary constructor; null where neither says.</summary>
    public static IOperation? HeldIn(IObjectCreationOperation creation, ISymbol member) => (creation.Initializer is { } initializer ? Set(initializer, member).FirstOrDefault() : null)
        ?? (member.OriginalDefinition is IPropertySymbol { DeclaringSyntaxReferences: [var declared] } && declared.GetSyntax() is ParameterSyntax ? creation.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == member.Name)?.Value : null);

    /// <summary>What stands under a constant key in a dictionary that is written out, of the framework or of modules; null for any other.</summary>
    private IEnumerable<Value>? Keyed(IPropertyReferenceOperation reference, Frame frame)
    {
        if (reference.Arguments is not [{ Value.ConstantValue: { HasValue: true, Value: { } key } }] || Trace(reference.Instance, frame) is not [Created created])
            return null;
        var pairs = ((created.Creation as IObjectCreationOperation)?.Initializer?.Initializers ?? ImmutableArray<IOperation>.Empty).Select(one => one switch
        {
            ISimpleAssignmentOperation { Target: IPropertyReferenceOperation { Property.IsIndexer: true, Arguments: [{ Value.ConstantValue: { HasValue: true, Value: { } name } }] }, Value: var value } => (name, value),
            IInvocationOperation { Arguments: [{ Value.ConstantValue: { HasValue: true, Value: { } name } }, { Value: var value }] } => (name, value),
            _ => ((object?)null, one),
        }).Concat(Frame.Arguments(created.Creation).SelectMany(argument => WithoutConversion(argument.Value) is IArrayCreationOperation { Initializer.ElementValues: var elements } ? elements : ImmutableArray<IOperation>.Empty).Select(element =>
            WithoutConversion(element) is ITupleOperation { Elements: [{ ConstantValue: { HasValue: true, Value: { } name } }, var value] } ? (name, value) : (null, element))).ToList();
        return pairs.Count > 0 && pairs.All(pair => pair.Item1 is not null) && pairs.Where(pair => key.Equals(pair.Item1)).ToList() is [var (_, found)] ? Trace(found, created.Frame) : null;
    }

    private IEnumerable<Value> Elements(Created created)
    {
        if (created.Creation.Syntax is CollectionExpressionSyntax syntax)
        {
            // Roslyn 4.8 has no operation for a collection expression, only for what stands in it; newer ones are read the same way.
            return syntax.Elements.SelectMany(element => element switch
            {
                ExpressionElementSyntax one => Trace(created.Frame.Body.OperationAt(one.Expression), created.Frame),
                SpreadElementSyntax many => TraceElements(created.Frame.Body.OperationAt(many.Expression), created.Frame),
                _ => ImmutableArray<Value>.Empty,
            });
        }

        switch (created.Creation)
        {
            case IArrayCreationOperation { Initializer: { } initializer }:
                return initializer.ElementValues.SelectMany(element => Trace(element, created.Frame));
            case IObjectCreationOperation creation:
                var added = (creation.Initializer?.Initializers ?? ImmutableArray<IOperation>.Empty).SelectMany(one => one switch
                {
                    IInvocationOperation call => call.Arguments.Select(argument => argument.Value),
                    ISimpleAssignmentOperation { Target: IPropertyReferenceOperation { Property.IsIndexer: true }, Value: var value } => [value],
                    _ => [],
                });
                return added.SelectMany(value => Trace(value, created.Frame))
                    .Concat(creation.Arguments.SelectMany(argument => TraceElements(argument.Value, created.Frame)));
            case IInvocationOperation { TargetMethod: var query, Arguments: [{ Value: var sequence }, ..] } call when Frameworks.IsQuery(query):
                return query.Name switch
                {
                    "ToList" or "ToArray" or "AsEnumerable" or "Where" or "Take" or "Skip" or "TakeLast" or "SkipLast" or "Reverse" or "OrderBy" or "OrderByDescending" or "Distinct" => TraceElements(sequence, created.Frame),
                    "Select" when call.Arguments.Length == 2 => EnterFunctions(call, Trace(call.Arguments[1].Value, created.Frame), created.Frame).SelectMany(entered => entered.Body.Returns(entered.Function).SelectMany(value => Trace(value, entered))),
                    "Concat" or "Union" => call.Arguments.SelectMany(argument => TraceElements(argument.Value, created.Frame)),
                    _ => [],
                };
            default:
                return [];
        }
    }
}
