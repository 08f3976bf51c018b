using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

public class SinkTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("gradients").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TheEvidenceFileHasARowForEveryParameter()
    {
        var path = Path.Combine(folder, "new folder", "Model.gradients.csv");
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        model.get_parameter("fc5.bias")!.requires_grad = false;
        using (var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false }).AddSink(new EvidenceFile(path)))
            Training.Steps(model, 6, loss => monitor.Observe(loss));

        var lines = File.ReadAllLines(path);

        Assert.Equal("# GradAnalyzers gradient evidence, version 1, model Sequential, steps 6, observations 6", lines[0]);
        Assert.Equal("parameter,verdict,first_step,last_step,observations,missing,norm_first,norm_median,norm_last,mean_absolute,maximum,zero_share,non_finite,update_ratio,elements,alerts,relative,predicted", lines[1]);
        Assert.Equal(model.named_parameters().Select(p => p.name), lines.Skip(2).Select(l => l.Split(',')[0]));
        Assert.Matches(@"^fc0\.weight,vanishing,1,6,6,0,[0-9.E-]+,[0-9.E-]+,[0-9.E-]+,[0-9.E-]+,[0-9.E-]+,0,0,,64,vanishing,[0-9.E-]+,$", lines[2]);
        Assert.Matches(@"^out\.bias,healthy,1,6,6,0,", lines[^1]);
        Assert.Contains(lines, l => l.StartsWith("fc5.bias,frozen,0,0,0,0,,,,,,,0,,8,"));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(path)!, "*.tmp"));
    }

    [Theory]
    [InlineData("=cmd|A1", "'=cmd|A1")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@x", "'@x")]
    [InlineData("a\r\nb", "a\\u000D\\u000Ab")]
    [InlineData("\u001b[31mred", "\\u001B[31mred")]
    [InlineData("\u202Edaolyap", "\\u202Edaolyap")]
    [InlineData("a,\"b", "\"a,\"\"b\"")]
    public void NamesOfParametersAreTextInASpreadsheet(string name, string written)
    {
        var path = Path.Combine(folder, "names.csv");
        using var model = nn.ParameterDict([(name, nn.Parameter(ones(2)))]);
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new EvidenceFile(path)))
        {
            foreach (var p in model.parameters())
                p.grad = ones(2);
            monitor.Observe();
        }

        Assert.StartsWith(written + ",", File.ReadAllLines(path)[2]);
    }

    [Fact]
    public async Task EvidenceOfAKilledTrainingIsWholeAndUpToItsLastWrite()
    {
        var path = Path.Combine(folder, "killed.csv");
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!) { Environment = { [KilledTraining.Variable] = path }, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var observed = await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("observed 20", observed);
        var lines = await File.ReadAllLinesAsync(path, TestContext.Current.CancellationToken);
        var steps = int.Parse(System.Text.RegularExpressions.Regex.Match(lines[0], @"steps (\d+)").Groups[1].Value);
        Assert.InRange(steps, 19, int.MaxValue);
        Assert.Equal(2 + 6, lines.Length);
        Assert.All(lines.Skip(1), l => Assert.Equal(17, l.Count(c => c == ',')));
    }

    [Fact]
    public void MetricsArePublishedToWhoListens()
    {
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(new MetricsSink());
        var seen = new List<string>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, l) => { if (instrument.Meter.Name == MetricsSink.MeterName) l.EnableMeasurementEvents(instrument); } };
        void Note<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) =>
            seen.Add($"{instrument.Name} {string.Join(' ', tags.ToArray().Select(t => $"{t.Key}={t.Value}"))}");
        listener.SetMeasurementEventCallback<double>(Note);
        listener.SetMeasurementEventCallback<long>(Note);
        listener.Start();

        Training.Steps(model, 1, loss => monitor.Observe(loss));
        model.zero_grad();
        monitor.Observe();
        listener.RecordObservableInstruments();

        Assert.Contains("gradient.observations model=Sequential", seen);
        Assert.Contains("gradient.global_norm model=Sequential", seen);
        Assert.Contains("gradient.alerts model=Sequential kind=NoGradient parameter=", seen);
        Training.Steps(model, 1, loss => monitor.Observe(loss));
        listener.RecordObservableInstruments();
        Assert.Contains("gradient.norm model=Sequential parameter=fc0.weight", seen);
        Assert.Contains("gradient.first_to_last_ratio model=Sequential", seen);
    }

    [Fact]
    public void TensorBoardGetsScalars()
    {
        using var model = Training.Mlp();
        var writer = utils.tensorboard.SummaryWriter(folder);
        using (var monitor = new GradientMonitor(model, Training.Closely with { MeasureUpdates = true, HistogramEvery = 1 }).WatchActivations().AddSink(new TensorBoardSink(writer)))
            Training.Steps(model, 3, loss => monitor.Observe(loss));

        var written = string.Concat(Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(f => File.ReadAllText(f, System.Text.Encoding.Latin1)));
        Assert.Contains("gradient/norm/fc0.weight", written);
        Assert.Contains("gradient/global_norm", written);
        foreach (var tag in new[] { "gradient/mean_absolute/fc0.weight", "gradient/maximum/out.bias", "gradient/zero_share/fc1.bias", "gradient/update_ratio/fc0.weight", "activation/saturated/act0", "log10/gradient/fc0.weight", "log10/weight/fc0.weight", "log10/update/fc0.weight", "weight/norm/fc0.weight" })
            Assert.Contains(tag, written);
    }

    [Fact]
    public void TheConsoleShowsProgressAndAlerts()
    {
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        var output = new StringWriter();
        using var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false }).AddSink(new ConsoleProgress(TimeSpan.Zero, output));

        Training.Steps(model, 3, loss => monitor.Observe(loss));

        Assert.Matches(@"step 1  loss [0-9.]+  gradient [0-9.]+  first/last [0-9.E-]+\n", output.ToString());
        Assert.Contains("warning: step 2: vanishing at 'fc0.weight'", output.ToString());
    }

    [Fact]
    public void TheConsoleEndsWithVerdictAndReport()
    {
        var path = Path.Combine(folder, "report.html");
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        var output = new StringWriter();
        using (var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false }).AddSink(new ConsoleProgress(output: output)).AddSink(new HtmlReport(path)))
            Training.Steps(model, 3, loss => monitor.Observe(loss));

        var last = output.ToString().TrimEnd().Split('\n')[^1];
        Assert.StartsWith("gradients, 3 observations to step 3: Vanishing at 'fc0.weight' since step 2:", last);
        Assert.EndsWith($"Report: {path}", last);
    }

    [Fact]
    public void InATerminalTheLineIsWrittenOverAndAlertsStandAlone()
    {
        using var model = Training.Mlp();
        var output = new StringWriter();
        using (var monitor = new GradientMonitor(model, Training.Closely).AddSink(new ConsoleProgress(TimeSpan.Zero, output, inPlace: true)))
        {
            Training.Steps(model, 3, loss => monitor.Observe(loss));
            Assert.DoesNotContain('\n', output.ToString());
            Assert.Equal(3, output.ToString().Count(c => c == '\r'));
            monitor.Observe(double.NaN);
        }

        Assert.Matches(@"\r +\rwarning: step 4: non-finite: the loss is NaN", output.ToString());
        Assert.Matches(@"\ngradients, 4 observations to step 4: Non-finite since step 4", output.ToString());
    }

    [Fact]
    public void EveryInstrumentHasAUnitAndADescription()
    {
        var instruments = new List<Instrument>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, _) => { if (instrument.Meter.Name == MetricsSink.MeterName) instruments.Add(instrument); } };
        listener.Start();
        using var sink = new MetricsSink();

        Assert.Equal(9, instruments.Count);
        Assert.All(instruments, i => Assert.False(string.IsNullOrEmpty(i.Unit) || string.IsNullOrEmpty(i.Description)));
    }

    [Fact]
    public void TheReportIsOneFileWithItsDataAndWithoutOutsideReferences()
    {
        var path = Path.Combine(folder, "report.html");
        using var model = Training.Mlp(depth: 10, activation: nn.Sigmoid);
        using (var monitor = new GradientMonitor(model, Training.Closely with { GateOnLoss = false }).AddSink(new HtmlReport(path)))
            Training.Steps(model, 300, loss => monitor.Observe(loss));

        var page = File.ReadAllText(path);

        Assert.DoesNotContain("<script src", page);
        Assert.DoesNotContain("<link", page);
        var json = page[(page.IndexOf("const run = ", StringComparison.Ordinal) + 12)..];
        using var run = JsonDocument.Parse(json[..json.IndexOf(";\n", StringComparison.Ordinal)]);
        Assert.Equal(22, run.RootElement.GetProperty("norms").GetArrayLength());
        // bounded, however long the run
        var columns = run.RootElement.GetProperty("steps").GetArrayLength();
        Assert.InRange(columns, 128, 256);
        var shown = run.RootElement.GetProperty("columns").GetArrayLength();
        Assert.InRange(shown, 64, 128);
        Assert.All(run.RootElement.GetProperty("norms").EnumerateArray(), n => Assert.Equal(shown, n.GetProperty("values").GetArrayLength()));
        Assert.Equal("Vanishing", run.RootElement.GetProperty("alerts")[0].GetProperty("kind").GetString());
    }
}
