using Xunit;

namespace GradAnalyzers.Package.Tests;

/// <summary>
/// The whole way, by the package and the tools that a user has, on the program of <c>docs/samples/ClosedLoop</c>:
/// the build warns, the training measures, the build shows what was measured, <c>dotnet format</c> mends, the training is healthy, and the build is silent.
/// </summary>
public sealed class ClosedLoopTests(PackedPackage package)
{
    private const string Evidence = "gradients/Network.gradients.csv";

    private static string Sample(string file) => File.ReadAllText(Path.Combine(Setting.Repository, "docs", "samples", "ClosedLoop", file));

    private Consumer Program(string settings) => new Consumer(package, Setting.TorchSharpVersion, runs: true)
        .With("Program.cs", Sample("Program.cs")).With("Network.cs", Sample("Network.cs")).WithEditorConfig(settings);

    [Fact]
    public async Task WhatIsPredictedIsMeasuredMendedAndProven()
    {
        var consumer = Program("dotnet_diagnostic.GRAD9004.severity = warning");

        var predicted = Assert.Single((await consumer.Build()).Succeeded().Reports);
        Assert.Matches(@"^7 sigmoid layers leave 'layers\.0' about \S+ of the gradient of 'layers\.14'; use ", predicted.Message);

        Assert.Contains("the monitor says: Vanishing", (await consumer.Start()).Succeeded().Output);
        var measured = Assert.Single((await consumer.Build()).Succeeded().Reports);
        Assert.Equal(("GRAD1001", predicted.Line, predicted.Column), (measured.Id, measured.Line, measured.Column));
        Assert.Matches(@"^7 sigmoid layers leave 'layers\.0' about \S+ of the gradient of 'layers\.14', measured \S+; use ", measured.Message);

        (await consumer.FormatAnalyzers()).Succeeded();
        Assert.Contains("kaiming_normal_", consumer.Read("Network.cs"));
        // What was measured is of the network before the fix.
        Assert.Equal("GRAD9004", Assert.Single((await consumer.Build()).Succeeded().Reports).Id);

        Assert.Contains("the monitor says: Healthy", (await consumer.Start()).Succeeded().Output);
        Assert.DoesNotContain("vanishing", consumer.Read(Evidence));
        Assert.Empty((await consumer.Build()).Succeeded().Reports);
    }

    [Fact]
    public async Task WithoutPredictionsWhatWasMeasuredStandsAtTheLayersAndIsMended()
    {
        var consumer = Program("dotnet_diagnostic.GRAD1001.severity = none");

        Assert.Empty((await consumer.Build()).Succeeded().Reports);
        (await consumer.Start()).Succeeded();
        var reports = (await consumer.Build()).Succeeded().Reports.ToList();
        Assert.NotEmpty(reports);
        Assert.All(reports, report => Assert.Matches(@"^'layers\.\d+' got \S+ of the gradient of 'layers\.14' over 500 steps \(predicted \S+\); use ", report.Message));
        Assert.All(reports, report => Assert.Equal(("GRAD9001", "Network.cs"), (report.Id, report.File)));

        Assert.Empty((await consumer.WithProperties("<GradAnalyzersEvidence>false</GradAnalyzersEvidence>").Build()).Succeeded().Reports);
        consumer.WithProperties("");

        (await consumer.FormatAnalyzers()).Succeeded();
        var mended = consumer.Read("Network.cs");
        Assert.Empty((await consumer.Build()).Succeeded().Reports);
        (await consumer.FormatAnalyzers()).Succeeded();
        Assert.Equal(mended, consumer.Read("Network.cs"));
        Assert.Contains("the monitor says: Healthy", (await consumer.Start()).Succeeded().Output);
        Assert.Empty((await consumer.Build()).Succeeded().Reports);
    }

    [Fact]
    public async Task ATornFileIsReportedAtItsLine()
    {
        var consumer = new Consumer(package, Setting.TorchSharpVersion).WithFile("Net.gradients.csv", "# GradAnalyzers gradient evidence, version 1, model Net, steps 10, observations 1\nparameter,verdict,first_step,observations,norm_first,norm_median\nfc1.wei");

        var report = Assert.Single((await consumer.Build()).Succeeded().Reports);

        Assert.Equal(("Net.gradients.csv", 3, 1, "GRAD0001"), (report.File, report.Line, report.Column, report.Id));
    }
}
