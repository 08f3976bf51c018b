using System.Runtime.CompilerServices;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>
/// The test executable, started again with <see cref="Variable"/> set, trains until it is killed instead of running tests.
/// </summary>
internal static class KilledTraining
{
    public const string Variable = "GRADIENT_EVIDENCE_OF_A_KILLED_TRAINING";

    [ModuleInitializer]
    internal static void RunInstead()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } path)
            return;
        using var model = Training.Mlp();
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(new EvidenceFile(path, TimeSpan.Zero));
        Training.Steps(model, int.MaxValue, loss =>
        {
            if (monitor.Observe(loss) is { Step: 20 })
                Console.WriteLine("observed 20");
        });
    }
}
