using System.Globalization;
using System.Reflection;
using GradAnalyzers.Accuracy;

// dotnet run -c Release --project tests/GradAnalyzers.Accuracy -- whole
// measures every network and rewrites the tables and the picture of docs/gradient-flow.md. Without "whole" it runs the tests, which check a fixed subset.
if (args is ["show", var part])
{
    Show(part);
    return 0;
}

if (args is ["compare", .. var parts])
{
    var networks = SourceNetworks.Read();
    var compared = Cases.All.Where(network => parts.Any(name => network.Name.Contains(name, StringComparison.Ordinal)))
        .Select(network => Comparison.Of(network, networks.Find(network), Measurement.Of(network))).ToList();
    foreach (var comparison in compared)
        Console.WriteLine(comparison);
    Console.WriteLine(Summary.Of("together", compared));
    return 0;
}

if (args is not ["whole"])
{
    return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
        ? await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
        : await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
}

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var root = Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;
var source = SourceNetworks.Read();
var developed = Compare([.. Cases.Developed, .. Cases.Mended, .. Cases.Rebuilt]);
var heldOut = Compare([.. Cases.HeldOut, .. Cases.Rearranged]);
var page = Path.Combine(root, "docs", "gradient-flow.md");
File.WriteAllText(page, Report.Into(File.ReadAllText(page), Report.Markdown(developed, heldOut)));
File.WriteAllText(Path.Combine(root, "docs", "gradient-flow.svg"), Picture.Svg(developed, heldOut));
foreach (var summary in Report.Summaries(developed, heldOut))
    Console.WriteLine(summary);
return 0;

List<Comparison> Compare(IReadOnlyList<Case> cases)
{
    var comparisons = new List<Comparison>();
    foreach (var network in cases)
    {
        var comparison = Comparison.Of(network, source.Find(network), Measurement.Of(network));
        Console.WriteLine(comparison);
        comparisons.Add(comparison);
    }

    return comparisons;
}

// dotnet run -c Release --project tests/GradAnalyzers.Accuracy -- compare VggNet UNet
// predicts and measures the networks whose names contain one of the texts.
// dotnet run -c Release --project tests/GradAnalyzers.Accuracy -- show VggNet
// prints every parameter of the networks whose name contains the text.
static void Show(string part)
{
    var source = SourceNetworks.Read();
    foreach (var network in Cases.All.Where(network => network.Name.Contains(part, StringComparison.Ordinal)))
    {
        var measurement = Measurement.Of(network);
        Console.WriteLine(Comparison.Of(network, source.Find(network), measurement));
        if (source.Find(network) is not { } found)
            continue;
        foreach (var parameter in GradAnalyzers.GradientFlow.GradientFlowPrediction.Predict(found).Parameters)
        {
            var measured = measurement.LogNorms.GetValueOrDefault(parameter.Path, double.NaN);
            Console.WriteLine($"    {parameter.Path,-40} predicted {parameter.LogNorm,7:F2} measured {measured,7:F2} error {parameter.LogNorm - measured,6:F2}");
        }
    }
}
