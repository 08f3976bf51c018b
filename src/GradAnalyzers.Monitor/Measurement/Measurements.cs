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
        // As no_grad, and each of the many small calls is cheaper.
        using var _ = inference_mode();
        if (Table.GainedGradients)
            Renew();
        try
        {
            return MeasureOnce(detailed, loss);
        }
        catch (Exception e) when (e is InvalidOperationException or System.Runtime.InteropServices.ExternalException)
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

    private ParameterGradient[] MeasureOnce(bool detailed, Tensor? loss)
    {
        var groups = Table.Groups;
        Loss = double.NaN;
        if (Table.Parameters.Count == 0)
            throw new InvalidOperationException("the model has no parameters any more; perhaps it was disposed");
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
            LookTwice(groups[i], result.AsSpan(position, members.Count));
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
    /// float32 squares end at 1e38: norms that are not finite are computed again in float64, which also counts the elements that are not finite.
    /// Rare, so the further read-back is no cost.
    /// </summary>
    private static void LookTwice(ParameterGroup group, Span<ParameterGradient> gradients)
    {
        List<int>? doubtful = null;
        for (var i = 0; i < gradients.Length; i++)
            if (!double.IsFinite(gradients[i].Norm))
                (doubtful ??= []).Add(i);
        if (doubtful is null)
            return;
        if (!group.SupportsDouble)
        {
            foreach (var i in doubtful)
                gradients[i] = gradients[i] with { NonFinite = 1 };
            return;
        }
        var careful = DeviceStatistics.Careful([.. doubtful.Select(i => group.All[i])]);
        for (var i = 0; i < doubtful.Count; i++)
            gradients[doubtful[i]] = gradients[doubtful[i]] with { Norm = careful[i], NonFinite = (long)careful[doubtful.Count + i] };
    }
}
