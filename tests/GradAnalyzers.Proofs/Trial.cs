using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using static TorchSharp.torch;

namespace GradAnalyzers.Proofs;

/// <summary>One training of a program.</summary>
/// <param name="Figure">What the program measured; for one that stopped, the number of rounds it came through.</param>
/// <param name="Curve">What it noted in each round.</param>
/// <param name="Stopped">The exception that ended it, null where none did.</param>
internal sealed record Trial(double Figure, IReadOnlyList<double> Curve, string? Stopped)
{
    /// <summary>Trains with each of the seeds.</summary>
    public static async Task<IReadOnlyList<Trial>> Of(ProgramSource program, IEnumerable<int> seeds, CancellationToken cancellation)
    {
        var context = new AssemblyLoadContext(null, isCollectible: true);
        var run = Training(context, await program.Compile(cancellation)).GetMethod("Run")!.CreateDelegate<Func<int, List<double>, double>>();
        var trials = seeds.Select(seed => Of(run, seed)).ToList();
        context.Unload();
        return trials;
    }

    /// <summary>What the monitor measures in a program that has a method <c>Measure</c>, as its evidence file; null for one that has none.</summary>
    public static async Task<string?> Measure(ProgramSource program, string file, CancellationToken cancellation)
    {
        var context = new AssemblyLoadContext(null, isCollectible: true);
        var measure = Training(context, await program.Compile(cancellation)).GetMethod("Measure")?.CreateDelegate<Action<string>>();
        if (measure is not null)
        {
            Of((_, _) =>
            {
                measure(file);
                return 0;
            }, seed: 0);
        }

        context.Unload();
        return measure is null ? null : await File.ReadAllTextAsync(file, cancellation);
    }

    private static Type Training(AssemblyLoadContext context, byte[] assembly)
    {
        // Small networks are faster so, and sums are the same with any number of cores.
        set_num_threads(1);
        return context.LoadFromStream(new MemoryStream(assembly)).GetType("Training")!;
    }

    private static Trial Of(Func<int, List<double>, double> run, int seed)
    {
        Trial? trial = null;
        ExceptionDispatchInfo? failure = null;
        // On a thread of its own: whether gradients are on belongs to the thread.
        var thread = new Thread(() =>
        {
            var curve = new List<double>();
            try
            {
                using var scope = NewDisposeScope();
                trial = new(run(seed, curve), curve, null);
            }
            catch (ExternalException exception)
            {
                // What libtorch throws: a training that cannot go on.
                trial = new(curve.Count, curve, exception.Message.Split('\n')[0]);
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        return trial!;
    }
}
