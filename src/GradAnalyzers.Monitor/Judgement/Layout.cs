using GradAnalyzers.Monitor.Measurement;

namespace GradAnalyzers.Monitor.Judgement;

/// <summary>
/// What the judgement needs to know of a table of parameters, looked up once and not at every observation.
/// Positions are those of the trainable parameters in the order of <c>named_parameters()</c>.
/// </summary>
internal sealed class Layout
{
    private readonly int[] muted;

    public Layout(ParameterTable table, int tableVersion, Func<WatchedParameter, ParameterRecord> recordOf, IReadOnlyList<Mute> mutes)
    {
        TableVersion = tableVersion;
        ParameterRecord[] all = [.. table.Parameters.Select(recordOf)];
        Parameters = [.. table.Parameters.Where(p => p.IsTrainable)];
        Records = [.. all.Where((_, i) => table.Parameters[i].IsTrainable)];
        Weights = [.. Enumerable.Range(0, Parameters.Length).Where(i => Parameters[i].IsWeight)];
        BiasOf = [.. Enumerable.Range(0, Parameters.Length).Select(FindBias)];
        var kinds = Weights.ToLookup(i => (KindOf(Parameters[i].Path), Parameters[i].Elements));
        SiblingsOf = [.. Parameters.Select((p, i) => KindOf(p.Path) is { } kind ? kinds[(kind, p.Elements)].Where(s => s != i).ToArray() : [])];
        muted = [.. Parameters.Select(p => mutes.Count == 0 ? 0 : Enum.GetValues<AlertKind>().Where(k => mutes.Any(m => m.Covers(k, p.Path))).Aggregate(0, (all, k) => all | 1 << (int)k))];
        var positions = new Dictionary<string, int>();
        for (var i = 0; i < Parameters.Length; i++)
            positions.TryAdd(Parameters[i].Path, i);
        PositionOfMeasured = [.. table.Measured.Select(m => positions.GetValueOrDefault(m.Path, -1))];
    }

    public int TableVersion { get; }

    public WatchedParameter[] Parameters { get; }

    public ParameterRecord[] Records { get; }

    /// <summary>The positions of what the first/last ratio compares.</summary>
    public int[] Weights { get; }

    /// <summary>For each weight the vector of its module with one element a unit, or -1.</summary>
    public int[] BiasOf { get; }

    /// <summary>For each parameter the weights of the same size at the same place of other modules in one numbered list.</summary>
    public int[][] SiblingsOf { get; }

    /// <summary>Where each of <see cref="ParameterTable.Measured"/> goes; -1 for a frozen parameter that kept a gradient.</summary>
    public int[] PositionOfMeasured { get; }

    /// <summary>The user said that this kind of finding is no fault there.</summary>
    public bool IsMuted(AlertKind kind, int i) => (muted[i] & 1 << (int)kind) != 0;

    /// <summary>What was measured in the order of <c>named_parameters()</c>, with an empty entry where there is no gradient.</summary>
    public ParameterGradient[] Arrange(ParameterGradient[] measured)
    {
        var result = new ParameterGradient[Parameters.Length];
        for (var i = 0; i < measured.Length; i++)
            if (PositionOfMeasured[i] >= 0)
                result[PositionOfMeasured[i]] = measured[i];
        for (var i = 0; i < result.Length; i++)
            if (result[i].Parameter is null)
                result[i] = new(Parameters[i].Path, double.NaN);
        return result;
    }

    /// <summary><c>experts.#.fc.weight</c> of <c>experts.3.fc.weight</c>; null where no number stands behind a name: the numbers of a Sequential by itself are an order.</summary>
    private static string? KindOf(string path)
    {
        var parts = path.Split('.');
        var isIn = false;
        for (var i = 1; i < parts.Length; i++)
            if (parts[i].All(char.IsAsciiDigit))
                (parts[i], isIn) = ("#", true);
        return isIn ? string.Join('.', parts) : null;
    }

    private int FindBias(int weight)
    {
        for (var i = weight + 1; i < Parameters.Length && Parameters[i].Module == Parameters[weight].Module; i++)
            if (Parameters[i].Role == ParameterRole.Vector && Parameters[i].Elements == Parameters[weight].Rows)
                return i;
        return -1;
    }
}

/// <summary>One observation, ready to be judged.</summary>
internal readonly record struct Snapshot(Layout Layout, ParameterGradient[] Gradients, double GlobalNorm, double Loss, bool IsDetailed, ClippingDone Clipping)
{
    /// <summary>A loss was given, and it is NaN or infinite.</summary>
    public bool IsLossBroken { get; init; }

    public int Count => Gradients.Length;

    public string Path(int i) => Layout.Parameters[i].Path;

    public double Norm(int i) => Gradients[i].Norm;

    /// <summary>The first and the last weight that have a gradient, of those where the kind is not muted; -1 where there is none.</summary>
    public (int First, int Last) Ends(AlertKind? kind = null)
    {
        int first = -1, last = -1;
        foreach (var i in Layout.Weights)
            if (!Gradients[i].IsMissing && !(kind is { } muted && Layout.IsMuted(muted, i)))
                (first, last) = (first < 0 ? i : first, i);
        return (first, last);
    }

    public double FirstToLastRatio()
    {
        var (first, last) = Ends();
        return first == last ? double.NaN : Norm(first) / Norm(last);
    }

    public int Largest()
    {
        var largest = 0;
        for (var i = 1; i < Gradients.Length; i++)
            if (!(Gradients[i].Norm <= Gradients[largest].Norm) && !Gradients[i].IsMissing)
                largest = i;
        return largest;
    }
}

/// <summary>What the call that observes did to the gradients after they were measured.</summary>
internal enum ClippingDone
{
    /// <summary>It only observes.</summary>
    None,

    /// <summary>It clipped, or would have where it was needed.</summary>
    Clipped,

    /// <summary>It took them away, because they were not finite.</summary>
    Skipped,
}
