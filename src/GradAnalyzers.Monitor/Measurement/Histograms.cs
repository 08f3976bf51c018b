using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>Histograms of magnitudes, counted where the tensors are and brought back in one read for each device.</summary>
internal static class Histograms
{
    public static List<ParameterHistogram> Of(HistogramOf of, IReadOnlyList<(string Path, Tensor Value)> tensors)
    {
        var result = new List<ParameterHistogram>();
        foreach (var device in tensors.GroupBy(t => (t.Value.device_type, t.Value.device_index)))
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            (string Path, Tensor Value)[] here = [.. device];
            // Counts of several million elements need more than float32.
            var read = cat([.. here.Select(t => Row(t.Value))]).cpu().data<double>().ToArray();
            const int width = ParameterHistogram.Bins + 2;
            for (var i = 0; i < here.Length; i++)
                result.Add(new(here[i].Path, of, [.. read.AsSpan(i * width, ParameterHistogram.Bins).ToArray().Select(c => (long)c)], (long)read[i * width + width - 2], read[i * width + width - 1]));
        }
        return result;
    }

    private static Tensor Row(Tensor tensor)
    {
        var flat = (tensor.is_sparse ? tensor.to_dense() : tensor).detach().flatten().to(ScalarType.Float32).abs();
        var exponent = ((flat.log10() - ParameterHistogram.SmallestExponent) * 2).floor().clamp(0, ParameterHistogram.Bins - 1).nan_to_num(0);
        var isZero = flat == 0;
        var counts = bincount(exponent.to(ScalarType.Int64), minlength: ParameterHistogram.Bins).to(ScalarType.Float64);
        var zeros = isZero.sum().to(ScalarType.Float64);
        counts[0] = counts[0] - zeros;
        return cat([counts, zeros.view(1), flat.to(ScalarType.Float64).norm().view(1)]);
    }
}
