using GradAnalyzers.Benchmarks.Monitor;

// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- monitor [part of a model's name]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- detection [seed [part of a name]]
switch (args)
{
    case ["monitor", .. var rest]:
        MonitorCost.Run(rest.FirstOrDefault() ?? "");
        return 0;
    case ["detection", .. var rest]:
        DetectionQuality.Run(rest.Length > 0 ? int.Parse(rest[0]) : 1, rest.Length > 1 ? rest[1] : "");
        return 0;
    default:
        Console.Error.WriteLine("Say what to measure: monitor [part of a model's name], or detection [seed [part of a name]]");
        return 1;
}
