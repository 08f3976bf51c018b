using GradAnalyzers.Detection;

namespace GradAnalyzers.Benchmarks.Monitor;

/// <summary>Runs the whole detection suite and prints its tables.</summary>
internal static class DetectionQuality
{
    /// <summary>Says of each fault what shows in a training without the monitor.</summary>
    public static void Check(int seed, string part)
    {
        Scenario[] faults = [.. Scenarios.All.Where(s => !s.IsHealthy && $"{s.Family}: {s.Name}".Contains(part, StringComparison.OrdinalIgnoreCase))];
        var shown = 0;
        foreach (var fault in faults)
        {
            var evidence = GroundTruth.Evidence(fault, seed);
            shown += evidence is null ? 0 : 1;
            Console.WriteLine($"{fault.Family}: {fault.Name}: {evidence ?? "NOTHING SHOWS"}");
        }
        Console.WriteLine($"{shown} of {faults.Length} show.");
    }

    public static void Run(int seed, string part)
    {
        var outcomes = new List<Outcome>();
        foreach (var scenario in Scenarios.All.Where(s => part == "unseen" ? s.IsUnseen : $"{s.Family}: {s.Name}".Contains(part, StringComparison.OrdinalIgnoreCase)))
        {
            outcomes.Add(Runner.Run(scenario, seed));
            Console.Error.WriteLine(Suite.Line(outcomes[^1]));
        }
        Console.WriteLine(Suite.Table([.. outcomes.Where(o => !o.Scenario.IsUnseen)]));
        Outcome[] held = [.. outcomes.Where(o => o.Scenario.IsHeldOut)];
        if (held.Length > 0)
            Console.WriteLine("Held out:\n\n" + Suite.Table(held));
        Outcome[] unseen = [.. outcomes.Where(o => o.Scenario.IsUnseen)];
        if (unseen.Length > 0)
            Console.WriteLine("Unseen:\n\n" + Suite.Table(unseen));
    }
}
