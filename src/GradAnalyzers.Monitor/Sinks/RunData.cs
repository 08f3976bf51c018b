using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GradAnalyzers.Monitor.Sinks;

/// <summary>A run as the report and the summary write it: bounded in size whatever the model is, with numbers that JSON has.</summary>
internal static class RunData
{
    public const int Version = 1;

    /// <summary>Alerts, rows of the heat map, columns of it, and rows of the table at most.</summary>
    private const int MostAlerts = 50, MostRows = 60, MostColumns = 128, MostParameters = 400;

    /// <summary>Digits that a person reads.</summary>
    private const int Digits = 4;

    private static readonly JsonSerializerOptions Format = new() { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    public static string Json(object run, bool isIndented = false) => JsonSerializer.Serialize(run, isIndented ? new JsonSerializerOptions(Format) { WriteIndented = true } : Format);

    /// <summary>Everything that the page draws.</summary>
    public static object ForPage(GradientMonitor monitor, bool isFinished, TimeSpan? refresh, IReadOnlyList<JsonElement> others)
    {
        var history = monitor.History;
        var summaries = monitor.Summaries();
        var columns = Enumerable.Range(0, history.Count).Where(i => i % Math.Max(1, (history.Count + MostColumns - 1) / MostColumns) == 0).ToArray();
        var shown = Shown([.. monitor.Records.Where(r => r.Norms.Count > 0)], r => r.Path, r => r.Role != Measurement.ParameterRole.Vector, monitor.Alerts, MostRows);
        var order = new Dictionary<string, int>();
        for (var i = 0; i < summaries.Count; i++)
            order[summaries[i].Parameter] = i;
        var rows = Shown(summaries, s => s.Parameter, s => IsBad(s.Verdict), monitor.Alerts, MostParameters);
        return new
        {
            model = monitor.ModelName,
            name = monitor.Options.Run.Name,
            optimizer = monitor.OptimizerText,
            rates = monitor.LearningRates.Select(r => Number(r)),
            notes = monitor.Options.Run.Notes.ToDictionary(n => n.Key, n => n.Value),
            started = monitor.Started.ToString("yyyy-MM-dd HH:mm zzz", CultureInfo.InvariantCulture),
            seconds = Math.Round(monitor.Elapsed.TotalSeconds),
            isFinished,
            refresh = refresh?.TotalMilliseconds,
            step = monitor.Step,
            observations = monitor.Observations,
            skipped = monitor.SkippedSteps,
            verdict = Word(monitor.Verdict),
            advice = monitor.Advice,
            heldBack = monitor.HeldBack,
            steps = history.Select(c => c.Step),
            loss = history.Select(c => Number(c.Loss)),
            globalNorm = history.Select(c => Number(c.GlobalNorm)),
            ratio = history.Select(c => Number(c.FirstToLastRatio)),
            updateRatio = history.Select(c => Number(c.MedianUpdateRatio)),
            columns,
            norms = shown.Select(r => new { path = r.Path, values = columns.Select(i => i < r.Norms.Count ? Number(r.Norms[i]) : null) }),
            watched = summaries.Count,
            elements = summaries.Sum(s => s.Elements),
            parameters = rows.Select(s => new
            {
                path = s.Parameter,
                verdict = Word(s.Verdict),
                elements = s.Elements,
                first = Number(s.FirstNorm),
                median = Number(s.MedianNorm),
                last = Number(s.LastNorm),
                zero = Number(s.ZeroShare),
                update = Number(s.UpdateRatio),
                nonFinite = s.NonFinite,
                relative = Number(s.MeasuredRelative),
                predicted = Number(s.PredictedRelative),
            }),
            alertCount = monitor.Alerts.Count,
            alerts = monitor.Alerts.Take(MostAlerts).Select(a => new { step = a.Step, kind = a.Kind.ToString(), parameter = a.Parameter, message = a.Message, rule = a.Rule, page = a.RulePage }),
            histograms = monitor.LatestHistograms.GroupBy(h => h.Of).Select(g => new { of = g.Key.ToString().ToLowerInvariant(), rows = Shown([.. g.OrderBy(h => order.GetValueOrDefault(h.Parameter))], h => h.Parameter, _ => true, monitor.Alerts, MostRows).Select(h => new { path = h.Parameter, zeros = h.Zeros, norm = Number(h.Norm), counts = h.Counts }) }),
            histogramFrom = ParameterHistogram.SmallestExponent,
            vanishingRatio = monitor.Options.VanishingRatio,
            explodingRatio = monitor.Options.ExplodingRatio,
            others,
        };
    }

    /// <summary>What a build server asks: whether it was healthy, what was found, and the curves.</summary>
    public static object ForMachines(GradientMonitor monitor, bool isFinished) => new
    {
        version = Version,
        model = monitor.ModelName,
        name = monitor.Options.Run.Name,
        optimizer = monitor.OptimizerText,
        learning_rates = monitor.LearningRates.Select(r => Number(r)),
        notes = monitor.Options.Run.Notes.ToDictionary(n => n.Key, n => n.Value),
        started = monitor.Started.ToString("o", CultureInfo.InvariantCulture),
        seconds = Math.Round(monitor.Elapsed.TotalSeconds, 1),
        finished = isFinished,
        steps = monitor.Step,
        observations = monitor.Observations,
        skipped_steps = monitor.SkippedSteps,
        verdict = Word(monitor.Verdict),
        healthy = monitor.Verdict == GradientVerdict.Healthy && monitor.Alerts.All(a => a.Kind == AlertKind.Monitor),
        should_stop = monitor.ShouldStop,
        advice = monitor.Advice,
        alert_count = monitor.Alerts.Count,
        alerts = monitor.Alerts.Take(MostAlerts).Select(a => new { step = a.Step, kind = a.Kind.ToString(), parameter = a.Parameter, message = a.Message, rule = a.Rule }),
        unhealthy_parameters = monitor.Summaries().Where(s => IsBad(s.Verdict)).Take(MostParameters).Select(s => new { parameter = s.Parameter, verdict = Word(s.Verdict) }),
        predictions = monitor.Summaries().Where(s => !double.IsNaN(s.PredictedRelative)).Take(MostParameters).Select(s => new { parameter = s.Parameter, measured = Number(s.MeasuredRelative), predicted = Number(s.PredictedRelative) }),
        history = new
        {
            step = monitor.History.Select(p => p.Step),
            loss = monitor.History.Select(p => Number(p.Loss)),
            global_norm = monitor.History.Select(p => Number(p.GlobalNorm)),
            first_to_last_ratio = monitor.History.Select(p => Number(p.FirstToLastRatio)),
            update_ratio = monitor.History.Select(p => Number(p.MedianUpdateRatio)),
        },
    };

    /// <summary>As many as there is room for, in their order: what alerts name first, then what is preferred, evenly spread, then the rest.</summary>
    public static List<T> Shown<T>(IReadOnlyList<T> all, Func<T, string> path, Func<T, bool> isPreferred, IReadOnlyList<GradientAlert> alerts, int most)
    {
        if (all.Count <= most)
            return [.. all];
        var named = new HashSet<string>(alerts.Select(a => a.Parameter).Where(p => p.Length > 0).Take(most / 2));
        foreach (var parameter in alerts.SelectMany(a => a.Parameters))
            if (named.Count < most / 2)
                named.Add(parameter);
        var taken = new HashSet<int>(Enumerable.Range(0, all.Count).Where(i => named.Contains(path(all[i]))));
        foreach (var part in new[] { true, false })
        {
            int[] open = [.. Enumerable.Range(0, all.Count).Where(i => !taken.Contains(i) && isPreferred(all[i]) == part)];
            var room = Math.Min(most - taken.Count, open.Length);
            for (var k = 0; k < room; k++)
                taken.Add(open[(int)((long)k * open.Length / room)]);
        }
        return [.. taken.Order().Select(i => all[i])];
    }

    public static string Word(GradientVerdict verdict) => verdict switch
    {
        GradientVerdict.NonFinite => "non-finite",
        GradientVerdict.NoGradient => "no gradient",
        GradientVerdict.NeverUpdated => "never updated",
        GradientVerdict.NeverCleared => "never cleared",
        GradientVerdict.UpdateSize => "update size",
        _ => verdict.ToString().ToLowerInvariant(),
    };

    /// <summary>JSON has no NaN; null stands for it.</summary>
    public static double? Number(double value) =>
        double.IsFinite(value) ? double.Parse(value.ToString($"G{Digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : null;

    private static bool IsBad(GradientVerdict verdict) => verdict is not (GradientVerdict.Healthy or GradientVerdict.Unknown or GradientVerdict.Frozen);
}
