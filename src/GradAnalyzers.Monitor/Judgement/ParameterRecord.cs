using GradAnalyzers.Monitor.Measurement;

namespace GradAnalyzers.Monitor.Judgement;

/// <summary>What is remembered of one parameter over the run, by its path: it outlives a rebuilt table.</summary>
internal sealed class ParameterRecord(string path)
{
    public string Path { get; } = path;

    public ParameterRole Role { get; set; }

    public long Elements { get; set; }

    public bool IsFrozen { get; set; }

    public long FirstStep { get; private set; }

    public long LastStep { get; private set; }

    public long Observations { get; private set; }

    public long MissingObservations { get; private set; }

    public long NonFiniteElements { get; private set; }

    public double FirstNorm { get; private set; } = double.NaN;

    public ParameterGradient Last { get; private set; } = new(path, double.NaN);

    public double LastUpdateRatio { get; set; } = double.NaN;

    /// <summary>The last detailed statistics.</summary>
    public ParameterGradient LastDetail { get; private set; } = new(path, double.NaN);

    public List<AlertKind> Alerts { get; } = [];

    /// <summary>The norms in the columns of the <see cref="Timeline"/>; NaN where it had no gradient.</summary>
    public List<float> Norms { get; } = [];

    public Streak Missing { get; } = new();

    public Streak Tiny { get; } = new();

    public Streak Dead { get; } = new();

    public Streak UpdateOutOfRange { get; } = new();

    public Streak AlwaysZero { get; } = new();

    public Streak GivenZeros { get; } = new();

    /// <summary>At which observation each kind was last found.</summary>
    private readonly Dictionary<AlertKind, long> lastFound = [];

    /// <summary>Notes that something was found, whether it is reported or not.</summary>
    public void Find(AlertKind kind, long observation)
    {
        if (!Alerts.Contains(kind))
            Alerts.Add(kind);
        lastFound[kind] = observation;
    }

    public void Add(long step, in ParameterGradient gradient)
    {
        if (gradient.IsMissing)
        {
            MissingObservations++;
            Last = gradient;
            return;
        }
        if (Observations++ == 0)
        {
            FirstStep = step;
            FirstNorm = gradient.Norm;
        }
        LastStep = step;
        Last = gradient;
        NonFiniteElements += gradient.NonFinite;
        if (!double.IsNaN(gradient.ZeroShare))
            LastDetail = gradient;
    }

    public RecordState Save() => new(Path, Role, Elements, IsFrozen, FirstStep, LastStep, Observations, MissingObservations, NonFiniteElements, FirstNorm, LastUpdateRatio,
        [.. Alerts], new Dictionary<AlertKind, long>(lastFound), [.. Norms]);

    public static ParameterRecord Load(RecordState saved)
    {
        var record = new ParameterRecord(saved.Path)
        {
            Role = saved.Role,
            Elements = saved.Elements,
            IsFrozen = saved.IsFrozen,
            FirstStep = saved.FirstStep,
            LastStep = saved.LastStep,
            Observations = saved.Observations,
            MissingObservations = saved.MissingObservations,
            NonFiniteElements = saved.NonFiniteElements,
            FirstNorm = saved.FirstNorm,
            LastUpdateRatio = saved.LastUpdateRatio,
        };
        record.Alerts.AddRange(saved.Alerts);
        record.Norms.AddRange(saved.Norms);
        foreach (var (kind, observation) in saved.LastFound)
            record.lastFound[kind] = observation;
        return record;
    }

    public double MedianNorm()
    {
        float[] known = [.. Norms.Where(n => !float.IsNaN(n)).Order()];
        return known.Length == 0 ? double.NaN : known[known.Length / 2];
    }

    /// <summary>How it is now: what was found long ago and not since is in the alerts, and no verdict.</summary>
    /// <param name="patience">Observations before anything is said.</param>
    /// <param name="horizon">The first observation that counts as now.</param>
    public GradientVerdict Verdict(int patience, long horizon)
    {
        foreach (var (kind, verdict) in Order)
            if (lastFound.TryGetValue(kind, out var last) && last >= horizon)
                return verdict;
        return IsFrozen ? GradientVerdict.Frozen
            : Observations >= patience ? GradientVerdict.Healthy
            : GradientVerdict.Unknown;
    }

    /// <summary>The cause before the consequence.</summary>
    private static readonly (AlertKind, GradientVerdict)[] Order =
    [
        (AlertKind.NoGradient, GradientVerdict.NoGradient),
        (AlertKind.NeverUpdated, GradientVerdict.NeverUpdated),
        (AlertKind.NeverCleared, GradientVerdict.NeverCleared),
        (AlertKind.Identical, GradientVerdict.Identical),
        (AlertKind.Dead, GradientVerdict.Dead),
        (AlertKind.Vanishing, GradientVerdict.Vanishing),
        (AlertKind.Exploding, GradientVerdict.Exploding),
        (AlertKind.UpdateSize, GradientVerdict.UpdateSize),
        (AlertKind.NonFinite, GradientVerdict.NonFinite),
    ];
}

/// <summary>A <see cref="ParameterRecord"/> in a saved state.</summary>
internal sealed record RecordState(string Path, ParameterRole Role, long Elements, bool IsFrozen, long FirstStep, long LastStep, long Observations, long MissingObservations, long NonFiniteElements,
    double FirstNorm, double LastUpdateRatio, AlertKind[] Alerts, Dictionary<AlertKind, long> LastFound, float[] Norms);

/// <summary>How often in a row something was seen.</summary>
internal sealed class Streak
{
    public int Length { get; private set; }

    /// <summary>It was so each time.</summary>
    public bool IsUnbroken { get; private set; } = true;

    public int See(bool seen)
    {
        IsUnbroken &= seen;
        return Length = seen ? Length + 1 : 0;
    }
}
