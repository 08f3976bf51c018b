using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Program;

/// <summary>
/// The executable code of one member, with the lambdas and local functions in it: what is written to each variable, what is returned,
/// and the calls of each basic block in order of evaluation. Order comes from the compiler's control flow graph, values from the operation tree.
/// </summary>
internal sealed class MemberBody
{
    private readonly Dictionary<(SyntaxNode, OperationKind), IOperation> _operations = [];
    private readonly Dictionary<ISymbol, List<Write>> _writes = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<SyntaxNode, List<IOperation>> _returns = [];
    private readonly Dictionary<SyntaxNode, ControlFlowGraph> _functions = [];

    private MemberBody(SyntaxNode declaration, IOperation root, ControlFlowGraph graph)
    {
        Declaration = declaration;
        Root = root;
        Graph = graph;
        foreach (var operation in root.DescendantsAndSelf())
            Index(operation);
        IndexFunctions(graph);
    }

    public SyntaxNode Declaration { get; }

    public IOperation Root { get; }

    public ControlFlowGraph Graph { get; }

    /// <summary>Whether the code calls a delegate: what that does is not to be seen from the names that the code mentions.</summary>
    public bool CallsDelegates { get; private set; }

    /// <summary>The syntax of every lambda and local function in the member.</summary>
    public IEnumerable<SyntaxNode> Functions => _functions.Keys;

    /// <summary>Reads the body at a declaration; null where there is none or the code is too broken for a flow graph.</summary>
    public static MemberBody? Read(SyntaxNode declaration, SemanticModel model, CancellationToken cancellation)
    {
        if (model.GetOperation(declaration, cancellation) is not { Parent: null } root)
            return null;
        var graph = root switch
        {
            IMethodBodyOperation body => ControlFlowGraph.Create(body, cancellation),
            IConstructorBodyOperation body => ControlFlowGraph.Create(body, cancellation),
            IBlockOperation body => ControlFlowGraph.Create(body, cancellation),
            IFieldInitializerOperation body => ControlFlowGraph.Create(body, cancellation),
            IPropertyInitializerOperation body => ControlFlowGraph.Create(body, cancellation),
            _ => null,
        };
        return graph is null ? null : new MemberBody(declaration, root, graph);
    }

    /// <summary>Everything assigned to a local or parameter anywhere in the member.</summary>
    public IReadOnlyList<Write> Writes(ISymbol variable) => _writes.TryGetValue(variable, out var writes) ? writes : [];

    /// <summary>Everything assigned to fields and properties in the member.</summary>
    public IEnumerable<(ISymbol Member, Write Write)> MemberWrites() =>
        _writes.Where(pair => pair.Key is IFieldSymbol or IPropertySymbol).SelectMany(pair => pair.Value.Select(write => (pair.Key, write)));

    /// <summary>What the member itself (null) or one of its functions returns.</summary>
    public IReadOnlyList<IOperation> Returns(SyntaxNode? function) =>
        _returns.TryGetValue(function ?? Declaration, out var values) ? values : [];

    /// <summary>The flow graph of the member itself (null) or of one of its functions.</summary>
    public ControlFlowGraph? GraphOf(SyntaxNode? function) =>
        function is null ? Graph : _functions.TryGetValue(function, out var graph) ? graph : null;

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

    private IEnumerable<IOperation> Calls(IOperation top)
    {
        foreach (var operation in InOrderOfEvaluation(top))
        {
            var kind = operation switch
            {
                IInvocationOperation => OperationKind.Invocation,
                IObjectCreationOperation => OperationKind.ObjectCreation,
                ISimpleAssignmentOperation => OperationKind.SimpleAssignment,
                IDynamicInvocationOperation => OperationKind.DynamicInvocation,
                IPropertyReferenceOperation { Property.DeclaringSyntaxReferences.IsEmpty: false } => OperationKind.PropertyReference,
                _ => OperationKind.None,
            };
            if (kind != OperationKind.None && _operations.TryGetValue((operation.Syntax, kind), out var original))
                yield return original;
        }
    }

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

    private void Index(IOperation operation)
    {
        if (!operation.IsImplicit || operation is IInvocationOperation or IObjectCreationOperation)
            _operations[(operation.Syntax, operation.Kind)] = operation;
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
                Add(declared, new Write(tested));
                break;
            case IArgumentOperation { Parameter.RefKind: RefKind.Out or RefKind.Ref } argument when VariableOf(argument.Value) is { } variable:
                Add(variable, new Write(argument));
                break;
            case IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke }:
                CallsDelegates = true;
                break;
            case IReturnOperation { ReturnedValue: { } value }:
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

    private static IOperation? Tested(IOperation pattern)
    {
        for (var current = pattern.Parent; current is not null; current = current.Parent)
        {
            switch (current)
            {
                case IIsPatternOperation test:
                    return test.Value;
                case ISwitchExpressionOperation choice:
                    return choice.Value;
                case ISwitchOperation choice:
                    return choice.Value;
                case IPropertySubpatternOperation or IBlockOperation:
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
        if (_functions.ContainsKey(syntax))
            return;
        _functions.Add(syntax, graph);
        open.Push(graph);
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
