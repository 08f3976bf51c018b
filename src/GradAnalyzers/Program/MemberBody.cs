using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Program;

/// <summary>
/// The executable code of one member, with the lambdas and local functions in it: what is written to each variable, what is returned,
/// and the calls of each basic block in order of evaluation. Order comes from the compiler's control flow graph, values from the operation tree.
/// </summary>
internal sealed class MemberBody
{
    private readonly Dictionary<ISymbol, List<Write>> _writes = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<SyntaxNode, List<IOperation>> _returns = [];
    private readonly HashSet<SyntaxNode> _yielding = [];
    private readonly ConcurrentDictionary<ISymbol, ReachingWrites> _reaching = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<SyntaxNode, bool> _hasLabels = new();
    private readonly Dictionary<ISymbol, List<IOperation>> _partWrites = new(SymbolEqualityComparer.Default);
    private readonly Lazy<Flow> _flow;

    private readonly SemanticModel _model;

    private MemberBody(SyntaxNode declaration, IOperation root, SemanticModel model)
    {
        Declaration = declaration;
        Root = root;
        _model = model;
        Operations = root.DescendantsAndSelf().ToImmutableArray();
        Invocations = Operations.OfType<IInvocationOperation>().ToImmutableArray();
        foreach (var operation in Operations)
        {
            Index(operation);
            IndexPart(operation);
        }

        // Most bodies are asked for what they write and return, and never for the order.
        _flow = new(() => new Flow(root, Operations));
    }

    public SyntaxNode Declaration { get; }

    public IOperation Root { get; }

    /// <summary>All operations, parents before their children, in the order of the source.</summary>
    public ImmutableArray<IOperation> Operations { get; }

    /// <summary>All calls among them.</summary>
    public ImmutableArray<IInvocationOperation> Invocations { get; }

    /// <summary>The syntax of every lambda and local function in the member.</summary>
    public IEnumerable<SyntaxNode> Functions => _flow.Value.Functions.Keys;

    /// <summary>Reads the body at a declaration; null where there is none.</summary>
    public static MemberBody? Read(SyntaxNode declaration, SemanticModel model, CancellationToken cancellation)
    {
        return !Nesting.IsTooDeep(declaration) && model.GetOperation(declaration, cancellation) is { Parent: null } root
            && root is IMethodBodyOperation or IConstructorBodyOperation or IBlockOperation or IFieldInitializerOperation or IPropertyInitializerOperation
                ? new MemberBody(declaration, root, model) : null;
    }

    /// <summary>
    /// The operation of an expression in the member that the operation tree has no node for, such as an element of a collection expression.
    /// Only the model that bound the member gives the same node each time: another one binds it anew.
    /// </summary>
    public IOperation? OperationAt(ExpressionSyntax expression) => Nesting.IsTooDeep(expression) ? null : _model.GetOperation(expression);

    /// <summary>Everything assigned to a local or parameter anywhere in the member.</summary>
    public IReadOnlyList<Write> Writes(ISymbol variable) => _writes.TryGetValue(variable, out var writes) ? writes : [];

    /// <summary>Everything assigned to a local or parameter that a read of it can see.</summary>
    public ImmutableArray<Write> WritesReaching(IOperation read, ISymbol variable) => Reaching(variable).At(read.Syntax);

    /// <summary>Everything assigned to a parameter that a read of it can see, beside its argument.</summary>
    public ImmutableArray<Write> WritesReaching(IOperation read, IParameterSymbol parameter, out bool isArgument) => Reaching(parameter).AtParameter(read.Syntax, out isArgument);

    private ReachingWrites Reaching(ISymbol variable) => _reaching
        .GetOrAdd(variable, key => new ReachingWrites(Writes(key), function => _hasLabels.GetOrAdd(function, static node => node.DescendantNodes().Any(inner => inner is LabeledStatementSyntax))));

    /// <summary>What is written into a variable without replacing it: <c>outputs[i] += value</c>, <c>outputs[i].add_(value)</c>, <c>losses.Add(value)</c>.</summary>
    public IReadOnlyList<IOperation> PartWrites(ISymbol variable) => _partWrites.TryGetValue(variable, out var values) ? values : [];

    /// <summary>Everything assigned to fields and properties in the member, and every handler added to an event.</summary>
    public IEnumerable<(ISymbol Member, Write Write)> MemberWrites() =>
        _writes.Where(pair => pair.Key is IFieldSymbol or IPropertySymbol or IEventSymbol).SelectMany(pair => pair.Value.Select(write => (pair.Key, write)));

    /// <summary>What the member itself (null) or one of its functions returns.</summary>
    public IReadOnlyList<IOperation> Returns(SyntaxNode? function) =>
        _returns.TryGetValue(function ?? Declaration, out var values) ? values : [];

    /// <summary>Whether the member itself (null) or one of its functions is an iterator.</summary>
    public bool Yields(SyntaxNode? function) => _yielding.Contains(function ?? Declaration);

    /// <summary>The flow graph of the member itself (null) or of one of its functions.</summary>
    public ControlFlowGraph? GraphOf(SyntaxNode? function) =>
        function is null ? _flow.Value.Graph : _flow.Value.Functions.TryGetValue(function, out var graph) ? graph : null;

    /// <summary>Calls, creations, assignments and uses of the program's own properties in a basic block, in order of evaluation, as nodes of the operation tree; beside them the calls of Dispose that end a <c>using</c>.</summary>
    public IEnumerable<IOperation> Calls(BasicBlock block) => _flow.Value.Calls(block);

    /// <summary>What a call of Dispose at the end of a <c>using</c> disposes of; null for any other call.</summary>
    public IOperation? DisposedBy(IInvocationOperation call) => _flow.Value.DisposedBy(call);

    private void Index(IOperation operation)
    {
        switch (operation)
        {
            case IVariableDeclaratorOperation { Symbol: var local } declarator when declarator.GetVariableInitializer() is { } initializer:
                Add(local, new Write(initializer.Value));
                break;
            case ISimpleAssignmentOperation { Target: ITupleOperation } or IDeconstructionAssignmentOperation:
                var deconstruction = (IAssignmentOperation)operation;
                Deconstruct(deconstruction.Target, deconstruction.Value, ImmutableArray<int>.Empty);
                break;
            case ICompoundAssignmentOperation compound when VariableOf(compound.Target) is { } variable:
                Add(variable, new Write(compound));
                break;
            case IAssignmentOperation assignment when VariableOf(assignment.Target) is { } variable:
                Add(variable, new Write(assignment.Value));
                break;
            case IForEachLoopOperation { LoopControlVariable: IVariableDeclaratorOperation { Symbol: var item } } loop:
                Add(item, new Write(loop.Collection) { IsElement = true });
                break;
            case IForEachLoopOperation { LoopControlVariable: { } pattern } loop:
                Deconstruct(pattern, loop.Collection, ImmutableArray<int>.Empty, isElement: true);
                break;
            case IDeclarationPatternOperation { DeclaredSymbol: { } declared } when Tested(operation) is { } tested:
                Add(declared, tested);
                break;
            case IRecursivePatternOperation { DeclaredSymbol: { } declared } when Tested(operation) is { } tested:
                Add(declared, tested);
                break;
            case IEventAssignmentOperation { Adds: true, EventReference: IEventReferenceOperation { Event: var raised }, HandlerValue: var handler }:
                Add(raised.OriginalDefinition, new Write(handler));
                break;
            case IArgumentOperation { Parameter.RefKind: RefKind.Out or RefKind.Ref } argument when VariableOf(argument.Value) is { } variable:
                Add(variable, new Write(argument));
                break;
            case IReturnOperation { ReturnedValue: { } value }:
                if (operation.Kind == OperationKind.YieldReturn)
                    _yielding.Add(FunctionOf(operation) ?? Declaration);
                AddReturn(operation, value);
                break;
            case IFieldInitializerOperation initializer:
                foreach (var field in initializer.InitializedFields)
                    Add(field, new Write(initializer.Value));
                break;
            case IPropertyInitializerOperation initializer:
                foreach (var property in initializer.InitializedProperties)
                    Add(property, new Write(initializer.Value));
                break;
        }
    }

    private void IndexPart(IOperation operation)
    {
        var (written, values) = operation switch
        {
            IAssignmentOperation { Target: IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } instance } } assignment => (instance, [assignment.Value]),
            IInvocationOperation { Instance: { } instance, TargetMethod.Name: var name } call when name.EndsWith("_", StringComparison.Ordinal) || name is "Add" or "AddRange" or "Insert" or "Enqueue" or "Push" => (instance, call.Arguments.Select(argument => argument.Value)),
            _ => ((IOperation?)null, Enumerable.Empty<IOperation>()),
        };
        while (written is IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } whole })
            written = whole;
        if (written is not (ILocalReferenceOperation or IParameterReferenceOperation) || VariableOf(written) is not { } variable)
            return;
        if (!_partWrites.TryGetValue(variable, out var known))
            _partWrites.Add(variable, known = []);
        known.AddRange(values);
    }

    private static ISymbol? VariableOf(IOperation target) => target switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IParameterReferenceOperation reference => reference.Parameter,
        IFieldReferenceOperation reference => reference.Field.OriginalDefinition,
        IPropertyReferenceOperation reference => reference.Property.OriginalDefinition,
        IDeclarationExpressionOperation { Expression: ILocalReferenceOperation reference } => reference.Local,
        _ => null,
    };

    private void Deconstruct(IOperation target, IOperation value, ImmutableArray<int> path, bool isElement = false)
    {
        // Tuples nest as deep as the source says, but each level needs its own parentheses: a worklist keeps the depth off the stack.
        var open = new Stack<(IOperation Target, ImmutableArray<int> Path)>();
        open.Push((target, path));
        while (open.Count > 0)
        {
            var (current, at) = open.Pop();
            if (current is IDeclarationExpressionOperation { Expression: ITupleOperation declared })
                current = declared;
            if (current is ITupleOperation tuple)
            {
                for (var index = 0; index < tuple.Elements.Length; index++)
                    open.Push((tuple.Elements[index], at.Add(index)));
            }
            else if (VariableOf(current) is { } variable)
            {
                Add(variable, new Write(value) { TuplePath = at, IsElement = isElement });
            }
        }
    }

    /// <summary>What a pattern is compared with: all of a value, or a place of a tuple.</summary>
    private static Write? Tested(IOperation pattern)
    {
        var path = ImmutableArray<int>.Empty;
        var inner = pattern;
        for (var current = pattern.Parent; current is not null; inner = current, current = current.Parent)
        {
            switch (current)
            {
                case IIsPatternOperation test:
                    return new Write(test.Value) { TuplePath = path };
                case ISwitchExpressionOperation choice:
                    return new Write(choice.Value) { TuplePath = path };
                case ISwitchOperation choice:
                    return new Write(choice.Value) { TuplePath = path };
                case IRecursivePatternOperation { DeconstructionSubpatterns: var places } when inner is IPatternOperation place && places.IndexOf(place) is >= 0 and var index:
                    path = path.Insert(0, index);
                    break;
                // A member, or an element, of what is compared.
                case IPropertySubpatternOperation or IListPatternOperation or IBlockOperation:
                    return null;
            }
        }

        return null;
    }

    private void Add(ISymbol variable, Write write)
    {
        if (!_writes.TryGetValue(variable, out var writes))
            _writes.Add(variable, writes = []);
        writes.Add(write);
    }

    private void AddReturn(IOperation operation, IOperation value)
    {
        var function = FunctionOf(operation) ?? Declaration;
        if (!_returns.TryGetValue(function, out var values))
            _returns.Add(function, values = []);
        values.Add(value);
    }

    /// <summary>The operator or conversion, declared in source, that an expression runs; null for any other.</summary>
    public static IMethodSymbol? OperatorOf(IOperation operation)
    {
        var method = operation switch
        {
            IBinaryOperation binary => binary.OperatorMethod,
            IUnaryOperation unary => unary.OperatorMethod,
            IConversionOperation conversion => conversion.OperatorMethod,
            ICompoundAssignmentOperation compound => compound.OperatorMethod,
            IIncrementOrDecrementOperation step => step.OperatorMethod,
            _ => null,
        };
        return method is { IsStatic: true, DeclaringSyntaxReferences.IsEmpty: false } ? method : null;
    }

    /// <summary>What such an operator is given.</summary>
    public static ImmutableArray<IOperation> OperandsOf(IOperation operation) => operation switch
    {
        IBinaryOperation binary => ImmutableArray.Create(binary.LeftOperand, binary.RightOperand),
        IUnaryOperation unary => ImmutableArray.Create(unary.Operand),
        IConversionOperation conversion => ImmutableArray.Create(conversion.Operand),
        ICompoundAssignmentOperation compound => ImmutableArray.Create(compound.Target, compound.Value),
        IIncrementOrDecrementOperation step => ImmutableArray.Create(step.Target),
        _ => ImmutableArray<IOperation>.Empty,
    };

    /// <summary>The lambda or local function that an operation stands in, or null for the member itself.</summary>
    public static SyntaxNode? FunctionOf(IOperation operation)
    {
        for (var current = operation.Parent; current is not null; current = current.Parent)
        {
            if (current is IAnonymousFunctionOperation or ILocalFunctionOperation)
                return current.Syntax;
        }

        return null;
    }

    /// <summary>The order of evaluation: the control flow graphs of the member and its functions.</summary>
    private sealed class Flow
    {
        private readonly Dictionary<(SyntaxNode, OperationKind), IOperation> _operations = [];
        private readonly Dictionary<SyntaxNode, IOperation> _resources = [];

        public Flow(IOperation root, ImmutableArray<IOperation> operations)
        {
            Graph = root switch
            {
                IMethodBodyOperation body => ControlFlowGraph.Create(body),
                IConstructorBodyOperation body => ControlFlowGraph.Create(body),
                IBlockOperation body => ControlFlowGraph.Create(body),
                IFieldInitializerOperation body => ControlFlowGraph.Create(body),
                _ => ControlFlowGraph.Create((IPropertyInitializerOperation)root),
            };
            foreach (var operation in operations)
            {
                if (KindOf(operation) is var kind and not OperationKind.None && (!operation.IsImplicit || operation is IInvocationOperation or IObjectCreationOperation or IConversionOperation))
                    _operations[(operation.Syntax, kind)] = operation;
                foreach (var resource in ResourcesOf(operation))
                    _resources[resource.Syntax] = resource is IVariableDeclaratorOperation declarator ? declarator.GetVariableInitializer()?.Value ?? resource : resource;
            }

            IndexFunctions(Graph);
        }

        public ControlFlowGraph Graph { get; }

        public Dictionary<SyntaxNode, ControlFlowGraph> Functions { get; } = [];

        /// <summary>Calls, creations, assignments and uses of the program's own properties in a basic block, in order of evaluation, as nodes of the operation tree.</summary>
        public IEnumerable<IOperation> Calls(BasicBlock block)
        {
            foreach (var top in block.Operations)
            {
                foreach (var operation in Calls(top))
                    yield return operation;
            }

            if (block.BranchValue is not null)
            {
                foreach (var operation in Calls(block.BranchValue))
                    yield return operation;
            }
        }

        /// <summary>The flow graph ends a <c>using</c> with a call that the operation tree does not have, at the syntax of what it disposes of.</summary>
        public IOperation? DisposedBy(IInvocationOperation call) =>
            call is { IsImplicit: true, TargetMethod.Name: "Dispose" or "DisposeAsync" } && _resources.TryGetValue(call.Syntax, out var resource) ? resource : null;

        private static IEnumerable<IOperation> ResourcesOf(IOperation operation) => operation switch
        {
            IUsingOperation { Resources: IVariableDeclarationGroupOperation group } => group.Declarations.SelectMany(declaration => declaration.Declarators),
            IUsingOperation { Resources: { } resource } => [resource],
            IUsingDeclarationOperation { DeclarationGroup: var group } => group.Declarations.SelectMany(declaration => declaration.Declarators),
            _ => [],
        };

        private IEnumerable<IOperation> Calls(IOperation top)
        {
            foreach (var operation in InOrderOfEvaluation(top))
            {
                if (operation is IInvocationOperation call && DisposedBy(call) is not null)
                    yield return call;
                else if (KindOf(operation) is var kind and not OperationKind.None && _operations.TryGetValue((operation.Syntax, kind), out var original))
                    yield return original;
            }
        }

        private static OperationKind KindOf(IOperation operation) => operation switch
        {
            IInvocationOperation => OperationKind.Invocation,
            IObjectCreationOperation => OperationKind.ObjectCreation,
            ISimpleAssignmentOperation => OperationKind.SimpleAssignment,
            IDynamicInvocationOperation => OperationKind.DynamicInvocation,
            IPropertyReferenceOperation { Property.DeclaringSyntaxReferences.IsEmpty: false } => OperationKind.PropertyReference,
            _ when OperatorOf(operation) is not null => operation.Kind,
            _ => OperationKind.None,
        };

        /// <summary>Children before their parent, left to right; without recursion, since expressions can be very deep.</summary>
        private static IEnumerable<IOperation> InOrderOfEvaluation(IOperation top)
        {
            var reversed = new Stack<IOperation>();
            var open = new Stack<IOperation>();
            open.Push(top);
            while (open.Count > 0)
            {
                var operation = open.Pop();
                reversed.Push(operation);
                if (operation is IFlowAnonymousFunctionOperation)
                    continue;
                foreach (var child in operation.ChildOperations)
                    open.Push(child);
            }

            return reversed;
        }

        private void IndexFunctions(ControlFlowGraph top)
        {
            var open = new Stack<ControlFlowGraph>();
            open.Push(top);
            while (open.Count > 0)
            {
                var graph = open.Pop();
                foreach (var function in graph.LocalFunctions)
                {
                    if (function.DeclaringSyntaxReferences.Length > 0)
                        AddFunction(function.DeclaringSyntaxReferences[0].GetSyntax(), graph.GetLocalFunctionControlFlowGraph(function), open);
                }

                foreach (var block in graph.Blocks)
                {
                    foreach (var operation in block.Operations.Concat(block.BranchValue is { } value ? [value] : Array.Empty<IOperation>()))
                    {
                        foreach (var lambda in operation.DescendantsAndSelf().OfType<IFlowAnonymousFunctionOperation>())
                            AddFunction(lambda.Syntax, graph.GetAnonymousFunctionControlFlowGraph(lambda), open);
                    }
                }
            }
        }

        private void AddFunction(SyntaxNode syntax, ControlFlowGraph graph, Stack<ControlFlowGraph> open)
        {
            if (Functions.ContainsKey(syntax))
                return;
            Functions.Add(syntax, graph);
            open.Push(graph);
        }
    }
}

/// <summary>A value that a variable receives: all of it, an element of it, or one place of a tuple.</summary>
internal sealed record Write(IOperation Value)
{
    /// <summary>The variable runs over the elements of <see cref="Value"/>.</summary>
    public bool IsElement { get; init; }

    /// <summary>The positions to take in nested tuples, outermost first.</summary>
    public ImmutableArray<int> TuplePath { get; init; } = ImmutableArray<int>.Empty;
}
