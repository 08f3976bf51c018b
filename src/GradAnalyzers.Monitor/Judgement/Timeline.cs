namespace GradAnalyzers.Monitor.Judgement;

/// <summary>
/// The run so far in at most <see cref="MostColumns"/> columns, for the report and the medians: when they are full every second one is dropped,
/// and from then on only every second observation is kept. Memory stays bounded however long the run is.
/// </summary>
internal sealed class Timeline
{
    private const int MostColumns = 256;

    private readonly HashSet<ParameterRecord> records = [];
    private long seen;
    private long stride = 1;
    private Layout? layout;

    public List<HistoryPoint> Columns { get; } = [];

    public void Add(GradientObservation observation, Layout current, double medianUpdateRatio)
    {
        if (seen++ % stride != 0)
            return;
        if (layout != current)
        {
            layout = current;
            records.UnionWith(current.Records);
        }
        Columns.Add(new(observation.Step, observation.Loss, observation.GlobalNorm, observation.FirstToLastRatio, medianUpdateRatio));
        for (var i = 0; i < current.Records.Length; i++)
        {
            var norms = current.Records[i].Norms;
            while (norms.Count < Columns.Count - 1)
                norms.Add(float.NaN);
            norms.Add((float)observation.Parameters[i].Norm);
        }
        if (Columns.Count == MostColumns)
            Halve();
    }

    public TimelineState Save() => new(seen, stride, [.. Columns]);

    public void Load(TimelineState saved, IEnumerable<ParameterRecord> known)
    {
        (seen, stride) = (saved.Seen, Math.Max(1, saved.Stride));
        Columns.Clear();
        Columns.AddRange(saved.Columns.Take(MostColumns - 1));
        records.UnionWith(known);
    }

    private void Halve()
    {
        stride *= 2;
        foreach (var record in records)
            KeepEverySecond(record.Norms);
        KeepEverySecond(Columns);
    }

    private static void KeepEverySecond<T>(List<T> list)
    {
        for (var i = 0; 2 * i < list.Count; i++)
            list[i] = list[2 * i];
        list.RemoveRange((list.Count + 1) / 2, list.Count / 2);
    }
}

/// <summary>A <see cref="Timeline"/> in a saved state.</summary>
internal sealed record TimelineState(long Seen, long Stride, HistoryPoint[] Columns);
