using System.Globalization;
using GradAnalyzers.Benchmarks.Monitor.Predicted;
using GradAnalyzers.Detection;
using GradAnalyzers.Monitor;

namespace GradAnalyzers.Benchmarks.Monitor;

/// <summary>
/// How often <see cref="AlertKind.DepartsFromPrediction"/> errs: on the models here that carry predictions, and on all trainings of the detection suite. It is raised at the first observation, so
/// the trainings end there.
/// </summary>
internal static class Departures
{
    /// <summary>The first observation is at call 10; where it is called twice a step, or seldom, a few more do no harm.</summary>
    private const int StepsToTheFirst = 25;

    /// <summary>Weights with both figures below which the monitor compares nothing.</summary>
    private const int FewestCompared = 4;

    public static void Run(int seeds, string part)
    {
        Scenario[] all = [.. PredictedScenarios.Healthy, .. PredictedScenarios.Faulty, .. Scenarios.All];
        var outcomes = new List<(Scenario Scenario, double Furthest, bool IsAlarmed)>();
        foreach (var scenario in all.Where(s => $"{s.Family}: {s.Name}".Contains(part, StringComparison.OrdinalIgnoreCase)))
            for (var seed = 1; seed <= seeds; seed++)
            {
                var outcome = Runner.Run(scenario, seed, new() { AlertOnDeparture = true }, StepsToTheFirst);
                var alert = outcome.Alerts.FirstOrDefault(a => a.Kind == AlertKind.DepartsFromPrediction);
                outcomes.Add((scenario, Furthest(outcome.Summaries), alert is not null));
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(scenario.IsHealthy ? "healthy" : "fault  ")} {scenario.Family}: {scenario.Name}, seed {seed}: {(double.IsNaN(outcomes[^1].Furthest) ? "not compared" : $"furthest {outcomes[^1].Furthest:F2}")} {alert?.Parameter} {alert?.Message}"));
            }
        Print("Healthy", outcomes.Where(o => o.Scenario.IsHealthy));
        Print("Faults that are to depart", outcomes.Where(o => o.Scenario.Expected.Contains(AlertKind.DepartsFromPrediction)));
        Print("Other faults", outcomes.Where(o => !o.Scenario.IsHealthy && !o.Scenario.Expected.Contains(AlertKind.DepartsFromPrediction)));
    }

    private static void Print(string title, IEnumerable<(Scenario Scenario, double Furthest, bool IsAlarmed)> outcomes)
    {
        Console.WriteLine($"| {title} | runs | compared | alarmed | furthest in the median, at most (powers of ten) |\n|---|--:|--:|--:|--:|");
        foreach (var family in outcomes.GroupBy(o => o.Scenario.Family))
            Row(family.Key, [.. family]);
        Row("**all**", [.. outcomes]);
        Console.WriteLine();
    }

    private static void Row(string name, (Scenario Scenario, double Furthest, bool IsAlarmed)[] runs)
    {
        double[] compared = [.. runs.Select(r => r.Furthest).Where(f => !double.IsNaN(f)).Order()];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {runs.Length} | {compared.Length} | {runs.Count(r => r.IsAlarmed)} | {(compared.Length == 0 ? "-" : $"{compared[compared.Length / 2]:F2}, {compared[^1]:F2}")} |"));
    }

    /// <summary>How far a weight is off its prediction, in powers of ten, seen from the median of all; NaN where nothing is compared.</summary>
    private static double Furthest(IReadOnlyList<ParameterSummary> summaries)
    {
        double[] off = [.. summaries.Where(s => s.Parameter.EndsWith("weight") && s is { MeasuredRelative: > 0, PredictedRelative: > 0 }).Select(s => Math.Log10(s.MeasuredRelative / s.PredictedRelative)).Order()];
        return off.Length < FewestCompared ? double.NaN : off.Max(o => Math.Abs(o - off[off.Length / 2]));
    }
}
