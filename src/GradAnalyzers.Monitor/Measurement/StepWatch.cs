using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Watches whether steps do what they should: change every parameter that has a gradient, and clear the gradients before the next backward.
/// Both by values; PyTorch's counts of writes only tell a backward from a clearing.
/// </summary>
internal sealed class StepWatch : IDisposable
{
    /// <summary>Consecutive backwards without clearing, for each observation of patience, before it counts: a gradient that is added up on purpose is cleared earlier.</summary>
    public const int Accumulated = 20;

    /// <summary>Gradients looked at from call to call.</summary>
    private const int Probes = 3;

    /// <summary>Calls without a new backward before it is given up: a gradient that is replaced at each step has no count.</summary>
    private const int MostIdle = 3;

    /// <summary>1 - cosine of two gradients of which one is the other times a number, with float32's rounding.</summary>
    private const double SameDirection = 1e-12;

    private readonly Dictionary<string, Tensor> copies = [];
    private readonly Dictionary<string, int> unchanged = [];
    private float[] before = [];
    private int tableVersion = -1;

    private Tensor[] probes = [];
    private long[] counts = [];
    private double[] probe = [];
    private int idle;

    /// <summary>Backwards in a row that added to gradients without a clearing between them.</summary>
    public int Uncleared { get; private set; }

    /// <param name="measurements">With the table of the parameters.</param>
    /// <param name="gradients">Their gradients.</param>
    /// <param name="smallestNorm">A smaller gradient may well be lost in the last digit of the parameter; that is another fault.</param>
    /// <returns>The parameters that have a gradient and kept their values, with over how many looks.</returns>
    public IReadOnlyList<(WatchedParameter Parameter, int Windows)> Look(Measurements measurements, ParameterGradient[] gradients, double smallestNorm)
    {
        var measured = measurements.Table.Measured;
        var now = new float[measured.Count * DeviceStatistics.Samples];
        var position = 0;
        foreach (var group in measurements.Table.Groups)
        {
            DeviceStatistics.SampleValues(group.All).CopyTo(now, position);
            position += group.All.Length * DeviceStatistics.Samples;
        }
        var suspects = new List<WatchedParameter>();
        if (tableVersion == measurements.TableVersion && before.Length == now.Length)
            for (var i = 0; i < measured.Count; i++)
                if (gradients[i].Norm >= smallestNorm && now.AsSpan(i * DeviceStatistics.Samples, DeviceStatistics.Samples).SequenceEqual(before.AsSpan(i * DeviceStatistics.Samples, DeviceStatistics.Samples)))
                    suspects.Add(measured[i]);
                else
                    Forget(measured[i].Path);
        else
            ForgetAll();
        (before, tableVersion) = (now, measurements.TableVersion);
        return Unchanged(suspects);
    }

    /// <summary>From here on, follows a few gradients from call to call until one is cleared.</summary>
    public void Arm(IReadOnlyList<WatchedParameter> measured)
    {
        if (probes.Length > 0)
            return;
        WatchedParameter[] suited = [.. measured.Where(m => m is { HasSparseGradient: false, Elements: > 1 }).OrderBy(m => m.Elements).Take(Probes)];
        if (suited.Length == 0)
            return;
        probes = [.. suited.Select(s => (Tensor)s.Tensor)];
        (counts, probe) = (DeviceStatistics.GradientWrites(probes), Values());
        idle = 0;
    }

    /// <summary>At every call, after the clipping.</summary>
    /// <param name="ownWrites">Whether the clipping of this call wrote into every gradient in a way that PyTorch counts; null where it wrote into some.</param>
    public void See(bool? ownWrites)
    {
        if (probes.Length == 0)
            return;
        if (ownWrites is not { } counted || probes.Any(p => p.IsInvalid))
        {
            Disarm();
            return;
        }
        var (now, values) = (DeviceStatistics.GradientWrites(probes), Values());
        var own = counted ? 1 : 0;
        var writes = now.Zip(counts, (n, c) => n - c - own).Distinct().ToArray();
        if (writes is [0] && ++idle < MostIdle)
            (counts, probe) = (now, values);
        else if (writes is [1] && values.Any(v => v != 0))
        {
            // What was only scaled, by the library's clipping between two calls, says nothing.
            if (Distance(values, probe) > SameDirection)
                Uncleared++;
            (counts, probe, idle) = (now, values, 0);
        }
        else
        {
            Uncleared = 0;
            Disarm();
        }
    }

    public void Dispose()
    {
        ForgetAll();
        Disarm();
    }

    private void Disarm() => probes = [];

    private double[] Values()
    {
        using var gradient = probes[0].grad;
        if (gradient is null || gradient.is_sparse)
            return [];
        using var values = gradient.to(ScalarType.Float64);
        using var here = values.cpu();
        using var flat = here.flatten();
        return flat.data<double>().ToArray();
    }

    private static double Distance(double[] a, double[] b)
    {
        if (a.Length != b.Length)
            return 0;
        double product = 0, first = 0, second = 0;
        for (var i = 0; i < a.Length; i++)
            (product, first, second) = (product + a[i] * b[i], first + a[i] * a[i], second + b[i] * b[i]);
        return first == 0 || second == 0 ? 1 : 1 - Math.Abs(product) / Math.Sqrt(first * second);
    }

    /// <summary>The sample did not change; a copy proves that nothing did.</summary>
    private List<(WatchedParameter, int)> Unchanged(List<WatchedParameter> suspects)
    {
        var result = new List<(WatchedParameter, int)>();
        foreach (var suspect in suspects)
        {
            if (!copies.TryGetValue(suspect.Path, out var copy))
            {
                using var detached = suspect.Tensor.detach();
                copies[suspect.Path] = detached.clone().DetachFromDisposeScope();
                unchanged[suspect.Path] = 1;
            }
            else if (DeviceStatistics.Changed([suspect.Tensor], [copy])[0] == 0)
                result.Add((suspect, ++unchanged[suspect.Path]));
            else
                Forget(suspect.Path);
        }
        return result;
    }

    private void Forget(string path)
    {
        if (copies.Remove(path, out var copy))
            copy.Dispose();
        unchanged.Remove(path);
    }

    private void ForgetAll()
    {
        foreach (var copy in copies.Values)
            copy.Dispose();
        copies.Clear();
        unchanged.Clear();
    }
}
