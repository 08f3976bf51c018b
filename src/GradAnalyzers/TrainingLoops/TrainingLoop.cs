using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>What one member does to gradients, with everything that it calls: the events and the order they can happen in.</summary>
internal sealed record TrainingLoop(Frame Root, LoopGraph Graph, IReadOnlyDictionary<(IOperation, Frame), int> Places, ValueTracer Values, LossTracer Losses, bool IsTruncated)
{
    private ImmutableArray<Step> _steps;
    private GradientWays? _ways;
    private EventsByModule<BackwardEvent>? _backwards;
    private EventsByModule<ClearEvent>? _clears;
    private ImmutableArray<(ISimpleAssignmentOperation, Frame, int)> _replaced;

    /// <summary>Where the ways back from its losses are cut.</summary>
    public GradientWays Ways => _ways ??= new GradientWays(this);

    /// <summary>The steps that a backward can give gradients.</summary>
    public IEnumerable<Step> Steps => EveryStep.Where(step => !step.Backwards.IsEmpty);

    /// <summary>The steps that a backward reaches and none gives gradients: the loss was computed by other objects than those that are stepped.</summary>
    public IEnumerable<Step> UnfedSteps => EveryStep.Where(step => step.Backwards.IsEmpty && step.IsReached);

    /// <summary>Every step, with or without a backward that leads to it, and what leads to it.</summary>
    public ImmutableArray<Step> EveryStep => _steps.IsDefault ? _steps = Of<StepEvent>().Select(node => new Step(this, node.Node, node.Event)).ToImmutableArray() : _steps;

    /// <summary>Code that is not to be seen may touch the gradients somewhere in the loop.</summary>
    public bool HasOpaqueCalls => Graph.Events.Any(node => node.Event is OpaqueEvent { Keeps: false });

    /// <summary>Every step, with or without a backward that leads to it.</summary>
    public IEnumerable<(int Node, StepEvent Event)> AllSteps => Of<StepEvent>();

    /// <summary>Whether the event surely clears the gradients of these parameters, or of the one optimizer that the loop steps.</summary>
    public bool Clears(ClearEvent clear, ParameterSet parameters) =>
        clear.Parameters.Covers(parameters)
        || (clear.Targets is [var target] && AllSteps.All(step => step.Event.Optimizer is { IsOne: true, Optimizers: [var optimizer] } && optimizer == target));

    /// <summary>Whether the root's own code calls one of the modules.</summary>
    public bool RunsAny(ImmutableArray<Value> modules) =>
        Root.Body.Invocations.Any(call =>
            Values.Source.Catalogue.Is(call.TargetMethod, Role.Forward) && Values.Trace(call.Instance, Root).Any(modules.Contains));

    /// <summary>New modules that are put into one that an optimizer holds, after the optimizer was made and before its step.</summary>
    public IEnumerable<(Created Layer, ISimpleAssignmentOperation Assignment)> PartsReplacedBefore(Step step)
    {
        if (step.Event.Optimizer is not { Optimizers: [Created made], Parameters: { IsComplete: true, Modules: var held } } || !Places.TryGetValue((made.Creation, made.Frame), out var making))
            yield break;
        foreach (var (assignment, frame, node) in Replaced)
        {
            if (Values.Trace(((IMemberReferenceOperation)assignment.Target).Instance, frame).Any(held.Contains) && Values.Trace(assignment.Value, frame) is [Created layer]
                && IsAfter(node, assignment, making, made.Creation) && Graph.Reaches(node, step.Node))
            {
                yield return (layer, assignment);
            }
        }
    }

    /// <summary>Where a module is put into a member of another.</summary>
    private ImmutableArray<(ISimpleAssignmentOperation Assignment, Frame Frame, int Node)> Replaced => _replaced.IsDefault
        ? _replaced = Places.Where(place => place.Key.Item1 is ISimpleAssignmentOperation { Target: IMemberReferenceOperation { Instance: { } owner } } assignment && Values.Source.IsModule(owner.Type) && Values.Source.IsModule(assignment.Value.Type))
            .Select(place => ((ISimpleAssignmentOperation)place.Key.Item1, place.Key.Item2, place.Value)).ToImmutableArray()
        : _replaced;

    /// <summary>
    /// New models that are put into the member whose parameters the optimizer was made of, after it was made and before its step: <c>trainer.UseAdam().UseModel(net)</c>.
    /// Each with the member, and what puts it there.
    /// </summary>
    public IEnumerable<(Created Model, IMemberReferenceOperation Member, IOperation Place)> ModelsReplacedBefore(Step step)
    {
        if (step.Event.Optimizer is not { Optimizers: [Created made], Parameters.IsComplete: true }
            || Frame.Arguments(made.Creation).FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value is not { } given)
        {
            yield break;
        }

        var makings = MakingsOf(made).ToList();
        bool IsAfterAll(int node, IOperation place) => makings.Count > 0 && makings.All(making => IsAfter(node, place, making.Node, making.Place));

        foreach (var member in given.DescendantsAndSelf().OfType<IMemberReferenceOperation>().Where(member => member is IFieldReferenceOperation or IPropertyReferenceOperation && Values.Source.IsModule(member.Type)))
        {
            if (member.Instance is null || Values.Trace(member.Instance, made.Frame) is not [Created or Instance] owner)
                continue;
            var puts = PutInto(member.Member, owner[0]).ToList();
            foreach (var (model, place, node) in puts.Where(put => put.Model is [Created]).Select(put => ((Created)put.Model[0], put.Place, put.Node)))
            {
                if (IsAfterAll(node, place) && Graph.Reaches(node, step.Node)
                    && !puts.Any(other => other.Model.Contains(model) && !IsAfterAll(other.Node, other.Place))
                    && !given.DescendantsAndSelf().Any(part => part != member && Values.Source.IsModule(part.Type) && part is not IConversionOperation && Values.Trace(part, made.Frame).Contains(model)))
                {
                    yield return (model, member, place);
                }
            }
        }
    }

    /// <summary>Where the loop makes an object: by its creation, or by calls of the method that it stands in.</summary>
    private IEnumerable<(int Node, IOperation Place)> MakingsOf(Created made)
    {
        var creations = Places.Where(place => place.Key.Item1 == made.Creation).Select(place => (place.Value, place.Key.Item1)).ToList();
        return creations.Count > 0 || made.Frame is not { Function: null, Method: { } maker } ? creations : Places
            .Where(place => SymbolEqualityComparer.Default.Equals((place.Key.Item1 switch { IInvocationOperation call => call.TargetMethod, IObjectCreationOperation creation => creation.Constructor, _ => null })?.OriginalDefinition, maker.OriginalDefinition))
            .Select(place => (place.Value, place.Key.Item1));
    }

    /// <summary>What is put into a member of an object: by an assignment, or by a call of a method that assigns it.</summary>
    private IEnumerable<(ImmutableArray<Value> Model, IOperation Place, int Node)> PutInto(ISymbol member, Value owner)
    {
        var writers = Values.Source.WritesTo(member).Where(write => write.Method is { MethodKind: MethodKind.Ordinary or MethodKind.PropertySet }).ToList();
        foreach (var ((operation, frame), node) in Places.Select(place => (place.Key, place.Value)))
        {
            switch (operation)
            {
                case ISimpleAssignmentOperation { Target: IMemberReferenceOperation { Instance: { } holder } target } assignment
                    when SymbolEqualityComparer.Default.Equals(target.Member.OriginalDefinition, member.OriginalDefinition) && Values.Trace(holder, frame).Contains(owner):
                    yield return (Values.Trace(assignment.Value, frame), assignment, node);
                    break;
                case IInvocationOperation { Instance: { } holder } call when writers.Any(write => SymbolEqualityComparer.Default.Equals(write.Method!.OriginalDefinition, call.TargetMethod.OriginalDefinition)) && Values.Trace(holder, frame).Contains(owner):
                    foreach (var entered in Values.Enter(call, frame))
                    {
                        foreach (var write in writers.Where(write => write.Body == entered.Body && write.Write is { IsElement: false, TuplePath.IsEmpty: true }))
                            yield return (Values.Trace(write.Write.Value, entered), call, node);
                    }

                    break;
            }
        }
    }

    /// <summary>Where in the loop's code an object is made, or the call that leads there; null where that is not in it.</summary>
    private (int Node, IOperation At)? NodeOf(Created made)
    {
        foreach (var (frame, at) in Frame.WayTo(made.Creation, made.Frame))
        {
            if (Places.TryGetValue((at, frame), out var node))
                return (node, at);
        }

        return null;
    }

    /// <summary>Whether one piece of code surely comes after another: where nothing happens to gradients between them they have one node.</summary>
    private bool IsAfter(int node, IOperation operation, int earlierNode, IOperation earlier) => node == earlierNode
        ? operation.Syntax.Span.End > earlier.Syntax.Span.End
        : Graph.Reaches(earlierNode, node) && !Graph.Reaches(node, earlierNode);

    /// <summary>Whether the code of a round runs a model that the step may train, and hands no tensor to code that is not to be seen.</summary>
    public bool OnlyRunsModels(HashSet<int> nodes, StepEvent step)
    {
        var catalogue = Values.Source.Catalogue;
        var calls = Places.Where(place => nodes.Contains(place.Value)).Select(place => place.Key.Item1).OfType<IInvocationOperation>().ToList();
        return !calls.Any(call => IsHidden(call.TargetMethod) && call.Arguments.Select(argument => argument.Value.Type).Append(call.Instance?.Type).Any(type => catalogue.Is(type, Role.Tensor)))
            && step.Frame.Body.Invocations.Any(call => catalogue.Is(call.TargetMethod, Role.Forward)
                && (!step.Optimizer.Parameters.IsComplete || Values.Trace(call.Instance, step.Frame).Any(module => step.Optimizer.Parameters.Modules.Any(held => Value.Overlap(held, module)))));
    }

    private static bool IsHidden(IMethodSymbol method) =>
        method.DeclaringSyntaxReferences.IsEmpty && method.ContainingAssembly?.Name != ModelCatalogue.Library && !Frameworks.Contains(method);

    /// <summary>The module over whose parameters a step by hand runs; null for any other.</summary>
    public IOperation? ModuleRunOver(StepEvent step) => step.Changed is { } changed ? new ParameterTracer(Values).ModuleRunOver(changed, step.Frame) : null;

    /// <summary>Whether an object is made among the given nodes.</summary>
    public bool IsMadeIn(Created made, HashSet<int> nodes) => NodeOf(made) is var (node, _) && nodes.Contains(node);

    /// <summary>The events of one kind with their nodes.</summary>
    public ImmutableArray<(int Node, TEvent Event)> Of<TEvent>() where TEvent : LoopEvent => Graph.Of<TEvent>();

    /// <summary>The backward calls that can give what a step changes gradients: not where all that leads to the loss, and all that is stepped, is known and made apart.</summary>
    public IEnumerable<(int Node, BackwardEvent Event)> BackwardsFor(StepEvent step) =>
        (_backwards ??= new(Of<BackwardEvent>(), SourcesOf)).For(!step.IsByHand && step.Optimizer.Parameters is { IsComplete: true, Modules: { IsEmpty: false } held } && held.All(module => module is Created) ? held : null);

    /// <summary>The clears that can be of the gradients that a step uses.</summary>
    public IEnumerable<(int Node, ClearEvent Event)> ClearsFor(StepEvent step) =>
        (_clears ??= new(Of<ClearEvent>(), clear => MadeApart(clear.Parameters)?.Concat(clear.Targets))).For(MadeApart(step.Optimizer.Parameters)?.Concat(step.Optimizer.Optimizers))
        .Where(clear => clear.Event.Targets.Any(step.Optimizer.Optimizers.Contains) || clear.Event.Parameters.MayOverlap(step.Optimizer.Parameters));

    /// <summary>The modules on the way to a loss, where they are known and made here; null where they are not.</summary>
    private IEnumerable<Value>? SourcesOf(BackwardEvent backward) =>
        Losses.ModulesOf(backward.Loss, backward.Frame) is { IsComplete: true } sources && !sources.Modules.All(IsLoss) && sources.Modules.All(module => module is Created) ? sources.Modules : null;

    /// <summary>The modules whose parameters these are, where two of them are surely different objects.</summary>
    private static IEnumerable<Value>? MadeApart(ParameterSet parameters) => parameters.IsComplete && parameters.Modules.All(module => module is Created or Part) ? parameters.Modules : null;

    private bool IsLoss(Value module) => Values.Source.Catalogue.FindBase(module.Type)?.Role.IsLoss() == true;
}

/// <summary>An optimizer step and what leads to it.</summary>
internal sealed class Step
{
    private readonly TrainingLoop _loop;
    private readonly Lazy<ImmutableArray<Value>> _models;
    private readonly Lazy<bool> _isReached;
    private readonly Lazy<ImmutableArray<(int, ClearEvent)>> _clears;

    public Step(TrainingLoop loop, int node, StepEvent happening)
    {
        _loop = loop;
        Node = node;
        Event = happening;
        // Objects first: a way through the graph is dearer, and of many models each backward gives one its gradients.
        Backwards = loop.BackwardsFor(happening).Where(backward => IsReachedBy(backward.Node, backward.Event)).ToImmutableArray();
        _isReached = new(() => !Backwards.IsEmpty || loop.Of<BackwardEvent>().Any(backward => IsReachedBy(backward.Node, backward.Event)));
        _models = new(FindModels);
        _clears = new(() => loop.ClearsFor(happening).ToImmutableArray());
    }

    /// <summary>Whether a backward comes before this step, with no other step of the same optimizer and no clear between.</summary>
    public bool IsReachedBy(int node, BackwardEvent backward) => backward.Frame.MayRunWith(Event.Frame) && _loop.Graph.Reaches(node, Node, UsesUp);

    /// <summary>Another step of the same optimizer, or a clear of all that this one steps.</summary>
    private bool UsesUp(LoopEvent other) => other switch
    {
        StepEvent step => step != Event && step.Optimizer.MayBe(Event.Optimizer),
        ClearEvent clear => SurelyClears(clear),
        _ => false,
    };

    /// <summary>Whether the event clears all gradients that this step can use.</summary>
    public bool SurelyClears(ClearEvent clear) => _loop.Clears(clear, Event.Optimizer.Parameters)
        || (clear.Frame == Event.Frame && NamedBy(clear.Operation) is { } cleared && SymbolEqualityComparer.Default.Equals(cleared, NamedBy(Event.Operation)));

    /// <summary>The variable or own field whose method is called; null for anything else.</summary>
    private static ISymbol? NamedBy(IOperation call) => (call as IInvocationOperation)?.Instance switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IParameterReferenceOperation reference => reference.Parameter,
        IFieldReferenceOperation { Instance: null or IInstanceReferenceOperation } reference => reference.Field,
        IPropertyReferenceOperation { Instance: null or IInstanceReferenceOperation } reference => reference.Property,
        _ => null,
    };

    public int Node { get; }

    public StepEvent Event { get; }

    /// <summary>Whether any backward comes before this step, with no other step of the same optimizer and no clear between.</summary>
    public bool IsReached => _isReached.Value;

    /// <summary>The backward calls whose gradients this step uses: no other step of the same optimizer and no clear comes between.</summary>
    public ImmutableArray<(int Node, BackwardEvent Event)> Backwards { get; }

    /// <summary>The modules stepped: what the optimizer holds, or, where that is not to be seen, what leads to the loss.</summary>
    public ImmutableArray<Value> Models => _models.Value;

    /// <summary>The loop steps several optimizers, and what this one holds is not to be seen: which of the models it steps, only callers know.</summary>
    public bool IsOneOfSeveral => !Event.Optimizer.Parameters.IsComplete && _loop.AllSteps.Any(other => !other.Event.Optimizer.Optimizers.SequenceEqual(Event.Optimizer.Optimizers));

    /// <summary>
    /// Something limits, or may limit, these gradients. A clip anywhere in the loop counts, also one in the wrong place: that is another rule's finding.
    /// Code that is not to be seen counts where it runs between a backward and the step; an object of such code that keeps the model, wherever it is made before.
    /// </summary>
    public bool MayBeClipped => Event.MayBeLimited
        || _loop.Of<ClipEvent>().Any(clip => clip.Event.Parameters.MayOverlap(Event.Optimizer.Parameters) && IsOnTheWay(clip.Node, other => false))
        || _loop.Of<OpaqueEvent>().Any(opaque => opaque.Event.Keeps ? _loop.Graph.Reaches(opaque.Node, Node) : IsOnTheWay(opaque.Node, other => other == Event))
        || Event.Optimizer.Optimizers.Any(optimizer => UnseenCode.IsOfUnseenClass(optimizer.Type, _loop.Values.Source.Catalogue));

    private bool IsOnTheWay(int node, Func<LoopEvent, bool> stop) =>
        _loop.Graph.Reaches(node, Node) && Backwards.Any(backward => _loop.Graph.Reaches(backward.Node, node, stop));

    /// <summary>The events that can clear any of the gradients that this step uses.</summary>
    public ImmutableArray<(int Node, ClearEvent Event)> Clears => _clears.Value;

    /// <summary>The loss is computed by a loop, outside of any model, that feeds this one its own output.</summary>
    public bool IsUnrolled(Value model) => Backwards.Any(backward => _loop.Losses.ModulesOf(backward.Event.Loss, backward.Event.Frame).Unrolled.Contains(model));

    private ImmutableArray<Value> FindModels()
    {
        var held = Event.Optimizer.Parameters;
        if (held.IsComplete)
            return held.Modules;
        return Backwards.SelectMany(backward => _loop.Losses.ModulesOf(backward.Event.Loss, backward.Event.Frame).Modules)
            .Concat(held.Modules).Distinct().ToImmutableArray();
    }
}
