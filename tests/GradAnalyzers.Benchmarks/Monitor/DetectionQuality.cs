using GradAnalyzers.Detection;

namespace GradAnalyzers.Benchmarks.Monitor;

/// <summary>Runs the whole detection suite and prints its tables.</summary>
internal static class DetectionQuality
{
    public static void Run(int seed, string part)
    {
        var outcomes = new List<Outcome>();
        foreach (var scenario in Scenarios.All.Where(s => $"{s.Family}: {s.Name}".Contains(part, StringComparison.OrdinalIgnoreCase)))
        {
            outcomes.Add(Runner.Run(scenario, seed));
            Console.Error.WriteLine(Suite.Line(outcomes[^1]));
        }
        Console.WriteLine(Suite.Table(outcomes));
        Outcome[] held = [.. outcomes.Where(o => o.Scenario.IsHeldOut)];
        if (held.Length > 0)
            Console.WriteLine("Held out:\n\n" + Suite.Table(held));
    }
}
