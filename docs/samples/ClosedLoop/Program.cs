using System.Globalization;
using ClosedLoop;
using GradAnalyzers.Monitor;
using static TorchSharp.torch;

// dotnet run trains the network; what the monitor measures goes to gradients/, where the next build finds it.
set_num_threads(1); // The model is small: more threads would mostly wait for each other.
manual_seed(1);
using var model = new Network();
using var optimizer = optim.Adam(model.parameters(), lr: 1e-3);
using var monitor = new GradientMonitor(model)
    .WatchOptimizer(optimizer)
    .AddSink(new ConsoleProgress())
    .AddSink(new EvidenceFile("gradients/Network.gradients.csv"));
var right = 0.0;
for (var step = 0; step < 500; step++)
{
    using var scope = NewDisposeScope();
    var points = randn(64, 2);
    var radius = (points * points).sum(1);
    var ring = radius.gt(0.8).to(ScalarType.Int64) + radius.gt(2.2).to(ScalarType.Int64);
    optimizer.zero_grad();
    var scores = model.call(points);
    var loss = nn.functional.cross_entropy(scores, ring);
    loss.backward();
    monitor.Observe(loss);
    optimizer.step();
    right = 0.95 * right + 0.05 * scores.argmax(1).eq(ring).to(ScalarType.Float32).mean().item<float>();
}

Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{100 * right:F0} % of the last points are right; the monitor says: {monitor.Verdict}."));
