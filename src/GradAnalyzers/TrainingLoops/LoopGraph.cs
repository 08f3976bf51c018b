using System.Collections;
using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// The order in which the events of a training loop can happen. Each activation is unfolded once, into a procedure; who calls it leads into it and back.
/// A walk returns to the call that it came from, so that two calls of one procedure do not mix, and takes time in proportion to the nodes, however many ways there are through them.
/// </summary>
internal sealed class LoopGraph
{
    private readonly List<LoopEvent?> _events = [];
    private readonly List<List<int>> _successors = [];
    private readonly List<Procedure?> _exits = [];
    private readonly List<Round?> _rounds = [];
    private readonly List<Procedure?> _owners = [];
    private readonly Dictionary<int, CallSite> _calls = [];
    private readonly List<(int Node, LoopEvent Event)> _happenings = [];
    private readonly Dictionary<int, BitArray> _after = [];
    private readonly HashSet<int> _asked = [];
    private HashSet<Procedure>? _eventful;
    private readonly Dictionary<Procedure, bool> _passes = [];
    private readonly Dictionary<Type, object> _kinds = [];

    private readonly List<(int Node, IOperation Condition, Frame Frame)> _branches = [];

    /// <summary>Where the code that the reading began with is entered.</summary>
    public const int Start = 0;

    public int Count => _events.Count;

    public IReadOnlyList<(int Node, LoopEvent Event)> Events => _happenings;

    /// <summary>The events of one kind; the graph is complete when it is first asked.</summary>
    public ImmutableArray<(int Node, TEvent Event)> Of<TEvent>() where TEvent : LoopEvent
    {
        if (!_kinds.TryGetValue(typeof(TEvent), out var known))
            _kinds.Add(typeof(TEvent), known = _happenings.Where(node => node.Event is TEvent).Select(node => (node.Node, (TEvent)node.Event)).ToImmutableArray());
        return (ImmutableArray<(int, TEvent)>)known;
    }

    /// <summary>Where the nodes that are added next stand: in which activation, and in which loop of it.</summary>
    public (Procedure? Owner, Round? Round) Place { get; set; }

    public int Add(LoopEvent? happening = null)
    {
        _events.Add(happening);
        _successors.Add([]);
        _exits.Add(null);
        _rounds.Add(Place.Round);
        _owners.Add(Place.Owner);
        (Place.Round?.Nodes ?? Place.Owner?.Nodes)?.Add(_events.Count - 1);
        if (happening is not null)
            _happenings.Add((_events.Count - 1, happening));
        return _events.Count - 1;
    }

    public void Connect(int from, int to)
    {
        if (!_successors[from].Contains(to))
            _successors[from].Add(to);
    }

    /// <summary>The code of one activation, without its content yet.</summary>
    public Procedure AddProcedure()
    {
        var procedure = new Procedure(Add(), Add());
        _exits[procedure.Exit] = procedure;
        return procedure;
    }

    /// <summary>A call of any one of the procedures after a node; gives the node where it goes on.</summary>
    public int Call(int from, IReadOnlyList<Procedure> procedures, bool mayBeSkipped)
    {
        var (call, next) = (Add(), Add());
        Connect(from, call);
        if (mayBeSkipped)
            Connect(call, next);
        _calls.Add(call, new CallSite(procedures, next));
        foreach (var procedure in procedures)
        {
            procedure.Returns.Add(next);
            procedure.Calls.Add(call);
        }

        return next;
    }

    /// <summary>
    /// On every way out of a node, through its own activation and the calls that lead there, the innermost loop in which something else is, too: all nodes that it runs.
    /// Ways on which there is none are left out.
    /// </summary>
    public IEnumerable<(HashSet<int> Nodes, Procedure? Owner)> RoundsWith(int node, Func<HashSet<int>, bool> isWanted)
    {
        var seen = new HashSet<object>();
        var open = new Queue<int>([node]);
        while (open.Count > 0)
        {
            var current = open.Dequeue();
            var isFound = false;
            for (var round = _rounds[current]; round is not null && !isFound; round = round.Outer)
            {
                if (!seen.Add(round))
                {
                    isFound = true;
                    break;
                }

                var nodes = NodesOf(round);
                isFound = isWanted(nodes);
                if (isFound)
                    yield return (nodes, _owners[current]);
            }

            if (isFound || _owners[current] is not { } owner || !seen.Add(owner))
                continue;
            foreach (var call in owner.Calls)
                open.Enqueue(call);
        }
    }

    /// <summary>Whether a node stands in another iterator than the given activation: its code runs while its consumer loops.</summary>
    public bool IsInIterator(int node, Procedure? consumer) => _owners[node] is { HandsBack: true } iterator && iterator != consumer;

    /// <summary>Whether the code that a node stands in calls an activation, itself or through others.</summary>
    public bool IsInCallerOf(int node, Procedure? procedure)
    {
        var seen = new HashSet<Procedure>();
        var open = new Stack<Procedure>(procedure is null ? [] : [procedure]);
        while (open.Count > 0)
        {
            foreach (var caller in open.Pop().Calls.Select(call => _owners[call]).OfType<Procedure>().Where(seen.Add))
            {
                if (caller == _owners[node])
                    return true;
                open.Push(caller);
            }
        }

        return false;
    }

    /// <summary>The code goes on in one of two ways after a node, as a condition says.</summary>
    public void AddBranch(int node, IOperation condition, Frame frame) => _branches.Add((node, condition, frame));

    /// <summary>
    /// The conditions in a set of nodes that decide whether one node comes before another: on one side of each it does and on the other it cannot, or it must and need not.
    /// </summary>
    public IEnumerable<(IOperation Condition, Frame Frame)> Deciding(int node, int before, HashSet<int> within)
    {
        bool Leads(int from) => from == node || (within.Contains(from) && from != before && LeadsTo(from, node, within, [before]));
        bool Avoids(int from) => from != node && (from == before || !within.Contains(from) || LeadsTo(from, before, within, [node]));
        foreach (var (branch, condition, frame) in _branches.Where(branch => within.Contains(branch.Node)))
        {
            var sides = _successors[branch];
            if ((sides.Any(Leads) && !sides.All(Leads)) || (sides.Any(Avoids) && !sides.All(Avoids)))
                yield return (condition, frame);
        }
    }

    /// <summary>Whether one node leads to another within a set of nodes, not through those that are shut.</summary>
    public bool LeadsTo(int from, int to, HashSet<int> within, HashSet<int>? shut = null)
    {
        var seen = new HashSet<int>();
        var open = new Stack<int>([from]);
        while (open.Count > 0)
        {
            var node = open.Pop();
            var next = _successors[node].AsEnumerable();
            if (_calls.TryGetValue(node, out var call))
                next = next.Concat(call.Procedures.Select(procedure => procedure.Entry));
            if (_exits[node] is { } left)
                next = next.Concat(left.Returns);
            foreach (var successor in next.Where(within.Contains))
            {
                if (successor == to)
                    return true;
                if (shut?.Contains(successor) != true && seen.Add(successor))
                    open.Push(successor);
            }
        }

        return false;
    }

    /// <summary>All nodes of a loop: its own, those of the loops in it, and those of what they call.</summary>
    private HashSet<int> NodesOf(Round round)
    {
        var nodes = new HashSet<int>();
        var entered = new HashSet<Procedure>();
        var open = new Stack<Round>([round]);
        while (open.Count > 0)
        {
            var current = open.Pop();
            foreach (var inner in current.Inner)
                open.Push(inner);
            foreach (var node in current.Nodes)
            {
                nodes.Add(node);
                if (!_calls.TryGetValue(node, out var call))
                    continue;
                foreach (var procedure in call.Procedures.Where(entered.Add))
                    open.Push(procedure.All);
            }
        }

        return nodes;
    }

    /// <summary>Every node that can come after the given one, not looking past nodes that stop the search (they are still reached themselves).</summary>
    public HashSet<int> After(int node, Func<LoopEvent, bool>? stop = null)
    {
        var reached = new HashSet<int>();
        foreach (var next in Walk(node, stop))
            reached.Add(next);
        return reached;
    }

    /// <summary>Whether a node can come after another, not looking past nodes that stop the search.</summary>
    public bool Reaches(int from, int to, Func<LoopEvent, bool>? stop = null)
    {
        // What is looked for is most often near; only a node that is asked again is worth a look at all that comes after it.
        if (stop is null || _after.ContainsKey(from) || !_asked.Add(from))
        {
            if (!AllAfter(from)[to])
                return false;
            if (stop is null)
                return true;
        }

        foreach (var next in Walk(from, stop))
        {
            if (next == to)
                return true;
        }

        return false;
    }

    /// <summary>Every node that can come after the given one; the graph is complete when it is first asked.</summary>
    private BitArray AllAfter(int node)
    {
        if (!_after.TryGetValue(node, out var reached))
        {
            reached = new BitArray(Count);
            foreach (var next in Walk(node, stop: null))
                reached[next] = true;
            _after.Add(node, reached);
        }

        return reached;
    }

    private IEnumerable<int> Walk(int start, Func<LoopEvent, bool>? stop)
    {
        // Without a stop it is the same for every walk.
        var passes = stop is null ? _passes : [];
        // Within a procedure that was entered on the way a walk does not leave by the exit: it goes on behind the call that it entered by.
        var inside = new BitArray(Count);
        var outside = new BitArray(Count);
        // Nearest first: what is looked for is most often near.
        var open = new Queue<(int Node, bool IsInside)>();
        Follow(start, isInside: false, open, passes, stop);
        while (open.Count > 0)
        {
            var (node, isInside) = open.Dequeue();
            if (outside[node] || (isInside && inside[node]))
                continue;
            var isNew = !inside[node];
            (isInside ? inside : outside)[node] = true;
            if (isNew)
                yield return node;
            if (!Stops(node, stop))
                Follow(node, isInside, open, passes, stop);
        }
    }

    private void Follow(int node, bool isInside, Queue<(int Node, bool IsInside)> open, Dictionary<Procedure, bool> passes, Func<LoopEvent, bool>? stop)
    {
        if (_calls.TryGetValue(node, out var call))
        {
            foreach (var procedure in call.Procedures)
            {
                if (Passes(procedure, passes, stop))
                    open.Enqueue((call.Next, isInside));
                open.Enqueue((procedure.Entry, true));
            }
        }

        foreach (var successor in _successors[node])
            open.Enqueue((successor, isInside));
        if (!isInside && _exits[node] is { } left)
        {
            foreach (var next in left.Returns)
                open.Enqueue((next, false));
        }
    }

    /// <summary>A loop in an activation, in another loop or directly in its code.</summary>
    public static Round AddRound(Procedure owner, Round? outer)
    {
        var round = new Round(outer, []);
        (outer ?? owner.All).Inner.Add(round);
        return round;
    }

    private bool Stops(int node, Func<LoopEvent, bool>? stop) => stop is not null && _events[node] is { } happening && stop(happening);

    /// <summary>Whether a procedure can be run from its entry to its exit without meeting what stops.</summary>
    private bool Passes(Procedure procedure, Dictionary<Procedure, bool> known, Func<LoopEvent, bool>? stop)
    {
        // Where nothing happens, nothing stops.
        if (stop is not null && !Eventful.Contains(procedure))
            (known, stop) = (_passes, null);
        // Callees first, on a list of our own: calls nest as deep as the source says. A call of itself adds no way that it does not have anyway.
        var open = new Stack<Procedure>([procedure]);
        while (open.Count > 0)
        {
            var current = open.Peek();
            if (known.ContainsKey(current))
            {
                open.Pop();
                continue;
            }

            var passed = PassesAlone(current, known, stop, out var asked);
            var waiting = asked.Where(callee => !known.ContainsKey(callee) && !open.Contains(callee)).ToList();
            if (waiting.Count == 0)
            {
                known[current] = passed;
                open.Pop();
            }

            foreach (var callee in waiting)
                open.Push(callee);
        }

        return known[procedure];
    }

    /// <summary>The activations in which something happens, themselves or in what they call.</summary>
    private HashSet<Procedure> Eventful
    {
        get
        {
            if (_eventful is not null)
                return _eventful;
            _eventful = [];
            var open = new Stack<Procedure>(_happenings.Select(node => _owners[node.Node]).OfType<Procedure>());
            while (open.Count > 0)
            {
                var procedure = open.Pop();
                if (!_eventful.Add(procedure))
                    continue;
                foreach (var call in procedure.Calls)
                {
                    if (_owners[call] is { } caller)
                        open.Push(caller);
                }
            }

            return _eventful;
        }
    }

    private bool PassesAlone(Procedure procedure, Dictionary<Procedure, bool> known, Func<LoopEvent, bool>? stop, out List<Procedure> asked)
    {
        asked = [];
        var reached = new HashSet<int>();
        var open = new Stack<int>([procedure.Entry]);
        while (open.Count > 0)
        {
            var node = open.Pop();
            if (!reached.Add(node) || Stops(node, stop))
                continue;
            if (node == procedure.Exit)
                return true;
            foreach (var successor in _successors[node])
                open.Push(successor);
            if (!_calls.TryGetValue(node, out var call))
                continue;
            foreach (var callee in call.Procedures)
            {
                if (!known.TryGetValue(callee, out var passes) && !(stop is not null && !Eventful.Contains(callee) && _passes.TryGetValue(callee, out passes)))
                    asked.Add(callee);
                else if (passes)
                    open.Push(call.Next);
            }
        }

        return false;
    }

    /// <summary>The nodes of one activation.</summary>
    public sealed class Procedure(int entry, int exit)
    {
        public int Entry { get; } = entry;

        public int Exit { get; } = exit;

        /// <summary>The nodes where its callers go on.</summary>
        public List<int> Returns { get; } = [];

        /// <summary>The calls of it.</summary>
        public List<int> Calls { get; } = [];

        /// <summary>It yields: its code runs where its consumer asks for the next element.</summary>
        public bool HandsBack { get; set; }

        /// <summary>All of its code, as if it were one round.</summary>
        public Round All { get; } = new(outer: null, []);

        /// <summary>Its nodes outside of loops.</summary>
        public List<int> Nodes => All.Nodes;
    }

    /// <summary>The body of a loop.</summary>
    public sealed class Round(Round? outer, List<int> nodes)
    {
        public Round? Outer { get; } = outer;

        /// <summary>The loops directly in it.</summary>
        public List<Round> Inner { get; } = [];

        /// <summary>Its nodes outside of these.</summary>
        public List<int> Nodes { get; } = nodes;
    }

    private sealed record CallSite(IReadOnlyList<Procedure> Procedures, int Next);
}
