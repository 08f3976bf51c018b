using System.Globalization;

namespace GradAnalyzers.Monitor;

/// <summary>
/// Shows progress, <c>step 120  loss 1.92  gradient 0.84  first/last 0.61</c>: in a terminal one line that is written over, elsewhere a line now and then. Prints every alert, and at the end the verdict, the layer to look
/// at first and where the report is.
/// </summary>
public sealed class ConsoleProgress : IGradientSink
{
    private readonly TextWriter output;
    private readonly TimeSpan interval;
    private readonly bool isInPlace;
    private GradientMonitor? last;
    private long? printedAt;
    private int standing;

    /// <summary>Shows progress.</summary>
    /// <param name="interval">The least time between two lines; if null, 5 seconds, and 0.2 seconds for a line in place. Alerts are printed at once.</param>
    /// <param name="output">Where to print; the console's error stream if null, so that results on the standard stream stay clean.</param>
    /// <param name="inPlace">Write the line over the one before; if null, where the error stream is a terminal that can.</param>
    public ConsoleProgress(TimeSpan? interval = null, TextWriter? output = null, bool? inPlace = null)
    {
        if (interval < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(nameof(interval), interval, $"interval is {interval}; it must not be negative.");
        isInPlace = inPlace ?? (output is null && !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not "dumb");
        this.interval = interval ?? (isInPlace ? TimeSpan.FromSeconds(0.2) : TimeSpan.FromSeconds(5));
        this.output = output ?? Console.Error;
    }

    /// <inheritdoc/>
    public void Observed(GradientMonitor monitor, GradientObservation observation)
    {
        last = monitor;
        if (printedAt is { } before && TimeSpan.FromMilliseconds(Environment.TickCount64 - before) < interval)
            return;
        printedAt = Environment.TickCount64;
        var line = string.Create(CultureInfo.InvariantCulture, $"step {observation.Step}");
        line += Part("loss", observation.Loss) + Part("gradient", observation.GlobalNorm) + Part("first/last", observation.FirstToLastRatio);
        if (!isInPlace)
        {
            output.WriteLine(line);
            return;
        }
        if (line.Length > Width)
            line = line[..Width];
        output.Write('\r' + line.PadRight(standing));
        standing = line.Length;
    }

    /// <inheritdoc/>
    public void Alerted(GradientMonitor monitor, GradientAlert alert)
    {
        last = monitor;
        Clear();
        output.WriteLine($"warning: {alert}");
    }

    /// <summary>Prints the closing line.</summary>
    public void Dispose()
    {
        Clear();
        if (last is null)
            return;
        var worst = last.Summaries().FirstOrDefault(s => s.Verdict is not (GradientVerdict.Healthy or GradientVerdict.Unknown or GradientVerdict.Frozen))?.Parameter;
        output.WriteLine($"gradients, {last.Observations} observations to step {last.Step}: {last.Advice}{(worst is null || last.Advice.Contains(worst, StringComparison.Ordinal) ? "" : $" Look at '{worst}' first.")}{(last.ReportPath is { } path ? $" Report: {path}" : "")}");
        output.Flush();
        last = null;
    }

    /// <summary>One less than the terminal has: in the last column it would begin a new line.</summary>
    private static int Width
    {
        get
        {
            try
            {
                return Console.WindowWidth > 20 ? Console.WindowWidth - 1 : 79;
            }
            catch (IOException)
            {
                return 79;
            }
        }
    }

    private void Clear()
    {
        if (standing > 0)
            output.Write('\r' + new string(' ', standing) + '\r');
        standing = 0;
    }

    private static string Part(string name, double value) =>
        double.IsNaN(value) ? "" : string.Create(CultureInfo.InvariantCulture, $"  {name} {value:G3}");
}
