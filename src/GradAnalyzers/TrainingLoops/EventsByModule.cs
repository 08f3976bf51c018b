using System.Collections.Immutable;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Events of a loop by the objects that they concern, so that a program that trains many models asks each step for its own events and not for all. Two objects concern each other where one is the other, or a part of it.
/// </summary>
/// <param name="events">The events.</param>
/// <param name="concerned">The objects; null for an event that may concern any.</param>
internal sealed class EventsByModule<TEvent>(ImmutableArray<(int Node, TEvent Event)> events, Func<TEvent, IEnumerable<Value>?> concerned)
    where TEvent : LoopEvent
{
    private readonly List<int> _any = [];
    private readonly Dictionary<Value, List<int>> _byObject = [];
    private readonly Dictionary<Value, List<int>> _byOwner = [];
    private bool _isSorted;

    /// <summary>The events that may concern one of the objects, in their order; all where these are not known.</summary>
    public IEnumerable<(int Node, TEvent Event)> For(IEnumerable<Value>? objects)
    {
        if (objects is null)
            return events;
        if (!_isSorted)
            Sort();
        var found = new SortedSet<int>(_any);
        foreach (var one in objects)
        {
            found.UnionWith(Of(_byOwner, one));
            foreach (var owner in one.WithOwners())
                found.UnionWith(Of(_byObject, owner));
        }

        return found.Select(index => events[index]);
    }

    private void Sort()
    {
        _isSorted = true;
        for (var index = 0; index < events.Length; index++)
        {
            if (concerned(events[index].Event) is not { } objects)
            {
                _any.Add(index);
                continue;
            }

            foreach (var one in objects)
            {
                Add(_byObject, one, index);
                foreach (var owner in one.WithOwners())
                    Add(_byOwner, owner, index);
            }
        }
    }

    private static void Add(Dictionary<Value, List<int>> lists, Value key, int index) => (lists.TryGetValue(key, out var list) ? list : lists[key] = []).Add(index);

    private static List<int> Of(Dictionary<Value, List<int>> lists, Value key) => lists.TryGetValue(key, out var list) ? list : [];
}
