using GradAnalyzers.Detection;

namespace GradAnalyzers.Benchmarks.Monitor;

/// <summary>Runs the whole detection suite and prints its tables.</summary>
internal static class DetectionQuality
{
    /// <summary>Says of each fault what shows in a training without the monitor.</summary>
    public static void Check(int seed, string part)
    {
        Scenario[] faults = [.. Scenarios.All.Where(s => !s.IsHealthy && IsIn(s, part))];
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
        foreach (var scenario in Scenarios.All.Where(s => IsIn(s, part)))
        {
            outcomes.Add(Runner.Run(scenario, seed));
            Console.Error.WriteLine(Suite.Line(outcomes[^1]));
        }
        Print("Developed with:", outcomes.Where(o => o.Scenario is { IsUnseen: false, IsLater: false }));
        Print("Of these held out:", outcomes.Where(o => o.Scenario is { IsHeldOut: true, IsLater: false }));
        Print("Unseen:", outcomes.Where(o => o.Scenario.IsUnseen));
        Print("Later:", outcomes.Where(o => o.Scenario.IsLater));
        Print("Of these held out:", outcomes.Where(o => o.Scenario is { IsHeldOut: true, IsLater: true }));
    }

    private static bool IsIn(Scenario scenario, string part) => part switch
    {
        "unseen" => scenario.IsUnseen,
        "earlier" => !scenario.IsLater,
        "later" => scenario.IsLater,
        "later half" => scenario is { IsLater: true, IsHeldOut: false },
        "later held out" => scenario is { IsLater: true, IsHeldOut: true },
        _ => $"{scenario.Family}: {scenario.Name}".Contains(part, StringComparison.OrdinalIgnoreCase),
    };

    private static void Print(string title, IEnumerable<Outcome> outcomes)
    {
        if (outcomes.ToArray() is { Length: > 0 } any)
            Console.WriteLine($"{title}\n\n{Suite.Table(any)}");
    }
}
