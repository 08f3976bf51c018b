using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>
/// What of a program's own code matters for the models that it makes (a backward slice, Weiser 1981): the statements that make or change a module, those that lead to what they are handed,
/// and the conditions around them. The loops that read data, train and print are not run.
/// </summary>
/// <param name="source">The program.</param>
/// <param name="makesModels">Whether a method makes a model itself.</param>
internal sealed class ProgramSlice(ProgramSource source, Func<IMethodSymbol, bool> makesModels)
{
    private readonly MethodEffects _effects = new(source, makesModels);

    private readonly Dictionary<IOperation, Body> _known = [];

    /// <summary>Whether a statement has to be executed.</summary>
    public bool Matters(IOperation statement) => !Body.IsStatement(statement) || BodyOf(statement).Mattering.Contains(statement);

    /// <summary>Whether the rounds of a loop make modules or add to what outlives the round, so that their number counts.</summary>
    public bool Builds(ILoopOperation loop) => BodyOf(loop).Building.Contains(loop);

    /// <summary>Whether a body differentiates a loss or steps an optimizer itself.</summary>
    public bool Trains(IOperation body) => BodyOf(body).FirstTraining < int.MaxValue;

    /// <summary>Whether the module that is called here has computed something, or given its parameters away, before the same code trains, and that comes before the call.</summary>
    public bool IsTrainedBefore(IInvocationOperation call) => BodyOf(call) is var body && body.FirstTraining < call.Syntax.SpanStart
        && Body.VariableOf(call.Instance) is { } variable && body.FirstUse.TryGetValue(variable, out var used) && used < body.FirstTraining;

    /// <summary>Whether a method, and all that it calls, makes no model, is handed none and keeps nothing.</summary>
    public bool OnlyComputes(IMethodSymbol method) => _effects.OnlyComputes(method);

    private Body BodyOf(IOperation statement)
    {
        var root = statement;
        while (root.Parent is { } parent)
            root = parent;
        if (!_known.TryGetValue(root, out var body))
            _known.Add(root, body = new Body(root, source, _effects, IsSeed));
        return body;
    }

    /// <summary>Makes a module, or changes one: anything done with one but computing, training and storing.</summary>
    private bool IsSeed(IOperation operation, Body body) => operation switch
    {
        IObjectCreationOperation creation => creation.Constructor is { } constructor && (Holds(creation.Type) || makesModels(constructor) || creation.Arguments.Any(argument => HoldsFunction(argument.Value, body))),
        IInvocationOperation { TargetMethod.MethodKind: MethodKind.LocalFunction } call => Holds(call.Type) || call.Arguments.Any(argument => Holds(argument.Value, body)) || body.Functions.TryGetValue(call.TargetMethod.OriginalDefinition, out var function) && body.Makes(function),
        IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke } call => Holds(call.Type) || body.HasFunctionThatMakes || MethodEffects.WithoutConversion(call.Instance) is IParameterReferenceOperation || call.Arguments.Any(argument => Holds(argument.Value, body)),
        IInvocationOperation { TargetMethod: var method } call => IsSeed(call, method, body),
        _ => false,
    };

    private bool IsSeed(IInvocationOperation call, IMethodSymbol method, Body body)
    {
        var role = source.Catalogue.Find(method)?.Role;
        if (role is { } known && (known.IsTraining() || known is Role.Forward or Role.Parameters or Role.Save))
            return false;
        if (source.IsModule(call.Type) || (call.Arguments.Any(argument => source.IsModule(MethodEffects.WithoutConversion(argument.Value).Type)) && !(source.Has(method.OriginalDefinition) && _effects.OnlyUsesModels(method))))
            return true;
        if (method.ContainingAssembly?.Name == ModelCatalogue.Library)
        {
            return call.Instance is { } instance && source.IsModule(instance.Type)
                ? role is not null
                : role?.IsInitializer() == true || (method.Name.EndsWith("_", StringComparison.Ordinal) && (call.Instance is { } tensor ? body.IsParameter(tensor) : call.Arguments.Any(argument => body.IsParameter(argument.Value))));
        }

        return source.Has(method.OriginalDefinition)
            ? makesModels(method) || Holds(call.Type) || (((call.Instance is { } receiver && Holds(receiver.Type)) || call.Arguments.Any(argument => Holds(argument.Value, body))) && !_effects.OnlyUsesModels(method))
            : call.Instance is { } own && source.IsModule(own.Type) || call.Arguments.Any(argument => HoldsFunction(argument.Value, body));
    }

    private bool Holds(ITypeSymbol? type) => _effects.Holds(type);

    /// <summary>Whether an argument may bring a module: what it is, not what the parameter takes.</summary>
    private bool Holds(IOperation argument, Body body) => MethodEffects.WithoutConversion(argument) is var given && given.Type?.TypeKind == TypeKind.Delegate ? HoldsFunction(given, body) : Holds(given.Type);

    private bool HoldsFunction(IOperation argument, Body body) => MethodEffects.WithoutConversion(argument) switch
    {
        IDelegateCreationOperation { Target: IAnonymousFunctionOperation function } => body.Makes(function) || Holds(function.Symbol.ReturnType),
        IDelegateCreationOperation { Target: IMethodReferenceOperation { Method: var method } } => makesModels(method) || Holds(method.ReturnType) || method.Parameters.Any(parameter => Holds(parameter.Type)),
        { Type: INamedTypeSymbol { TypeKind: TypeKind.Delegate } type } => Holds(type),
        _ => false,
    };

    /// <summary>The slice of one body.</summary>
    private sealed class Body
    {
        private readonly ProgramSource _source;
        private readonly MethodEffects _effects;
        private readonly Dictionary<ISymbol, List<IOperation>> _changes = new(SymbolEqualityComparer.Default);
        private readonly Stack<ISymbol> _open = new();
        private readonly HashSet<ISymbol> _wanted = new(SymbolEqualityComparer.Default);
        private readonly HashSet<IOperation> _making = [];

        public Body(IOperation root, ProgramSource source, MethodEffects effects, Func<IOperation, Body, bool> isSeed)
        {
            (_source, _effects) = (source, effects);
            var operations = root.DescendantsAndSelf().ToList();
            foreach (var operation in operations)
                IndexChange(operation);
            FindMaking(operations, isSeed);
            foreach (var operation in operations)
            {
                if (operation is IInvocationOperation noted)
                    NoteTraining(noted);
                var isSeeding = isSeed(operation, this);
                if (isSeeding && (operation is IObjectCreationOperation || source.IsModule(operation.Type)))
                    MarkBuilding(operation, variable: null);
                else if (isSeeding && operation is IInvocationOperation { TargetMethod: var method } && source.Catalogue.Find(method)?.Role.IsInitializer() == true)
                    MarkRunningOver(operation);
                // What a method gives back is wanted, wherever it is found; any other jump matters only where the code around it does. A function is read whole where it is wanted.
                if (isSeeding)
                    Keep(operation, throughLoops: true);
                else if (operation is (IReturnOperation or IBranchOperation or IThrowOperation) && !IsInFunction(operation))
                    Keep(operation, throughLoops: operation is IReturnOperation { ReturnedValue: not null });
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

        /// <summary>Where the first gradient is computed or followed; beyond all code where none is.</summary>
        public int FirstTraining { get; private set; } = int.MaxValue;

        /// <summary>Where a module in a variable first computes something or gives its parameters away.</summary>
        public Dictionary<ISymbol, int> FirstUse { get; } = new(SymbolEqualityComparer.Default);

        public HashSet<IOperation> Mattering { get; } = [];

        public HashSet<IOperation> Building { get; } = [];

        /// <summary>The local functions.</summary>
        public Dictionary<IMethodSymbol, IOperation> Functions { get; } = new(SymbolEqualityComparer.Default);

        /// <summary>Whether one of the lambdas makes a module, or changes one: any delegate may be it.</summary>
        public bool HasFunctionThatMakes { get; private set; }

        /// <summary>Whether running a lambda or local function makes a module, or changes one.</summary>
        public bool Makes(IOperation function) => _making.Contains(function);

        /// <summary>Whether a tensor is a module's parameter: by its type, by what it is read from, or by what its variable was given.</summary>
        public bool IsParameter(IOperation tensor) => IsOfParameter(tensor)
            || (MethodEffects.WithoutConversion(tensor) is ILocalReferenceOperation { Local: var local } && _changes.TryGetValue(local, out var changes)
                && changes.Any(change => change is not IVariableDeclaratorOperation { Initializer: { } given } || IsOfParameter(given.Value)));

        private bool IsOfParameter(IOperation tensor)
        {
            for (var current = MethodEffects.WithoutConversion(tensor); current is not null; current = MethodEffects.WithoutConversion(OwnerOf(current)))
            {
                if (_source.Catalogue.DerivesFrom(current.Type, Role.Parameter) || (_source.IsModule(current.Type) && current != tensor))
                    return true;
            }

            return false;
        }

        /// <summary>What a part, a view or a loop variable is taken from; what a model computes is its own.</summary>
        private IOperation? OwnerOf(IOperation operation) => operation switch
        {
            IInvocationOperation { TargetMethod: var method } call => _source.Catalogue.Is(method, Role.Forward) ? null : call.Instance,
            IMemberReferenceOperation member => member.Instance,
            IArrayElementReferenceOperation element => element.ArrayReference,
            _ => null,
        };

        private void NoteTraining(IInvocationOperation call)
        {
            var place = call.Syntax.SpanStart;
            switch (_source.Catalogue.Find(call.TargetMethod)?.Role)
            {
                case Role.Backward or Role.Step:
                    FirstTraining = Math.Min(FirstTraining, place);
                    break;
                case Role.Forward or Role.Parameters when VariableOf(call.Instance) is { } variable:
                    FirstUse[variable] = FirstUse.TryGetValue(variable, out var before) ? Math.Min(before, place) : place;
                    break;
            }
        }

        /// <summary>The variable, field or property that holds a module; null where an expression gives it.</summary>
        public static ISymbol? VariableOf(IOperation? instance) => MethodEffects.WithoutConversion(instance) switch
        {
            ILocalReferenceOperation local => local.Local,
            IParameterReferenceOperation parameter => parameter.Parameter,
            IFieldReferenceOperation field => field.Field,
            IPropertyReferenceOperation property => property.Property,
            _ => null,
        };

        /// <summary>Functions that make modules, or call one that does.</summary>
        private void FindMaking(List<IOperation> operations, Func<IOperation, Body, bool> isSeed)
        {
            var functions = operations.Where(operation => operation is IAnonymousFunctionOperation or ILocalFunctionOperation).ToList();
            foreach (var function in functions.OfType<ILocalFunctionOperation>())
                Functions[function.Symbol] = function;
            for (var before = -1; before < _making.Count;)
            {
                before = _making.Count;
                foreach (var function in functions.Where(function => !_making.Contains(function) && function.Descendants().Any(operation => isSeed(operation, this))))
                    _making.Add(function);
                HasFunctionThatMakes = _making.Any(function => function is IAnonymousFunctionOperation);
            }
        }

        private static bool IsInFunction(IOperation operation)
        {
            for (var current = operation.Parent; current is not null; current = current.Parent)
            {
                if (current is IAnonymousFunctionOperation or ILocalFunctionOperation)
                    return true;
            }

            return false;
        }

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

        /// <summary>The loops around an initialization that run over what a module holds: each round begins another weight.</summary>
        private void MarkRunningOver(IOperation initialization)
        {
            for (var current = initialization.Parent; current is not null; current = current.Parent)
            {
                if (current is IForEachLoopOperation { Collection: var collection } && collection.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => _source.IsModule(call.Instance?.Type)))
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
            IInvocationOperation { TargetMethod: { MethodKind: MethodKind.LocalFunction } function } => function.OriginalDefinition,
            IMethodReferenceOperation { Method: { MethodKind: MethodKind.LocalFunction } function } => function.OriginalDefinition,
            ILocalFunctionOperation function => function.Symbol,
            IVariableDeclaratorOperation declarator => declarator.Symbol,
            IDeclarationPatternOperation pattern => pattern.DeclaredSymbol,
            _ => null,
        };

        /// <summary>Where a variable is written, or the object in it may be changed or get another name.</summary>
        private void IndexChange(IOperation operation)
        {
            if (SymbolOf(operation) is not { } symbol || (operation is not (IVariableDeclaratorOperation or IDeclarationPatternOperation or ILocalFunctionOperation) && !MayChange(operation)))
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
            IArgumentOperation { Parent: IInvocationOperation { TargetMethod: var method } } when _source.Has(method.OriginalDefinition) && _effects.OnlyUsesModels(method) => false,
            _ => reference.Type is { IsReferenceType: true, SpecialType: not SpecialType.System_String } type && !_source.IsTensor(type) && !_source.IsModule(type) && !_source.Catalogue.DerivesFrom(type, Role.Optimizer),
        };
    }
}
