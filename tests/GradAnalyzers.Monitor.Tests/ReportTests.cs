using System.Text.Json;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>What the report, the summary and the closing words say.</summary>
public class ReportTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("gradients").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static JsonElement Data(string page)
    {
        var json = page[(page.IndexOf("const run = ", StringComparison.Ordinal) + 12)..];
        using var document = JsonDocument.Parse(json[..json.IndexOf(";\n", StringComparison.Ordinal)]);
        return document.RootElement.Clone();
    }

    [Fact]
    public void OnTopStandTheVerdictAndWhatToDoFirst()
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false });
        Assert.StartsWith("Too early to say: observed never, and 2 are needed.", monitor.Advice);
        Training.Steps(model, 6, loss => monitor.Observe(loss));

        Assert.Matches(@"^Vanishing at 'fc0\.weight' since step 2: its gradient is .* do not learn\. First: Use ReLU with Kaiming initialization", monitor.Advice);
        Assert.Equal(monitor.Advice, Data(HtmlReport.Page(monitor)).GetProperty("advice").GetString());
    }

    [Fact]
    public void HealthyBesideACurveBeyondItsLineSaysWhy()
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using var monitor = new GradientMonitor(model, Training.Closely);
        var loss = 100.0;
        Training.Steps(model, 40, _ => monitor.Observe(loss *= 0.99));

        Assert.Equal(GradientVerdict.Healthy, monitor.Verdict);
        Assert.Contains("below the line at 0.001, and no alert: the loss still improves.", monitor.Advice);
        Assert.NotEqual(JsonValueKind.Null, Data(HtmlReport.Page(monitor)).GetProperty("heldBack").ValueKind);
    }

    [Fact]
    public void AnAlertThatIsOverIsNoVerdict()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely);
        Training.Steps(model, 3, loss => monitor.Observe(loss));
        monitor.Observe(double.NaN);
        Assert.Contains("First: Look for log or division at zero", monitor.Advice);
        Training.Steps(model, 30, loss => monitor.Observe(loss));

        Assert.StartsWith("Healthy now. One alert is over; the last was non-finite at step 4.", monitor.Advice);
    }

    [Fact]
    public void TheHeatMapShowsWhatAlertsNameHoweverLargeTheModelIs()
    {
        using var model = Training.Mlp(depth: 300, activation: () => nn.ReLU());
        using (no_grad())
            model.get_parameter("fc137.bias")!.fill_(-100);
        using var monitor = new GradientMonitor(model, Training.Closely with { Mutes = [new(AlertKind.NeverUpdated), new(AlertKind.Identical)] });
        foreach (var p in model.parameters())
            p.grad = ones_like(p);
        model.get_parameter("fc137.bias")!.grad!.fill_(float.NaN);
        for (var i = 0; i < 4; i++)
            monitor.Observe(1.0);

        var data = Data(HtmlReport.Page(monitor));

        Assert.Equal("fc137.bias", Assert.Single(monitor.Alerts).Parameter);
        Assert.Contains("fc137.bias", data.GetProperty("norms").EnumerateArray().Select(n => n.GetProperty("path").GetString()));
        Assert.Equal(60, data.GetProperty("norms").GetArrayLength());
        Assert.Equal(400, data.GetProperty("parameters").GetArrayLength());
        Assert.Equal(602, data.GetProperty("watched").GetInt32());
    }

    [Fact]
    public void TheReportOfFiveThousandLayersStaysBelowAMegabyte()
    {
        using var model = Training.Mlp(width: 2, depth: 2500);
        using var monitor = new GradientMonitor(model, Training.Closely);
        foreach (var p in model.parameters())
            p.grad = randn_like(p);
        for (var i = 0; i < 20; i++)
            monitor.Observe(1.0 + i % 7);

        // Columns are bounded: what more observations would add is 60 rows of norms.
        Assert.InRange(HtmlReport.Page(monitor).Length, 500_000, 700_000);
    }

    [Fact]
    public void TheRunIsDescribed()
    {
        using var model = Training.Mlp();
        using var optimizer = optim.Adam(model.parameters(), 0.003);
        var options = Training.Closely with { Run = new() { Name = "third </script> try", Notes = new Dictionary<string, string> { ["commit"] = "abc123" } } };
        using var monitor = new GradientMonitor(model, options).WatchOptimizer(optimizer);
        Training.Steps(model, 3, loss => monitor.Observe(loss));

        var page = HtmlReport.Page(monitor);
        var data = Data(page);

        Assert.DoesNotContain("</script> try", page);
        Assert.Equal("third </script> try", data.GetProperty("name").GetString());
        Assert.Equal("Adam", data.GetProperty("optimizer").GetString());
        Assert.Equal(0.003, data.GetProperty("rates")[0].GetDouble());
        Assert.Equal("abc123", data.GetProperty("notes").GetProperty("commit").GetString());
        Assert.Matches(@"^\d{4}-\d\d-\d\d \d\d:\d\d", data.GetProperty("started").GetString());
    }

    [Fact]
    public void WhileItTrainsThePageLoadsItselfAgainAndAtTheEndNoMore()
    {
        var path = Path.Combine(folder, "report.html");
        using var model = Training.Mlp();
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new HtmlReport(path, TimeSpan.FromSeconds(3))))
        {
            Training.Steps(model, 1, loss => monitor.Observe(loss));
            var running = Data(File.ReadAllText(path));
            Assert.Equal(3000, running.GetProperty("refresh").GetDouble());
            Assert.False(running.GetProperty("isFinished").GetBoolean());
        }

        var ended = Data(File.ReadAllText(path));
        Assert.True(ended.GetProperty("isFinished").GetBoolean());
        Assert.Equal(JsonValueKind.Null, ended.GetProperty("refresh").ValueKind);
    }

    [Fact]
    public void RunsAreDrawnBesideEachOtherAndOneThatIsMissingIsLeftOut()
    {
        var (summary, path) = (Path.Combine(folder, "baseline.json"), Path.Combine(folder, "report.html"));
        using var model = Training.Mlp();
        using (var monitor = new GradientMonitor(model, Training.Closely with { Run = new() { Name = "baseline" } }).AddSink(new JsonSummary(summary)))
            Training.Steps(model, 5, loss => monitor.Observe(loss));
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new HtmlReport(path, comparedWith: [summary, Path.Combine(folder, "none.json")])))
            Training.Steps(model, 5, loss => monitor.Observe(loss));

        var other = Assert.Single(Data(File.ReadAllText(path)).GetProperty("others").EnumerateArray());
        Assert.Equal("baseline", other.GetProperty("name").GetString());
        Assert.Equal(5, other.GetProperty("history").GetProperty("loss").GetArrayLength());
    }

    [Fact]
    public void TheSummaryTellsABuildServerWhatItAsks()
    {
        var path = Path.Combine(folder, "summary.json");
        using var model = Training.Mlp();
        JsonElement Read() => JsonDocument.Parse(File.ReadAllText(path)).RootElement.Clone();
        using (var monitor = new GradientMonitor(model, Training.Closely with { Actions = new Dictionary<AlertKind, AlertAction> { [AlertKind.NonFinite] = AlertAction.Stop } }).AddSink(new JsonSummary(path)))
        {
            Training.Steps(model, 5, loss => monitor.Observe(loss));
            Assert.False(Read().GetProperty("finished").GetBoolean());
            monitor.Observe(double.NaN);
            Assert.True(Read().GetProperty("should_stop").GetBoolean());
        }

        var summary = Read();
        Assert.True(summary.GetProperty("finished").GetBoolean());
        Assert.False(summary.GetProperty("healthy").GetBoolean());
        Assert.Equal("non-finite", summary.GetProperty("verdict").GetString());
        Assert.Equal("NonFinite", summary.GetProperty("alerts")[0].GetProperty("kind").GetString());
        Assert.Equal(6, summary.GetProperty("history").GetProperty("step").GetArrayLength());
    }

    [Fact]
    public void AHealthyRunIsHealthyInItsSummary()
    {
        var path = Path.Combine(folder, "summary.json");
        using var model = Training.Mlp();
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new JsonSummary(path)))
            Training.Steps(model, 5, loss => monitor.Observe(loss));

        using var summary = JsonDocument.Parse(File.ReadAllText(path));
        Assert.True(summary.RootElement.GetProperty("healthy").GetBoolean());
        Assert.StartsWith("Healthy: nothing was found in 5 observations.", summary.RootElement.GetProperty("advice").GetString());
    }

    [Fact]
    public void TheHistoryIsATableWithAColumnForEachParameter()
    {
        var path = Path.Combine(folder, "history.csv");
        using var model = Training.Mlp();
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new HistoryFile(path)))
            Training.Steps(model, 500, loss => monitor.Observe(loss));

        var lines = File.ReadAllLines(path);
        Assert.Equal("step,loss,global_norm,first_to_last,update_ratio,fc0.weight,fc0.bias,fc1.weight,fc1.bias,out.weight,out.bias", lines[0]);
        Assert.InRange(lines.Length, 129, 257);
        Assert.All(lines, l => Assert.Equal(10, l.Count(c => c == ',')));
        Assert.Matches(@"^1,[0-9.]+,[0-9.]+,[0-9.]+,,[0-9.]+", lines[1]);
    }

    /// <summary>Types that are counted by the library and those that are counted in memory fall into the same bins.</summary>
    [Fact]
    public void BothWaysOfCountingAgree()
    {
        var values = (randn(20_000).to(ScalarType.Float64) * 6).exp() * 1e-4 * (rand(20_000) > 0.1).to(ScalarType.Float64);
        using var model = nn.ParameterDict([("direct", nn.Parameter(values.to(ScalarType.Float32))), ("library", nn.Parameter(values))]);
        foreach (var p in model.parameters())
            p.grad = p.detach().clone();
        using var monitor = new GradientMonitor(model, Training.Closely with { HistogramEvery = 1 });
        monitor.Observe(1.0);

        foreach (var of in new[] { HistogramOf.Gradient, HistogramOf.Weight })
        {
            var (direct, library) = (monitor.LatestHistograms.Single(h => h.Parameter == "direct" && h.Of == of), monitor.LatestHistograms.Single(h => h.Parameter == "library" && h.Of == of));
            Assert.Equal(library.Zeros, direct.Zeros);
            Assert.Equal(20_000, direct.Counts.Sum() + direct.Zeros);
            Assert.Equal(20_000, library.Counts.Sum() + library.Zeros);
            // At the edges a hundredth of the value may fall into the neighbour.
            Assert.InRange(direct.Counts.Zip(library.Counts, (a, b) => Math.Abs(a - b)).Sum(), 0, 200);
            Assert.Equal(library.Norm, direct.Norm, 1e-5 * library.Norm);
        }
    }

    [Fact]
    public void HistogramsCountEachElementOnce()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely with { HistogramEvery = 1, MeasureUpdates = true });
        Training.Steps(model, 2, loss => monitor.Observe(loss));
        Assert.Contains(monitor.LatestHistograms, h => h.Of == HistogramOf.Update && h.Norm > 0);
        foreach (var p in model.parameters())
            p.grad = zeros_like(p);
        var bias = model.get_parameter("fc0.bias")!;
        bias.grad = tensor(new float[] { 0, 1e-20f, 1.5e-3f, -2e-3f, 0.5f, 4, -5e7f, 0 });
        monitor.Observe(1.0);

        var histogram = monitor.LatestHistograms.Single(h => h is { Parameter: "fc0.bias", Of: HistogramOf.Gradient });
        Assert.Equal(2, histogram.Zeros);
        Assert.Equal(6, histogram.Counts.Sum());
        Assert.Equal(1, histogram.Counts[0]);
        Assert.Equal(1, histogram.Counts[^1]);
        Assert.Equal(2, Enumerable.Range(0, ParameterHistogram.Bins).Where(b => ParameterHistogram.Edge(b) is >= 0.9e-3 and < 2e-3).Sum(b => histogram.Counts[b]));
        Assert.Equal(5e7, histogram.Norm, 1e3);
        Assert.All(monitor.LatestHistograms.Where(h => h.Of == HistogramOf.Weight), h => Assert.Equal(model.get_parameter(h.Parameter)!.numel(), h.Counts.Sum() + h.Zeros));
        Assert.Equal(3, Data(HtmlReport.Page(monitor)).GetProperty("histograms").GetArrayLength());
    }
}
