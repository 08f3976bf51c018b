namespace GradAnalyzers.Monitor.Judgement;

/// <summary>
/// The run so far in at most <see cref="MostColumns"/> columns, for the report and the medians: when they are full every second one is dropped,
/// and from then on only every second observation is kept. Memory stays bounded however long the run is.
/// </summary>
internal sealed class History
{
    private const int MostColumns = 256;

    private readonly HashSet<ParameterRecord> records = [];
    private long seen;
    private long stride = 1;
    private Layout? layout;

    public List<Column> Columns { get; } = [];

    public readonly record struct Column(long Step, double Loss, double GlobalNorm, double Ratio, double MedianUpdateRatio);

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
