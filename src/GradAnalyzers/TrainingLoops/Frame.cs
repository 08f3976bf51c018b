using System.Collections.Immutable;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// One activation of a method, lambda or local function: which call bound its parameters and which object it runs on.
/// Calls on the same object with the same arguments share one, so that the number of activations grows with the program and not with the ways through it.
/// </summary>
internal sealed class Frame
{
    private const int MaximumCalls = 32;

    private readonly List<(Frame Caller, IOperation Call)> _callers = [];

    private Frame(IMethodSymbol? method, MemberBody body, SyntaxNode? function, Frame? caller, IOperation? call, Frame? lexical, ImmutableArray<Value> receiver)
    {
        Method = method;
        Body = body;
        Function = function;
        Caller = caller;
        Call = call;
        Lexical = lexical;
        Receiver = receiver;
        Depth = caller is null ? 0 : caller.Depth + 1;
        if (caller is not null && call is not null)
            _callers.Add((caller, call));
    }

    public IMethodSymbol? Method { get; }

    public MemberBody Body { get; }

    /// <summary>The lambda or local function within <see cref="Body"/>, or null for the member itself.</summary>
    public SyntaxNode? Function { get; }

    /// <summary>Every call that makes this activation; empty where the reading began.</summary>
    public IReadOnlyList<(Frame Caller, IOperation Call)> Callers => _callers;

    /// <summary>The frame that made the first of the calls, or null where the reading began.</summary>
    public Frame? Caller { get; }

    public IOperation? Call { get; }

    /// <summary>For a lambda or local function, the activation of the code around it.</summary>
    public Frame? Lexical { get; }

    /// <summary>What <c>this</c> can be.</summary>
    public ImmutableArray<Value> Receiver { get; }

    /// <summary>Number of calls from the root.</summary>
    public int Depth { get; }

    public static Frame Root(IMethodSymbol? method, MemberBody body, ImmutableArray<Value> receiver, SyntaxNode? function = null, Frame? lexical = null) =>
        new(method, body, function, caller: null, call: null, lexical, receiver);

    /// <summary>The activation that a call in this frame makes.</summary>
    public Frame Enter(IOperation call, IMethodSymbol method, MemberBody body, SyntaxNode? function, Frame? lexical, ImmutableArray<Value> receiver) =>
        new(method, body, function, this, call, lexical, receiver);

    /// <summary>Another call makes the same activation.</summary>
    public void AlsoCalledBy(Frame caller, IOperation call) => _callers.Add((caller, call));

    /// <summary>Whether the code is being executed already, so that entering it again would be recursion.</summary>
    public bool IsActive(SyntaxNode? function, MemberBody body) => ActivationOf(function, body) is not null;

    /// <summary>The innermost running activation of the code; null where it is not being executed.</summary>
    public Frame? ActivationOf(SyntaxNode? function, MemberBody body)
    {
        for (var current = this; current is not null; current = current.Caller)
        {
            if (current.Body == body && current.Function == function)
                return current;
        }

        return null;
    }

    /// <summary>Whether the activation is this one or one that led here.</summary>
    public bool IsActive(Frame activation)
    {
        for (var current = this; current is not null; current = current.Caller)
        {
            if (current == activation)
                return true;
        }

        return false;
    }

    /// <summary>
    /// Whether one object can run both activations. On an object of unknown class a virtual call is followed into every override,
    /// but the overrides that it really runs all belong to one class: never those of two sister classes, nor a method and the one that it overrides.
    /// </summary>
    public bool MayRunWith(Frame other) =>
        OnUnknownClass().All(one => other.OnUnknownClass().All(two => one.Receiver[0] != two.Receiver[0] || (IsOfTheClassOf(one, two) && IsOfTheClassOf(two, one))));

    private IEnumerable<Frame> OnUnknownClass()
    {
        for (var current = this; current.Caller is { } caller; current = caller)
        {
            if (current is { Receiver: [not Created], Method: { } method, Call: { } call } && (method.IsVirtual || method.IsOverride || method.ContainingType.AllInterfaces.Length > 0) && !IsOnBase(call))
                yield return current;
        }
    }

    /// <summary>Whether an object that runs the second method can run the first, too.</summary>
    private static bool IsOfTheClassOf(Frame first, Frame second)
    {
        var (one, two) = (first.Method!.ContainingType, second.Method!.ContainingType);
        return one.TypeKind == TypeKind.Interface || two.TypeKind == TypeKind.Interface || Inherits(two, one)
            ? ProgramSource.Implementation(first.Method, two) is not { } own || SymbolEqualityComparer.Default.Equals(own.OriginalDefinition, first.Method.OriginalDefinition)
            : Inherits(one, two);
    }

    private static bool Inherits(INamedTypeSymbol type, INamedTypeSymbol from)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(current.OriginalDefinition, from.OriginalDefinition))
                return true;
        }

        return false;
    }

    /// <summary><c>base.Step()</c>: no override is asked.</summary>
    public static bool IsOnBase(IOperation call) => call switch
    {
        IInvocationOperation { Instance.Syntax: BaseExpressionSyntax } or IPropertyReferenceOperation { Instance.Syntax: BaseExpressionSyntax } => true,
        _ => false,
    };

    /// <summary>The argument that binds a parameter, with the frame to read it in; null where no call is known.</summary>
    public (IOperation Argument, Frame Frame)? ArgumentOf(IParameterSymbol parameter)
    {
        for (var current = this; current is not null; current = current.Lexical)
        {
            if (!SymbolEqualityComparer.Default.Equals(current.Method?.OriginalDefinition, parameter.ContainingSymbol.OriginalDefinition))
                continue;
            // Code that is not to be seen hands a function what it likes.
            if (current is not { Call: { } call, Caller: { } caller } || (current.Method?.MethodKind == MethodKind.LambdaMethod && call is not IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke }))
                return null;
            var argument = Given(call).FirstOrDefault(candidate => candidate.Ordinal == parameter.Ordinal).Value;
            return argument is null ? null : (argument, caller);
        }

        return null;
    }

    /// <summary>The activation that declares a variable seen from the given one: its own, or one around a lambda.</summary>
    public static Frame Declaring(ISymbol variable, Frame frame)
    {
        for (var current = frame; current is not null; current = current.Lexical)
        {
            if (SymbolEqualityComparer.Default.Equals(current.Method, variable.ContainingSymbol))
                return current;
        }

        return frame;
    }

    /// <summary>The calls by which the given body leaves on the ways to this frame, each with the activation it stands in and the one it makes; none where this frame is in the body itself.</summary>
    public IEnumerable<(IOperation Call, Frame Caller, Frame Entered)> LeavingFrom(MemberBody body)
    {
        if (Body == body)
            yield break;
        var seen = new HashSet<Frame> { this };
        var open = new Queue<Frame>([this]);
        while (open.Count > 0)
        {
            var current = open.Dequeue();
            foreach (var (caller, call) in current.Callers)
            {
                if (caller.Body == body)
                    yield return (call, caller, current);
                else if (seen.Add(caller))
                    open.Enqueue(caller);
            }
        }
    }

    /// <summary>Whether something holds for the place in this activation or, on every way to it, for a call that leads there.</summary>
    public bool HoldsOnEveryWay(IOperation at, Func<IOperation, bool> holds)
    {
        var seen = new HashSet<(Frame, IOperation)>();
        var open = new Stack<(Frame Frame, IOperation At)>([(this, at)]);
        while (open.Count > 0)
        {
            var (frame, place) = open.Pop();
            if (!seen.Add((frame, place)) || holds(place))
                continue;
            if (frame.Callers.Count == 0)
            {
                if (frame.Receiver is not [Created owner] || seen.Count > MaximumCalls)
                    return false;
                open.Push((owner.Frame, owner.Creation));
            }

            foreach (var (caller, call) in frame.Callers)
                open.Push((caller, call));
        }

        return true;
    }

    /// <summary>A place in an activation, the call that leads to it, the call that leads there, and so on; to an object's constructor leads its creation.</summary>
    public static IEnumerable<(Frame Frame, IOperation At)> WayTo(IOperation at, Frame frame)
    {
        for (var count = 0; count < MaximumCalls; count++)
        {
            yield return (frame, at);
            if (frame is { Caller: { } caller, Call: { } call })
                (frame, at) = (caller, call);
            else if (frame.Receiver is [Created owner])
                (frame, at) = (owner.Frame, owner.Creation);
            else
                yield break;
        }
    }

    /// <summary>What a call or a use of an operator hands over, by the place of the parameter.</summary>
    public static IEnumerable<(int Ordinal, IOperation Value)> Given(IOperation call) => MemberBody.OperatorOf(call) is null
        ? Arguments(call).Select(argument => (argument.Parameter?.Ordinal ?? -1, argument.Value))
        : MemberBody.OperandsOf(call).Select((operand, place) => (place, operand));

    public static ImmutableArray<IArgumentOperation> Arguments(IOperation call) => call switch
    {
        IInvocationOperation invocation => invocation.Arguments,
        IObjectCreationOperation creation => creation.Arguments,
        _ => ImmutableArray<IArgumentOperation>.Empty,
    };
}
