using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Follows how often parameters and gradients are written in place. PyTorch counts the writes of every tensor: an optimizer's step adds to a parameter's count;
/// backward adds one to the count of a gradient that is still there, and clearing it in place another one.
/// </summary>
internal sealed class WriteCounts : IDisposable
{
    private readonly Dictionary<string, Tensor> copies = [];
    private readonly Dictionary<string, int> unchanged = [];
    private long[] before = [];
    private int tableVersion = -1;
    private long stepBefore;
    private long ownWrites;
    private int uncleared;

    /// <summary>How many windows in a row every gradient was added to and none cleared.</summary>
    public int UnclearedWindows => uncleared;

    /// <summary>The monitor wrote into every gradient once: clipping.</summary>
    public void CountOwnWrite() => ownWrites++;

    /// <summary>The monitor wrote into some gradients, or took them away: this window says nothing.</summary>
    public void SpoilWindow() => ownWrites = long.MinValue / 2;

    /// <returns>The parameters that have a gradient and stayed the same, with how many windows long.</returns>
    public IReadOnlyList<(WatchedParameter Parameter, int Windows)> Look(Measurements measurements, ParameterGradient[] gradients, long step)
    {
        var measured = measurements.Table.Measured;
        var now = new long[2 * measured.Count];
        var position = 0;
        foreach (var group in measurements.Table.Groups)
        {
            var versions = DeviceStatistics.Versions(group.All);
            versions.AsSpan(0, group.All.Length).CopyTo(now.AsSpan(position));
            versions.AsSpan(group.All.Length).CopyTo(now.AsSpan(measured.Count + position));
            position += group.All.Length;
        }
        var result = new List<(WatchedParameter, int)>();
        if (tableVersion == measurements.TableVersion && before.Length == now.Length && measured.Count > 0)
        {
            var steps = step - stepBefore;
            var isUncleared = true;
            var suspects = new List<WatchedParameter>();
            for (var i = 0; i < measured.Count; i++)
            {
                isUncleared &= now[measured.Count + i] - before[measured.Count + i] == steps + ownWrites;
                if (now[i] == before[i] && gradients[i].Norm > 0)
                    suspects.Add(measured[i]);
                else
                    Forget(measured[i].Path);
            }
            uncleared = isUncleared ? uncleared + 1 : 0;
            result = Unchanged(suspects);
        }
        else
        {
            ForgetAll();
            uncleared = 0;
        }
        (before, tableVersion, stepBefore, ownWrites) = (now, measurements.TableVersion, step, 0);
        return result;
    }

    public void Dispose() => ForgetAll();

    /// <summary>The count says that nothing wrote; a copy proves it, since <c>.data</c> has a count of its own.</summary>
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
