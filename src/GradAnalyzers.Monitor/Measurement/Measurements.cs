using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Measures a model's gradients: keeps the table of its parameters, renews it when the model changed, and brings every observation back in one read.
/// </summary>
internal sealed class Measurements(nn.Module model) : IDisposable
{
    /// <summary>A smaller factor is no normal number in float32.</summary>
    private const double SmallestFactor = 1e-30, PowerOfTwo = 1.0 / (1L << 62);

    /// <summary>In float32, squares of elements below it are lost; in float64, below <see cref="SmallestDoubleNorm"/>.</summary>
    private const double SmallestNorm = 1e-16, SmallestDoubleNorm = 1e-150;

    /// <summary>What the library adds to the norm before it divides, so that results agree with it.</summary>
    private const double LibraryMargin = 1e-6;

    private ParameterTable? table;
    private double[] buffer = [];

    /// <summary>The table that the last measurement used.</summary>
    public ParameterTable Table => table ??= new ParameterTable(model);

    /// <summary>How often the table was read: what refers to positions in it is void after a change.</summary>
    public int TableVersion { get; private set; }

    /// <summary>The loss that was read back with the last measurement, or NaN.</summary>
    public double Loss { get; private set; }

    /// <summary>
    /// Scales the gradients of the model as it is now: parameters that were added, replaced or unfrozen since the last call are in it.
    /// </summary>
    /// <param name="limit">The largest norm to leave.</param>
    /// <param name="each">The limit holds for each gradient by itself, not for the norm over all.</param>
    /// <param name="detailed">Measure more than norms before the scaling.</param>
    public Clipping Clip(double limit, bool each, bool detailed)
    {
        using var _ = inference_mode();
        if (table is null || !table.HasCurrentShape)
            Renew();
        try
        {
            return ClipOnce(limit, each, detailed);
        }
        catch (Exception e) when (e is InvalidOperationException or ExternalException)
        {
            // See Measure. Where part of the gradients was scaled already, their norm is taken anew, and the limit holds still.
            Renew();
            return ClipOnce(limit, each, detailed);
        }
    }

    /// <summary>Reads the table again where the model changed. Walks the modules.</summary>
    public void Refresh()
    {
        if (table is not null && table.IsOutdated())
            Renew();
    }

    /// <returns>One entry for each of <see cref="ParameterTable.Measured"/>, in the same order.</returns>
    public ParameterGradient[] Measure(bool detailed, Tensor? loss)
    {
        // As no_grad, and each of the many small calls is cheaper.
        using var _ = inference_mode();
        if (Table.GainedGradients)
            Renew();
        try
        {
            return MeasureOnce(detailed, loss);
        }
        catch (Exception e) when (e is InvalidOperationException or ExternalException)
        {
            // A parameter of the table was disposed or moved, lost its gradient, or has a sparse one now: a fresh table knows. If it does not, the second failure is thrown.
            Renew();
            return MeasureOnce(detailed, loss);
        }
    }

    public void Renew()
    {
        table?.Dispose();
        table = null;
        TableVersion++;
    }

    public void Dispose() => Renew();

    private Clipping ClipOnce(double limit, bool each, bool detailed)
    {
        if (!each && !detailed && Table.Groups is [{ IsAccelerated: false } group])
        {
            if (DirectArithmetic.Suits(group, Table.Absent.Length) && DirectArithmetic.Clip(group, Table.Absent, limit, LibraryMargin, SmallestNorm) is { } small)
            {
                var these = new ParameterGradient[small.Norms.Length];
                for (var i = 0; i < these.Length; i++)
                    these[i] = new(group.Members[i].Path, small.Norms[i]);
                return new(these, Norm(these), small.Factor < 1 ? these.Length : 0) { IsUncounted = true };
            }
            using var answer = DeviceStatistics.Clip(group, Table.Absent, limit);
            if (answer.numel() > 0)
            {
                Copy(answer);
                var measured = new ParameterGradient[group.Members.Count];
                for (var i = 0; i < measured.Length; i++)
                    measured[i] = Gradient(group.Members[i], i, 0);
                var (norm, factor) = (Norm(measured), buffer[measured.Length]);
                // A little more than in the script, so that rounding can't leave a norm between the two: at worst it is clipped twice.
                if (factor > SmallestFactor && norm >= 1.001 * SmallestNorm)
                    return new(measured, norm, factor < 1 ? measured.Length : 0);
            }
        }
        if (Table.GainedGradients)
            Renew();
        var gradients = MeasureOnce(detailed, null);
        if (gradients.Length > 0 && Norm(gradients) < SmallestNorm)
            LookAgain(gradients);
        var total = Norm(gradients);
        if (!double.IsFinite(total))
            return new(gradients, total, 0);
        var factors = each
            ? Array.ConvertAll(gradients, g => g.Norm > limit ? limit / g.Norm : 1)
            : limit / (total + LibraryMargin) is < 1 and var one ? Enumerable.Repeat(one, gradients.Length).ToArray() : [];
        return new(gradients, total, Scale(factors, each));
    }

    private int Scale(double[] factors, bool each)
    {
        int clipped = 0, position = 0;
        foreach (var group in factors.Length == 0 ? [] : Table.Groups)
        {
            int[] large = [.. Enumerable.Range(0, group.All.Length).Where(i => factors[position + i] < 1)];
            if (large.Length > 0)
            {
                // What float32 can't hold as one factor it can as several; powers of two are exact.
                for (int[] far = large; (far = [.. far.Where(i => factors[position + i] is > 0 and < SmallestFactor)]).Length > 0;)
                {
                    using var part = tensor(PowerOfTwo, group.FactorType, group.All[0].device);
                    DeviceStatistics.Scale([.. far.Select(i => group.All[i])], part);
                    foreach (var i in far)
                        factors[position + i] /= PowerOfTwo;
                }
                var rest = Array.ConvertAll(large, i => factors[position + i]);
                using var factor = each ? tensor(rest, group.FactorType, group.All[0].device) : tensor(rest[0], group.FactorType, group.All[0].device);
                DeviceStatistics.Scale([.. large.Select(i => group.All[i])], factor);
            }
            clipped += large.Length;
            position += group.All.Length;
        }
        return clipped;
    }

    public static double Norm(ParameterGradient[] gradients)
    {
        double squares = 0;
        foreach (var gradient in gradients)
            squares += gradient.Norm * gradient.Norm;
        if (squares is >= 1e-290 and <= 1e290 || double.IsNaN(squares) || gradients.Length == 0)
            return Math.Sqrt(squares);
        // beyond the range of squares
        var largest = gradients.Max(g => g.Norm);
        return largest == 0 || !double.IsFinite(largest) ? largest : largest * Math.Sqrt(gradients.Sum(g => g.Norm / largest * (g.Norm / largest)));
    }

    private ParameterGradient[] MeasureOnce(bool detailed, Tensor? loss)
    {
        var groups = Table.Groups;
        Loss = double.NaN;
        if (Table.Parameters.Count == 0)
            throw new InvalidOperationException("the model has no parameters any more; perhaps it was disposed");
        if (groups.Count == 0)
            return [];
        if (!detailed && loss is null && groups is [var only] && DirectArithmetic.Suits(only, absent: 0) && DirectArithmetic.Norms(only) is { } norms)
        {
            var direct = new ParameterGradient[norms.Length];
            for (var i = 0; i < direct.Length; i++)
                direct[i] = new(only.Members[i].Path, norms[i]);
            LookTwice(only, direct, detailed: false);
            return direct;
        }
        if (detailed && loss is null && groups is [var alone] && DirectArithmetic.Suits(alone, absent: 0) && DirectArithmetic.Details(alone) is { } details)
        {
            LookTwice(alone, details, detailed: true);
            return details;
        }
        var answers = new Tensor[groups.Count];
        try
        {
            for (var i = 0; i < groups.Count; i++)
            {
                // The loss travels with the gradients of its device.
                Tensor[] extra = i == 0 && loss is not null ? [loss] : [];
                answers[i] = detailed ? DeviceStatistics.Details(groups[i], extra) : DeviceStatistics.Norms(groups[i], extra);
            }
            Read(answers);
        }
        finally
        {
            foreach (var answer in answers)
                answer?.Dispose();
        }
        var result = new ParameterGradient[Table.Measured.Count];
        int position = 0, offset = 0;
        for (var i = 0; i < groups.Count; i++)
        {
            var members = groups[i].Members;
            for (var m = 0; m < members.Count; m++)
                result[position + m] = Gradient(members[m], offset + m, detailed ? members.Count : 0);
            offset += detailed ? 4 * members.Count : members.Count;
            if (i == 0 && loss is not null)
                Loss = buffer[offset++];
            LookTwice(groups[i], result.AsSpan(position, members.Count), detailed);
            position += members.Count;
        }
        return result;
    }

    /// <summary>The one read-back: what lies on several devices is gathered on the first.</summary>
    private void Read(Tensor[] answers)
    {
        if (answers.Length == 1)
        {
            if (answers[0].device_type == TorchSharp.DeviceType.CPU)
            {
                Copy(answers[0]);
                return;
            }
            using var here = answers[0].cpu();
            Copy(here);
            return;
        }
        using var scope = NewDisposeScope();
        Copy(cat([.. answers.Select(a => a.to(answers[0].device))]).cpu());
    }

    private void Copy(Tensor here)
    {
        var count = (int)here.numel();
        if (buffer.Length < count)
            buffer = new double[count];
        if (here.dtype == ScalarType.Float64)
        {
            MemoryMarshal.Cast<byte, double>(here.bytes).CopyTo(buffer);
            return;
        }
        var data = MemoryMarshal.Cast<byte, float>(here.bytes);
        for (var i = 0; i < count; i++)
            buffer[i] = data[i];
    }

    private ParameterGradient Gradient(WatchedParameter parameter, int at, int planeSize)
    {
        var gradient = new ParameterGradient(parameter.Path, buffer[at]);
        return planeSize == 0 ? gradient : gradient with
        {
            MeanAbsolute = buffer[at + planeSize] / (double)parameter.Elements,
            Maximum = buffer[at + 2 * planeSize],
            ZeroShare = buffer[at + 3 * planeSize] / (double)parameter.Elements,
        };
    }

    /// <summary>
    /// float32 squares end at 1e38, float64 squares at 1e308 and 1e-308: norms beyond are computed again, which also counts the elements that are not finite.
    /// Rare, so the further read-back is no cost.
    /// </summary>
    private static void LookTwice(ParameterGroup group, Span<ParameterGradient> gradients, bool detailed)
    {
        List<int>? doubtful = null;
        for (var i = 0; i < gradients.Length; i++)
            if (!double.IsFinite(gradients[i].Norm) || gradients[i].Norm < SmallestDoubleNorm && group.IsDouble(i))
                (doubtful ??= []).Add(i);
        if (doubtful is null)
            return;
        if (!group.SupportsDouble)
        {
            foreach (var i in doubtful)
                gradients[i] = gradients[i] with { NonFinite = 1 };
            return;
        }
        Correct(group, gradients, doubtful, detailed);
    }

    private static void Correct(ParameterGroup group, Span<ParameterGradient> gradients, List<int> doubtful, bool detailed)
    {
        Tensor[] tensors = [.. doubtful.Select(i => group.All[i])];
        var careful = DeviceStatistics.Careful(tensors);
        var details = detailed ? DeviceStatistics.CarefulDetails(tensors) : [];
        for (var at = 0; at < doubtful.Count; at++)
        {
            ref var gradient = ref gradients[doubtful[at]];
            gradient = gradient with { Norm = careful[at], NonFinite = (long)careful[doubtful.Count + at] };
            var elements = (double)group.Members[doubtful[at]].Elements;
            if (detailed)
                gradient = gradient with { Maximum = details[at], MeanAbsolute = details[doubtful.Count + at] / elements, ZeroShare = details[2 * doubtful.Count + at] / elements };
        }
    }

    /// <summary>All norms together are so small that squares may be lost: each is computed again.</summary>
    private void LookAgain(ParameterGradient[] gradients)
    {
        var position = 0;
        foreach (var group in Table.Groups)
        {
            if (group.SupportsDouble)
                Correct(group, gradients.AsSpan(position, group.All.Length), [.. Enumerable.Range(0, group.All.Length)], detailed: false);
            position += group.All.Length;
        }
    }
}

/// <summary>What clipping measured and did.</summary>
/// <param name="Gradients">Before the scaling, in the order of <see cref="ParameterTable.Measured"/>.</param>
/// <param name="Norm">Their norm together; NaN or infinite where an element is, and then nothing was scaled.</param>
/// <param name="Count">How many gradients were scaled.</param>
internal readonly record struct Clipping(ParameterGradient[] Gradients, double Norm, int Count)
{
    /// <summary>What was scaled does not show in PyTorch's count of writes.</summary>
    public bool IsUncounted { get; init; }
}
