using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// What a value was computed by last: the softmax or sigmoid that ends a model, or something else. Followed backwards through variables, tuples, views and indexing, helpers,
/// Sequentials and the forward of models in source. What can't be followed is a head of its own, so that nobody takes the others for the whole.
/// </summary>
internal sealed class OutputHeads(ValueTracer tracer)
{
    private const int MaximumSteps = 400;

    public ModelCatalogue Catalogue => tracer.Source.Catalogue;

    /// <summary>Everything that can have computed the value last.</summary>
    public ImmutableArray<OutputHead> Of(IOperation value, Frame frame)
    {
        var heads = ImmutableArray.CreateBuilder<OutputHead>();
        var seen = new HashSet<(IOperation, Frame, int)>();
        var open = new Stack<Place>();
        open.Push(new(value, frame, ImmutableArray<int>.Empty));
        while (open.Count > 0)
        {
            var place = open.Pop();
            if (!seen.Add((place.Operation, place.Frame, place.TuplePath.Aggregate(1, (hash, index) => (hash * 31) + index + 1))))
                continue;
            if (seen.Count > MaximumSteps)
                return ImmutableArray.Create(new OutputHead(Role.Opaque, value, frame));
            if (Sources(place) is not { } sources)
            {
                heads.Add(new OutputHead(place.TuplePath.IsEmpty ? RoleOf(place.Operation) : Role.Opaque, place.Operation, place.Frame) { Model = place.Model });
                continue;
            }

            foreach (var source in sources)
            {
                if (source.Head is { } head)
                    heads.Add(head with { Model = place.Model ?? source.Model });
                else
                    open.Push(source with { Model = place.Model ?? source.Model });
            }
        }

        return heads.ToImmutable();
    }

    private Role RoleOf(IOperation operation) => operation is IInvocationOperation call && Catalogue.Find(call.TargetMethod) is { } entry && IsEnding(entry.Role) ? entry.Role : Role.Opaque;

    private static readonly Role[] EndingRoles = [Role.Softmax, Role.LogSoftmax, Role.Softmin, Role.Sigmoid, Role.LogSigmoid];

    private static bool IsEnding(Role role) => EndingRoles.Contains(role);

    private static bool IsView(Role role) => role is Role.Reshape or Role.Flatten or Role.Permute or Role.Select or Role.Expand or Role.Identity;

    /// <summary>What the value of a place is, unchanged; null where the place itself computes it.</summary>
    private IEnumerable<Place>? Sources(Place place)
    {
        var (operation, frame, path) = (place.Operation, place.Frame, place.TuplePath);
        switch (operation)
        {
            case IConversionOperation { OperatorMethod: null } conversion:
                return [place.At(conversion.Operand)];
            case IParenthesizedOperation parenthesized:
                return [place.At(parenthesized.Operand)];
            case IAwaitOperation awaited:
                return [place.At(awaited.Operation)];
            case ISimpleAssignmentOperation assignment:
                return [place.At(assignment.Value)];
            case IConditionalOperation { WhenFalse: { } otherwise } choice:
                return [place.At(choice.WhenTrue), place.At(otherwise)];
            case ICoalesceOperation coalesce:
                return [place.At(coalesce.Value), place.At(coalesce.WhenNull)];
            case ISwitchExpressionOperation choice:
                return choice.Arms.Select(arm => place.At(arm.Value));
            case ITupleOperation tuple when !path.IsEmpty && path[0] < tuple.Elements.Length:
                return [new(tuple.Elements[path[0]], frame, path.RemoveAt(0))];
            case IFieldReferenceOperation { Field: { ContainingType.IsTupleType: true } field, Instance: { } instance } when TupleIndex(field, instance.Type) is { } index:
                return [new(instance, frame, path.Insert(0, index))];
            case IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } instance } when tracer.Source.IsTensor(instance.Type):
                return [place.At(instance)];
            case IFieldReferenceOperation or IPropertyReferenceOperation { Property.IsIndexer: false } when operation is IMemberReferenceOperation { Member: { IsStatic: false } read } reference && PlaceOf(read) is { } member:
                var owner = reference.Instance;
                return owner is IInstanceReferenceOperation ? frame.Receiver is [Created { Creation: IObjectCreationOperation made, Frame: var maker }] ? [new(made, maker, path.Insert(0, member))] : null
                    : owner is not null ? [new(owner, frame, path.Insert(0, member))] : null;
            case IObjectCreationOperation creation when !path.IsEmpty && MemberAt(creation.Type, path[0]) is { } member && (ValueTracer.HeldIn(creation, member) ?? Given(creation, member)) is { } held:
                return [new(held, frame, path.RemoveAt(0))];
            case ILocalReferenceOperation reference:
                var declaring = Frame.Declaring(reference.Local, frame);
                var writes = declaring.Body.WritesReaching(reference, reference.Local);
                return writes.IsEmpty ? null : Written(writes, declaring, path);
            case IParameterReferenceOperation reference:
                var reaching = frame.Body.WritesReaching(reference, reference.Parameter, out var isArgument);
                var argument = isArgument ? frame.ArgumentOf(reference.Parameter) : null;
                if (isArgument && argument is null)
                    return null;
                return Written(reaching, frame, path).Concat(argument is { } given ? [new Place(given.Item1, given.Item2, path)] : Array.Empty<Place>());
            case IInvocationOperation call:
                return Called(call, place);
            default:
                return null;
        }
    }

    /// <summary>The members of a record or class that carries several outputs stand behind the places of tuples.</summary>
    private const int FirstMember = 1_000;

    /// <summary>A field or property that an object is given when it is made, and never after, by its place among the members of its class.</summary>
    private int? PlaceOf(ISymbol member) => tracer.Source.Has(member.OriginalDefinition) && !tracer.Source.IsModule(member.ContainingType) && IsGivenOnce(member)
        ? FirstMember + member.OriginalDefinition.ContainingType.GetMembers().IndexOf(member.OriginalDefinition) : null;

    private bool IsGivenOnce(ISymbol member) => member is IFieldSymbol { IsReadOnly: true } or IPropertySymbol { SetMethod: null or { IsInitOnly: true } }
        || (member is IFieldSymbol or IPropertySymbol && tracer.Source.Trees.SelectMany(tree => tree.AssignmentsTo(member.Name)).All(IsWhileMade));

    private static bool IsWhileMade(SyntaxNode assigned) => assigned.FirstAncestorOrSelf<SyntaxNode>(node => node is InitializerExpressionSyntax or MemberDeclarationSyntax) is InitializerExpressionSyntax or ConstructorDeclarationSyntax;

    /// <summary>The argument that the constructor of an object keeps in a member.</summary>
    private IOperation? Given(IObjectCreationOperation creation, ISymbol member) => tracer.Source.WritesTo(member) is [{ Method: { MethodKind: MethodKind.Constructor } constructor, Write: var write }]
        && SymbolEqualityComparer.Default.Equals(constructor.OriginalDefinition, creation.Constructor?.OriginalDefinition) && Kept(write) is IParameterReferenceOperation { Parameter: var parameter }
            ? creation.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == parameter.Ordinal)?.Value : null;

    private static IOperation? Kept(Write write)
    {
        var value = write.IsElement ? null : Bare(write.Value);
        foreach (var place in write.TuplePath)
            value = value is ITupleOperation { Elements: var elements } && place < elements.Length ? Bare(elements[place]) : null;
        return value;
    }

    private static ISymbol? MemberAt(ITypeSymbol? type, int place) => place < FirstMember
        ? ProgramSource.PositionalAt(type, place)
        : type?.OriginalDefinition.GetMembers() is { } members && place - FirstMember < members.Length ? members[place - FirstMember] : null;

    private static int? TupleIndex(IFieldSymbol field, ITypeSymbol? type)
    {
        if (type is not INamedTypeSymbol { IsTupleType: true } tuple)
            return null;
        var index = tuple.TupleElements.IndexOf(field);
        if (index < 0)
            index = tuple.TupleElements.Select(element => element.CorrespondingTupleField ?? element).ToList().FindIndex(element => SymbolEqualityComparer.Default.Equals(element, field.CorrespondingTupleField ?? field));
        return index < 0 ? null : index;
    }

    private static IEnumerable<Place> Written(IEnumerable<Write> writes, Frame frame, ImmutableArray<int> path) => writes.Select(write =>
        write.IsElement || write.Value is IArgumentOperation or ICompoundAssignmentOperation
            ? new Place(write.Value, frame, path) { Head = new OutputHead(Role.Opaque, write.Value, frame) }
            : new Place(write.Value, frame, write.TuplePath.AddRange(path)));

    private IEnumerable<Place>? Called(IInvocationOperation call, Place place)
    {
        var entry = Catalogue.Find(call.TargetMethod);
        if (entry?.Role == Role.Forward)
            return Models(call, place);
        if (entry is not null)
        {
            var operand = call.Instance ?? call.Arguments.FirstOrDefault(argument => argument.Parameter!.Ordinal == 0)?.Value;
            return IsView(entry.Role) && operand is not null && tracer.Source.IsTensor(operand.Type) ? [place.At(operand)] : null;
        }

        var entered = tracer.Enter(call, place.Frame);
        return entered.IsEmpty ? null : entered.SelectMany(activation => activation.Body.Returns(activation.Function).Select(value => new Place(value, activation, place.TuplePath)));
    }

    private IEnumerable<Place>? Models(IInvocationOperation call, Place place)
    {
        var modules = tracer.Trace(call.Instance, place.Frame);
        return modules.IsEmpty ? null : modules.SelectMany(module => Output(module, call, place)).Select(source => source with { Model = call });
    }

    /// <summary>The value that a module gives in a call.</summary>
    private IEnumerable<Place> Output(Value module, IInvocationOperation call, Place place)
    {
        var unknown = new Place(call, place.Frame, place.TuplePath) { Head = new OutputHead(Role.Opaque, call, place.Frame) };
        var current = module;
        for (var depth = 0; depth < 8; depth++)
        {
            var role = Catalogue.FindBase(current.Type)?.Role;
            if (current.Type is INamedTypeSymbol own && !own.DeclaringSyntaxReferences.IsEmpty && Forward(own, call) is { } forward && tracer.Source.CodeOf(forward) is { } code)
            {
                var activation = current == module ? tracer.Enter(call, place.Frame).FirstOrDefault(entered => entered.Body == code.Body) : null;
                if (place.TuplePath.IsEmpty && (LoopsOverLayers(code.Body) || Branches(code.Body)) && HeadsInGraph(own) is { } ends)
                    return ends.Select(end => unknown with { Head = end with { IsInList = end.IsInList || Branches(code.Body) } });
                activation ??= tracer.Detached(forward, code.Body, current);
                return code.Body.Returns(null).Select(value => new Place(value, activation, place.TuplePath)).DefaultIfEmpty(unknown);
            }

            if (current is not Created created || !place.TuplePath.IsEmpty)
                return [unknown];
            if (role is { } ending && IsEnding(ending))
            {
                // An element of a Sequential stands for itself; a layer of its own is used by the call.
                return [unknown with { Head = new OutputHead(ending, current == module ? call : created.Creation, current == module ? place.Frame : created.Frame) { IsElement = current != module } }];
            }

            if (role is { } view && IsView(view) && current == module && call.Arguments is [{ Value: var given }, ..])
                return [place.At(given)];
            if (role == Role.Sequential && LastOf(created) is null && HeadsInGraph(created) is { } built)
                return built.Select(end => unknown with { Head = end });
            if (role != Role.Sequential || LastOf(created) is not { } last)
                return [unknown];
            current = last;
        }

        return [unknown];
    }

    /// <summary>Forward goes through its layers one after another: what comes last, only the whole model tells.</summary>
    private bool LoopsOverLayers(MemberBody forward) => forward.Operations.Any(operation => operation is ILoopOperation
        or IInvocationOperation { TargetMethod.Name: nameof(Enumerable.Aggregate) or "ForEach" });

    /// <summary>Forward does one thing or another as the object says: which, its creation tells.</summary>
    private static bool Branches(MemberBody forward) => forward.Operations.Any(operation => operation is IConditionalOperation or ISwitchOperation or ISwitchExpressionOperation);

    /// <summary>What ends the models of a class, as the program makes them; null where they do not all end in one known activation that the class names.</summary>
    private IEnumerable<OutputHead>? HeadsInGraph(INamedTypeSymbol type)
    {
        return type.DeclaringSyntaxReferences.Any(reference => NamesAnEnding(reference.SyntaxTree)) ? Ends(ModelGraphs.Of(tracer.Source.Program).Of(type, tracer.Source)) : null;
    }

    /// <summary>What ends a Sequential that a builder puts together, as far as the program's calls of it tell.</summary>
    private IEnumerable<OutputHead>? HeadsInGraph(Created sequential) => NamesAnEnding(sequential.Creation.Syntax.SyntaxTree)
        ? Ends(ModelGraphs.Of(tracer.Source.Program).At(sequential.Creation.Syntax, tracer.Source)) : null;

    private bool NamesAnEnding(SyntaxTree tree) => TreeFacts.Of(tree).Words.ContainsAny(Words.HashesOf(EndingRoles.SelectMany(Catalogue.NamesOf)));

    private IEnumerable<OutputHead>? Ends(IEnumerable<ModelGraph> graphs)
    {
        var ends = graphs.Select(LastOf).ToList();
        return ends.Count > 0 && ends.All(end => end is not null && IsEnding(end.Role)) ? ends.SelectMany(end => HeadAt(end!)).ToList() : null;
    }

    /// <summary>The node that computes a model's output, behind views of it.</summary>
    private static ModelNode? LastOf(ModelGraph graph)
    {
        var node = graph.Output < 0 || graph.Outputs.Length > 1 ? null : graph.Nodes[graph.Output];
        while (node is { Inputs: [var input] } && IsView(node.Role))
            node = graph.Nodes[input];
        return node;
    }

    private IEnumerable<OutputHead> HeadAt(ModelNode node)
    {
        if (node.Creation.SourceTree is { } tree && tracer.Source.BodyAround(tree.GetRoot(tracer.Source.Cancellation).FindNode(node.Creation.SourceSpan, getInnermostNodeForTie: true)) is { } body
            && body.Invocations.FirstOrDefault(call => call.Syntax.Span == node.Creation.SourceSpan) is { } creation)
        {
            yield return new OutputHead(node.Role, creation, tracer.Detached(tracer.Source.MethodOf(body, creation), body, receiver: null)) { IsInList = node.Layer is not null };
        }
    }

    /// <summary>The last element of a Sequential that is written out, or put together from a list or array in the same code; null for one that is built otherwise.</summary>
    private Value? LastOf(Created sequential)
    {
        var body = sequential.Frame.Body;
        if (sequential.Creation is not IInvocationOperation { Arguments: [{ Value: var elements }] } creation
            || body.Invocations.Any(call => Catalogue.Is(call.TargetMethod, Role.Append) && Catalogue.FindBase(call.Instance?.Type)?.Role == Role.Sequential)
            || (Bare(elements) is IArrayCreationOperation { Initializer.ElementValues: [.., var written] } ? written : LastOfList(Bare(elements), creation, body)) is not { } last)
        {
            return null;
        }

        var element = Bare(last) is ITupleOperation { Elements: [_, var module] } ? module : Bare(last);
        return tracer.Trace(element, sequential.Frame) is [var value] ? value : null;
    }

    private static IOperation Bare(IOperation operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation;
    }

    /// <summary>What a local list or array ends with where it is given to the Sequential: the last of its initializer, or of the Adds that surely run. Anything else that is done with it, and nothing is said.</summary>
    private static IOperation? LastOfList(IOperation elements, IInvocationOperation creation, MemberBody body)
    {
        if (elements is IInvocationOperation { TargetMethod.Name: "ToArray" or "ToList" } copy)
            elements = Bare(copy.Instance ?? copy.Arguments[0].Value);
        if (elements is not ILocalReferenceOperation { Local: var local } || body.Writes(local) is not [{ IsElement: false, TuplePath.IsEmpty: true, Value: var start }] || BlockOf(creation) is not { } block)
            return null;
        var last = Bare(start) switch
        {
            IArrayCreationOperation { Initializer.ElementValues: [.., var end] } => end,
            IObjectCreationOperation { Arguments.IsEmpty: true, Initializer: null } => null,
            IObjectCreationOperation { Arguments.IsEmpty: true, Initializer.Initializers: [.., IInvocationOperation { Arguments: [{ Value: var end }] }] } => end,
            _ => (IOperation?)creation,
        };
        if (last == creation)
            return null;
        foreach (var reference in body.Operations.OfType<ILocalReferenceOperation>().Where(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local) && reference.Syntax.SpanStart < creation.Syntax.Span.End))
        {
            if (creation.Syntax.Span.Contains(reference.Syntax.Span) || reference.Parent is IVariableDeclaratorOperation or IPropertyReferenceOperation { Property.Name: "Count" or "Length" })
                continue;
            if (reference.Parent is not IInvocationOperation { TargetMethod.Name: "Add", Arguments: [{ Value: var added }] } add || add.Instance != reference)
                return null;
            last = BlockOf(add) == block && add.Parent is IExpressionStatementOperation ? added : creation;
        }

        return last == creation ? null : last;
    }

    private static IBlockOperation? BlockOf(IOperation operation)
    {
        var around = operation.Parent;
        while (around is not (null or IBlockOperation))
        {
            if (around is IConditionalOperation or ILoopOperation or IAnonymousFunctionOperation or ISwitchOperation or ITryOperation)
                return null;
            around = around.Parent;
        }

        return (IBlockOperation?)around;
    }

    /// <summary>The forward that a call runs on an object of the type.</summary>
    private IMethodSymbol? Forward(INamedTypeSymbol type, IInvocationOperation call)
    {
        for (INamedTypeSymbol? current = type; current is not null && !current.DeclaringSyntaxReferences.IsEmpty; current = current.BaseType)
        {
            var forward = current.OriginalDefinition.GetMembers().OfType<IMethodSymbol>()
                .Where(method => !method.IsAbstract && Catalogue.Is(method, Role.Forward) && method.Parameters.Length >= call.Arguments.Count(argument => argument.ArgumentKind == ArgumentKind.Explicit)).ToList();
            if (forward.Count > 0)
                return forward.Count == 1 ? forward[0] : null;
        }

        return null;
    }

    private sealed record Place(IOperation Operation, Frame Frame, ImmutableArray<int> TuplePath)
    {
        /// <summary>The answer, where it is known already.</summary>
        public OutputHead? Head { get; init; }

        /// <summary>The outermost call of a model that led here.</summary>
        public IInvocationOperation? Model { get; init; }

        public Place At(IOperation operation) => this with { Operation = operation };
    }
}

/// <summary>What a value was computed by last.</summary>
/// <param name="Role">The activation, or <see cref="Role.Opaque"/> for anything else.</param>
/// <param name="Operation">The call that computes it, or the creation of the element of a Sequential.</param>
/// <param name="Frame">Its activation.</param>
internal sealed record OutputHead(Role Role, IOperation Operation, Frame Frame)
{
    /// <summary>It is the last element of a Sequential.</summary>
    public bool IsElement { get; init; }

    /// <summary>It is a layer in a list that forward goes through, or one of the ways that forward can take: it can't just go.</summary>
    public bool IsInList { get; init; }

    /// <summary>The call of the model that gives the value; null where it is computed beside all models.</summary>
    public IInvocationOperation? Model { get; init; }
}
