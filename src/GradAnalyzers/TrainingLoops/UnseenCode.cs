using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Code of other assemblies that no catalogue describes: whether it is handed, or holds already, what it needs to change gradients. In doubt it is.
/// The framework holds no model but in its collections, and TorchSharp's own methods are described.
/// </summary>
internal sealed class UnseenCode(ValueTracer tracer)
{
    private const int MaximumValues = 100;
    private const int MaximumHelpers = 40;

    private readonly Dictionary<IMethodSymbol, bool> _helpers = new(SymbolEqualityComparer.Default);

    private ProgramSource Source => tracer.Source;

    private ModelCatalogue Catalogue => Source.Catalogue;

    /// <summary>Whether a call runs unseen code that may change gradients.</summary>
    public bool MayTouchGradients(IInvocationOperation call, Frame frame)
    {
        var method = call.TargetMethod;
        if (method.MethodKind == MethodKind.DelegateInvoke)
            return !IsComputation(method) && !IsEventSeenWhole(call.Instance, frame) && !(tracer.Trace(call.Instance, frame) is { IsEmpty: false } functions && functions.All(function => function is Function { Method: var target } && Frameworks.Contains(target)));
        if (ModelCatalogue.IsOfLibrary(method.ContainingAssembly) || Frameworks.Contains(method))
            return false;
        if (Source.FactOf(method)?.Gradients is { } known)
            return !known.IsNone;
        if (call.Instance is { } receiver && Source.Has(method.ContainingType) && receiver.Type?.TypeKind is TypeKind.Interface or TypeKind.Class)
            return (method.IsAbstract || method.ContainingType.TypeKind == TypeKind.Interface) && !Source.IsImplemented(method);
        return MayReach(call.Instance, frame) || call.Arguments.Any(argument => MayReach(argument, frame));
    }

    /// <summary>Whether an object is made that keeps the model, its parameters or the optimizer, and is no model or optimizer itself.</summary>
    public bool Keeps(IObjectCreationOperation creation, Frame frame) =>
        IsUnseen(creation.Type) && !Catalogue.IsModule(creation.Type) && !Catalogue.DerivesFrom(creation.Type, Role.Optimizer)
        && creation.Arguments.Any(argument => MayReach(argument, frame));

    /// <summary>Whether a method of the program that is of no training loop hands what it is given, or what its object holds, on to unseen code.</summary>
    public bool HandsOut(IOperation call)
    {
        var method = call is IInvocationOperation invocation ? invocation.TargetMethod : ((IObjectCreationOperation)call).Constructor;
        return method is not null && HandsOut(method);
    }

    /// <summary>The same of a method.</summary>
    public bool HandsOut(IMethodSymbol method)
    {
        if (!Source.Program.HasUnseenTraining)
            return false;
        var seen = new HashSet<IMethodSymbol>(SymbolEqualityComparer.Default) { method.OriginalDefinition };
        var open = new Queue<IMethodSymbol>(seen);
        while (open.Count > 0 && seen.Count <= MaximumHelpers)
        {
            var helper = open.Dequeue();
            if (Source.CodeOf(helper) is not { } code || tracer.IsExhausted)
                continue;
            if (RunsUnseen(helper, code.Body))
                return true;
            foreach (var inner in code.Body.Invocations)
            {
                if (!inner.TargetMethod.OriginalDefinition.DeclaringSyntaxReferences.IsEmpty && !Catalogue.Is(inner.TargetMethod, Role.Forward) && seen.Add(inner.TargetMethod.OriginalDefinition))
                    open.Enqueue(inner.TargetMethod.OriginalDefinition);
            }
        }

        return false;
    }

    /// <summary>Whether an optimizer's class, or one between it and the class that the catalogue describes, is of an assembly of its own: its step may do anything.</summary>
    public static bool IsOfUnseenClass(ITypeSymbol? optimizer, ModelCatalogue catalogue)
    {
        if (catalogue.FindBase(optimizer) is null)
            return false;
        var unseen = new List<ITypeSymbol>();
        var current = optimizer;
        for (; current is not null && catalogue.Find(current) is null; current = current.BaseType)
        {
            if (!current.Locations.Any(location => location.IsInSource))
                unseen.Add(current);
        }

        return unseen.Any(type => !SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, current?.ContainingAssembly));
    }

    public static bool IsFramework(ISymbol symbol)
    {
        var root = symbol.ContainingNamespace;
        while (root is { ContainingNamespace: { IsGlobalNamespace: false } outer })
            root = outer;
        return root?.Name == "System";
    }

    /// <summary>Every handler of the event is in source, and followed.</summary>
    private bool IsEventSeenWhole(IOperation? raised, Frame frame)
    {
        if (raised is IConditionalAccessInstanceOperation instance)
            raised = ValueTracer.ConditionalOwner(instance);
        return raised is IEventReferenceOperation { Event: var known } && Source.HandlersOf(known) is not null
            && tracer.Trace(raised, frame).All(handler => handler is Function { Method: var method } && (Source.Has(method.OriginalDefinition) || Frameworks.Contains(method)));
    }

    /// <summary>A delegate that makes a tensor out of something is a model or a loss; any other may be a callback that holds the optimizer.</summary>
    private bool IsComputation(IMethodSymbol invoke) =>
        !invoke.Parameters.IsEmpty && !invoke.ReturnsVoid && (Catalogue.Is(invoke.ReturnType, Role.Tensor) || invoke.ReturnType.IsTupleType);

    private bool RunsUnseen(IMethodSymbol helper, MemberBody body)
    {
        if (_helpers.TryGetValue(helper, out var known))
            return known;
        var activation = tracer.Detached(helper, body, receiver: null);
        var runs = body.Invocations
            .Any(call => Catalogue.Find(call.TargetMethod) is null && !Source.Has(call.TargetMethod.OriginalDefinition)
                && call.TargetMethod.MethodKind != MethodKind.DelegateInvoke && MayTouchGradients(call, activation));
        _helpers.Add(helper, runs);
        return runs;
    }

    /// <summary>What a parameter of type <c>object</c> is handed is written somewhere, not trained.</summary>
    private bool MayReach(IArgumentOperation argument, Frame frame) =>
        Source.Program.IsTrained(argument.Value.Type) || (argument.Parameter?.OriginalDefinition.Type.SpecialType != SpecialType.System_Object && MayReach(argument.Value, frame));

    /// <summary>Whether an object is, or may hold, something trained.</summary>
    private bool MayReach(IOperation? operation, Frame frame)
    {
        if (operation is null || !MayLead(TypeOf(operation)))
            return false;
        if (Source.Program.HoldsTrained(TypeOf(operation)))
            return true;
        var seen = new HashSet<Value>();
        var open = new Queue<Value>(tracer.Trace(operation, frame));
        while (open.Count > 0 && seen.Count < MaximumValues)
        {
            var value = open.Dequeue();
            if (!seen.Add(value))
                continue;
            if (value is not Created { Creation: IObjectCreationOperation } created)
            {
                if (Source.Program.HoldsTrained(value.Type) || (value is Function function && Captures(function)) || (IsUnseen(value.Type) && Source.Program.KnowsTraining(value.Type!.ContainingAssembly)))
                    return true;
                // What a model computes, and all else that a catalogue describes, keeps nothing.
                if (value is Created { Creation: IInvocationOperation call, Frame: var caller } && Catalogue.Find(call.TargetMethod) is null)
                    Add(Operands(call), caller);
                continue;
            }

            if (Source.Program.HoldsTrained(created.Type))
                return true;
            if (IsUnseen(created.Type))
                Add(HandedTo(created, frame), created.Frame);
        }

        return seen.Count >= MaximumValues;

        void Add(IEnumerable<IOperation> operands, Frame at)
        {
            foreach (var operand in operands.Where(operand => MayLead(TypeOf(operand))))
            {
                foreach (var value in tracer.Trace(operand, at).Concat(tracer.TraceElements(operand, at)))
                    open.Enqueue(value);
            }
        }
    }

    /// <summary>What an object is given: by its constructor and initializer, and later by calls on it and assignments to it in the same code.</summary>
    private IEnumerable<IOperation> HandedTo(Created created, Frame frame)
    {
        var creation = (IObjectCreationOperation)created.Creation;
        foreach (var argument in creation.Arguments)
            yield return argument.Value;
        foreach (var operation in creation.Initializer is { } initializer ? initializer.Descendants() : [])
        {
            if (operation is ISimpleAssignmentOperation assignment)
                yield return assignment.Value;
            else if (operation is IArgumentOperation argument)
                yield return argument.Value;
        }

        foreach (var operation in new[] { created.Frame.Body, frame.Body }.Distinct().SelectMany(body => body.Operations))
        {
            if (operation is IInvocationOperation { Instance: { } receiver } call && Is(receiver))
            {
                foreach (var argument in call.Arguments)
                    yield return argument.Value;
            }
            else if (operation is IAssignmentOperation { Target: IMemberReferenceOperation { Instance: { } owner } } assignment && Is(owner))
            {
                yield return assignment.Value;
            }
        }

        bool Is(IOperation receiver) => SymbolEqualityComparer.Default.Equals(receiver.Type, created.Type) && tracer.Trace(receiver, At(receiver)).Contains(created);

        Frame At(IOperation operation) => operation.Syntax.SyntaxTree == created.Creation.Syntax.SyntaxTree && created.Frame.Body.Declaration.Span.Contains(operation.Syntax.Span) ? created.Frame : frame;
    }

    private static IEnumerable<IOperation> Operands(IInvocationOperation call) =>
        call.Arguments.Select(argument => argument.Value).Concat(call.Instance is { } instance ? [instance] : Array.Empty<IOperation>());

    /// <summary>Whether a function names something trained: whoever runs it may clip.</summary>
    private bool Captures(Function function) => function.Lambda is { } lambda
        ? function.Lexical.Body.Operations.Where(operation => operation.Syntax == lambda).SelectMany(operation => operation.Descendants()).Any(operation => Source.Program.IsTrained(operation.Type))
        : Source.IsOfTraining(function.Method);

    /// <summary>Numbers, texts and tensors lead to no model; asked before anything is traced.</summary>
    private bool MayLead(ITypeSymbol? type) => type is { SpecialType: SpecialType.None, TypeKind: not (TypeKind.Enum or TypeKind.Error or TypeKind.Dynamic) }
        && (IsUnseen(type) || type.TypeKind == TypeKind.Delegate || Source.Program.HoldsTrained(type));

    /// <summary>Whether a type is of an assembly that no catalogue describes.</summary>
    private bool IsUnseen(ITypeSymbol? type) =>
        type is INamedTypeSymbol { TypeKind: TypeKind.Class or TypeKind.Interface or TypeKind.Struct, ContainingAssembly: { } assembly } && !Source.Has(type.OriginalDefinition)
        && assembly.Name != ModelCatalogue.Library && !IsFramework(type) && Catalogue.FindBase(type) is null;

    private static ITypeSymbol? TypeOf(IOperation operation)
    {
        while (operation is IConversionOperation { IsImplicit: true } conversion)
            operation = conversion.Operand;
        return operation.Type;
    }
}
