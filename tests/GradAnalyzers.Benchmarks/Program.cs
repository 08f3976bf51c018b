using GradAnalyzers.Benchmarks.Monitor;

// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- monitor [part of a model's name]
switch (args)
{
    case ["monitor", .. var rest]:
        MonitorCost.Run(rest.FirstOrDefault() ?? "");
        return 0;
    default:
        Console.Error.WriteLine("Say what to measure: monitor [part of a model's name]");
        return 1;
}
