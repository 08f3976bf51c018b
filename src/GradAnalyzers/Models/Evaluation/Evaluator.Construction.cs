using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    private Value Create(IObjectCreationOperation creation, Frame frame)
    {
        if (creation.Constructor is not { } constructor || creation.Type is not INamedTypeSymbol type)
            return External(creation.Type, Text(creation), $"'{Text(creation)}' cannot be bound", creation);
        var created = CreateCore(creation, constructor, type, frame);
        Initialize(created, creation.Initializer, frame);
        return created;
    }

    private Value CreateCore(IObjectCreationOperation creation, IMethodSymbol constructor, INamedTypeSymbol type, Frame frame)
    {
        if (source.Has(type) && type.TypeKind is TypeKind.Class or TypeKind.Struct)
            return Construct(type, constructor, Arguments(creation.Arguments, constructor.Parameters.Length, frame), Place(creation));
        if (Catalogue.Find(type) is { } entry)
        {
            if (IsMade(entry.Role) && source.IsModule(type))
                return CreateLayer(entry, type, creation.Arguments, creation, frame);
            if (entry.Role == Role.Parameter && creation.Arguments.Length > 0)
                return Owned(Evaluate(creation.Arguments[0].Value, frame), creation);
        }

        var arguments = Arguments(creation.Arguments, constructor.Parameters.Length, frame);
        if (source.IsModule(type) && FromFacts(source.FactOf(type)?.Module, type, constructor.Parameters, arguments, Place(creation)) is { } elsewhere)
            return elsewhere;
        if (CreateCollection(type, constructor, arguments) is { } collection)
            return collection;
        if (arguments.OfType<Function>().FirstOrDefault() is { } made && type is { Name: "Lazy", ContainingNamespace: { Name: "System", ContainingNamespace.IsGlobalNamespace: true } })
            return new Deferred(made) { Born = _store.Now };
        if (type.Name is "Tuple" or "ValueTuple" or "KeyValuePair" && arguments.Length is >= 2 and <= 8)
            return new TupleValue(arguments.ToImmutableArray());
        return Nodes(arguments).Any()
            ? OpaqueOf(type, $"'{type.Name}' is not in the catalogue and not in source", Nodes(arguments), creation)
            : External(type, Text(creation), source.IsModule(type) ? $"'{type.Name}' is not in the catalogue and not in source" : $"'{Text(creation)}' is not known", creation);
    }

    /// <summary>Makes an object of a class whose source is read: field initializers, base constructor, constructor, in C#'s order.</summary>
    private Value Construct(INamedTypeSymbol type, IMethodSymbol constructor, Value[] arguments, Location creation)
    {
        if (_calls >= MaximumCalls || HasReachedLimit)
            return new Unknown($"the construction of '{type.Name}' nests too deeply");
        Instance instance;
        if (source.IsModule(type))
        {
            var role = Catalogue.FindBase(type)?.Role is { } found && found.IsContainer() ? found : Role.Module;
            var module = new ModuleValue(type, role, creation, Constant.None) { IsSource = true, Born = _store.Now };
            module.Arguments = constructor.Parameters.Select((parameter, index) => (parameter.Name, index < arguments.Length ? Describe(arguments[index], parameter) : "")).ToImmutableArray();
            module.Made = (constructor, arguments.ToImmutableArray());
            Note(module);
            if (arguments.Length > 0 && arguments.All(argument => argument is not (Known or Collection or TupleValue or Instance)))
                Set(module, Slot.Unknowns, Known.True);
            if (role.IsContainer())
                Set(module, Slot.Items, Items.Empty);
            instance = module;
        }
        else
        {
            instance = new Instance(type) { Born = _store.Now };
        }

        RunConstructor(constructor, instance, arguments, 0);
        if (instance is ModuleValue made && HasReachedLimit)
            made.IsCutShort = true;
        return instance;
    }

    /// <summary>Makes an object from a type alone: the constructor with the most known arguments, unknown arguments by their names.</summary>
    public Value? ConstructWithDefaults(INamedTypeSymbol type, Location creation, bool isOfAnySize = false)
    {
        var constructor = type.InstanceConstructors
            .Where(candidate => !(candidate.Parameters is [{ Type: var only }] && SymbolEqualityComparer.Default.Equals(only, type)))
            .OrderBy(candidate => candidate.Parameters.Count(parameter => !parameter.HasExplicitDefaultValue && !parameter.IsParams))
            .ThenByDescending(candidate => candidate.Parameters.Length)
            .FirstOrDefault();
        if (constructor is null || source.Body(constructor) is null && !constructor.IsImplicitlyDeclared && !IsPrimary(constructor))
            return null;
        var arguments = constructor.Parameters.Select(parameter => isOfAnySize && parameter.Type.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64
            ? new Unknown($"'{parameter.Name}' is given by the caller", parameter.Name)
            : DefaultOf(parameter, creation)).ToArray();
        return Construct(type, constructor, arguments, creation);
    }

    /// <summary>The module made anew, with the defaults of those arguments that are not known; null where there are none.</summary>
    public ModuleValue? WithDefaults(ModuleValue module)
    {
        if (module is not { IsSource: true, Made: var (constructor, given) } || given.Length != constructor.Parameters.Length)
            return null;
        var arguments = constructor.Parameters.Select((parameter, index) => given[index] is Unknown && parameter.HasExplicitDefaultValue ? DefaultOf(parameter, module.Creation) : given[index]).ToArray();
        if (arguments.Zip(given, ReferenceEquals).All(isSame => isSame))
            return null;
        Rewind();
        return Construct(module.Type, constructor, arguments, module.Creation) as ModuleValue;
    }

    private Value DefaultOf(IParameterSymbol parameter, Location place)
    {
        if (!parameter.HasExplicitDefaultValue && source.IsTensor(parameter.Type))
            return new TensorValue(Graph.Add(new DraftNode(Role.Data, ImmutableArray<int>.Empty, null, Named(parameter.Name), place, null)));
        if (parameter.IsParams)
            return new Unknown($"'{parameter.Name}' is given by the caller", parameter.Name);
        if (!parameter.HasExplicitDefaultValue)
            return new Unknown($"'{parameter.Name}' is given by the caller", parameter.Name);
        return parameter.ExplicitDefaultValue is null && parameter.Type.IsValueType && parameter.Type.OriginalDefinition.SpecialType != SpecialType.System_Nullable_T
            ? Default(parameter.Type)
            : new Known(parameter.ExplicitDefaultValue, parameter.Type.TypeKind == TypeKind.Enum ? parameter.Type : null);
    }

    private static string Describe(Value value, IParameterSymbol parameter) => value switch
    {
        Known { Enumeration: INamedTypeSymbol enumeration } known => NameOf(enumeration, known.Content) ?? "?",
        Known { Content: null } => "null",
        Known { Content: bool truth } => truth ? "true" : "false",
        Known { Content: string text } => text,
        Known known => Convert.ToString(known.Content, CultureInfo.InvariantCulture) ?? "",
        TupleValue tuple => $"({string.Join(", ", tuple.Elements.Select(element => Describe(element, parameter)))})",
        Collection collection when collection.Get(Slot.Items) is Items items => $"[{string.Join(", ", items.Values.Select(item => Describe(item, parameter)))}]",
        Unknown { Text: { } text } => text,
        _ => parameter.Name,
    };

    private static bool IsPrimary(IMethodSymbol constructor) =>
        constructor.DeclaringSyntaxReferences.Any(reference => reference.GetSyntax() is TypeDeclarationSyntax);

    private void RunConstructor(IMethodSymbol constructor, Instance instance, Value[] arguments, int depth)
    {
        if (_calls >= MaximumCalls || !Enter())
            return;
        _calls++;
        var wasSliced = _isSliced;
        _isSliced = false;
        try
        {
            RunConstructorCore(constructor, instance, arguments, depth);
        }
        finally
        {
            _isSliced = wasSliced;
            _calls--;
            _depth--;
        }
    }

    private void RunConstructorCore(IMethodSymbol constructor, Instance instance, Value[] arguments, int depth)
    {
        var type = constructor.ContainingType;
        var frame = new Frame(constructor.OriginalDefinition, instance, null) { Start = _store.Mark };
        var parameters = constructor.OriginalDefinition.Parameters;
        for (var index = 0; index < parameters.Length; index++)
            Set(frame, parameters[index], index < arguments.Length ? arguments[index] : DefaultOf(parameters[index], instance is ModuleValue module ? module.Creation : Location.None));

        var isPrimary = IsPrimary(constructor);
        if (isPrimary)
            CapturePrimary(constructor, instance, frame);
        var body = isPrimary ? null : source.Body(constructor);
        var initializer = isPrimary ? PrimaryBaseCall(constructor) : CallOf((body as IConstructorBodyOperation)?.Initializer);
        if (initializer is not null && SymbolEqualityComparer.Default.Equals(initializer.TargetMethod.ContainingType.OriginalDefinition, type.OriginalDefinition))
        {
            RunConstructor(initializer.TargetMethod, instance, Arguments(initializer.Arguments, initializer.TargetMethod.Parameters.Length, frame), depth);
        }
        else
        {
            RunFieldInitializers(type, instance, frame);
            RunBase(type, initializer, instance, frame, depth);
        }

        if (body is not null)
            Execute(body, frame);
    }

    private static IInvocationOperation? CallOf(IOperation? initializer) => initializer switch
    {
        IInvocationOperation call => call,
        IExpressionStatementOperation { Operation: IInvocationOperation call } => call,
        _ => null,
    };

    private IInvocationOperation? PrimaryBaseCall(IMethodSymbol constructor)
    {
        foreach (var reference in constructor.DeclaringSyntaxReferences)
        {
            if (reference.GetSyntax(cancellation) is TypeDeclarationSyntax declaration
                && declaration.BaseList?.Types.OfType<PrimaryConstructorBaseTypeSyntax>().FirstOrDefault() is { } baseCall)
                return CallOf(source.Operation(baseCall));
        }

        return null;
    }

    private void CapturePrimary(IMethodSymbol constructor, Instance instance, Frame frame)
    {
        foreach (var parameter in constructor.OriginalDefinition.Parameters)
        {
            if (frame.Get(parameter) is not { } value)
                continue;
            Set(instance, parameter, value);
            // A positional record's property of the same name.
            if (constructor.ContainingType.IsRecord
                && constructor.ContainingType.OriginalDefinition.GetMembers(parameter.Name).OfType<IPropertySymbol>().FirstOrDefault() is { } property
                && source.BackingField(property) is { } field)
                Set(instance, field, value);
        }
    }

    private void RunFieldInitializers(INamedTypeSymbol type, Instance instance, Frame frame)
    {
        foreach (var field in source.InstanceFields(type))
        {
            if (source.Initializer(field) is { } initializer)
                AssignField(instance, field, Evaluate(initializer, frame), initializer);
        }
    }

    private void RunBase(INamedTypeSymbol type, IInvocationOperation? call, Instance instance, Frame frame, int depth)
    {
        var target = call?.TargetMethod ?? type.BaseType?.InstanceConstructors.FirstOrDefault(candidate => candidate.Parameters.IsEmpty);
        if (target is null || target.ContainingType.SpecialType == SpecialType.System_Object || depth >= MaximumCalls)
            return;
        var arguments = call is null ? [] : Arguments(call.Arguments, target.Parameters.Length, frame);
        if (source.Has(target.ContainingType))
            RunConstructor(target, instance, arguments, depth + 1);
        else if (instance is ModuleValue { Role: var role } container && role.IsContainer() && arguments.Length > 0 && target.Parameters[0].Type.SpecialType != SpecialType.System_String)
            Fill(container, arguments);
    }

    private Value InvokeRegisterComponents(IInvocationOperation invocation, Frame frame)
    {
        if (Receiver(invocation, frame) is not ModuleValue module)
            return Known.Null;
        var isBaseCall = invocation.Instance is { Syntax: BaseExpressionSyntax };
        RegisterComponents(module, isBaseCall ? null : Implementation(invocation.TargetMethod, module), Place(invocation), invocation);
        return Known.Null;
    }

    /// <summary>What <c>RegisterComponents()</c> does: the first call registers the fields' modules and parameters, every later one returns at once (dotnet/TorchSharp, src/TorchSharp/NN/Module.cs).</summary>
    private void RegisterComponents(ModuleValue module, IMethodSymbol? implementation, Location place, IOperation? at)
    {
        if (implementation is { IsAbstract: false } own && source.Has(own) && at is not null)
        {
            Call(own, module, [], null, at);
            return;
        }

        if (module.Get(Slot.Registered) is not null || !Enter())
            return;
        if (!RegisteredAt.ContainsKey(module))
            RegisteredAt[module] = place;
        try
        {
            if (module.Role is Role.ModuleList or Role.ModuleDict)
            {
                Set(module, Slot.Registered, Known.True);
                if (module.Get(Slot.Items) is Items items)
                {
                    for (var index = 0; index < items.Values.Count; index++)
                    {
                        var isPair = items.Values[index] is TupleValue { Elements.Length: 2 };
                        Register(module, isPair ? ((TupleValue)items.Values[index]).Elements[0] : new Known(index.ToString(CultureInfo.InvariantCulture)),
                            isPair ? ((TupleValue)items.Values[index]).Elements[1] : items.Values[index], place);
                    }
                }

                return;
            }

            if (!module.IsSource)
                return;
            foreach (var field in RegisteredFields(module.Type))
            {
                if (IsTaken(module, field.Name))
                    continue;
                switch (module.Get(field))
                {
                    case ModuleValue child:
                        Register(module, new Known(field.Name), child, place);
                        break;
                    case MaybeNull { Present: ParameterValue optional }:
                        AddTo(module, Slot.Parameters, Pair(new Known(field.Name), optional));
                        break;
                    case Alternatives alternatives:
                        foreach (var alternative in alternatives.Modules)
                            Register(module, new Known(field.Name), alternative, place);
                        break;
                    case ParameterValue parameter:
                        AddTo(module, Slot.Parameters, Pair(new Known(field.Name), parameter));
                        break;
                }
            }

            Set(module, Slot.Registered, Known.True);
        }
        finally
        {
            _depth--;
        }
    }

    /// <summary>The fields in the order that reflection gives them: a class's own, what it inherits and can see, then the private ones of its bases.</summary>
    private IEnumerable<IFieldSymbol> RegisteredFields(INamedTypeSymbol type)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var bases = new List<INamedTypeSymbol>();
        for (INamedTypeSymbol? current = type; current is not null && source.Has(current); current = current.BaseType)
            bases.Add(current);
        for (var start = 0; start < bases.Count; start++)
        {
            for (var level = start; level < bases.Count; level++)
            {
                foreach (var field in source.InstanceFields(bases[level]))
                {
                    if ((level == start || field.DeclaredAccessibility != Accessibility.Private) && seen.Add(field.Name))
                        yield return field;
                }
            }
        }
    }

    private static bool IsTaken(ModuleValue module, string name) =>
        new[] { Slot.Children, Slot.Parameters }.Any(slot => module.Get(slot) is Items items
            && items.Values.Any(item => item is TupleValue { Elements: [Known { Content: string taken }, _] } && taken == name));

    private void Register(ModuleValue owner, Value? name, Value child, Location place)
    {
        if (child is not ModuleValue module)
            return;
        // register_module registers the child's own components; Sequential never does that for its elements.
        RegisterComponents(module, module.IsSource ? OwnRegistration(module.Type) : null, place, null);
        AddTo(owner, Slot.Children, Pair(name, module));
    }

    private static IMethodSymbol? OwnRegistration(INamedTypeSymbol type) =>
        type.OriginalDefinition.GetMembers("RegisterComponents").OfType<IMethodSymbol>().FirstOrDefault(method => method.IsOverride);

    private Value InvokeApply(CatalogueEntry entry, IInvocationOperation invocation, Frame frame)
    {
        var receiver = Receiver(invocation, frame);
        var function = Argument(entry, "function", invocation, frame);
        if (receiver is not ModuleValue module)
            return receiver ?? Known.Null;
        var isBefore = module is { IsSource: true, Role: Role.Module } && module.Get(Slot.Registered) is null && module.Get(Slot.Children) is null;
        var reached = Descendants(module);
        foreach (var layer in reached)
        {
            if (function is Function known)
                CallFunction(known, [layer], invocation);
            else
                ForgetStarts(layer, Place(invocation), Role.Opaque);
        }

        Applications.Add(new DraftApplication(Place(invocation), module, reached.ToImmutableArray(), isBefore));
        return module;
    }

    /// <summary>A module and what is registered below it, holders first, with their paths.</summary>
    private static List<(string Path, ModuleValue Module)> NamedDescendants(ModuleValue root)
    {
        var visited = new HashSet<ModuleValue>();
        var order = new List<(string, ModuleValue)>();
        var open = new Stack<(string Path, ModuleValue Module)>([("", root)]);
        while (open.Count > 0)
        {
            var (path, module) = open.Pop();
            if (!visited.Add(module))
                continue;
            order.Add((path, module));
            foreach (var (name, child) in Children(module).Reverse())
                open.Push((path.Length == 0 ? name : $"{path}.{name}", child));
        }

        return order;
    }

    /// <summary>The parameters of a module and of what is registered below it, with their paths.</summary>
    private IEnumerable<(string Name, ParameterValue Parameter)> ParametersOf(ModuleValue root) => NamedDescendants(root).SelectMany(owner =>
        ParameterNames.Of(owner.Module).Select(name => (Name: name, Parameter: Weight(owner.Module, name)))
            .Concat((owner.Module.Get(Slot.Parameters) as Items ?? Items.Empty).Values.OfType<TupleValue>().Where(pair => pair.Elements is [_, ParameterValue])
                .Select(pair => (Name: (pair.Elements[0] as Known)?.Content as string ?? "?", Parameter: (ParameterValue)pair.Elements[1])))
            .Select(pair => (owner.Path.Length == 0 ? pair.Name : $"{owner.Path}.{pair.Name}", pair.Parameter)));

    /// <summary>What <c>apply</c> visits: registered submodules (a Sequential's elements) before their holder.</summary>
    private List<ModuleValue> Descendants(ModuleValue root)
    {
        var visited = new HashSet<ModuleValue>();
        var order = new List<ModuleValue>();
        var pending = new Stack<(ModuleValue Module, bool IsDone)>([(root, false)]);
        while (pending.Count > 0)
        {
            var (module, isDone) = pending.Pop();
            if (isDone)
            {
                order.Add(module);
                continue;
            }

            if (!visited.Add(module))
                continue;
            pending.Push((module, true));
            foreach (var (_, child) in Children(module).Reverse())
                pending.Push((child, false));
        }

        return order;
    }

    /// <summary>The submodules that TorchSharp knows of, with their names.</summary>
    public static IEnumerable<(string Name, ModuleValue Child)> Children(ModuleValue module)
    {
        // A Sequential's elements are its children at any time; all others go by registration.
        if (module.Get(module.Role == Role.Sequential ? Slot.Items : Slot.Children) is not Items items)
            yield break;
        foreach (var item in items.Values)
        {
            if (((item as Optional)?.Present ?? item) is TupleValue { Elements: [var name, ModuleValue child] })
                yield return ((name as Known)?.Content as string ?? "?", child);
        }
    }
}
