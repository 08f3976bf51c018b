using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>Histograms of magnitudes. float32 in the processor's memory is counted there; anything else where it is, and brought back in one read for each device.</summary>
internal static class Histograms
{
    /// <summary>The upper bits of a float32, exponent and seven bits of the fraction, say its bin to less than a hundredth of its value.</summary>
    private const int LowerBits = 16, Cells = 1 << 15;

    /// <summary>A sum of ones in float32 is exact up to this.</summary>
    private const long MostExact = 1 << 24;

    private static readonly byte[] BinOfCell = [.. Enumerable.Range(0, Cells).Select(cell => (byte)BinOf(BitConverter.Int32BitsToSingle((cell << LowerBits) + (1 << (LowerBits - 1)))))];

    public static List<ParameterHistogram> Of(HistogramOf of, IReadOnlyList<(string Path, Tensor Value)> tensors)
    {
        using var _ = no_grad();
        var result = new ParameterHistogram[tensors.Count];
        var others = new List<int>();
        for (var i = 0; i < result.Length; i++)
            if (tensors[i].Value is { dtype: ScalarType.Float32, is_sparse: false, device_type: DeviceType.CPU } value && value.is_contiguous())
                result[i] = Direct(tensors[i].Path, of, MemoryMarshal.Cast<byte, float>(value.bytes));
            else
                others.Add(i);
        foreach (var device in others.GroupBy(i => (tensors[i].Value.device_type, tensors[i].Value.device_index)))
        {
            using var scope = NewDisposeScope();
            int[] here = [.. device];
            var read = cat([.. here.Select(i => Row(tensors[i].Value))]).cpu().data<double>().ToArray();
            const int width = ParameterHistogram.Bins + 2;
            for (var i = 0; i < here.Length; i++)
                result[here[i]] = new(tensors[here[i]].Path, of, [.. read.AsSpan(i * width, ParameterHistogram.Bins).ToArray().Select(c => (long)c)], (long)read[i * width + width - 2], read[i * width + width - 1]);
        }
        return [.. result];
    }

    private static ParameterHistogram Direct(string path, HistogramOf of, ReadOnlySpan<float> numbers)
    {
        // Two counts in turn: neighbours often fall into one bin, and then one addition would wait for the other.
        var (counts, odd) = (new long[ParameterHistogram.Bins], new long[ParameterHistogram.Bins]);
        var bits = MemoryMarshal.Cast<float, int>(numbers);
        var zeros = 0L;
        for (var i = 0; i < bits.Length; i++)
        {
            var size = bits[i] & int.MaxValue;
            ((i & 1) == 0 ? counts : odd)[BinOfCell[size >> LowerBits]]++;
            zeros += size == 0 ? 1 : 0;
        }
        for (var bin = 0; bin < counts.Length; bin++)
            counts[bin] += odd[bin];
        counts[0] -= zeros;
        return new(path, of, counts, zeros, Math.Sqrt(DirectArithmetic.SumOfSquares(numbers)));
    }

    /// <summary>What is no number is counted with the largest.</summary>
    private static int BinOf(double size) =>
        double.IsFinite(size) ? (int)Math.Clamp(Math.Floor((Math.Log10(size) - ParameterHistogram.SmallestExponent) * 2), 0, ParameterHistogram.Bins - 1) : ParameterHistogram.Bins - 1;

    private static Tensor Row(Tensor tensor)
    {
        var flat = (tensor.is_sparse ? tensor.to_dense() : tensor).detach().flatten().to(ScalarType.Float32).abs();
        const double top = ParameterHistogram.SmallestExponent + ParameterHistogram.Bins / 2.0;
        var counts = zeros(ParameterHistogram.Bins, ScalarType.Float64, flat.device);
        foreach (var part in flat.split(MostExact))
            counts.add_(part.log10().nan_to_num(top, top, ParameterHistogram.SmallestExponent).clamp(ParameterHistogram.SmallestExponent, top).histc(ParameterHistogram.Bins, ParameterHistogram.SmallestExponent, (long)top));
        var none = (flat == 0).sum().to(ScalarType.Float64);
        counts[0] = counts[0] - none;
        return cat([counts, none.view(1), flat.to(ScalarType.Float64).norm().view(1)]);
    }
}
