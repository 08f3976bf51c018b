namespace GradAnalyzers.TrainingLoops;

/// <summary>The order in which the events of a training loop can happen: calls into source are unfolded, edges follow control flow.</summary>
internal sealed class LoopGraph
{
    private readonly List<LoopEvent?> _events = [];
    private readonly List<List<int>> _successors = [];

    public int Count => _events.Count;

    public IEnumerable<(int Node, LoopEvent Event)> Events
    {
        get
        {
            for (var node = 0; node < _events.Count; node++)
            {
                if (_events[node] is { } found)
                    yield return (node, found);
            }
        }
    }

    public int Add(LoopEvent? happening = null)
    {
        _events.Add(happening);
        _successors.Add([]);
        return _events.Count - 1;
    }

    public void Connect(int from, int to)
    {
        if (!_successors[from].Contains(to))
            _successors[from].Add(to);
    }

    /// <summary>Every node that can come after the given one, not looking past nodes that stop the search (they are still reached themselves).</summary>
    public HashSet<int> After(int node, Func<LoopEvent, bool>? stop = null)
    {
        var reached = new HashSet<int>();
        var open = new Stack<int>(_successors[node]);
        while (open.Count > 0)
        {
            var current = open.Pop();
            if (!reached.Add(current) || (_events[current] is { } happening && stop?.Invoke(happening) == true))
                continue;
            foreach (var successor in _successors[current])
                open.Push(successor);
        }

        return reached;
    }
}
