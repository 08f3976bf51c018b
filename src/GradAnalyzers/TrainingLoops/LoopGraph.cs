using System.Collections;

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
    private readonly Dictionary<int, CallSite> _calls = [];
    private readonly List<(int Node, LoopEvent Event)> _happenings = [];
    private readonly Dictionary<int, BitArray> _after = [];

    public int Count => _events.Count;

    public IReadOnlyList<(int Node, LoopEvent Event)> Events => _happenings;

    public int Add(LoopEvent? happening = null)
    {
        _events.Add(happening);
        _successors.Add([]);
        _exits.Add(null);
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
            procedure.Returns.Add(next);
        return next;
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
        if (!AllAfter(from)[to])
            return false;
        if (stop is null)
            return true;
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
        var passes = new Dictionary<Procedure, bool>();
        // Within a procedure that was entered on the way a walk does not leave by the exit: it goes on behind the call that it entered by.
        var inside = new HashSet<int>();
        var outside = new HashSet<int>();
        // Nearest first: what is looked for is most often near.
        var open = new Queue<(int Node, bool IsInside)>();
        Follow(start, isInside: false, open, passes, stop);
        while (open.Count > 0)
        {
            var (node, isInside) = open.Dequeue();
            if (outside.Contains(node) || !(isInside ? inside : outside).Add(node))
                continue;
            if (isInside || !inside.Contains(node))
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

    private bool Stops(int node, Func<LoopEvent, bool>? stop) => stop is not null && _events[node] is { } happening && stop(happening);

    /// <summary>Whether a procedure can be run from its entry to its exit without meeting what stops.</summary>
    private bool Passes(Procedure procedure, Dictionary<Procedure, bool> known, Func<LoopEvent, bool>? stop)
    {
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
                if (!known.TryGetValue(callee, out var passes))
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
    }

    private sealed record CallSite(IReadOnlyList<Procedure> Procedures, int Next);
}
