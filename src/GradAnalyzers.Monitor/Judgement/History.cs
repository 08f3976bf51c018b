namespace GradAnalyzers.Monitor.Judgement;

/// <summary>
/// The run so far in at most <see cref="MostColumns"/> columns, for the report and the medians: when they are full every second one is dropped,
/// and from then on only every second observation is kept. Memory stays bounded however long the run is.
/// </summary>
internal sealed class History
{
    private const int MostColumns = 256;

    private readonly Dictionary<string, List<float>> norms = [];
    private int seen;
    private int stride = 1;

    public List<Column> Columns { get; } = [];

    /// <summary>The norms of each parameter, one for each column; NaN where it had no gradient.</summary>
    public IReadOnlyDictionary<string, List<float>> Norms => norms;

    public readonly record struct Column(long Step, double Loss, double GlobalNorm, double Ratio, double MedianUpdateRatio);

    public void Add(GradientObservation observation, double medianUpdateRatio)
    {
        if (seen++ % stride != 0)
            return;
        Columns.Add(new(observation.Step, observation.Loss, observation.GlobalNorm, observation.FirstToLastRatio, medianUpdateRatio));
        foreach (var gradient in observation.Parameters)
        {
            if (!norms.TryGetValue(gradient.Parameter, out var list))
                norms[gradient.Parameter] = list = [];
            while (list.Count < Columns.Count - 1)
                list.Add(float.NaN);
            list.Add((float)gradient.Norm);
        }
        if (Columns.Count == MostColumns)
            Halve();
    }

    public double MedianNorm(string path)
    {
        if (!norms.TryGetValue(path, out var list))
            return double.NaN;
        float[] known = [.. list.Where(n => !float.IsNaN(n)).Order()];
        return known.Length == 0 ? double.NaN : known[known.Length / 2];
    }

    private void Halve()
    {
        stride *= 2;
        foreach (var list in norms.Values)
            KeepEverySecond(list);
        KeepEverySecond(Columns);
    }

    private static void KeepEverySecond<T>(List<T> list)
    {
        for (var i = 0; 2 * i < list.Count; i++)
            list[i] = list[2 * i];
        list.RemoveRange((list.Count + 1) / 2, list.Count / 2);
    }
}
