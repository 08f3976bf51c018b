using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Measures a model's gradients: keeps the table of its parameters, renews it when the model changed, and brings every observation back in one read.
/// </summary>
internal sealed class Measurements(nn.Module model) : IDisposable
{
    private ParameterTable? table;
    private float[] buffer = [];

    /// <summary>The table that the last measurement used.</summary>
    public ParameterTable Table => table ??= new ParameterTable(model);

    /// <summary>How often the table was read: what refers to positions in it is void after a change.</summary>
    public int TableVersion { get; private set; }

    /// <summary>The loss that was read back with the last measurement, or NaN.</summary>
    public double Loss { get; private set; }

    /// <summary>Reads the table again where the model changed. Walks the modules.</summary>
    public void Refresh()
    {
        if (table is not null && table.IsOutdated())
            Renew();
    }

    /// <returns>One entry for each of <see cref="ParameterTable.Measured"/>, in the same order.</returns>
    public ParameterGradient[] Measure(bool detailed, Tensor? loss)
    {
        using var _ = no_grad();
        if (Table.GainedGradients)
            Renew();
        try
        {
            if (TryMeasure(detailed, loss) is { } measured)
                return measured;
        }
        catch (Exception e) when (e is InvalidOperationException or System.Runtime.InteropServices.ExternalException)
        {
            // A parameter of the table was disposed or moved, or a gradient became sparse: a fresh table knows. If it does not, the second failure is thrown.
        }
        Renew();
        return TryMeasure(detailed, loss) ?? throw new InvalidOperationException("a gradient disappeared while it was measured: is the model trained on another thread at the same time?");
    }

    public void Renew()
    {
        table?.Dispose();
        table = null;
        TableVersion++;
    }

    public void Dispose() => Renew();

    private ParameterGradient[]? TryMeasure(bool detailed, Tensor? loss)
    {
        var groups = Table.Groups;
        Loss = double.NaN;
        if (groups.Count == 0)
            return [];
        var answers = new Tensor[groups.Count];
        try
        {
            for (var i = 0; i < groups.Count; i++)
            {
                // The loss travels with the gradients of its device.
                Tensor[] extra = i == 0 && loss is not null ? [loss] : [];
                answers[i] = detailed ? DeviceStatistics.Details(groups[i], extra) : DeviceStatistics.Norms(groups[i], extra);
                if (answers[i].numel() == 0)
                    return null;
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
            using var here = answers[0].cpu();
            Copy(here);
            return;
        }
        using var scope = NewDisposeScope();
        Copy(cat([.. answers.Select(a => a.to(answers[0].device))]).cpu());
    }

    private void Copy(Tensor here)
    {
        var data = here.data<float>();
        if (buffer.Length < data.Count)
            buffer = new float[data.Count];
        data.CopyTo(buffer);
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
    /// float32 squares end at 1e-38 and 1e38: norms below 1e-18, or not finite, are computed again in float64, which also counts the elements that are not finite.
    /// A gradient that is exactly zero needs no second look.
    /// </summary>
    private static void LookTwice(ParameterGroup group, Span<ParameterGradient> gradients, bool detailed)
    {
        List<int>? doubtful = null;
        for (var i = 0; i < gradients.Length; i++)
        {
            var norm = gradients[i].Norm;
            var isTooSmall = detailed && norm < 1e-18 && gradients[i].ZeroShare < 1;
            if (isTooSmall || !double.IsFinite(norm))
                (doubtful ??= []).Add(i);
        }
        if (doubtful is null)
            return;
        if (!group.SupportsDouble)
        {
            foreach (var i in doubtful)
                if (!double.IsFinite(gradients[i].Norm))
                    gradients[i] = gradients[i] with { NonFinite = 1 };
            return;
        }
        var careful = DeviceStatistics.Careful([.. doubtful.Select(i => group.All[i])]);
        for (var i = 0; i < doubtful.Count; i++)
            gradients[doubtful[i]] = gradients[doubtful[i]] with { Norm = careful[i], NonFinite = (long)careful[doubtful.Count + i] };
    }
}
