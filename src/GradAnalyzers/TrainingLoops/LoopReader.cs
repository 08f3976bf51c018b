using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Facts;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Unfolds a member and what it calls into one graph of training events.</summary>
internal sealed class LoopReader
{
    private const int MaximumNodes = 60_000;

    private readonly ProgramSource _source;
    private readonly ValueTracer _tracer;
    private readonly ParameterTracer _parameters;
    private readonly LossTracer _losses;
    private readonly UnseenCode _unseen;
    private readonly LoopGraph _graph = new();
    private readonly Dictionary<Frame, LoopGraph.Procedure> _procedures = [];
    private readonly HashSet<SyntaxNode> _entered = [];
    private readonly Dictionary<(IOperation, Frame), int> _places = [];

    private LoopReader(ProgramSource source)
    {
        _source = source;
        _tracer = new ValueTracer(source);
        _parameters = new ParameterTracer(_tracer);
        _losses = new LossTracer(_tracer);
        _unseen = new UnseenCode(_tracer);
    }

    private ModelCatalogue Catalogue => _source.Catalogue;

    /// <summary>The loops that begin in a member: one for its own code, one for each function in it that the code does not call itself.</summary>
    public static ImmutableArray<TrainingLoop> Read(ProgramSource source, IMethodSymbol? method, MemberBody body)
    {
        var loops = ImmutableArray.CreateBuilder<TrainingLoop>();
        var own = new LoopReader(source);
        var frame = Frame.Root(method, body, ImmutableArray<Value>.Empty);
        loops.Add(own.Loop(frame));
        foreach (var function in body.Functions.Where(function => !own._entered.Contains(function)))
        {
            if (own._entered.Contains(function) || source.Model(function.SyntaxTree).GetSymbolInfo(function).Symbol is not IMethodSymbol symbol)
                continue;
            var reader = new LoopReader(source);
            loops.Add(reader.Loop(Frame.Root(symbol, body, ImmutableArray<Value>.Empty, function, frame)));
            own._entered.UnionWith(reader._entered);
        }

        return loops.ToImmutable();
    }

    private TrainingLoop Loop(Frame frame)
    {
        Unfold(frame);
        return new TrainingLoop(frame, _graph, _places, _tracer, _losses, IsTruncated: _graph.Count >= MaximumNodes || _tracer.IsExhausted);
    }

    /// <summary>The code of one activation, added once however many calls lead to it.</summary>
    private LoopGraph.Procedure Unfold(Frame frame)
    {
        if (_procedures.TryGetValue(frame, out var known))
            return known;
        _source.Cancellation.ThrowIfCancellationRequested();
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var place = _graph.Place;
        _graph.Place = default;
        var procedure = _graph.AddProcedure();
        procedure.Nodes.AddRange([procedure.Entry, procedure.Exit]);
        _procedures.Add(frame, procedure);
        Unfold(frame, procedure);
        _graph.Place = place;
        return procedure;
    }

    private void Unfold(Frame frame, LoopGraph.Procedure procedure)
    {
        if (frame.Function is { } function)
            _entered.Add(function);
        if (frame.Body.GraphOf(frame.Function) is not { } flow || _graph.Count >= MaximumNodes)
        {
            _graph.Connect(procedure.Entry, procedure.Exit);
            return;
        }

        procedure.HandsBack = frame.Body.Yields(frame.Function);
        var rounds = Rounds(flow, procedure);
        var starts = flow.Blocks.Select(block => AddIn(procedure, rounds[block.Ordinal])).ToArray();
        var ends = (int[])starts.Clone();
        _graph.Connect(procedure.Entry, starts[0]);
        foreach (var block in flow.Blocks.Where(block => block.IsReachable || block.Kind == BasicBlockKind.Exit))
        {
            var last = starts[block.Ordinal];
            _graph.Place = (procedure, rounds[block.Ordinal]);
            foreach (var operation in frame.Body.Calls(block))
            {
                _places[(operation, frame)] = last;
                last = Append(last, operation, frame);
            }

            ends[block.Ordinal] = last;
            if (block.Kind == BasicBlockKind.Exit)
                _graph.Connect(last, procedure.Exit);
            if (block is { ConditionalSuccessor: not null, BranchValue: { } condition })
                _graph.AddBranch(last, condition, frame);
        }

        foreach (var block in flow.Blocks.Where(block => block.IsReachable))
        {
            if (!AsksForNull(block, frame))
                Follow(ends[block.Ordinal], block.ConditionalSuccessor, starts, ends);
            Follow(ends[block.Ordinal], block.FallThroughSuccessor, starts, ends);
        }
    }

    /// <summary>The end of a <c>using</c> asks whether there is something to dispose of; of what is made there it does not ask in vain.</summary>
    private static bool AsksForNull(BasicBlock block, Frame frame) => block is { ConditionKind: ControlFlowConditionKind.WhenTrue, BranchValue: IIsNullOperation, FallThroughSuccessor.Destination: { } disposing }
        && frame.Body.Calls(disposing).OfType<IInvocationOperation>().Any(call => frame.Body.DisposedBy(call) is { } resource && IsMade(resource));

    private static bool IsMade(IOperation resource)
    {
        while (resource is IConversionOperation { OperatorMethod: null, Operand: var operand })
            resource = operand;
        return resource is IObjectCreationOperation;
    }

    private int AddIn(LoopGraph.Procedure procedure, LoopGraph.Round? round)
    {
        _graph.Place = (procedure, round);
        return _graph.Add();
    }

    /// <summary>The innermost loop of each block. Blocks stand in the order of the code: a loop reaches from where a branch leads back to, to the last such branch.</summary>
    private static LoopGraph.Round?[] Rounds(ControlFlowGraph flow, LoopGraph.Procedure procedure)
    {
        var rounds = new LoopGraph.Round?[flow.Blocks.Length];
        var loops = flow.Blocks.Where(block => block.IsReachable)
            .SelectMany(block => new[] { block.ConditionalSuccessor, block.FallThroughSuccessor }.Where(branch => branch?.Destination is { } back && back.Ordinal <= block.Ordinal)
                .Select(branch => (First: branch!.Destination!.Ordinal, Last: branch.FinallyRegions.Select(region => region.LastBlockOrdinal).Append(block.Ordinal).Max())))
            .GroupBy(loop => loop.First).Select(loop => (First: loop.Key, Last: loop.Max(end => end.Last)))
            .OrderBy(loop => loop.First).ThenByDescending(loop => loop.Last);
        foreach (var (first, last) in loops)
        {
            var round = LoopGraph.AddRound(procedure, rounds[first]);
            for (var block = first; block <= last; block++)
                rounds[block] = round;
        }

        return rounds;
    }

    /// <summary>An edge, led through the finally blocks that it leaves, from their first block to the end of their last.</summary>
    private void Follow(int from, ControlFlowBranch? branch, int[] starts, int[] ends)
    {
        if (branch?.Destination is not { } destination)
            return;
        foreach (var region in branch.FinallyRegions)
        {
            _graph.Connect(from, starts[region.FirstBlockOrdinal]);
            from = ends[region.LastBlockOrdinal];
        }

        _graph.Connect(from, starts[destination.Ordinal]);
    }

    private int Append(int last, IOperation operation, Frame frame) => operation switch
    {
        IInvocationOperation { IsImplicit: true } call when frame.Body.DisposedBy(call) is { } resource => AppendDispose(last, call, resource, frame),
        IInvocationOperation invocation when Catalogue.Find(invocation.TargetMethod) is { } entry && entry.Role.IsTraining() =>
            AppendTraining(last, invocation, entry, frame),
        IInvocationOperation invocation => AppendCall(last, invocation, frame),
        IObjectCreationOperation creation => AppendCall(last, creation, frame),
        ISimpleAssignmentOperation { Target: IPropertyReferenceOperation target } assignment when Catalogue.Is(target.Property, Role.Gradient) =>
            AppendEvent(last, GradientSet(assignment, target, frame)),
        IDynamicInvocationOperation => AppendEvent(last, new OpaqueEvent(operation, frame)),
        IPropertyReferenceOperation { Parent: not ISimpleAssignmentOperation } read => AppendRead(last, read, frame),
        IPropertyReferenceOperation { Parent: ISimpleAssignmentOperation assignment } read when assignment.Target != read => AppendRead(last, read, frame),
        _ when MemberBody.OperatorOf(operation) is { } used && _source.IsOfTraining(used) => Alternatives(last, _tracer.Enter(operation, frame), mayBeSkipped: false),
        _ => last,
    };

    private int AppendTraining(int last, IInvocationOperation call, CatalogueEntry entry, Frame frame)
    {
        switch (entry.Role)
        {
            case Role.Step:
                var closures = call.Arguments.Where(argument => argument.Value.Type?.TypeKind == TypeKind.Delegate)
                    .SelectMany(argument => _tracer.EnterFunctions(call, _tracer.Trace(argument.Value, frame), frame)).ToImmutableArray();
                last = Alternatives(last, closures, mayBeSkipped: false);
                var optimizer = _parameters.Optimizers(Operand(call, entry, "optimizer"), frame);
                if (NamedArgument(call, entry, "parameters") is { } stepped)
                    optimizer = optimizer with { Parameters = _parameters.Parameters(stepped, frame) };
                return AppendEvent(last, new StepEvent(call, frame, optimizer, closures));
            case Role.Backward:
                return AppendEvent(last, new BackwardEvent(call, frame, Operand(call, entry, "loss"), entry.Meaning("accumulates") != "false"));
            case Role.Clear:
                var cleared = Operand(call, entry, "parameters");
                return AppendEvent(last, new ClearEvent(call, frame, Known(_parameters.Parameters(cleared, frame)), _tracer.Trace(cleared, frame)));
            default:
                var clipped = Known(_parameters.Parameters(Operand(call, entry, "parameters"), frame));
                return AppendEvent(last, new ClipEvent(call, frame, clipped, NamedArgument(call, entry, "threshold"), IsByHand: false));
        }
    }

    /// <summary>What a handler captured where it was added may be any object that is made there.</summary>
    private ParameterSet Known(ParameterSet parameters) => parameters.Modules.Any(_tracer.IsOfUnknownSubscriber) ? ParameterSet.Anything : parameters;

    /// <summary>What the catalogue says a call acts on: a named argument, or the receiver.</summary>
    private static IOperation? Operand(IInvocationOperation call, CatalogueEntry entry, string meaning) =>
        NamedArgument(call, entry, meaning) ?? call.Instance ?? call.Arguments.FirstOrDefault()?.Value;

    private static IOperation? NamedArgument(IInvocationOperation call, CatalogueEntry entry, string meaning) =>
        entry.Meaning(meaning) is { } names
            ? call.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && names.Split('|').Contains(parameter.Name))?.Value
            : null;

    private LoopEvent GradientSet(ISimpleAssignmentOperation assignment, IPropertyReferenceOperation target, Frame frame)
    {
        // In a loop over parameters it is one of them at a time.
        var parameters = _parameters.Parameters(target.Instance, frame) with { IsFiltered = _parameters.IsOneOfMany(target.Instance, frame) };
        return assignment.Value is IConversionOperation { Operand.ConstantValue: { HasValue: true, Value: null } } or { ConstantValue: { HasValue: true, Value: null } }
            ? new ClearEvent(assignment, frame, parameters, ImmutableArray<Value>.Empty)
            : new ClipEvent(assignment, frame, parameters, Threshold: null, IsByHand: true);
    }

    private int AppendCall(int last, IOperation call, Frame frame)
    {
        // Gradients are not touched while a model computes.
        var entry = call is IInvocationOperation { TargetMethod: var called } ? Catalogue.Find(called) : Catalogue.Find(call.Type);
        if (entry?.Role is Role.Forward or Role.Measure or Role.Same)
            return last;
        if (call is IInvocationOperation inPlace && (ChangesGradient(inPlace, frame) ?? StepsByHand(inPlace, frame)) is { } change)
            return AppendEvent(last, change);
        if (call is IInvocationOperation elsewhere && _source.FactOf(elsewhere.TargetMethod)?.Gradients is { } known)
            return AppendKnown(last, elsewhere, known, frame);
        if (call is IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke } run && TrainingFunctions(run, frame) is { Count: > 0 } functionsOfLibrary)
            return AppendFunctions(last, run, functionsOfLibrary, frame);
        if (MayLeadToTraining(call))
        {
            var entered = _tracer.Enter(call, frame);
            if (!entered.IsEmpty)
            {
                // A method that only runs what it is handed mentions nothing of a training loop itself.
                var runsFunctions = HandsFunctions(call);
                var relevant = entered.Where(activation => runsFunctions || CallsDelegates(activation) || _source.Members.Contains(activation.Body.Declaration)).ToImmutableArray();
                return relevant.IsEmpty ? last : Alternatives(last, relevant, mayBeSkipped: relevant.Length < entered.Length);
            }
        }
        else if (IsInSource(call))
        {
            return _unseen.HandsOut(call) ? AppendEvent(last, new OpaqueEvent(call, frame)) : last;
        }

        // A method that calls itself runs its functions already.
        if (call is IInvocationOperation { TargetMethod: var running } && _tracer.IsRunning(running, frame))
            return last;
        var functions = Frame.Arguments(call).Where(argument => argument.Value.Type?.TypeKind == TypeKind.Delegate)
            .SelectMany(argument => _tracer.EnterFunctions(call, _tracer.Trace(argument.Value, frame), frame)).ToImmutableArray();
        if (!functions.IsEmpty)
            return Repeated(last, functions);
        return call switch
        {
            IInvocationOperation invocation when _unseen.MayTouchGradients(invocation, frame) || (!_tracer.MayEnter(frame) && LeadsToTraining(invocation)) => AppendEvent(last, new OpaqueEvent(call, frame)),
            IObjectCreationOperation creation when _unseen.Keeps(creation, frame) => AppendEvent(last, new OpaqueEvent(call, frame, Keeps: true)),
            _ => last,
        };
    }

    /// <summary>Methods of the library among the functions that a call can run: <c>Action clear = optimizer.zero_grad;</c>.</summary>
    private List<Function> TrainingFunctions(IInvocationOperation call, Frame frame) =>
        _tracer.Trace(call.Instance, frame).OfType<Function>().Where(function => function.Lambda is null && Catalogue.Find(function.Method)?.Role.IsTraining() == true).ToList();

    private int AppendFunctions(int last, IInvocationOperation call, List<Function> functions, Frame frame)
    {
        var entered = _tracer.Enter(call, frame);
        var next = _graph.Add();
        if (!entered.IsEmpty)
            _graph.Connect(Alternatives(last, entered, mayBeSkipped: false), next);
        if (_tracer.Trace(call.Instance, frame).Any(value => value is not Function))
            _graph.Connect(AppendEvent(last, new OpaqueEvent(call, frame)), next);
        foreach (var function in functions)
        {
            _graph.Connect(AppendEvent(last, Catalogue.Is(function.Method, Role.Clear)
                ? new ClearEvent(call, frame, Known(_parameters.Parameters(function.Receiver)), function.Receiver)
                : new OpaqueEvent(call, frame)), next);
        }

        return next;
    }

    /// <summary>What a method of another project does is known by its facts.</summary>
    private int AppendKnown(int last, IInvocationOperation call, GradientFact fact, Frame frame)
    {
        foreach (var argument in call.Arguments.Where(argument => fact.Clears.Contains(argument.Parameter!.Ordinal)))
            last = AppendEvent(last, new ClearEvent(call, frame, _parameters.Parameters(argument.Value, frame), _tracer.Trace(argument.Value, frame)));
        foreach (var argument in call.Arguments.Where(argument => fact.Clips.Contains(argument.Parameter!.Ordinal)))
            last = AppendEvent(last, new ClipEvent(call, frame, _parameters.Parameters(argument.Value, frame), Threshold: null, fact.IsByHand));
        var trained = call.Arguments.Where(argument => fact.Trains.Contains(argument.Parameter!.Ordinal)).SelectMany(argument => _tracer.Trace(argument.Value, frame)).ToImmutableArray();
        return trained.IsEmpty ? last : AppendEvent(last, new OpaqueEvent(call, frame) { Trained = trained });
    }

    /// <summary>
    /// Whether what a call runs has to be looked at: the member called, or one that overrides it, is of a training loop; it is handed functions; or it may run functions that its object holds.
    /// Asked before anything is bound: most calls in a training method lead nowhere.
    /// </summary>
    private bool MayLeadToTraining(IOperation call)
    {
        if (call is IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke or MethodKind.LocalFunction } || HandsFunctions(call))
            return true;
        var method = call is IInvocationOperation invocation ? invocation.TargetMethod : ((IObjectCreationOperation)call).Constructor;
        return method is not null && (_source.IsOfTraining(method) || HoldsFunctions(method.ContainingType)
            || (ProgramSource.IsVirtual(method) && _source.Program.OverridesOf(method, _source.Cancellation).Any(target => _source.IsOfTraining(target) || HoldsFunctions(target.ContainingType))));
    }

    private bool IsInSource(IOperation call) => call switch
    {
        IInvocationOperation { TargetMethod: { IsAbstract: false } method } => _source.Has(method.OriginalDefinition),
        IObjectCreationOperation { Constructor: { } constructor } => _source.Has(constructor.OriginalDefinition),
        _ => false,
    };

    private static bool HandsFunctions(IOperation call) => Frame.Arguments(call).Any(argument => IsOfFunctions(argument.Value.Type));

    private static bool CallsDelegates(Frame activation) => activation.Method is { } method && (HoldsFunctions(method.ContainingType) || method.Parameters.Any(parameter => IsOfFunctions(parameter.Type)));

    /// <summary>Whether objects of a class of the program keep functions, which its methods may run.</summary>
    private static bool HoldsFunctions(INamedTypeSymbol? type) => type is { Locations: [{ IsInSource: true }, ..] }
        && type.GetMembers().Any(member => member is IEventSymbol || (member is IFieldSymbol { Type: var kept } && IsOfFunctions(kept)) || (member is IPropertySymbol { Type: var given } && IsOfFunctions(given)));

    /// <summary>A function, or an array, a list, a dictionary of functions.</summary>
    private static bool IsOfFunctions(ITypeSymbol? type)
    {
        var open = new Stack<ITypeSymbol?>([type]);
        while (open.Count > 0)
        {
            switch (open.Pop())
            {
                case { TypeKind: TypeKind.Delegate }:
                    return true;
                case IArrayTypeSymbol { ElementType: var element }:
                    open.Push(element);
                    break;
                case INamedTypeSymbol { IsGenericType: true, Locations: [{ IsInSource: false }, ..], TypeArguments: var arguments }:
                    foreach (var argument in arguments)
                        open.Push(argument);
                    break;
            }
        }

        return false;
    }

    /// <summary>Reading a property runs its getter.</summary>
    private int AppendRead(int last, IPropertyReferenceOperation read, Frame frame) =>
        _source.Members.Contains(read.Property.DeclaringSyntaxReferences[0].GetSyntax())
            ? Alternatives(last, _tracer.Enter(read, frame), mayBeSkipped: false)
            : last;

    /// <summary>The end of a <c>using</c> runs the Dispose of what it holds.</summary>
    private int AppendDispose(int last, IInvocationOperation call, IOperation resource, Frame frame)
    {
        var targets = _tracer.TargetsOf(call.TargetMethod, resource, frame);
        return targets.Any(_source.IsOfTraining) ? Alternatives(last, _tracer.EnterOn(call, resource, targets, frame), mayBeSkipped: !IsMade(resource) || !targets.All(_source.IsOfTraining)) : last;
    }

    /// <summary>A tensor method that works in place, on a gradient; or a method that is handed one.</summary>
    private LoopEvent? ChangesGradient(IInvocationOperation call, Frame frame)
    {
        var isTensorMethod = call.TargetMethod.ContainingAssembly?.Name == ModelCatalogue.Library;
        var changed = isTensorMethod
            ? call.TargetMethod.Name.EndsWith("_", StringComparison.Ordinal) ? call.Instance : null
            : call.Arguments.Select(argument => argument.Value).FirstOrDefault(value => GradientOwner(value, frame) is not null && !OnlyComputes(call.TargetMethod));
        if (changed is null || GradientOwner(changed, frame) is not { } owner)
            return null;
        if (HandMadeStep.Gradient(changed, Catalogue) is { Instance: { } tensor })
            owner = _parameters.Parameters(tensor, frame) with { IsFiltered = _parameters.IsOneOfMany(tensor, frame) };
        return call.TargetMethod.Name == "zero_"
            ? new ClearEvent(call, frame, owner, ImmutableArray<Value>.Empty)
            : new ClipEvent(call, frame, owner, Threshold: null, IsByHand: true);
    }

    /// <summary><c>w.sub_(rate * w.grad)</c> without gradients: a tensor that is changed in place by its own gradient.</summary>
    private StepEvent? StepsByHand(IInvocationOperation call, Frame frame)
    {
        if (call.TargetMethod.ContainingAssembly?.Name != ModelCatalogue.Library || !call.TargetMethod.Name.EndsWith("_", StringComparison.Ordinal) || !Catalogue.Is(call.Instance?.Type, Role.Tensor) && !Catalogue.Is(call.Instance?.Type, Role.Parameter))
            return null;
        var stepped = HandMadeStep.Tensor(call.Instance!, Catalogue);
        return HandMadeStep.GradientIn(call, stepped, frame, Catalogue, out var isLimited) && (stepped != call.Instance || _losses.IsWithoutGradient(call, frame))
            ? new StepEvent(call, frame, new OptimizerSet(ImmutableArray.Create<Value>(new ByHand(call, HandMadeStep.NameOf(stepped))), _parameters.Parameters(stepped, frame)), []) { Changed = stepped, MayBeLimited = isLimited }
            : null;
    }

    /// <summary>Code of the program that makes new tensors of what it is handed: it stores nothing, works on nothing in place, and calls only the library and the framework.</summary>
    private bool OnlyComputes(IMethodSymbol method) =>
        !method.IsVirtual && !method.IsOverride && _source.CodeOf(method) is { Function: null } code && code.Body.Operations.All(operation => operation switch
        {
            IInvocationOperation { TargetMethod: var called } => (called.ContainingAssembly?.Name == ModelCatalogue.Library && !called.Name.EndsWith("_", StringComparison.Ordinal)) || Frameworks.Contains(called),
            IAssignmentOperation { Target: var target } => target is ILocalReferenceOperation,
            IObjectCreationOperation or IAnonymousFunctionOperation or IDynamicInvocationOperation => false,
            _ => true,
        });

    private ParameterSet? GradientOwner(IOperation tensor, Frame frame)
    {
        if (!_source.Program.MentionsGradients || !_source.IsTensor(tensor.Type) || !_source.Members.Contains(frame.Body.Declaration))
            return null;
        var gradients = _tracer.Trace(tensor, frame).OfType<Part>().Where(part => Catalogue.Is(part.Member, Role.Gradient)).ToList();
        if (gradients.Count > 0)
            return gradients.Any(part => part.Owner is Part { Owner: { } module } && Catalogue.IsModule(module.Type))
                ? new ParameterSet(gradients.Select(part => part.Owner).OfType<Part>().Select(part => part.Owner).OfType<Value>().ToImmutableArray(), IsComplete: false, IsFiltered: true)
                : ParameterSet.Anything;
        return null;
    }

    /// <summary>A call too deep to follow that mentions something of a training loop.</summary>
    private bool LeadsToTraining(IInvocationOperation call) =>
        _source.CodeOf(call.TargetMethod) is { } code && _source.Members.Contains(code.Body.Declaration);

    private int AppendEvent(int last, LoopEvent happening)
    {
        var node = _graph.Add(happening);
        _graph.Connect(last, node);
        return node;
    }

    private int Alternatives(int last, ImmutableArray<Frame> frames, bool mayBeSkipped) =>
        frames.IsEmpty ? last : _graph.Call(last, frames.Select(Unfold).Distinct().ToList(), mayBeSkipped);

    /// <summary>Functions handed to code that is not to be seen run any number of times.</summary>
    private int Repeated(int last, ImmutableArray<Frame> functions)
    {
        var place = _graph.Place;
        if (place.Owner is { } owner)
            _graph.Place = (owner, LoopGraph.AddRound(owner, place.Round));
        var head = _graph.Add();
        _graph.Connect(last, head);
        _graph.Connect(Alternatives(head, functions, mayBeSkipped: false), head);
        _graph.Place = place;
        return head;
    }
}
