using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
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
    private readonly UnseenCode _unseen;
    private readonly LoopGraph _graph = new();
    private readonly Dictionary<Frame, LoopGraph.Procedure> _procedures = [];
    private readonly HashSet<SyntaxNode> _entered = [];

    private LoopReader(ProgramSource source)
    {
        _source = source;
        _tracer = new ValueTracer(source);
        _parameters = new ParameterTracer(_tracer);
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
        return new TrainingLoop(frame, _graph, _tracer, new LossTracer(_tracer), IsTruncated: _graph.Count >= MaximumNodes || _tracer.IsExhausted);
    }

    /// <summary>The code of one activation, added once however many calls lead to it.</summary>
    private LoopGraph.Procedure Unfold(Frame frame)
    {
        if (_procedures.TryGetValue(frame, out var known))
            return known;
        _source.Cancellation.ThrowIfCancellationRequested();
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var procedure = _graph.AddProcedure();
        _procedures.Add(frame, procedure);
        if (frame.Function is { } function)
            _entered.Add(function);
        if (frame.Body.GraphOf(frame.Function) is not { } flow || _graph.Count >= MaximumNodes)
        {
            _graph.Connect(procedure.Entry, procedure.Exit);
            return procedure;
        }

        var starts = flow.Blocks.Select(_ => _graph.Add()).ToArray();
        _graph.Connect(procedure.Entry, starts[0]);
        foreach (var block in flow.Blocks.Where(block => block.IsReachable || block.Kind == BasicBlockKind.Exit))
        {
            var last = starts[block.Ordinal];
            foreach (var operation in frame.Body.Calls(block))
                last = Append(last, operation, frame);
            if (block.Kind == BasicBlockKind.Exit)
                _graph.Connect(last, procedure.Exit);
            Follow(last, block.ConditionalSuccessor, starts);
            Follow(last, block.FallThroughSuccessor, starts);
        }

        return procedure;
    }

    /// <summary>An edge, led through the finally blocks that it leaves.</summary>
    private void Follow(int from, ControlFlowBranch? branch, int[] starts)
    {
        if (branch?.Destination is not { } destination)
            return;
        foreach (var region in branch.FinallyRegions)
        {
            _graph.Connect(from, starts[region.FirstBlockOrdinal]);
            from = starts[region.LastBlockOrdinal];
        }

        _graph.Connect(from, starts[destination.Ordinal]);
    }

    private int Append(int last, IOperation operation, Frame frame) => operation switch
    {
        IInvocationOperation invocation when Catalogue.Find(invocation.TargetMethod) is { } entry && entry.Role.IsTraining() =>
            AppendTraining(last, invocation, entry, frame),
        IInvocationOperation invocation => AppendCall(last, invocation, frame),
        IObjectCreationOperation creation => AppendCall(last, creation, frame),
        ISimpleAssignmentOperation { Target: IPropertyReferenceOperation target } assignment when Catalogue.Is(target.Property, Role.Gradient) =>
            AppendEvent(last, GradientSet(assignment, target, frame)),
        IDynamicInvocationOperation => AppendEvent(last, new OpaqueEvent(operation, frame)),
        IPropertyReferenceOperation { Parent: not ISimpleAssignmentOperation } read => AppendRead(last, read, frame),
        IPropertyReferenceOperation { Parent: ISimpleAssignmentOperation assignment } read when assignment.Target != read => AppendRead(last, read, frame),
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
                return AppendEvent(last, new ClearEvent(call, frame, _parameters.Parameters(cleared, frame), _tracer.Trace(cleared, frame)));
            default:
                var clipped = _parameters.Parameters(Operand(call, entry, "parameters"), frame);
                return AppendEvent(last, new ClipEvent(call, frame, clipped, NamedArgument(call, entry, "threshold"), IsByHand: false));
        }
    }

    /// <summary>What the catalogue says a call acts on: a named argument, or the receiver.</summary>
    private static IOperation? Operand(IInvocationOperation call, CatalogueEntry entry, string meaning) =>
        NamedArgument(call, entry, meaning) ?? call.Instance ?? call.Arguments.FirstOrDefault()?.Value;

    private static IOperation? NamedArgument(IInvocationOperation call, CatalogueEntry entry, string meaning) =>
        entry.Meaning(meaning) is { } names
            ? call.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && names.Split('|').Contains(parameter.Name))?.Value
            : null;

    private LoopEvent GradientSet(ISimpleAssignmentOperation assignment, IPropertyReferenceOperation target, Frame frame)
    {
        var parameters = _parameters.Parameters(target.Instance, frame);
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
        if (call is IInvocationOperation inPlace && ChangesGradient(inPlace, frame) is { } change)
            return AppendEvent(last, change);
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

    /// <summary>
    /// Whether what a call runs has to be looked at: the member called, or one that overrides it, is of a training loop; it is handed functions; or it may run functions that its object holds.
    /// Asked before anything is bound: most calls in a training method lead nowhere.
    /// </summary>
    private bool MayLeadToTraining(IOperation call)
    {
        if (call is IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke or MethodKind.LocalFunction } || HandsFunctions(call))
            return true;
        var method = call is IInvocationOperation invocation ? invocation.TargetMethod : ((IObjectCreationOperation)call).Constructor;
        return method is not null && (IsOfTraining(method) || HoldsFunctions(method.ContainingType)
            || (ProgramSource.IsVirtual(method) && _source.Program.OverridesOf(method, _source.Cancellation).Any(target => IsOfTraining(target) || HoldsFunctions(target.ContainingType))));
    }

    private bool IsOfTraining(IMethodSymbol method) =>
        method.OriginalDefinition.DeclaringSyntaxReferences.Any(reference => _source.Members.Contains(reference.GetSyntax(_source.Cancellation)));

    private static bool IsInSource(IOperation call) => call switch
    {
        IInvocationOperation { TargetMethod: { IsAbstract: false } method } => !method.OriginalDefinition.DeclaringSyntaxReferences.IsEmpty,
        IObjectCreationOperation { Constructor: { } constructor } => !constructor.OriginalDefinition.DeclaringSyntaxReferences.IsEmpty,
        _ => false,
    };

    private static bool HandsFunctions(IOperation call) => Frame.Arguments(call).Any(argument => argument.Value.Type?.TypeKind == TypeKind.Delegate);

    private bool CallsDelegates(Frame activation) => activation.Method is { } method && (HoldsFunctions(method.ContainingType) || method.Parameters.Any(parameter => parameter.Type.TypeKind == TypeKind.Delegate));

    /// <summary>Whether objects of a class of the program keep functions, which its methods may run.</summary>
    private bool HoldsFunctions(INamedTypeSymbol? type) => type is { Locations: [{ IsInSource: true }, ..] }
        && type.GetMembers().Any(member => member is IFieldSymbol { Type.TypeKind: TypeKind.Delegate } or IPropertySymbol { Type.TypeKind: TypeKind.Delegate } or IEventSymbol);

    /// <summary>Reading a property runs its getter.</summary>
    private int AppendRead(int last, IPropertyReferenceOperation read, Frame frame) =>
        _source.Members.Contains(read.Property.DeclaringSyntaxReferences[0].GetSyntax())
            ? Alternatives(last, _tracer.Enter(read, frame), mayBeSkipped: false)
            : last;

    /// <summary>A tensor method that works in place, on a gradient; or a method that is handed one.</summary>
    private LoopEvent? ChangesGradient(IInvocationOperation call, Frame frame)
    {
        var isTensorMethod = call.TargetMethod.ContainingAssembly?.Name == ModelCatalogue.Library;
        var changed = isTensorMethod
            ? call.TargetMethod.Name.EndsWith("_", StringComparison.Ordinal) ? call.Instance : null
            : call.Arguments.Select(argument => argument.Value).FirstOrDefault(value => GradientOwner(value, frame) is not null && !OnlyComputes(call.TargetMethod));
        if (changed is null || GradientOwner(changed, frame) is not { } owner)
            return null;
        return call.TargetMethod.Name == "zero_"
            ? new ClearEvent(call, frame, owner, ImmutableArray<Value>.Empty)
            : new ClipEvent(call, frame, owner, Threshold: null, IsByHand: true);
    }

    /// <summary>Code of the program that makes new tensors of what it is handed: it stores nothing, works on nothing in place, and calls only the library and the framework.</summary>
    private bool OnlyComputes(IMethodSymbol method) =>
        !method.IsVirtual && !method.IsOverride && _source.CodeOf(method) is { Function: null } code && code.Body.Root.DescendantsAndSelf().All(operation => operation switch
        {
            IInvocationOperation { TargetMethod: var called } => (called.ContainingAssembly?.Name == ModelCatalogue.Library && !called.Name.EndsWith("_", StringComparison.Ordinal)) || UnseenCode.IsFramework(called),
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
        var head = _graph.Add();
        _graph.Connect(last, head);
        _graph.Connect(Alternatives(head, functions, mayBeSkipped: false), head);
        return head;
    }
}
