using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    private Value Evaluate(IOperation operation, Frame frame)
    {
        if (operation.ConstantValue is { HasValue: true } constant)
            return new Known(constant.Value, operation.Type?.TypeKind == TypeKind.Enum ? operation.Type : null);
        if (!Enter())
            return Unknown.TooLarge;
        try
        {
            var value = EvaluateCore(operation, frame);
            return _assumed.Count == 0 ? value : Narrowed(value);
        }
        finally
        {
            _depth--;
        }
    }

    // A function of its own, as every lambda here: one in the switch would cost each expression an object.
    private TupleValue EvaluateTuple(ITupleOperation tuple, Frame frame) => new(tuple.Elements.Select(element => Evaluate(element, frame)).ToImmutableArray());

    private Value EvaluateCore(IOperation operation, Frame frame)
    {
        switch (operation)
        {
            case { Syntax: CollectionExpressionSyntax syntax }:
                return EvaluateCollectionExpression(syntax, operation, frame);
            case IConversionOperation conversion:
                return Converted(Evaluate(conversion.Operand, frame), conversion);
            case IParenthesizedOperation parenthesized:
                return Evaluate(parenthesized.Operand, frame);
            case ILocalReferenceOperation local:
                return Read(frame, local.Local) ?? External(local.Type, local.Local.Name, $"the value of '{local.Local.Name}' is not known", operation);
            case IParameterReferenceOperation parameter:
                return ReadParameter(parameter, frame);
            case IInstanceReferenceOperation instance:
                return instance.ReferenceKind == InstanceReferenceKind.ImplicitReceiver ? frame.Get(ImplicitReceiver) ?? Self(frame) : Self(frame);
            case IFieldReferenceOperation field:
                return ReadField(field, frame);
            case IPropertyReferenceOperation property:
                return ReadProperty(property, frame);
            case IInvocationOperation invocation:
                return Invoke(invocation, frame);
            case IObjectCreationOperation creation:
                return Create(creation, frame);
            case IArrayCreationOperation array:
                return CreateArray(array, frame);
            case IArrayElementReferenceOperation { Indices.Length: 1 } element:
                return ElementAt(Evaluate(element.ArrayReference, frame), Evaluate(element.Indices[0], frame), element.Type, element);
            case IImplicitIndexerReferenceOperation indexer:
                return ElementAt(Evaluate(indexer.Instance, frame), Evaluate(indexer.Argument, frame), indexer.Type, indexer);
            case ITupleOperation tuple:
                return EvaluateTuple(tuple, frame);
            case IBinaryOperation binary:
                return EvaluateBinary(binary, frame);
            case IUnaryOperation unary:
                return EvaluateUnary(unary, frame);
            case IConditionalOperation conditional:
                return Asked(conditional, frame) switch
                {
                    true => Evaluate(conditional.WhenTrue, frame),
                    false => Evaluate(conditional.WhenFalse!, frame),
                    null => Choose(conditional, frame, [conditional.WhenTrue, conditional.WhenFalse!]),
                };
            case ICoalesceOperation coalesce:
                return IsNull(Evaluate(coalesce.Value, frame), out var present) switch
                {
                    true => Evaluate(coalesce.WhenNull, frame),
                    false => present,
                    null => Merge([present, Evaluate(coalesce.WhenNull, frame)], coalesce),
                };
            case ICoalesceAssignmentOperation assignment:
                var current = Evaluate(assignment.Target, frame);
                if (IsNull(current, out _) == false)
                    return current;
                var fallback = Evaluate(assignment.Value, frame);
                return Assign(assignment.Target, current is Known ? fallback : Merge([current, fallback], assignment), frame);
            case IConditionalAccessOperation access:
                return EvaluateConditionalAccess(access, frame);
            case IConditionalAccessInstanceOperation:
                return frame.Get(ConditionalReceiver) ?? new Unknown("a conditional access");
            case IIncrementOrDecrementOperation step:
                return EvaluateStep(step, frame);
            case ICompoundAssignmentOperation compound:
                return EvaluateCompound(compound, frame);
            case ISimpleAssignmentOperation assignment:
                return Assign(assignment.Target, Evaluate(assignment.Value, frame), frame);
            case IDeconstructionAssignmentOperation deconstruction:
                return Assign(deconstruction.Target, Evaluate(deconstruction.Value, frame), frame);
            case IDeclarationExpressionOperation declaration:
                return Evaluate(declaration.Expression, frame);
            case IAnonymousFunctionOperation lambda:
                return new Function(lambda.Symbol, lambda.Body, frame, frame.Self);
            case IDelegateCreationOperation creation:
                return Evaluate(creation.Target, frame);
            case IMethodReferenceOperation reference:
                return new Function(reference.Method, null, reference.Method.MethodKind == MethodKind.LocalFunction ? DefinitionOf(reference.Method, frame) : null,
                    reference.Instance is null ? null : Evaluate(reference.Instance, frame));
            case ISwitchExpressionOperation choice:
                return EvaluateSwitch(choice, frame);
            case IDynamicInvocationOperation dynamic:
                ForgetAllStarts(Place(dynamic));
                return new Unknown("a call that is bound at run time", Text(dynamic));
            case IIsPatternOperation pattern:
                var matched = Evaluate(pattern.Value, frame);
                if (pattern.Pattern is IConstantPatternOperation { Value.ConstantValue: { HasValue: true, Value: int wanted } } && RankQuestion(BinaryOperatorKind.Equals, matched, new Known(wanted)) is { } asked)
                    return asked;
                return Matches(matched, pattern.Pattern, frame) is { } matches ? Known.Of(matches) : new Unknown("a pattern", Text(operation));
            case IIsTypeOperation test:
                return IsOfType(Evaluate(test.ValueOperand, frame), test.TypeOperand) is { } isOfType ? Known.Of(isOfType != test.IsNegated) : new Unknown("a type", Text(operation));
            case IDefaultValueOperation:
                return Default(operation.Type);
            case IInterpolatedStringOperation text:
                return Interpolate(text, frame);
            case IAwaitOperation awaited:
                return Evaluate(awaited.Operation, frame);
            case IThrowOperation:
                return new Unknown("an exception");
            case IObjectOrCollectionInitializerOperation initializer:
                foreach (var member in initializer.Initializers)
                    Evaluate(member, frame);
                return Known.Null;
            case IMemberInitializerOperation member:
                return EvaluateMemberInitializer(member, frame);
            case IWithOperation with:
                return EvaluateWith(with, frame);
            case IRangeOperation or ITypeOfOperation or ISizeOfOperation or INameOfOperation:
                return new Unknown("a value that no model is built from", Text(operation));
            default:
                return External(operation.Type, Text(operation), $"'{Text(operation)}' is not evaluated", operation);
        }
    }

    private const string ImplicitReceiver = "implicit receiver";
    private const string ConditionalReceiver = "conditional receiver";

    private static Value Self(Frame frame)
    {
        var current = frame;
        for (var depth = 0; depth < MaximumCalls && current is not null; depth++, current = current.Parent)
        {
            if (current.Self is { } self)
                return self;
        }

        return new Unknown("the object is not known");
    }

    private static Value? Read(Frame frame, ISymbol variable)
    {
        var current = frame;
        for (var depth = 0; depth < MaximumCalls && current is not null; depth++, current = current.Parent)
        {
            if (current.Get(variable) is { } value)
                return value;
        }

        return null;
    }

    private static Frame Holder(Frame frame, ISymbol variable)
    {
        var current = frame;
        for (var depth = 0; depth < MaximumCalls && current is not null; depth++, current = current.Parent)
        {
            if (current.Get(variable) is not null || SymbolEqualityComparer.Default.Equals(current.Method, variable.ContainingSymbol))
                return current;
        }

        return frame;
    }

    private Value ReadParameter(IParameterReferenceOperation reference, Frame frame)
    {
        var parameter = reference.Parameter.OriginalDefinition;
        // A primary constructor's parameter that a member captures lives in the object.
        return Read(frame, parameter)
            ?? (Self(frame) as Stateful)?.Get(parameter)
            ?? External(parameter.Type, parameter.Name, $"the value of '{parameter.Name}' is not known", reference);
    }

    private Value Converted(Value value, IConversionOperation conversion)
    {
        if (value is Known { Content: double real } && conversion.Type?.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64)
            return real is > long.MinValue and < long.MaxValue ? new Known((long)real) : value;
        if (value is Known { Content: long whole } && conversion.Type?.SpecialType is SpecialType.System_Single or SpecialType.System_Double)
            return new Known((double)whole);
        if (value is Known { Content: long or double, Enumeration: null } number && conversion is { OperatorMethod: null, Type: { IsValueType: false }, Operand.Type: { IsValueType: true, SpecialType: var boxed } })
            return new Known(number.Content, boxed: boxed);
        if (value is Unknown { IsPresent: false } given && conversion is { OperatorMethod: null, Type: INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T }, Operand.Type: { IsValueType: true, OriginalDefinition.SpecialType: not SpecialType.System_Nullable_T } })
            return new Unknown(given.Reason, given.Text) { IsPresent = true };
        // "as" of something else is null.
        if (conversion.IsTryCast && IsOfType(value, conversion.Type) == false)
            return Known.Null;
        if (value is Unknown && conversion.OperatorMethod is not null && source.IsTensor(conversion.Type))
            return External(conversion.Type, Text(conversion), "a conversion", conversion);
        return value;
    }

    private Value ReadField(IFieldReferenceOperation reference, Frame frame)
    {
        var field = reference.Field;
        if (field.IsStatic)
            return ReadStatic(field, reference);
        var instance = reference.Instance is null ? Self(frame) : Evaluate(reference.Instance, frame);
        switch (instance)
        {
            case TupleValue tuple when TupleIndex(field) is { } index && index < tuple.Elements.Length:
                return tuple.Elements[index];
            case Instance known:
                return known.Get(field.OriginalDefinition)
                    ?? (source.InstanceFields(field.ContainingType).Contains(field.OriginalDefinition, SymbolEqualityComparer.Default) && IsReadFromSource(known, field.ContainingType)
                        ? Default(field.Type)
                        : External(field.Type, field.Name, $"the value of '{field.Name}' is not known", reference));
            default:
                return External(field.Type, Member(instance, reference.Instance, field.Name), $"the value of '{Text(reference)}' is not known", reference);
        }
    }

    // A field of a class that is only referenced has a value that is not known; one of a class in source starts as its default.
    private bool IsReadFromSource(Instance instance, INamedTypeSymbol declaring) =>
        instance is not ModuleValue { IsSource: false } && source.Has(declaring);

    private string? Member(Value instance, IOperation? operation, string name) => instance switch
    {
        Unknown { Text: { } text } => text + "." + name,
        TensorValue or TensorParts when operation is not null => Text(operation) + "." + name,
        _ => null,
    };

    private static int? TupleIndex(IFieldSymbol field)
    {
        var name = (field.CorrespondingTupleField ?? field).Name;
        return name.StartsWith("Item", StringComparison.Ordinal) && int.TryParse(name[4..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number - 1 : null;
    }

    private Value ReadStatic(ISymbol member, IOperation reference)
    {
        if (_statics.TryGetValue(member, out var known))
            return known;
        var type = reference.Type;
        var isConstant = member is IFieldSymbol { IsReadOnly: true } or IPropertySymbol { IsReadOnly: true } || !source.IsAssigned(member.Name);
        var value = isConstant && source.Initializer(member) is { } initializer
            ? Evaluate(initializer, new Frame(null, null, null))
            : External(type, member.ContainingType?.Name + "." + member.Name, $"the value of '{member.Name}' is not known", reference);
        // Tensors belong to one place in the graph, and a collection of the program may be changed by anyone.
        if (isConstant && value is not TensorValue)
            _statics[member] = value;
        return value;
    }

    private Value ReadProperty(IPropertyReferenceOperation reference, Frame frame)
    {
        var property = reference.Property;
        if (property.IsStatic)
            return source.Has(property) && property.GetMethod is { } staticGetter && source.BackingField(property) is null
                ? Call(staticGetter, null, [], null, reference)
                : ReadStatic(property, reference);
        var instance = reference.Instance is null ? Self(frame) : Evaluate(reference.Instance, frame);
        var entry = Catalogue.Find(property);
        if (entry?.Role == Role.TrainingFlag)
            return Known.True;
        if (entry?.Role == Role.Sizes && Node(instance) is { } sized)
            return new ShapeValue(sized);
        if (entry?.Role == Role.Rank)
            return RankOf(instance, reference);
        if (instance is ShapeValue && property.Name is "Length" or "LongLength")
            return RankOf(instance, reference);
        if (property.IsIndexer && instance is Collection or ModuleValue { Role: Role.Sequential or Role.ModuleList or Role.ModuleDict or Role.ParameterList } or TensorParts)
            return ElementAt(instance, Evaluate(reference.Arguments[0].Value, frame), property.Type, reference);
        if (entry is not null && entry.Role.IsOperation() && Node(instance) is { } node)
            return Operate(entry.Role, One(node), property.IsIndexer ? IndexOf(reference, frame) : DefaultConstants(entry), property.Type, reference);

        switch (instance)
        {
            case Deferred deferred when property.Name == "Value":
                return Force(deferred, reference);
            case Enumerated enumerated when property.Name == "Current":
                return Current(enumerated) ?? Unreadable();
            case ModuleValue { IsSource: false } layer when source.IsTensor(property.Type):
                return Weight(layer, property.Name);
            case Instance known when Implementation(property, known) is { } implementation:
                if (source.BackingField(implementation) is { } field)
                    return known.Get(field) ?? Default(property.Type);
                if (implementation.GetMethod is { } getter && source.Has(implementation))
                    return Call(getter, known, reference.Arguments.Select(argument => Evaluate(argument.Value, frame)).ToArray(), null, reference);
                return known is ModuleValue module ? ReadLibraryProperty(module, property, reference) : Unreadable();
            case Collection collection when property.Name is "Count" or "Length":
                return Elements(collection) is { } elements ? new Known(elements.Count) : Unreadable();
            case Collection { Kind: CollectionKind.Dictionary } dictionary when property.Name is "Values" or "Keys":
                return Elements(dictionary) is { } pairs
                    ? ListOf(pairs.Select(pair => pair is TupleValue { Elements.Length: 2 } entryPair ? entryPair.Elements[property.Name == "Keys" ? 0 : 1] : pair))
                    : Unreadable();
            case TupleValue tuple:
                return property.Name switch
                {
                    "Key" => tuple.Elements[0],
                    "Value" when property.ContainingType.OriginalDefinition.SpecialType != SpecialType.System_Nullable_T => tuple.Elements[1],
                    "HasValue" => Known.True,
                    "Value" => tuple,
                    _ when property.Name.StartsWith("Item", StringComparison.Ordinal) && int.TryParse(property.Name[4..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= tuple.Elements.Length => tuple.Elements[number - 1],
                    _ => Unreadable(),
                };
        }

        if (property.ContainingType?.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T)
            return property.Name == "Value" ? instance : IsNull(instance, out _) is { } isNull ? Known.Of(!isNull) : Unreadable();
        return Unreadable();

        Value Unreadable() => External(property.Type, Member(instance, reference.Instance, property.Name), $"the value of '{Text(reference)}' is not known", reference);
    }

    private Value ReadLibraryProperty(ModuleValue module, IPropertySymbol property, IOperation reference)
    {
        if (property.Name == "Count" && Elements(module) is { } elements)
            return new Known(elements.Count);
        if (property.Name is "Values" or "Keys" && module.Role == Role.ModuleDict && module.Get(Slot.Items) is Items items)
            return ListOf(items.Values.Select(pair => pair is TupleValue { Elements.Length: 2 } entry ? entry.Elements[property.Name == "Keys" ? 0 : 1] : pair));
        return External(property.Type, property.Name, $"the value of '{Text(reference)}' is not known", reference);
    }

    /// <summary>What is taken of each dimension: <c>one</c>, <c>all</c>, a <c>range</c> (with its length), <c>new</c>, <c>rest</c>, or by a <c>tensor</c> of indices.</summary>
    private ImmutableDictionary<string, Constant> IndexOf(IPropertyReferenceOperation reference, Frame frame) => IndexOf(reference.Arguments, frame);

    private ImmutableDictionary<string, Constant> IndexOf(ImmutableArray<IArgumentOperation> arguments, Frame frame)
    {
        var parts = new List<(string Kind, Size Size)>();
        foreach (var argument in arguments)
        {
            if (Unconverted(argument.Value) is IArrayCreationOperation { Initializer: { } several })
                parts.AddRange(several.ElementValues.Select(element => PartOf(element, frame)));
            else
                parts.Add(PartOf(argument.Value, frame));
        }

        return Constant.None
            .Add("index", new Constant(ImmutableArray<Size>.Empty, string.Join(", ", arguments.Select(argument => argument.Value.Syntax.ToString()))))
            .Add("parts", new Constant(parts.Select(part => part.Size).ToImmutableArray(), string.Join(" ", parts.Select(part => part.Kind))));
    }

    private (string Kind, Size Size) PartOf(IOperation index, Frame frame)
    {
        var unconverted = Unconverted(index);
        switch (unconverted)
        {
            case IRangeOperation { LeftOperand: null, RightOperand: null }:
                return ("all", Size.Named("?"));
            case IRangeOperation range:
                return ("range", LengthOf(range, frame));
            case IInvocationOperation { TargetMethod: { IsStatic: true, Name: "Slice" }, Arguments: var given }:
                return given.All(argument => argument.IsImplicit || argument.Value.ConstantValue is { HasValue: true, Value: null }) ? ("all", Size.Named("?")) : ("range", Size.Named(Text(index)));
            case IInvocationOperation { TargetMethod: { IsStatic: true, Name: "Single" } }:
                return ("one", Size.Of(1));
            case IInvocationOperation { TargetMethod: { IsStatic: true, Name: "Tensor" } }:
                return ("tensor", Size.Named("?"));
            case IMemberReferenceOperation { Member: { IsStatic: true, Name: var name } }:
                return (name switch { "Ellipsis" => "rest", "Null" or "None" => "new", "Colon" => "all", _ => source.IsTensor(unconverted.Type) ? "tensor" : "range" }, Size.Named(Text(index)));
            case ILiteralOperation { ConstantValue: { HasValue: true, Value: null } }:
                return ("new", Size.Of(1));
        }

        var value = Evaluate(index, frame);
        return value switch
        {
            TensorValue or TensorParts or ParameterValue => ("tensor", Size.Named("?")),
            Known { Content: null } => ("new", Size.Of(1)),
            _ => ("one", Size.Of(1)),
        };
    }

    /// <summary>How many elements <c>a..b</c> takes, where it does not count from the end.</summary>
    private Size LengthOf(IRangeOperation range, Frame frame)
    {
        var from = range.LeftOperand is { } left ? Evaluate(left, frame) : new Known(0L);
        if (range.RightOperand is not { } right)
            return Size.Named(Text(range));
        var to = Evaluate(right, frame);
        if (from is Known { Content: long first } && to is Known { Content: long last })
            return Size.Of(last - first);
        return from is Known { Content: 0L } && to is Unknown { Text: { } text } ? Size.Named(text) : Size.Named(Text(range));
    }

    private Value EvaluateBinary(IBinaryOperation binary, Frame frame)
    {
        if (binary.OperatorKind is BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr)
        {
            var isAnd = binary.OperatorKind == BinaryOperatorKind.ConditionalAnd;
            var first = Truth(Evaluate(binary.LeftOperand, frame));
            if (first == !isAnd)
                return Known.Of(!isAnd);
            var second = Truth(Evaluate(binary.RightOperand, frame));
            return (isAnd ? And(first, second) : Or(first, second)) is { } truth ? Known.Of(truth) : new Unknown("a condition", Text(binary));
        }

        if (!IsChained(binary.LeftOperand))
            return Combine(binary.OperatorKind, Evaluate(binary.LeftOperand, frame), Evaluate(binary.RightOperand, frame), binary.OperatorMethod, binary);

        // A chain a + b + c + ... leans to the left and may be long: it is walked without recursion.
        var chain = new Stack<IBinaryOperation>([binary]);
        var leftmost = binary.LeftOperand;
        while (IsChained(leftmost))
        {
            chain.Push((IBinaryOperation)leftmost);
            leftmost = ((IBinaryOperation)leftmost).LeftOperand;
        }

        var value = Evaluate(leftmost, frame);
        while (chain.Count > 0)
        {
            var step = chain.Pop();
            value = Combine(step.OperatorKind, value, Evaluate(step.RightOperand, frame), step.OperatorMethod, step);
        }

        return value;
    }

    private static bool IsChained(IOperation operand) => operand is IBinaryOperation { OperatorKind: not (BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr), ConstantValue.HasValue: false };

    private Value Combine(BinaryOperatorKind kind, Value left, Value right, IMethodSymbol? method, IOperation operation)
    {
        (left, right) = (Counted(left), Counted(right));
        if (method is not null && Catalogue.Find(method) is { } entry && entry.Role.IsOperation())
            return Arithmetic(entry.Role, left, right, operation);
        if (method is not null && Catalogue.Is(method, Role.Data))
            return External(operation.Type, Text(operation), "a comparison of tensors", operation);
        if ((Node(left) is not null || Node(right) is not null) && left is not MaybeNull && right is not MaybeNull)
        {
            if (kind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals && (left is Known { Content: null } || right is Known { Content: null }))
                return Known.Of(kind == BinaryOperatorKind.NotEquals);
            return source.IsTensor(operation.Type)
                ? Opaque($"'{Text(operation)}' is not in the catalogue", Nodes([left, right]), operation)
                : OperatorRole(kind) is { } role && method is not null && source.Catalogue.Find(method.ContainingType) is not null ? Arithmetic(role, left, right, operation) : new Unknown("a comparison of tensors");
        }

        if (RankQuestion(kind, left, right) is { } question)
            return question;
        if (kind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals)
            return Equal(left, right) is { } equal ? Known.Of(equal == (kind == BinaryOperatorKind.Equals)) : new Unknown("a comparison", Text(operation));
        if (left is Known a && right is Known b)
            return Calculate(kind, a, b, operation);
        var (one, other) = (SizeText(left), SizeText(right));
        return new Unknown($"the value of '{Text(operation)}' is not known", one is not null && other is not null && Sign(kind) is { } sign ? $"({one} {sign} {other})" : null);
    }

    private static Role? OperatorRole(BinaryOperatorKind kind) => kind switch
    {
        BinaryOperatorKind.Add => Role.Add,
        BinaryOperatorKind.Subtract => Role.Subtract,
        BinaryOperatorKind.Multiply => Role.Multiply,
        BinaryOperatorKind.Divide => Role.Divide,
        _ => null,
    };

    private static string? Sign(BinaryOperatorKind kind) => kind switch
    {
        BinaryOperatorKind.Add => "+",
        BinaryOperatorKind.Subtract => "-",
        BinaryOperatorKind.Multiply => "*",
        BinaryOperatorKind.Divide => "/",
        _ => null,
    };

    private static string? SizeText(Value value) => value switch
    {
        Known { Number: not null } known => Convert.ToString(known.Content, CultureInfo.InvariantCulture),
        Unknown unknown => unknown.Text,
        _ => null,
    };

    private Value Calculate(BinaryOperatorKind kind, Known left, Known right, IOperation operation)
    {
        object? result = (left.Content, right.Content) switch
        {
            (long a, long b) => kind switch
            {
                BinaryOperatorKind.Add => unchecked(a + b),
                BinaryOperatorKind.Subtract => unchecked(a - b),
                BinaryOperatorKind.Multiply => unchecked(a * b),
                BinaryOperatorKind.Divide when b is not (0 or -1) => a / b,
                BinaryOperatorKind.Divide when b == -1 => unchecked(-a),
                BinaryOperatorKind.Remainder when b is not (0 or -1) => a % b,
                BinaryOperatorKind.LeftShift => a << (int)(b & 63),
                BinaryOperatorKind.RightShift => a >> (int)(b & 63),
                BinaryOperatorKind.LessThan => a < b,
                BinaryOperatorKind.LessThanOrEqual => a <= b,
                BinaryOperatorKind.GreaterThan => a > b,
                BinaryOperatorKind.GreaterThanOrEqual => a >= b,
                _ => null,
            },
            _ when left.Number is { } a && right.Number is { } b => kind switch
            {
                BinaryOperatorKind.Add => a + b,
                BinaryOperatorKind.Subtract => a - b,
                BinaryOperatorKind.Multiply => a * b,
                BinaryOperatorKind.Divide => a / b,
                BinaryOperatorKind.LessThan => a < b,
                BinaryOperatorKind.LessThanOrEqual => a <= b,
                BinaryOperatorKind.GreaterThan => a > b,
                BinaryOperatorKind.GreaterThanOrEqual => a >= b,
                _ => null,
            },
            (bool a, bool b) => kind switch
            {
                BinaryOperatorKind.And => a && b,
                BinaryOperatorKind.Or => a || b,
                BinaryOperatorKind.ExclusiveOr => a != b,
                _ => null,
            },
            (string or null, _) or (_, string) when kind == BinaryOperatorKind.Add => Joined(Convert.ToString(left.Content, CultureInfo.InvariantCulture), Convert.ToString(right.Content, CultureInfo.InvariantCulture)),
            _ => null,
        };
        return result is null ? new Unknown($"the value of '{Text(operation)}' is not known") : new Known(result);
    }

    /// <summary>Two texts as one; null where that is longer than any name: what doubles in a loop is given up before it costs.</summary>
    private static string? Joined(string one, string other) => one.Length + other.Length <= MaximumText ? one + other : null;

    private static bool? Equal(Value left, Value right)
    {
        if (left is Known { Content: null })
            return IsNull(right, out _);
        if (right is Known { Content: null })
            return IsNull(left, out _);
        return (left, right) switch
        {
            (Known a, Known b) => a.Number is { } x && b.Number is { } y ? x == y : Equals(a.Content, b.Content),
            (Unknown { Text: { } a }, Unknown { Text: { } b }) when a == b => true,
            (Instance a, Instance b) => ReferenceEquals(a, b),
            _ => null,
        };
    }

    private Value EvaluateUnary(IUnaryOperation unary, Frame frame)
    {
        var operand = Evaluate(unary.Operand, frame);
        if (unary.OperatorMethod is { } method && Catalogue.Find(method) is { } entry && entry.Role.IsOperation() && Node(operand) is { } node)
            return Operate(entry.Role, One(node), Constant.None, unary.Type, unary);
        return (unary.OperatorKind, operand) switch
        {
            (UnaryOperatorKind.Minus, Known { Content: long whole }) => new Known(unchecked(-whole)),
            (UnaryOperatorKind.Minus, Known { Content: double real }) => new Known(-real),
            (UnaryOperatorKind.Plus, _) => operand,
            (UnaryOperatorKind.Not, Known { Content: bool truth }) => Known.Of(!truth),
            (UnaryOperatorKind.Not, Unknown { Text: { } name } denied) when IsName(name) => new Unknown(denied.Reason, "!" + name),
            // The index "from the end" of x[^1].
            (UnaryOperatorKind.Hat, Known { Content: long fromEnd }) => new TupleValue(ImmutableArray.Create<Value>(new Known("^"), new Known(fromEnd))),
            _ when Node(operand) is { } input && source.IsTensor(unary.Type) => Opaque($"'{Text(unary)}' is not in the catalogue", [input], unary),
            _ => new Unknown($"the value of '{Text(unary)}' is not known", Text(unary)),
        };
    }

    private Value EvaluateStep(IIncrementOrDecrementOperation step, Frame frame)
    {
        var before = Evaluate(step.Target, frame);
        var kind = step.Kind == OperationKind.Increment ? BinaryOperatorKind.Add : BinaryOperatorKind.Subtract;
        var after = before is Known known ? Calculate(kind, known, new Known(1L), step) : new Unknown("it is counted from an unknown value");
        Assign(step.Target, after, frame);
        return step.IsPostfix ? before : after;
    }

    private Value EvaluateCompound(ICompoundAssignmentOperation compound, Frame frame)
    {
        var value = Combine(compound.OperatorKind, Evaluate(compound.Target, frame), Evaluate(compound.Value, frame), compound.OperatorMethod, compound);
        return Assign(compound.Target, value, frame);
    }

    private Value EvaluateConditionalAccess(IConditionalAccessOperation access, Frame frame)
    {
        var receiver = Evaluate(access.Operation, frame);
        if (IsNull(receiver, out _) == true)
            return Known.Null;
        var outer = frame.Get(ConditionalReceiver);
        Set(frame, ConditionalReceiver, receiver);
        var value = Evaluate(access.WhenNotNull, frame);
        Set(frame, ConditionalReceiver, outer ?? Known.Null);
        // layer?.forward(x), where the layer may be null: null is the other way.
        return receiver is Alternatives { Condition: var condition } && IsNull(receiver, out _) is null ? Merge([value, Known.Null], access, condition: condition) : value;
    }

    private Value EvaluateSwitch(ISwitchExpressionOperation choice, Frame frame)
    {
        var value = Evaluate(choice.Value, frame);
        var possible = new List<IOperation>();
        foreach (var arm in choice.Arms)
        {
            var taken = Matches(value, arm.Pattern, frame);
            if (taken != false && arm.Guard is { } guard)
                taken = And(taken, Truth(Evaluate(guard, frame)));
            if (taken == false)
                continue;
            possible.Add(arm.Value);
            if (taken == true)
                break;
        }

        return possible.Count switch
        {
            0 => new Unknown("no arm of the switch fits"),
            1 => Evaluate(possible[0], frame),
            _ => Choose(choice, frame, possible),
        };
    }

    /// <summary>Evaluates each alternative from the same state.</summary>
    private Value Choose(IOperation at, Frame frame, IReadOnlyList<IOperation> alternatives)
    {
        var values = new List<Value>();
        var branches = alternatives.Select((alternative, place) =>
        {
            Func<Flow> way = () =>
            {
                if (Unconverted(alternative) is IThrowOperation)
                    return Flow.Throw;
                values.Add(Evaluate(alternative, frame));
                return Flow.Next;
            };
            return at is IConditionalOperation conditional ? () => Assuming(conditional, place == 0, way) : way;
        }).ToList();
        Fork(frame, at, branches);
        return values.Count == 0 ? new Unknown("an exception") : Merge(values, at);
    }

    private static IOperation Unconverted(IOperation operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation;
    }

    private bool? Matches(Value value, IPatternOperation pattern, Frame frame)
    {
        if (!Enter())
            return null;
        try
        {
            switch (pattern)
            {
                case IConstantPatternOperation constant:
                    return Equal(value, Evaluate(constant.Value, frame));
                case IDiscardPatternOperation:
                    return true;
                case INegatedPatternOperation negated:
                    return !Matches(value, negated.Pattern, frame);
                case IBinaryPatternOperation binary:
                    var (left, right) = (Matches(value, binary.LeftPattern, frame), Matches(value, binary.RightPattern, frame));
                    return binary.OperatorKind == BinaryOperatorKind.And ? And(left, right) : Or(left, right);
                case IDeclarationPatternOperation declaration:
                    value = OnlyOf(value, declaration);
                    var matches = declaration.MatchesNull ? true : IsOfType(value, declaration.MatchedType);
                    if (declaration.DeclaredSymbol is { } symbol && matches != false)
                        Set(frame, symbol, value is Unknown unknown ? External(declaration.MatchedType, unknown.Text, unknown.Reason, pattern) : value);
                    return matches;
                case ITypePatternOperation type:
                    return IsOfType(value, type.MatchedType);
                case IRelationalPatternOperation relational:
                    return value is Known left2 && Evaluate(relational.Value, frame) is Known right2 ? Truth(Calculate(relational.OperatorKind, left2, right2, pattern)) : null;
                case IRecursivePatternOperation recursive:
                    var isOfType = IsOfType(value, recursive.MatchedType);
                    if (recursive.DeclaredSymbol is { } declared && isOfType != false)
                        Set(frame, declared, value);
                    return isOfType == false ? false : MatchesParts(value, recursive, isOfType, frame);
                case IListPatternOperation list:
                    return MatchesElements(value, list, frame);
                default:
                    return null;
            }
        }
        finally
        {
            _depth--;
        }
    }

    /// <summary>Of several modules, or null, the one that a pattern can match; all where there are more.</summary>
    private static Value OnlyOf(Value value, IDeclarationPatternOperation pattern)
    {
        if (value is not Alternatives several || pattern.MatchesNull)
            return value;
        var fitting = several.Values.Where(one => IsOfType(one, pattern.MatchedType) != false).ToList();
        return fitting.Count == 0 ? Known.Null : value;
    }

    /// <summary><c>Linear { weight: var w }</c>, <c>(var name, Linear l)</c>: each part by itself.</summary>
    private bool? MatchesParts(Value value, IRecursivePatternOperation pattern, bool? matches, Frame frame)
    {
        foreach (var part in pattern.PropertySubpatterns)
        {
            var member = part.Member switch
            {
                IPropertyReferenceOperation { Property: var property } when value is ModuleValue { IsSource: false } layer && source.IsTensor(property.Type) => Weight(layer, property.Name),
                IPropertyReferenceOperation { Property: var property } when value is Instance holder && Implementation(property, holder) is { } own && source.BackingField(own) is { } field => holder.Get(field) ?? Default(property.Type),
                IFieldReferenceOperation { Field: var field } when value is Instance holder => holder.Get(field.OriginalDefinition) ?? Default(field.Type),
                _ => External(part.Member.Type, null, "a part of a value that is not known", part),
            };
            matches = And(matches, Matches(member, part.Pattern, frame));
        }

        for (var index = 0; index < pattern.DeconstructionSubpatterns.Length; index++)
        {
            var element = pattern.DeconstructionSubpatterns[index];
            var given = value is TupleValue tuple && index < tuple.Elements.Length ? tuple.Elements[index] : value is Instance record && Positional(record, index) is { } kept ? kept : External(element.NarrowedType, null, "a part of a value that is not known", element);
            matches = And(matches, Matches(given, element, frame));
        }

        return matches;
    }

    /// <summary><c>[var first, .., 10]</c>: each element by itself, and what the slice leaves out.</summary>
    private bool? MatchesElements(Value value, IListPatternOperation pattern, Frame frame)
    {
        var elements = Elements(value);
        var slice = pattern.Patterns.OfType<ISlicePatternOperation>().FirstOrDefault() is { } some ? pattern.Patterns.IndexOf(some) : -1;
        if (elements is not null && (slice < 0 ? elements.Count != pattern.Patterns.Length : elements.Count < pattern.Patterns.Length - 1))
            return false;
        bool? matches = elements is null ? null : true;
        for (var index = 0; index < pattern.Patterns.Length; index++)
        {
            var part = pattern.Patterns[index];
            // Behind a slice, places count from the end.
            var place = slice >= 0 && index > slice && elements is not null ? elements.Count - (pattern.Patterns.Length - index) : index;
            if (part is not ISlicePatternOperation { Pattern: var rest })
                matches = And(matches, Matches(elements?[place] ?? External(part.NarrowedType, null, "an element that is not known", part), part, frame));
            else if (rest is not null)
                matches = And(matches, Matches(elements is null ? UnknownList("a part of a list that is not known") : ListOf(elements.Skip(index).Take(elements.Count - pattern.Patterns.Length + 1)), rest, frame));
        }

        if (pattern.DeclaredSymbol is { } declared)
            Set(frame, declared, value);
        return matches;
    }

    private static bool? IsOfType(Value value, ITypeSymbol? type)
    {
        if (type is null)
            return null;
        if (value is Known { Content: null })
            return false;
        if (value is not Instance instance)
            return value is Known known ? known switch
            {
                { Content: string } => type.SpecialType == SpecialType.System_String,
                { Boxed: not SpecialType.None and var boxed } when type.SpecialType is >= SpecialType.System_Boolean and <= SpecialType.System_String => type.SpecialType == boxed,
                _ => null,
            } : null;
        if (type.SpecialType == SpecialType.System_Object)
            return true;
        if (type.TypeKind == TypeKind.Interface)
            return instance.Type.AllInterfaces.Any(candidate => SymbolEqualityComparer.Default.Equals(candidate, type));
        for (INamedTypeSymbol? current = instance.Type; current is not null; current = current.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(current, type) || SymbolEqualityComparer.Default.Equals(current.OriginalDefinition, type))
                return true;
        }

        return type.TypeKind == TypeKind.TypeParameter ? null : false;
    }

    private static bool? IsNull(Value value, out Value present)
    {
        present = value is MaybeNull maybe ? maybe.Present : value;
        return value switch
        {
            Known { Content: null } => true,
            Unknown { IsPresent: true } => false,
            Unknown => null,
            MaybeNull => null,
            Alternatives alternatives => alternatives.Modules.Count() < alternatives.Values.Length ? null : false,
            _ => false,
        };
    }

    private static Value Default(ITypeSymbol? type) => type switch
    {
        null => Known.Null,
        { SpecialType: SpecialType.System_Boolean } => Known.False,
        { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_UInt64 } => new Known(0L),
        { SpecialType: SpecialType.System_Single or SpecialType.System_Double or SpecialType.System_Decimal } => new Known(0.0),
        { TypeKind: TypeKind.Enum } => new Known(0L, type),
        { IsReferenceType: true } or { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } => Known.Null,
        _ => new Unknown("a default value"),
    };

    private Value Interpolate(IInterpolatedStringOperation text, Frame frame)
    {
        var result = new System.Text.StringBuilder();
        foreach (var part in text.Parts)
        {
            switch (part)
            {
                case IInterpolatedStringTextOperation literal when literal.Text.ConstantValue is { HasValue: true, Value: string fixedText }:
                    result.Append(fixedText);
                    break;
                case IInterpolationOperation { FormatString: null } hole when Evaluate(hole.Expression, frame) is Known known:
                    result.Append(Convert.ToString(known.Content, CultureInfo.InvariantCulture));
                    break;
                default:
                    return new Unknown("a text that is not known", Text(text));
            }
        }

        return result.Length <= MaximumText ? new Known(result.ToString()) : new Unknown("a text that is too long", Text(text));
    }

    /// <summary>Writes to whatever an assignment's left side is.</summary>
    private Value Assign(IOperation target, Value value, Frame frame)
    {
        switch (target)
        {
            case ILocalReferenceOperation local:
                Set(Holder(frame, local.Local), local.Local, value);
                break;
            case IParameterReferenceOperation parameter:
                Set(Holder(frame, parameter.Parameter.OriginalDefinition), parameter.Parameter.OriginalDefinition, value);
                break;
            case IFieldReferenceOperation { Field.IsStatic: false } field:
                if ((field.Instance is null ? Self(frame) : Evaluate(field.Instance, frame)) is Instance holder)
                    AssignField(holder, field.Field.OriginalDefinition, value, target);
                break;
            case IPropertyReferenceOperation { Property.IsStatic: false } property:
                AssignProperty(property, value, frame);
                break;
            case IArrayElementReferenceOperation { Indices.Length: 1 } element:
                SetElement(Evaluate(element.ArrayReference, frame), Evaluate(element.Indices[0], frame), value);
                break;
            case IImplicitIndexerReferenceOperation indexer:
                SetElement(Evaluate(indexer.Instance, frame), Evaluate(indexer.Argument, frame), value);
                break;
            case ITupleOperation tuple:
                for (var index = 0; index < tuple.Elements.Length; index++)
                {
                    var element = tuple.Elements[index];
                    Assign(element, value is TupleValue known && index < known.Elements.Length ? known.Elements[index] : Part(value, index, element), frame);
                }

                break;
            case IDeclarationExpressionOperation declaration:
                Assign(declaration.Expression, value, frame);
                break;
            case IConversionOperation conversion:
                Assign(conversion.Operand, value, frame);
                break;
        }

        return value;
    }

    /// <summary>One of several results of something that is not known: a tensor that depends on it, where it is a tensor.</summary>
    private Value Part(Value whole, int index, IOperation target) => whole switch
    {
        TensorValue tensor => source.IsTensor(target.Type) ? new TensorValue(tensor.Node) : new Unknown("a part of a value that is not known"),
        ShapeValue shape => new Unknown("a size of a tensor", ShapeValue.Text(shape.Node, index)),
        TensorParts parts => Operate(Role.Select, One(parts.Node), Constant.None.Add("index", new Constant(ImmutableArray.Create(Size.Of(index)), index.ToString(CultureInfo.InvariantCulture))), target.Type, target),
        Collection collection when Elements(collection) is { } elements && index < elements.Count => elements[index],
        Instance record when Positional(record, index) is { } kept => kept,
        _ => External(target.Type, null, "a part of a value that is not known", target),
    };

    /// <summary>What a record is taken apart into at a place; null where that is not one of its own properties.</summary>
    private Value? Positional(Instance record, int index) =>
        ProgramSource.PositionalAt(record.Type, index) is { } property && source.BackingField(property) is { } field ? record.Get(field) : null;

    private void AssignField(Instance holder, IFieldSymbol field, Value value, IOperation at)
    {
        Set(holder, field, value);
        if (value is ModuleValue or Collection or ParameterValue)
            Assignments[(holder, field)] = Place(at.Parent ?? at);
    }

    private void AssignProperty(IPropertyReferenceOperation reference, Value value, Frame frame)
    {
        var instance = reference.Instance is null ? Self(frame) : Evaluate(reference.Instance, frame);
        if (reference.Property.IsIndexer && instance is Collection or ModuleValue { IsSource: false })
        {
            SetElement(instance, Evaluate(reference.Arguments[0].Value, frame), value);
            return;
        }

        if (instance is ModuleValue { IsSource: false } layer && source.IsTensor(reference.Property.Type))
        {
            // layer.weight = ...: a Parameter brings its own start, anything else one that is not known.
            Set(layer, Slot.Weight(reference.Property.Name), value is ParameterValue parameter ? Adopt(layer, reference.Property.Name, parameter, reference) : WithUnknownStart(Weight(layer, reference.Property.Name), reference));
            return;
        }

        if (instance is not Instance known || Implementation(reference.Property, known) is not { } property)
            return;
        if (source.BackingField(property) is { } field)
            AssignField(known, field, value, reference);
        else if (property.SetMethod is { } setter && source.Has(property))
            Call(setter, known, [.. reference.Arguments.Select(argument => Evaluate(argument.Value, frame)), value], null, reference);
    }

    private Value EvaluateMemberInitializer(IMemberInitializerOperation member, Frame frame)
    {
        // Options = { Depth = 3 }: the inner assignments go to the member's value.
        if (member.InitializedMember is null)
            return Known.Null;
        var outer = frame.Get(ImplicitReceiver);
        Set(frame, ImplicitReceiver, Evaluate(member.InitializedMember, frame));
        Evaluate(member.Initializer, frame);
        Set(frame, ImplicitReceiver, outer ?? Known.Null);
        return Known.Null;
    }

    private Value EvaluateWith(IWithOperation with, Frame frame)
    {
        if (Evaluate(with.Operand, frame) is not Instance original || original is ModuleValue)
            return new Unknown("a copy of a value that is not known", Text(with));
        var copy = new Instance(original.Type);
        foreach (var slot in original.Slots)
            Set(copy, slot.Key, slot.Value);
        Initialize(copy, with.Initializer, frame);
        return copy;
    }

    private void Initialize(Value created, IObjectOrCollectionInitializerOperation? initializer, Frame frame)
    {
        if (initializer is null)
            return;
        var outer = frame.Get(ImplicitReceiver);
        Set(frame, ImplicitReceiver, created);
        foreach (var member in initializer.Initializers)
            Evaluate(member, frame);
        Set(frame, ImplicitReceiver, outer ?? Known.Null);
    }

    /// <summary>The property that a read of this one reaches in the object: the most derived override.</summary>
    private static IPropertySymbol? Implementation(IPropertySymbol property, Instance instance)
    {
        if (property.GetMethod is { } getter && Implementation(getter, instance)?.AssociatedSymbol is IPropertySymbol found)
            return found;
        if (property.SetMethod is { } setter && Implementation(setter, instance)?.AssociatedSymbol is IPropertySymbol written)
            return written;
        return property.ContainingType.TypeKind == TypeKind.Interface ? null : property;
    }

    /// <summary>The method that a call reaches in the object: the most derived override, or an interface's implementation.</summary>
    private static IMethodSymbol? Implementation(IMethodSymbol method, Instance instance)
    {
        if (method.ContainingType.TypeKind == TypeKind.Interface)
            return instance.Type.FindImplementationForInterfaceMember(method) as IMethodSymbol;
        if (!method.IsVirtual && !method.IsAbstract && !method.IsOverride)
            return method;
        var definition = method.OriginalDefinition;
        for (INamedTypeSymbol? type = instance.Type; type is not null && !SymbolEqualityComparer.Default.Equals(type.OriginalDefinition, definition.ContainingType); type = type.BaseType)
        {
            foreach (var member in type.OriginalDefinition.GetMembers(method.Name))
            {
                if (member is IMethodSymbol { IsOverride: true } candidate && Overrides(candidate, definition))
                    return candidate;
            }
        }

        return method;

        static bool Overrides(IMethodSymbol candidate, IMethodSymbol definition)
        {
            var current = candidate;
            for (var depth = 0; depth < MaximumCalls && current is not null; depth++, current = current.OverriddenMethod)
            {
                if (SymbolEqualityComparer.Default.Equals(current.OriginalDefinition, definition))
                    return true;
            }

            return false;
        }
    }
}
