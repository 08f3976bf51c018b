using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Finds the modules whose output leads to a loss, by following data backwards from it.</summary>
internal sealed class LossTracer(ValueTracer tracer)
{
    private const int MaximumOperations = 5_000;

    /// <summary>How deep in-house losses are followed that are made of others.</summary>
    private const int MaximumLosses = 3;

    private readonly Dictionary<(IOperation, Frame), LossSources> _known = [];
    private readonly Dictionary<(IOperation, Frame, bool), DataSlice> _slices = [];
    private readonly Dictionary<IOperation, Recurrence?> _recurrences = [];
    private readonly Dictionary<IOperation, bool> _hasScopes = [];

    private ModelCatalogue Catalogue => tracer.Source.Catalogue;

    /// <summary>Every module that is called on the way to the loss and learns from it; complete unless data came from code that is not to be seen.</summary>
    public LossSources ModulesOf(IOperation? loss, Frame frame)
    {
        if (loss is not null && _known.TryGetValue((loss, frame), out var known))
            return known;
        var modules = new List<(Value Module, IOperation Call)>();
        var unrolled = new HashSet<Value>();
        var slice = Slice(loss, frame);
        var isComplete = slice.IsComplete;
        foreach (var (operation, at) in slice.Steps)
        {
            if (operation is IInvocationOperation call && IsOnModule(call, at) && !Catalogue.Is(call.TargetMethod, Role.Parameters) && !IsWithoutGradient(operation, at))
            {
                var called = tracer.Trace(call.Instance, at);
                modules.AddRange(called.Select(module => (module, operation)));
                if (IsUnrolled(call))
                    unrolled.UnionWith(called);
            }

            if (operation is IParameterReferenceOperation parameter && at.ArgumentOf(parameter.Parameter) is null && at.Depth > 0)
                isComplete = false;
        }

        var found = new LossSources(modules.GroupBy(pair => pair.Module).Select(group => group.First()).ToImmutableArray(), isComplete) { Unrolled = unrolled };
        if (loss is not null)
            _known.Add((loss, frame), found);
        return found;
    }

    /// <summary>Every module that is called on the way to a value, whether or not gradients flow back from it.</summary>
    public IEnumerable<Value> ModulesBehind(IOperation value, Frame frame)
    {
        var seen = new HashSet<(IOperation, Frame)>();
        var open = new Stack<(IOperation Operation, Frame Frame)>([(value, frame)]);
        while (open.Count > 0 && seen.Count < MaximumOperations)
        {
            var (operation, at) = open.Pop();
            if (!seen.Add((operation, at)))
                continue;
            if (operation is IInvocationOperation call && IsOnModule(call, at) && !Catalogue.Is(call.TargetMethod, Role.Parameters))
            {
                foreach (var module in tracer.Trace(call.Instance, at))
                    yield return module;
            }

            foreach (var next in Sources(operation, at))
                open.Push(next);
        }
    }

    /// <summary>The call is in a loop over time, or a fold, that feeds the module what it gave in the round before, and gradients flow back through all rounds.</summary>
    private bool IsUnrolled(IInvocationOperation call)
    {
        for (var around = call.Parent; around is not null; around = around.Parent)
        {
            if (around is not (ILoopOperation or IInvocationOperation { TargetMethod.Name: nameof(Enumerable.Aggregate) }))
                continue;
            if (!_recurrences.TryGetValue(around, out var recurrence))
                _recurrences.Add(around, recurrence = DifferentiatesIn(around) ? null : Recurrence.Of(around, tracer.Source));
            if (recurrence?.CarriedStates.Any(state => state.Call == call && recurrence.SurelyKeepsHistory(state)) == true)
                return true;
        }

        return false;
    }

    /// <summary>A loop over batches that differentiates in every round is no loop over time.</summary>
    private bool DifferentiatesIn(IOperation loop) => loop.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => Catalogue.Is(call.TargetMethod, Role.Backward));

    /// <summary>A call of a module, or of a module through an interface.</summary>
    public bool IsOnModule(IInvocationOperation call, Frame frame) =>
        Catalogue.IsModule(call.Instance?.Type)
        || (call.Instance is { Type.TypeKind: TypeKind.Interface } instance && tracer.Trace(instance, frame) is { IsEmpty: false } values && values.All(value => Catalogue.IsModule(value.Type)));

    /// <summary>The numbers (fields, variables) that the loss is multiplied by on its way to backward.</summary>
    public ImmutableHashSet<ISymbol> FactorsOf(IOperation? loss, Frame frame) =>
        Slice(loss, frame, withNumbers: true).Steps
            .Where(step => step.Operation is IBinaryOperation { OperatorKind: BinaryOperatorKind.Multiply } or ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Multiply } || step.Operation is IInvocationOperation { TargetMethod.Name: "mul" or "mul_" or "multiply" })
            .SelectMany(step => step.Operation.ChildOperations.SelectMany(child => NumbersIn(child, step.Frame)))
            .ToImmutableHashSet<ISymbol>(SymbolEqualityComparer.Default);

    /// <summary>The numeric fields and variables that a value is computed from.</summary>
    public IEnumerable<ISymbol> NumbersIn(IOperation value, Frame frame) =>
        Slice(value, frame, withNumbers: true).Steps.Select(step => step.Operation switch
        {
            ILocalReferenceOperation reference when IsNumber(reference.Type) => reference.Local,
            IParameterReferenceOperation reference when IsNumber(reference.Type) => reference.Parameter,
            IFieldReferenceOperation reference when IsNumber(reference.Type) => reference.Field,
            IPropertyReferenceOperation reference when IsNumber(reference.Type) => reference.Property,
            _ => (ISymbol?)null,
        }).OfType<ISymbol>();

    private static bool IsNumber(ITypeSymbol? type) => type?.SpecialType is SpecialType.System_Single or SpecialType.System_Double or SpecialType.System_Int32 or SpecialType.System_Int64;

    /// <summary>The calls of loss functions and loss modules that the value is computed from, each with what it is and what it is given as the prediction; also those in the forward of an in-house loss.</summary>
    public IEnumerable<LossCall> LossesIn(IOperation? loss, Frame frame)
    {
        var open = new Queue<(IOperation? Value, Frame Frame, int Depth)>([(loss, frame, 0)]);
        while (open.Count > 0)
        {
            var (value, within, depth) = open.Dequeue();
            foreach (var (operation, at) in Slice(value, within).Steps)
            {
                if (operation is not IInvocationOperation { Arguments.IsEmpty: false } call)
                    continue;
                if (Catalogue.Find(call.TargetMethod) is { } entry && entry.Role.IsLoss())
                {
                    if (InputOf(call, entry) is { } input)
                        yield return new(call, at, entry.Role, input.Value, Creation: null);
                }
                else if (Catalogue.Is(call.TargetMethod, Role.Forward))
                {
                    var losses = tracer.Trace(call.Instance, at);
                    // One loss or another, as a condition says: each is one that the prediction is given to.
                    var roles = losses.Select(loss => loss is Created ? Catalogue.FindBase(loss.Type)?.Role : null).ToList();
                    if (roles.Count > 0 && roles.All(role => role?.IsLoss() == true) && call.Arguments.FirstOrDefault(argument => argument.Parameter!.Ordinal == 0) is { } first)
                    {
                        foreach (var one in losses.Zip(roles, (loss, role) => (Made: (Created)loss, Role: role!.Value)).GroupBy(one => one.Role))
                            yield return new(call, at, one.Key, first.Value, one.First().Made.Creation) { IsOneOfSeveral = losses.Length > 1 };
                    }
                    else if (losses is [Created made] && depth < MaximumLosses)
                    {
                        foreach (var inside in InHouse(call, made, at).SelectMany(Returned))
                            open.Enqueue((inside.Item1, inside.Item2, depth + 1));
                    }
                }
            }
        }
    }

    private static IArgumentOperation? InputOf(IInvocationOperation call, CatalogueEntry entry) => call.Arguments.FirstOrDefault(argument => entry.Carries("input", argument.Parameter!.Name));

    /// <summary>The forward that a call of a module in source runs; null where that is not one known method.</summary>
    public Frame? ForwardOf(IInvocationOperation call, Value module, Frame frame) =>
        module is Created { Type: INamedTypeSymbol type } && tracer.Source.Has(type.OriginalDefinition) && Catalogue.Is(call.TargetMethod, Role.Forward)
        && type.OriginalDefinition.GetMembers().OfType<IMethodSymbol>().Where(method => !method.IsAbstract && Catalogue.Is(method, Role.Forward) && method.Parameters.Length == call.Arguments.Length).ToList() is [var forward]
        && tracer.EnterOn(call, call.Instance!, ImmutableArray.Create(forward), frame) is [var entered] ? entered : null;

    /// <summary>The activation of the forward of an in-house loss: a module in source that is given the prediction and what it is compared with.</summary>
    private ImmutableArray<Frame> InHouse(IInvocationOperation call, Created made, Frame frame) =>
        call.Arguments.Count(argument => tracer.Source.IsTensor(argument.Value.Type)) >= 2 && ForwardOf(call, made, frame) is { } forward ? ImmutableArray.Create(forward) : ImmutableArray<Frame>.Empty;

    /// <summary>Every call that a gradient passes on its way back from a value, modules not entered.</summary>
    public IEnumerable<(IInvocationOperation Call, Frame Frame)> CallsBehind(IOperation? value, Frame frame) =>
        Slice(value, frame).Steps.Where(step => step.Operation is IInvocationOperation).Select(step => ((IInvocationOperation)step.Operation, step.Frame));

    /// <summary>Whether a gradient that comes back to the value leads on to something that is trained: a module, a parameter, or a tensor that asks for it.</summary>
    public bool IsTrained(IOperation value, Frame frame) => Slice(value, frame).Steps.Any(step => step.Operation switch
    {
        IInvocationOperation call when IsOnModule(call, step.Frame) => !IsWithoutGradient(call, step.Frame) && !IsLossModule(call, step.Frame),
        IInvocationOperation call => Catalogue.Is(call.TargetMethod, Role.Freeze),
        var other => Catalogue.Is(other.Type, Role.Parameter),
    });

    /// <summary>Whether the value is computed from what a method is given.</summary>
    public bool ComesFrom(IOperation value, Frame frame, IMethodSymbol method) => Slice(value, frame).Steps.Any(step =>
        step.Operation is IParameterReferenceOperation { Parameter: var parameter } && SymbolEqualityComparer.Default.Equals(parameter.ContainingSymbol, method));

    private bool IsLossModule(IInvocationOperation call, Frame frame) => tracer.Trace(call.Instance, frame) is { IsEmpty: false } called && called.All(module => Catalogue.FindBase(module.Type)?.Role.IsLoss() == true);

    /// <summary>Everything that a value is computed from. Gradients flow through tensors, so that the numbers on the way matter only to who asks for numbers.</summary>
    private DataSlice Slice(IOperation? value, Frame frame, bool withNumbers = false)
    {
        if (value is null)
            return DataSlice.Nothing;
        if (_slices.TryGetValue((value, frame, withNumbers), out var known))
            return known;
        var seen = new HashSet<(IOperation, Frame)>();
        var steps = ImmutableArray.CreateBuilder<(IOperation, Frame)>();
        var open = new Stack<(IOperation Operation, Frame Frame)>();
        Follow(value, frame);
        while (open.Count > 0 && seen.Count <= MaximumOperations)
        {
            var current = open.Pop();
            if (!seen.Add(current))
                continue;
            steps.Add(current);
            if (current.Operation is IInvocationOperation { TargetMethod: { } method } && Catalogue.Is(method, Role.Detach))
                continue;
            if (IsOfItsParts(current.Operation))
            {
                foreach (var part in current.Operation.ChildOperations)
                    Follow(part, current.Frame);
                continue;
            }

            foreach (var (operation, at) in Sources(current.Operation, current.Frame))
                Follow(operation, at);
        }

        void Follow(IOperation operation, Frame at)
        {
            // What was followed already is not put on the list again: most values are used more than once.
            if ((withNumbers || !IsPlain(operation.Type)) && !seen.Contains((operation, at)))
                open.Push((operation, at));
        }

        var slice = new DataSlice(steps.ToImmutable(), IsComplete: seen.Count <= MaximumOperations);
        _slices.Add((value, frame, withNumbers), slice);
        return slice;
    }

    /// <summary>A number, a truth value or a text: what was computed from tensors no longer leads back to them.</summary>
    public static bool IsPlain(ITypeSymbol? type) => type is { TypeKind: TypeKind.Enum } or { SpecialType: >= SpecialType.System_Boolean and <= SpecialType.System_String };

    /// <param name="Steps">Each operation on the way, with its activation; the value itself first.</param>
    /// <param name="IsComplete">No bound was reached.</param>
    private sealed record DataSlice(ImmutableArray<(IOperation Operation, Frame Frame)> Steps, bool IsComplete)
    {
        public static DataSlice Nothing { get; } = new(ImmutableArray<(IOperation, Frame)>.Empty, IsComplete: false);
    }

    /// <summary>Inside <c>using (torch.no_grad())</c>, or after <c>using var _ = torch.no_grad();</c> in the same block, here or around a call that leads here.</summary>
    public bool IsWithoutGradient(IOperation call, Frame frame) => frame.HoldsOnEveryWay(call, place => ScopeAround(place) is { } scope && MaySwitchOff(scope));

    /// <summary>The same, by scopes that are opened whatever happens: not <c>using var _ = training ? null : no_grad();</c>.</summary>
    public bool IsSurelyWithoutGradient(IOperation call, Frame frame) => frame.HoldsOnEveryWay(call, place => ScopeWithoutGradient(place) is not null);

    /// <summary>The call that surely switches gradients off around an operation in its own member; null where none does.</summary>
    public IInvocationOperation? ScopeWithoutGradient(IOperation operation) =>
        ScopeAround(operation) is { } scope && GradientScopes.SwitchesOff(scope, Catalogue) && LastsToTheEnd(scope) ? scope : null;

    /// <summary>A using keeps the scope, under no condition, and nothing else is done with it: a plain variable may be disposed of before.</summary>
    private static bool LastsToTheEnd(IOperation scope)
    {
        IOperation? outer = scope.Parent;
        while (outer is IConversionOperation or IVariableInitializerOperation or IVariableDeclarationOperation or IVariableDeclarationGroupOperation)
            outer = outer.Parent;
        if (outer is IUsingOperation)
            return true;
        if (outer is not IVariableDeclaratorOperation { Symbol: var local } declarator)
            return false;
        for (outer = declarator.Parent; outer is IVariableDeclarationOperation or IVariableDeclarationGroupOperation; outer = outer.Parent)
        {
        }

        return outer is IUsingOperation or IUsingDeclarationOperation
            && outer.Parent?.DescendantsAndSelf().OfType<ILocalReferenceOperation>().Any(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local)) != true;
    }

    /// <summary>The innermost scope that decides whether gradients are computed.</summary>
    private IInvocationOperation? ScopeAround(IOperation place)
    {
        if (!HasScopes(place))
            return null;
        IOperation inner = place;
        for (var outer = place.Parent; outer is not null; inner = outer, outer = outer.Parent)
        {
            if (outer is IUsingOperation { Resources: { } resources } && resources != inner && ScopeIn(resources) is { } around)
                return around;
            if (outer is IBlockOperation block && block.Operations.TakeWhile(statement => statement != inner).Reverse()
                .Where(statement => statement is IUsingDeclarationOperation or IVariableDeclarationGroupOperation or IExpressionStatementOperation).Select(ScopeIn).FirstOrDefault(scope => scope is not null) is { } before)
            {
                return before;
            }
        }

        return null;
    }

    /// <summary>Whether the code around an operation has any scope: asked of every operation, and mostly it has none.</summary>
    private bool HasScopes(IOperation place)
    {
        var root = place;
        while (root.Parent is { } outer)
            root = outer;
        if (!_hasScopes.TryGetValue(root, out var known))
            _hasScopes.Add(root, known = ScopeIn(root) is not null);
        return known;
    }

    private IInvocationOperation? ScopeIn(IOperation resource) =>
        resource.DescendantsAndSelf().OfType<IInvocationOperation>().FirstOrDefault(call => Catalogue.Find(call.TargetMethod)?.Role is Role.NoGrad or Role.GradientMode);

    private bool MaySwitchOff(IInvocationOperation scope) => GradientScopes.SwitchesOff(scope, Catalogue)
        || (Catalogue.Is(scope.TargetMethod, Role.NoGrad) && !scope.Arguments.Any(argument => argument.Value.ConstantValue is { HasValue: true, Value: false }));

    /// <summary>Computed from what stands in it, and from nothing else.</summary>
    private static bool IsOfItsParts(IOperation operation) => operation is not (ILocalReferenceOperation or IParameterReferenceOperation or IMemberReferenceOperation or IInvocationOperation or IAnonymousFunctionOperation);

    /// <summary>What the value of an operation is computed from.</summary>
    public List<(IOperation Operation, Frame Frame)> Sources(IOperation operation, Frame frame)
    {
        var found = new List<(IOperation, Frame)>();
        switch (operation)
        {
            case ILocalReferenceOperation reference:
                var declaring = Frame.Declaring(reference.Local, frame);
                foreach (var write in declaring.Body.WritesReaching(reference, reference.Local))
                    AddWritten(found, write.Value, declaring);
                foreach (var value in declaring.Body.PartWrites(reference.Local))
                    found.Add((value, declaring));
                break;
            case IParameterReferenceOperation reference:
                if ((frame.ArgumentOf(reference.Parameter) ?? ValueTracer.SequenceOf(reference, frame)) is { } given)
                    found.Add(given);
                foreach (var write in frame.Body.Writes(reference.Parameter))
                    AddWritten(found, write.Value, frame);
                break;
            case IMemberReferenceOperation reference and (IFieldReferenceOperation or IPropertyReferenceOperation) when !Catalogue.IsModule(reference.Type):
                var owner = tracer.Trace(reference.Instance, frame).FirstOrDefault();
                foreach (var write in tracer.Source.WritesTo(reference.Member))
                    found.Add((write.Write.Value, tracer.Detached(write.Method, write.Body, owner)));
                AddChildren(found, reference, frame);
                break;
            case IInvocationOperation invocation when IsOnModule(invocation, frame):
                foreach (var argument in invocation.Arguments)
                    found.Add((argument.Value, frame));
                break;
            case IInvocationOperation invocation:
                foreach (var entered in tracer.Enter(invocation, frame))
                    found.AddRange(Returned(entered));
                AddChildren(found, invocation, frame);
                break;
            case IAnonymousFunctionOperation lambda:
                foreach (var value in frame.Body.Returns(lambda.Syntax))
                    found.Add((value, frame));
                break;
            default:
                AddChildren(found, operation, frame);
                break;
        }

        return found;
    }

    private void AddWritten(List<(IOperation, Frame)> found, IOperation value, Frame frame)
    {
        if (value is not IArgumentOperation { Parent: IInvocationOperation call, Parameter: { } parameter })
        {
            found.Add((value, frame));
            return;
        }

        // An out argument: what the method called assigns to it.
        foreach (var entered in tracer.Enter(call, frame))
        {
            foreach (var candidate in entered.Method!.Parameters.Where(candidate => candidate.Ordinal == parameter.Ordinal))
                found.AddRange(entered.Body.Writes(candidate).Select(write => (write.Value, entered)));
        }

        AddChildren(found, call, frame);
    }

    private static IEnumerable<(IOperation, Frame)> Returned(Frame frame) => frame.Body.Returns(frame.Function).Select(value => (value, frame));

    private static void AddChildren(List<(IOperation, Frame)> found, IOperation operation, Frame frame)
    {
        foreach (var child in operation.ChildOperations)
            found.Add((child, frame));
    }
}

/// <summary>The modules that learn from a loss, each with a call of it.</summary>
internal sealed record LossSources(ImmutableArray<(Value Module, IOperation Call)> Calls, bool IsComplete)
{
    /// <summary>Modules that are fed their own output round after round.</summary>
    public ISet<Value> Unrolled { get; init; } = new HashSet<Value>();

    public IEnumerable<Value> Modules => Calls.Select(call => call.Module);
}

/// <summary>A use of a loss.</summary>
/// <param name="Call">The call.</param>
/// <param name="Frame">Its activation.</param>
/// <param name="Role">Which loss.</param>
/// <param name="Input">The prediction that it is given.</param>
/// <param name="Creation">Where a loss module is made; null for a function.</param>
internal sealed record LossCall(IInvocationOperation Call, Frame Frame, Role Role, IOperation Input, IOperation? Creation)
{
    /// <summary>A condition chooses between this loss and others.</summary>
    public bool IsOneOfSeveral { get; init; }
}
