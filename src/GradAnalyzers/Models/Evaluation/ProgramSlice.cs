using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>
/// What of a program's own code matters for the models that it makes (a backward slice, Weiser 1981): the statements that make or change a module, those that lead to what they are handed,
/// and the conditions around them. The loops that read data, train and print are not run.
/// </summary>
internal sealed class ProgramSlice(ProgramSource source, Func<IMethodSymbol, bool> makesModels)
{
    private readonly Dictionary<IOperation, Body> _known = [];

    /// <summary>Whether a statement has to be executed.</summary>
    public bool Matters(IOperation statement) => !Body.IsStatement(statement) || BodyOf(statement).Mattering.Contains(statement);

    /// <summary>Whether the rounds of a loop make modules or add to what outlives the round, so that their number counts.</summary>
    public bool Builds(ILoopOperation loop) => BodyOf(loop).Building.Contains(loop);

    private Body BodyOf(IOperation statement)
    {
        var root = statement;
        while (root.Parent is { } parent)
            root = parent;
        if (!_known.TryGetValue(root, out var body))
            _known.Add(root, body = new Body(root, source, IsSeed));
        return body;
    }

    /// <summary>Makes a module, or changes one: anything done with one but computing and training.</summary>
    private bool IsSeed(IOperation operation) => operation switch
    {
        IObjectCreationOperation creation => source.Program.MayHoldTraining(creation.Type),
        IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke or MethodKind.LocalFunction } => true,
        IInvocationOperation { TargetMethod: var method } call => IsSeed(call, method),
        _ => false,
    };

    private bool IsSeed(IInvocationOperation call, IMethodSymbol method)
    {
        if (source.Catalogue.Find(method) is { } entry && (entry.Role.IsTraining() || entry.Role is Role.Forward or Role.Parameters))
            return false;
        if (source.IsModule(call.Type) || (call.Instance is { } instance && source.IsModule(instance.Type)) || call.Arguments.Any(argument => source.IsModule(WithoutConversion(argument.Value).Type)))
            return true;
        if (method.ContainingAssembly?.Name == ModelCatalogue.Library)
            return method.Name.EndsWith("_", StringComparison.Ordinal);
        return source.Has(method.OriginalDefinition)
            && (makesModels(method) || Holds(method.ReturnType) || method.Parameters.Any(parameter => Holds(parameter.Type)) || (!method.IsStatic && Holds(method.ContainingType)));
    }

    private bool Holds(ITypeSymbol? type) => !source.IsTensor(type) && source.Program.MayHoldTraining(type);

    private static IOperation WithoutConversion(IOperation operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation;
    }

    /// <summary>The slice of one body.</summary>
    private sealed class Body
    {
        private readonly ProgramSource _source;
        private readonly Dictionary<ISymbol, List<IOperation>> _changes = new(SymbolEqualityComparer.Default);
        private readonly Stack<ISymbol> _open = new();
        private readonly HashSet<ISymbol> _wanted = new(SymbolEqualityComparer.Default);

        public Body(IOperation root, ProgramSource source, Func<IOperation, bool> isSeed)
        {
            _source = source;
            var operations = root.DescendantsAndSelf().ToList();
            foreach (var operation in operations)
                IndexChange(operation);
            foreach (var operation in operations)
            {
                // What a method gives back is wanted, wherever it is found; any other jump matters only where the code around it does.
                if (isSeed(operation) && (operation is IObjectCreationOperation || source.IsModule(operation.Type)))
                    MarkBuilding(operation, variable: null);
                if (isSeed(operation) || operation is IReturnOperation { ReturnedValue: not null } or ILocalFunctionOperation)
                    Keep(operation, throughLoops: true);
                else if (operation is IReturnOperation or IBranchOperation or IThrowOperation)
                    Keep(operation, throughLoops: false);
            }

            while (_open.Count > 0)
            {
                var variable = _open.Pop();
                if (!_changes.TryGetValue(variable, out var changes))
                    continue;
                foreach (var change in changes)
                {
                    Keep(change, throughLoops: true);
                    MarkBuilding(change, variable);
                }
            }
        }

        public HashSet<IOperation> Mattering { get; } = [];

        public HashSet<IOperation> Building { get; } = [];

        /// <summary>Keeps the statement around an operation, and those around that.</summary>
        private void Keep(IOperation operation, bool throughLoops)
        {
            for (var current = operation; current is not null; current = current.Parent)
            {
                if (!throughLoops && current is ILoopOperation)
                    return;
                if (IsStatement(current) && Mattering.Add(current))
                    Read(current);
            }
        }

        /// <summary>The loops around an operation whose rounds it tells apart: not those that the changed variable begins anew in.</summary>
        private void MarkBuilding(IOperation operation, ISymbol? variable)
        {
            var declaration = (variable as ILocalSymbol)?.DeclaringSyntaxReferences.FirstOrDefault();
            for (var current = operation.Parent; current is not null; current = current.Parent)
            {
                if (current is ILoopOperation && (declaration is null || !current.Syntax.Span.Contains(declaration.Span)))
                    Building.Add(current);
            }
        }

        public static bool IsStatement(IOperation operation) => operation is IBlockOperation or IExpressionStatementOperation or IVariableDeclarationGroupOperation or IUsingDeclarationOperation or IUsingOperation
            or IReturnOperation or ILoopOperation or ISwitchOperation or IBranchOperation or ITryOperation or ILockOperation or ILabeledOperation or IThrowOperation or ILocalFunctionOperation
            or IMethodBodyOperation or IConstructorBodyOperation or IConditionalOperation { Type: null };

        /// <summary>What a statement reads itself is wanted; statements in it speak for themselves, but for those of functions, which run whenever they are called.</summary>
        private void Read(IOperation statement)
        {
            var isFunction = statement is ILocalFunctionOperation;
            var open = new Stack<(IOperation Operation, bool IsInFunction)>(statement.ChildOperations.Select(child => (child, isFunction)));
            while (open.Count > 0)
            {
                var (operation, isInFunction) = open.Pop();
                isInFunction |= operation is IAnonymousFunctionOperation;
                if (IsStatement(operation) && (!isInFunction || !Mattering.Add(operation)))
                    continue;
                if (SymbolOf(operation) is { } symbol && _wanted.Add(symbol))
                    _open.Push(symbol);
                foreach (var child in operation.ChildOperations)
                    open.Push((child, isInFunction));
            }
        }

        private static ISymbol? SymbolOf(IOperation operation) => operation switch
        {
            ILocalReferenceOperation reference => reference.Local,
            IParameterReferenceOperation reference => reference.Parameter,
            IFieldReferenceOperation reference => reference.Field.OriginalDefinition,
            IPropertyReferenceOperation reference => reference.Property.OriginalDefinition,
            IVariableDeclaratorOperation declarator => declarator.Symbol,
            IDeclarationPatternOperation pattern => pattern.DeclaredSymbol,
            _ => null,
        };

        /// <summary>Where a variable is written, or the object in it may be changed or get another name.</summary>
        private void IndexChange(IOperation operation)
        {
            if (SymbolOf(operation) is not { } symbol || (operation is not (IVariableDeclaratorOperation or IDeclarationPatternOperation) && !MayChange(operation)))
                return;
            if (!_changes.TryGetValue(symbol, out var changes))
                _changes.Add(symbol, changes = []);
            changes.Add(operation);
        }

        private bool MayChange(IOperation reference) => reference.Parent switch
        {
            IAssignmentOperation assignment when assignment.Target == reference => true,
            IIncrementOrDecrementOperation or ITupleOperation or IDeclarationExpressionOperation or IArgumentOperation { Parameter.RefKind: not RefKind.None } => true,
            IBinaryOperation or IIsPatternOperation or IIsTypeOperation => false,
            _ => reference.Type is { IsReferenceType: true, SpecialType: not SpecialType.System_String } type && !_source.IsTensor(type) && !_source.IsModule(type) && !_source.Catalogue.DerivesFrom(type, Role.Optimizer),
        };
    }
}
