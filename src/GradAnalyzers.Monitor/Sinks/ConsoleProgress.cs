using System.Globalization;

namespace GradAnalyzers.Monitor;

/// <summary>Prints a line now and then, and every alert: <c>step 120  loss 1.92  gradient 0.84  first/last 0.61</c>.</summary>
public sealed class ConsoleProgress : IGradientSink
{
    private readonly TextWriter output;
    private readonly TimeSpan interval;
    private long? printedAt;

    /// <summary>Prints progress.</summary>
    /// <param name="interval">The least time between two lines, 5 seconds if null. Alerts are printed at once.</param>
    /// <param name="output">Where to print; the console's error stream if null, so that results on the standard stream stay clean.</param>
    public ConsoleProgress(TimeSpan? interval = null, TextWriter? output = null)
    {
        if (interval < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(interval), interval, $"interval is {interval}; it must not be negative.");
        this.interval = interval ?? TimeSpan.FromSeconds(5);
        this.output = output ?? Console.Error;
    }

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        if (printedAt is { } before && TimeSpan.FromMilliseconds(Environment.TickCount64 - before) < interval)
            return;
        printedAt = Environment.TickCount64;
        var line = string.Create(CultureInfo.InvariantCulture, $"step {observation.Step}");
        line += Part("loss", observation.Loss) + Part("gradient", observation.GlobalNorm) + Part("first/last", observation.FirstToLastRatio);
        output.WriteLine(line);
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert) => output.WriteLine($"warning: {alert}");

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static string Part(string name, double value) =>
        double.IsNaN(value) ? "" : string.Create(CultureInfo.InvariantCulture, $"  {name} {value:G3}");
}
