using GradAnalyzers.Benchmarks.Analyzers;
using GradAnalyzers.Benchmarks.Monitor;

// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- monitor [part of a model's name]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- clipping [part of a name [threads]]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- detection [seed [part of a name]]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- faults [seed [part of a name]]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- departures [seeds [part of a name]]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- analyzers [rounds]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- repositories folder [part of a name]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- rounds folder [part of a name [rounds [analyzers.dll]]]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- facts folder [part of a name]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- reports folder file [analyzers.dll]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- verdicts folder file [analyzers.dll]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- growth [part of a name]
// dotnet run -c Release --project tests/GradAnalyzers.Benchmarks -- editing
switch (args)
{
    case ["repositories", var folder, .. var rest]:
        RepositoryCost.Run(folder, rest.FirstOrDefault() ?? "");
        return 0;
    case ["facts", var folder, .. var rest]:
        FactsCost.Run(folder, rest.FirstOrDefault() ?? "");
        return 0;
    case ["rounds", var folder, .. var rest]:
        RepositoryCost.Rounds(folder, rest.FirstOrDefault() ?? "", rest.Length > 1 ? int.Parse(rest[1]) : 3, rest.ElementAtOrDefault(2));
        return 0;
    case ["reports", var folder, var file, .. var rest]:
        Reports.Write(folder, file, rest.FirstOrDefault());
        return 0;
    case ["verdicts", var folder, var file, .. var rest]:
        Verdicts.Write(folder, file, rest.FirstOrDefault());
        return 0;
    case ["growth", .. var rest]:
        Growth.Run(rest.FirstOrDefault() ?? "");
        return 0;
    case ["editing", .. var rest]:
        Editing.Run(rest.FirstOrDefault() ?? "");
        return 0;
    case ["growth-one", var name, var size]:
        Growth.One(name, int.Parse(size));
        return 0;
    case ["analyzers", .. var rest]:
        AnalyzerCost.Run(rest.Length > 0 ? int.Parse(rest[0]) : 5);
        return 0;
    case ["monitor", .. var rest]:
        MonitorCost.Run(rest.FirstOrDefault() ?? "");
        return 0;
    case ["clipping", .. var rest]:
        ClippingCost.Run(rest.FirstOrDefault() ?? "", rest.Length > 1 ? int.Parse(rest[1]) : 1);
        return 0;
    case ["detection", .. var rest]:
        DetectionQuality.Run(rest.Length > 0 ? int.Parse(rest[0]) : 1, rest.Length > 1 ? rest[1] : "");
        return 0;
    case ["faults", .. var rest]:
        DetectionQuality.Check(rest.Length > 0 ? int.Parse(rest[0]) : 1, rest.Length > 1 ? rest[1] : "");
        return 0;
    case ["departures", .. var rest]:
        Departures.Run(rest.Length > 0 ? int.Parse(rest[0]) : 3, rest.Length > 1 ? rest[1] : "");
        return 0;
    default:
        Console.Error.WriteLine("Say what to measure: analyzers [rounds], repositories folder, facts folder, rounds folder, reports folder file, verdicts folder file, growth, editing [part of what is edited], monitor [part of a model's name], clipping [part of a name [threads]], detection [seed [part of a name, unseen or later]], departures [seeds [part of a name]], or faults [seed [part of a name]]");
        return 1;
}
