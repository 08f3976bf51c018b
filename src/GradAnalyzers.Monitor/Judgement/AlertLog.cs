namespace GradAnalyzers.Monitor.Judgement;

/// <summary>The alerts so far; says whether a finding was reported already.</summary>
internal sealed class AlertLog
{
    /// <summary>More alerts than a person reads are not kept.</summary>
    private const int Most = 1000;

    /// <summary>Observations between two alerts about single events, so that a diverging run does not fill the log.</summary>
    private const int Quiet = 10;

    private readonly List<GradientAlert> alerts = [];
    private readonly HashSet<(AlertKind, string)> reported = [];
    private readonly Dictionary<AlertKind, long> lastEvent = [], lastFound = [];

    public IReadOnlyList<GradientAlert> All => alerts;

    /// <summary>Notes that something was found that concerns no single parameter.</summary>
    public void Find(AlertKind kind, long observation) => lastFound[kind] = observation;

    /// <summary>What findings that concern no single parameter say of the model, from the observation <paramref name="horizon"/> on.</summary>
    public GradientVerdict ModelVerdict(long horizon) => WasFound(AlertKind.NonFinite, horizon) ? GradientVerdict.NonFinite
        : WasFound(AlertKind.NoGradient, horizon) ? GradientVerdict.NoGradient
        : GradientVerdict.Healthy;

    private bool WasFound(AlertKind kind, long horizon) => lastFound.TryGetValue(kind, out var last) && last >= horizon;

    public bool IsNew(Finding finding, long observation)
    {
        if (alerts.Count >= Most)
            return false;
        if (finding.Kind is AlertKind.Spike or AlertKind.NonFinite)
        {
            var isQuiet = lastEvent.TryGetValue(finding.Kind, out var last) && observation - last < Quiet;
            lastEvent[finding.Kind] = isQuiet && finding.Kind == AlertKind.Spike ? last : observation;
            return !isQuiet;
        }
        if (finding.Kind == AlertKind.Monitor || finding.Concerned.Count == 0)
            return reported.Add((finding.Kind, finding.Message));
        // Of layers that follow from one cause, one more or less is no news.
        var isNewName = !reported.Contains((finding.Kind, finding.Named));
        var isNew = false;
        foreach (var path in finding.Concerned)
            isNew |= reported.Add((finding.Kind, path));
        return finding.Kind is AlertKind.NoGradient or AlertKind.NeverUpdated ? isNew : isNewName && isNew;
    }

    public void Add(GradientAlert alert) => alerts.Add(alert);

    /// <summary>An alert of before the training was resumed: it is not raised again.</summary>
    public void Restore(GradientAlert alert)
    {
        alerts.Add(alert);
        if (alert.Parameters.Count == 0)
            reported.Add((alert.Kind, alert.Message));
        foreach (var path in alert.Parameters)
            reported.Add((alert.Kind, path));
        if (alert.Parameter.Length > 0)
            reported.Add((alert.Kind, alert.Parameter));
    }
}
