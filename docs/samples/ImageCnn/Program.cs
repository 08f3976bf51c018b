using GradAnalyzers.Monitor;
using ImageCnn;
using static TorchSharp.torch;

// dotnet run -c Release                  a healthy network; the report goes to gradients.html
// dotnet run -c Release -- --sick        the same with sigmoids and no normalization: the monitor says what is wrong
// dotnet run -c Release -- --steps 200 --folder results
// dotnet run -c Release -- --compare sick/summary.json       draws the curves of another run beside these
var (steps, folder, isSick, other) = (400, ".", false, "");
for (var i = 0; i < args.Length; i++)
    switch (args[i])
    {
        case "--sick":
            isSick = true;
            break;
        case "--steps" when i + 1 < args.Length && int.TryParse(args[i + 1], out steps) && steps > 0:
            i++;
            break;
        case "--folder" when i + 1 < args.Length:
            folder = args[++i];
            break;
        case "--compare" when i + 1 < args.Length:
            other = args[++i];
            break;
        default:
            Console.Error.WriteLine("Usage: dotnet run -c Release -- [--sick] [--steps <count>] [--folder <where the report goes>] [--compare <summary.json of another run>]");
            return 2;
    }

set_num_threads(1); // The model is small: more threads would mostly wait for each other.
manual_seed(1);
using var model = new Network(isSick);
using var optimizer = optim.Adam(model.parameters(), lr: 1e-3);
var report = Path.Combine(folder, "gradients.html");

using (var monitor = new GradientMonitor(model, new() { MeasureUpdates = true, Run = new() { Name = isSick ? "sigmoids" : "ReLU and BatchNorm" } })
    .WatchOptimizer(optimizer)
    .AddSink(new ConsoleProgress())
    .AddSink(new EvidenceFile(Path.Combine(folder, "Network.gradients.csv")))
    .AddSink(new JsonSummary(Path.Combine(folder, "summary.json")))
    .AddSink(new HtmlReport(report, interval: TimeSpan.FromSeconds(2), comparedWith: other.Length > 0 ? [other] : null)))
{
    var right = 0.0;
    for (var step = 1; step <= steps; step++)
    {
        using var scope = NewDisposeScope();
        var (pictures, shapes) = Pictures.Draw(32);
        optimizer.zero_grad();
        var scores = model.call(pictures);
        var loss = nn.functional.cross_entropy(scores, shapes);
        loss.backward();
        monitor.Observe(loss);
        optimizer.step();
        right = 0.95 * right + 0.05 * scores.argmax(1).eq(shapes).to(ScalarType.Float32).mean().item<float>();
    }
    Console.WriteLine($"{right:P0} of the last pictures recognized.");
}
return 0;
