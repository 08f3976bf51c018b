using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    private Value Invoke(IInvocationOperation invocation, Frame frame)
    {
        var method = invocation.TargetMethod;
        if (Catalogue.Find(method) is { } entry && InvokeCatalogued(entry, invocation, frame) is { } result)
            return result;
        if (method.MethodKind == MethodKind.DelegateInvoke && invocation.Instance is { } target)
        {
            var function = Evaluate(target, frame);
            var values = Arguments(invocation.Arguments, method.Parameters.Length, frame);
            return function is Function known ? CallFunction(known, values, invocation) : Unread(invocation, function, values);
        }

        var receiver = invocation.Instance is null ? null : Evaluate(invocation.Instance, frame);
        var arguments = Arguments(invocation.Arguments, method.Parameters.Length, frame);
        if (receiver is Alternatives several && source.IsModule(method.ContainingType) && !method.ReturnsVoid && !_isProgram)
        {
            var results = several.Modules.Where(module => (Implementation(method, module) ?? method) is { IsAbstract: false } own && source.Has(own))
                .Select(module => Call(Implementation(method, module) ?? method, module, arguments, null, invocation)).ToList();
            if (results.Count > 0 && results.Count == several.Modules.Count())
                return Merge(results, invocation, condition: several.Condition);
        }

        var isBaseCall = invocation.Instance is { Syntax: BaseExpressionSyntax };
        var implementation = receiver is Instance instance && !isBaseCall ? Implementation(method, instance) ?? method : method;
        if (!implementation.IsAbstract && source.Has(implementation))
        {
            var definition = method.MethodKind == MethodKind.LocalFunction ? DefinitionOf(method, frame) : null;
            var value = Call(implementation, definition is null ? receiver : null, arguments, definition, invocation, out var callee);
            WriteBack(invocation.Arguments, implementation, callee, frame);
            return value;
        }

        if (method is { IsStatic: true, ContainingType.SpecialType: SpecialType.System_String, Name: "IsNullOrEmpty" or "IsNullOrWhiteSpace" } && arguments is [Known { Content: string or null } text])
            return Known.Of(method.Name == "IsNullOrEmpty" ? string.IsNullOrEmpty(text.Content as string) : string.IsNullOrWhiteSpace(text.Content as string));
        return InvokeLibrary(invocation, receiver, arguments, frame) ?? (Value?)MadeElsewhere(invocation, receiver, arguments) ?? Unread(invocation, receiver, arguments);
    }

    private Value[] Arguments(ImmutableArray<IArgumentOperation> arguments, int count, Frame frame)
    {
        var values = new Value[count];
        foreach (var argument in arguments)
        {
            if (argument.Parameter is { } parameter && parameter.Ordinal < count)
                values[parameter.Ordinal] = Evaluate(argument.Value, frame);
        }

        for (var index = 0; index < count; index++)
            values[index] ??= new Unknown("an argument is missing");
        return values;
    }

    private void WriteBack(ImmutableArray<IArgumentOperation> arguments, IMethodSymbol method, Frame? callee, Frame frame)
    {
        foreach (var argument in arguments)
        {
            if (argument.Parameter is not { RefKind: RefKind.Out or RefKind.Ref } parameter)
                continue;
            var written = parameter.Ordinal < method.Parameters.Length ? callee?.Get(method.OriginalDefinition.Parameters[parameter.Ordinal]) : null;
            Assign(argument.Value, written ?? External(parameter.Type, parameter.Name, $"'{parameter.Name}' is written by a call that is not read", argument), frame);
        }
    }

    /// <summary>A call of something that is neither catalogued nor in source.</summary>
    private Value Unread(IInvocationOperation invocation, Value? receiver, Value[] arguments)
    {
        var name = invocation.TargetMethod.Name;
        var inputs = Nodes(receiver is null ? arguments : [receiver, .. arguments]).ToList();
        // weight.copy_(…), or a weight in the hands of code that is not to be seen: it starts as that code likes.
        var isLibrary = invocation.TargetMethod.ContainingAssembly?.Name == ModelCatalogue.Library;
        if (receiver is ParameterValue written && isLibrary && name.EndsWith("_", StringComparison.Ordinal))
            return WithUnknownStart(written, invocation);
        foreach (var given in isLibrary ? [] : arguments.OfType<ParameterValue>())
            WithUnknownStart(given, invocation);
        // What the module does to itself there, as InitializeWeights() does.
        if (receiver is ModuleValue { Elsewhere: not null } elsewhere && !isLibrary)
            ForgetStarts(elsewhere, Place(invocation), Role.Opaque);
        var isModule = receiver is ModuleValue || receiver is Unknown && source.IsModule(invocation.Instance?.Type) || arguments.Any(argument => argument is ModuleValue);
        // What the library makes of given tensors is one more of them: positions counted from a mask.
        if (!isModule && (inputs.Count == 0 || (isLibrary && AreGiven(inputs))))
            return External(invocation.Type, Text(invocation), $"'{name}' is not in the catalogue and not in source", invocation);
        var reason = receiver is Unknown unknown && isModule ? $"'{Text(invocation.Instance!)}' is not known: {unknown.Reason}" : $"'{name}' is not in the catalogue and not in source";
        return OpaqueOf(invocation.Type, reason, inputs, invocation);
    }

    /// <summary>Nodes that are asked whether they come of given tensors only.</summary>
    private const int MaximumGiven = 32;

    /// <summary>Whether values are computed of given tensors only; not those of a loop's previous step.</summary>
    private bool AreGiven(IEnumerable<int> nodes)
    {
        var open = new Stack<int>(nodes);
        for (var asked = 0; open.Count > 0; asked++)
        {
            var node = Graph.Nodes[open.Pop()];
            if (asked == MaximumGiven || node.Module is not null || node.Parameter is not null || node.Role is Role.Opaque or Role.Input
                || (node.Inputs.IsEmpty && (node.Role != Role.Data || (node.Constants.TryGetValue("name", out var name) && name.Text.StartsWith("previous step", StringComparison.Ordinal)))))
                return false;
            foreach (var input in node.Inputs)
                open.Push(input);
        }

        return true;
    }

    /// <summary>An opaque result of a type: for a tuple, one opaque node that all its tensors depend on.</summary>
    private Value OpaqueOf(ITypeSymbol? type, string reason, IEnumerable<int> inputs, IOperation at)
    {
        if (source.IsTensor(type))
            return Opaque(reason, inputs, at);
        if (type is INamedTypeSymbol { IsTupleType: true } tuple)
        {
            var whole = Opaque(reason, inputs, at);
            return new TupleValue(tuple.TupleElements.Select(element => source.IsTensor(element.Type) ? whole : new Unknown(reason)).ToImmutableArray());
        }

        if (type is IArrayTypeSymbol { ElementType: var element } && source.IsTensor(element) || type is INamedTypeSymbol { TypeArguments: [var argument, ..] } && source.IsTensor(argument))
            return Opaque(reason, inputs, at) is TensorValue tensor ? new TensorParts(tensor.Node) : new Unknown(reason);
        // A framework of the user's own need not name its tensor type: what depends on a tensor is taken for one.
        return !Catalogue.HasTensorType && type is { IsReferenceType: true, SpecialType: SpecialType.None } ? Opaque(reason, inputs, at) : new Unknown(reason);
    }

    private Frame? DefinitionOf(IMethodSymbol localFunction, Frame frame)
    {
        var container = localFunction.ContainingSymbol;
        var current = frame;
        for (var depth = 0; depth < MaximumCalls && current is not null; depth++, current = current.Parent)
        {
            if (SymbolEqualityComparer.Default.Equals(current.Method, container))
                return current;
        }

        return frame;
    }

    private Value CallFunction(Function function, Value[] arguments, IOperation at)
    {
        if (function.Body is not null)
            return Call(function.Method, null, arguments, function.Definition, at, out _, function.Body);
        if (function.Receiver is ModuleValue module && Catalogue.Is(function.Method, Role.Forward))
            return Apply(module, arguments, Place(at), at);
        var method = function.Receiver is Instance instance ? Implementation(function.Method, instance) ?? function.Method : function.Method;
        if (!method.IsAbstract && source.Has(method))
            return Call(method, function.Receiver, arguments, function.Definition, at, out _);
        // A method group of the library: Func<Module<Tensor, Tensor>> activation = GELU, Func<Tensor, Tensor> activation = functional.relu.
        if (Catalogue.Find(function.Method) is { } factory && IsMade(factory.Role) && source.IsModule(function.Method.ReturnType))
            return CreateLayer(factory, function.Method, arguments, at);
        if (Catalogue.Find(function.Method) is { } entry && entry.Role.IsOperation() && Nodes(arguments).ToImmutableArray() is { IsEmpty: false } inputs)
            return Operate(entry.Role, inputs, DefaultConstants(entry), function.Method.ReturnType, at);
        return OpaqueOf(function.Method.ReturnType, $"'{function.Method.Name}' is not in the catalogue and not in source", Nodes(arguments), at);
    }

    private Value Call(IMethodSymbol method, Value? self, Value[] arguments, Frame? definition, IOperation at) =>
        Call(method, self, arguments, definition, at, out _);

    /// <summary>Modules that a method of the program was handed, or that its object holds, and that it trained.</summary>
    private readonly HashSet<ModuleValue> _trained = [];

    /// <summary>Runs a method, accessor, lambda or local function whose body is in source.</summary>
    private Value Call(IMethodSymbol method, Value? self, Value[] arguments, Frame? definition, IOperation at, out Frame? callee, IOperation? body = null)
    {
        callee = null;
        body ??= source.Body(method);
        if (body is ILocalFunctionOperation local)
            body = local.Body ?? local.IgnoredBody;
        if (body is null || _calls >= MaximumCalls || HasReachedLimit)
        {
            var reason = body is null ? $"'{method.Name}' has no body that can be read" : $"calls of '{method.Name}' nest too deeply";
            return OpaqueOf(method.ReturnType, reason, Nodes(arguments), at);
        }

        // A program that calls itself makes again what it makes; a factory may well be recursive.
        var isTracked = _isSliced && !source.IsModule(method.ReturnType);
        if (isTracked && !_running.Add(method.OriginalDefinition))
            return OpaqueOf(method.ReturnType, $"'{method.Name}' calls itself", Nodes(arguments), at);

        if (isTracked && (IsOfNoUse(method, arguments) || (self is ModuleValue && source.IsTensor(method.ReturnType))))
        {
            _running.Remove(method.OriginalDefinition);
            return source.IsTensor(method.ReturnType) ? OpaqueOf(method.ReturnType, "the program is not computed", Nodes(arguments), at) : External(method.ReturnType, Text(at), $"what '{method.Name}' is given is not known", at);
        }

        if (isTracked && IsDone(method, self, arguments))
        {
            _running.Remove(method.OriginalDefinition);
            return Known.Null;
        }

        var frame = new Frame(method.OriginalDefinition, self, definition) { Start = _store.Mark };
        Bind(method, arguments, frame, at);
        _calls++;
        Execute(body, frame);
        _calls--;
        if (_isSliced && slice!.Trains(body))
            _trained.UnionWith((self as Stateful)?.Slots.Values.Concat(arguments).OfType<ModuleValue>() ?? arguments.OfType<ModuleValue>());
        if (frame.MayHaveReturned)
            _uncertain--;
        if (isTracked)
            _running.Remove(method.OriginalDefinition);
        callee = frame;
        // Another way may return what this one does not.
        if (frame.MayHaveJumped && !_isProgram && !method.ReturnsVoid)
            return OpaqueOf(method.ReturnType, "a goto that may happen or not", Nodes(frame.Result is { } partly ? [partly, .. arguments] : arguments), at);
        if (frame.Get(Slot.Items) is { } yielded)
            return yielded is not Items items ? yielded : method.ReturnType.Name == "IEnumerator" ? new Enumerated(items) { Born = _store.Now } : ListOf(items.Values);
        if (frame.Result is { } result)
            frame.Pending.Add(result);
        else if (HasReachedLimit)
            return OpaqueOf(method.ReturnType, Unknown.TooLarge.Reason, Nodes(arguments), at);
        return frame.Pending.Count == 0 ? Known.Null : Merge(frame.Pending, at);
    }

    /// <summary>
    /// A static method that leads to no model and gives a tensor, or is given what is not known: no size comes from it. It has nothing to keep anything in,
    /// and what it is handed holds nothing that it could change.
    /// </summary>
    private bool IsOfNoUse(IMethodSymbol method, Value[] arguments) =>
        method is { IsStatic: true, ReturnsVoid: false, MethodKind: MethodKind.Ordinary or MethodKind.ReducedExtension } && arguments.All(argument => argument is Known or Unknown or TensorValue)
        && (source.IsTensor(method.ReturnType) || arguments.Any(argument => argument is Unknown))
        && slice!.OnlyComputes(method) && !KeepsStatics(method.ContainingType);

    private static bool KeepsStatics(INamedTypeSymbol type) => type.GetMembers().OfType<IFieldSymbol>().Any(field => field is { IsStatic: true, IsConst: false, IsReadOnly: false });

    /// <summary>
    /// A static method without a result, given numbers, texts and tensors only, makes the same again: executed once it is known, so that the cost grows with the methods of a program
    /// and not with the ways through them. One whose class keeps something static may do otherwise the second time.
    /// </summary>
    private bool IsDone(IMethodSymbol method, Value? self, Value[] arguments)
    {
        if (self is not null || !method.ReturnsVoid || !method.IsStatic || method.MethodKind != MethodKind.Ordinary || KeepsStatics(method.ContainingType))
        {
            return false;
        }

        var key = new List<object?>(arguments.Length);
        foreach (var argument in arguments)
        {
            if (argument is not (Known or Unknown or TensorValue))
                return false;
            key.Add(argument is Known known ? known.Content : argument.GetType());
        }

        if (!_done.TryGetValue(method.OriginalDefinition, out var executed))
            _done.Add(method.OriginalDefinition, executed = []);
        if (executed.Any(earlier => earlier.SequenceEqual(key)))
            return true;
        executed.Add(key);
        return false;
    }

    private void Bind(IMethodSymbol method, Value[] arguments, Frame frame, IOperation at)
    {
        var parameters = method.OriginalDefinition.Parameters;
        for (var index = 0; index < parameters.Length; index++)
        {
            var parameter = parameters[index];
            Set(frame, parameter, index < arguments.Length ? arguments[index] : DefaultOf(parameter, at));
        }
    }

    private Value DefaultOf(IParameterSymbol parameter, IOperation at)
    {
        if (parameter.IsParams)
            return ListOf([]);
        if (!parameter.HasExplicitDefaultValue)
            return External(parameter.Type, parameter.Name, $"'{parameter.Name}' is given by the caller", at);
        return parameter.ExplicitDefaultValue is null && parameter.Type.IsValueType && parameter.Type.OriginalDefinition.SpecialType != SpecialType.System_Nullable_T
            ? Default(parameter.Type)
            : new Known(parameter.ExplicitDefaultValue, parameter.Type.TypeKind == TypeKind.Enum ? parameter.Type : null);
    }

    /// <summary>A call of a catalogued member; null where its role says nothing about this call.</summary>
    private Value? InvokeCatalogued(CatalogueEntry entry, IInvocationOperation invocation, Frame frame)
    {
        var method = invocation.TargetMethod;
        switch (entry.Role)
        {
            case Role.Forward:
                return InvokeForward(invocation, frame);
            case Role.RegisterComponents:
                return InvokeRegisterComponents(invocation, frame);
            case Role.RegisterModule:
                if (Receiver(invocation, frame) is ModuleValue owner)
                {
                    var name = Argument(entry, "name", invocation, frame);
                    if (Argument(entry, "module", invocation, frame) is { } child)
                        Register(owner, name, child, Place(invocation));
                }

                return Known.Null;
            case Role.RegisterParameter:
                if (Receiver(invocation, frame) is ModuleValue holder && Argument(entry, "parameter", invocation, frame) is ParameterValue parameter)
                    AddTo(holder, Slot.Parameters, Pair(Argument(entry, "name", invocation, frame), parameter));
                return Known.Null;
            case Role.Apply:
                return InvokeApply(entry, invocation, frame);
            case Role.Load:
                var loaded = Receiver(invocation, frame);
                // A checkpoint that is there or not: without it the model starts as it was made, and that is what is predicted.
                // What is loaded after a training, the best weights for a test, is not what the training began with.
                if (loaded is ModuleValue module && _uncertain == 0 && !_trained.Contains(module) && slice?.IsTrainedBefore(invocation) != true)
                    ForgetStarts(module, Place(invocation), Role.Load);
                return loaded;
            case Role.Save:
                return Receiver(invocation, frame);
            case Role.NoGrad:
                _isGradientOff = true;
                return new Unknown("a scope without gradients");
            case Role.Parameters when Receiver(invocation, frame) is ModuleValue { IsSource: true } asked:
                return ListOf(ParametersOf(asked).Select(pair => method.Name == "named_parameters" ? Pair(new Known(pair.Name), pair.Parameter) : (Value)pair.Parameter));
            case Role.Append:
                return InvokeAppend(entry, invocation, frame);
            case Role.Data:
                return FreshTensor(entry, invocation, frame);
            case Role.Sizes when Receiver(invocation, frame) is { } measured && Node(measured) is { } sized:
                return Argument(entry, "dimension", invocation, frame) switch
                {
                    Known { Content: long dimension } => new Unknown("a size of a tensor", ShapeValue.Text(sized, dimension)),
                    null => new ShapeValue(sized),
                    _ => new Unknown("a size of a tensor", Text(invocation)),
                };
            case Role.Rank:
                return RankOf(Receiver(invocation, frame), invocation);
            case Role.CalculateGain:
                return InvokeGain(entry, invocation, frame);
            case Role.Parameter:
                return new ParameterValue(null, "", Place(invocation)) is var made && Argument(entry, "data", invocation, frame) is { } data ? WithStart(Sized(made, data), StartOf(data, invocation)) : null;
            case var role when role.IsInitializer():
                return InvokeInitializer(entry, invocation, frame);
            case Role.Identity when source.IsModule(invocation.Instance?.Type) || invocation.Arguments.Any(argument => source.IsModule(argument.Value.Type)):
                // linear.to(device): the same module.
                return invocation.Instance is null ? Evaluate(invocation.Arguments[0].Value, frame) : Evaluate(invocation.Instance, frame);
            case var role when source.IsModule(invocation.Type) && IsMade(role):
                return CreateLayer(entry, (INamedTypeSymbol)invocation.Type!, invocation.Arguments, invocation, frame);
            case var role when role.IsOperation() || role.IsLoss() || role == Role.Norm:
                return InvokeOperation(entry, invocation, frame);
            default:
                // Optimizers, gradients, parameters(): nothing that a model is made of. The receiver and arguments may still do something.
                foreach (var argument in invocation.Arguments)
                    Evaluate(argument.Value, frame);
                return External(invocation.Type, Text(invocation), $"'{method.Name}' is no part of a model", invocation);
        }
    }

    private static bool IsMade(Role role) => role.IsOperation() || role.IsContainer() || role.IsLoss() || role is Role.ParameterList;

    private Value? Receiver(IInvocationOperation invocation, Frame frame) => invocation.Instance is null ? null : Evaluate(invocation.Instance, frame);

    /// <summary>The argument that carries a meaning, or null where the call has none.</summary>
    private Value? Argument(CatalogueEntry entry, string meaning, IInvocationOperation invocation, Frame frame)
    {
        foreach (var argument in invocation.Arguments)
        {
            if (argument.Parameter is { } parameter && entry.Carries(meaning, parameter.Name))
                return Evaluate(argument.Value, frame);
        }

        return null;
    }

    private Value InvokeForward(IInvocationOperation invocation, Frame frame)
    {
        var receiver = Receiver(invocation, frame);
        var arguments = Arguments(invocation.Arguments, invocation.TargetMethod.Parameters.Length, frame);
        if (receiver is Alternatives alternatives)
            return Apply(alternatives, arguments, Place(invocation), invocation);
        if (receiver is not ModuleValue module)
            return Unread(invocation, receiver, arguments);
        if (invocation.Instance is { Syntax: BaseExpressionSyntax })
        {
            return !invocation.TargetMethod.IsAbstract && source.Has(invocation.TargetMethod)
                ? Call(invocation.TargetMethod, module, arguments, null, invocation)
                : ApplyLibrary(module, arguments, Place(invocation), invocation);
        }

        return Apply(module, arguments, Place(invocation), invocation);
    }

    private Value InvokeAppend(CatalogueEntry entry, IInvocationOperation invocation, Frame frame)
    {
        var receiver = Receiver(invocation, frame);
        var name = Argument(entry, "name", invocation, frame);
        var added = Argument(entry, "module", invocation, frame);
        var index = Argument(entry, "index", invocation, frame);
        if (receiver is not Stateful container || added is null)
            return receiver ?? new Unknown("a container that is not known");
        if (container.Get(Slot.Items) is not Items items)
            return receiver;
        var isNamed = (receiver as ModuleValue)?.Role is Role.Sequential or Role.ModuleDict;
        IReadOnlyList<Value>? values = added is Collection collection ? Elements(collection) : added is Unknown unknown && !source.IsModule(AddedType(entry, invocation)) ? null : [added];
        if (values is null)
        {
            Set(container, Slot.Items, new Unknown("it is not known what is added"));
            return receiver;
        }

        var list = items.Values;
        foreach (var value in values)
        {
            var item = isNamed && value is not TupleValue ? Pair(name ?? new Known(list.Count.ToString(System.Globalization.CultureInfo.InvariantCulture)), value) : value;
            list = index is Known { Content: long at } && at >= 0 && at <= list.Count ? list.Insert((int)at, item) : list.Add(item);
        }

        Set(container, Slot.Items, new Items(list));
        return receiver;
    }

    private static ITypeSymbol? AddedType(CatalogueEntry entry, IInvocationOperation invocation) =>
        invocation.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("module", parameter.Name))?.Parameter?.Type;

    private static TupleValue Pair(Value? name, Value value) => new(ImmutableArray.Create(name ?? new Unknown("a name that is not known"), value));

    private void AddTo(Stateful owner, string slot, Value value) =>
        Set(owner, slot, new Items((owner.Get(slot) as Items ?? Items.Empty).Values.Add(value)));
}
