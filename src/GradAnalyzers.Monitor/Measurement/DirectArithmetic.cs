using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Norms and scaling of float32 gradients in the processor's memory, where they lie: a call into the native library costs more than the arithmetic on a small gradient, and
/// up to some million elements these loops are the faster ones (measured; see <c>docs/monitor.md</c>).
/// </summary>
internal static class DirectArithmetic
{
    /// <summary>Each gradient here needs a handle. Up to this many the whole is still the faster way (measured with 40, 200 and 1,000 gradients).</summary>
    private const int MostTensors = 1_000;

    /// <summary>This is one thread against all of the library's: against one, it is ahead at every size; against more, over this many elements divided by them.</summary>
    private const long MostElements = 4_194_304, MostElementsAlone = 100_000_000;

    /// <summary>Elements in one sum of float32: a multiple of four vectors of any width.</summary>
    private const int Block = 8192;

    /// <summary>Below it, squares of float32 are lost.</summary>
    private const double SmallestSquare = 1e-32;

    public static bool Suits(ParameterGroup group, int absent) =>
        !group.IsAccelerated && group.Other.Length == 0 && group.All.Length + absent <= MostTensors && group.Elements <= (get_num_threads() is > 1 and var threads ? MostElements / threads : MostElementsAlone);

    /// <returns>The norms; null where this way does not suit the gradients after all.</returns>
    public static double[]? Norms(ParameterGroup group)
    {
        var norms = new double[group.All.Length];
        for (var i = 0; i < norms.Length; i++)
        {
            using var gradient = group.All[i].grad;
            if (gradient is null || !Suits(gradient))
                return null;
            norms[i] = Math.Sqrt(SumOfSquares(Numbers(gradient)));
        }
        return norms;
    }

    /// <returns>Norm, mean absolute value, maximum and share of zeros, in one pass; null where this way does not suit the gradients after all.</returns>
    public static ParameterGradient[]? Details(ParameterGroup group)
    {
        var details = new ParameterGradient[group.All.Length];
        for (var i = 0; i < details.Length; i++)
        {
            using var gradient = group.All[i].grad;
            if (gradient is null || !Suits(gradient))
                return null;
            var (squares, total, top, zeros) = Sums(Numbers(gradient));
            double elements = gradient.numel();
            details[i] = new(group.Members[i].Path, Math.Sqrt(squares)) { MeanAbsolute = total / elements, Maximum = top, ZeroShare = zeros / elements };
        }
        return details;
    }

    /// <returns>The norms and the factor, limit / (norm + margin); null where this way does not suit the gradients after all, and then nothing was written.</returns>
    public static (double[] Norms, double Factor)? Clip(ParameterGroup group, Tensor[] absent, double limit, double margin, double smallestNorm)
    {
        foreach (var tensor in absent)
        {
            using var gained = tensor.grad;
            if (gained is not null && gained.numel() > 0)
                return null;
        }
        var gradients = new Tensor?[group.All.Length];
        try
        {
            var norms = new double[gradients.Length];
            var squares = 0.0;
            for (var i = 0; i < gradients.Length; i++)
            {
                if ((gradients[i] = group.All[i].grad) is not { } gradient || !Suits(gradient))
                    return null;
                var sum = SumOfSquares(Numbers(gradient));
                norms[i] = Math.Sqrt(sum);
                squares += sum;
            }
            var norm = Math.Sqrt(squares);
            var factor = limit / (norm + margin);
            if (norm < smallestNorm || !double.IsFinite(norm) || (float)factor is 0 or < 1e-30f)
                return null;
            if (factor < 1)
                for (var i = gradients.Length - 1; i >= 0; i--)
                    Scale(Numbers(gradients[i]!), (float)factor);
            return (norms, factor);
        }
        finally
        {
            foreach (var gradient in gradients)
                gradient?.Dispose();
        }
    }

    /// <returns>The first values of each parameter, zeros where it has fewer; null where one of them does not lie here as float32.</returns>
    public static float[]? FirstValues(Tensor[] parameters, int count)
    {
        var values = new float[parameters.Length * count];
        for (var i = 0; i < parameters.Length; i++)
        {
            if (!Suits(parameters[i]))
                return null;
            var numbers = Numbers(parameters[i]);
            numbers[..Math.Min(count, numbers.Length)].CopyTo(values.AsSpan(i * count));
        }
        return values;
    }

    private static bool Suits(Tensor tensor) =>
        tensor.dtype == ScalarType.Float32 && !tensor.is_sparse && tensor.device_type == DeviceType.CPU && tensor.is_contiguous();

    private static Span<float> Numbers(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    private static (double Squares, double Total, float Top, long Zeros) Sums(ReadOnlySpan<float> numbers)
    {
        var lanes = Vector<float>.Count;
        var whole = numbers.Length - numbers.Length % (2 * lanes);
        var (squares, total, zeros) = (0.0, 0.0, 0L);
        var (top, top2) = (Vector<float>.Zero, Vector<float>.Zero);
        ref var first = ref MemoryMarshal.GetReference(numbers);
        for (var from = 0; from < whole;)
        {
            var (a, b, c, d) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
            var (e, f) = (Vector<int>.Zero, Vector<int>.Zero);
            var to = Math.Min(whole, from + Block);
            for (; from < to; from += 2 * lanes)
            {
                var w = Vector.Abs(Vector.LoadUnsafe(ref first, (nuint)from));
                var x = Vector.Abs(Vector.LoadUnsafe(ref first, (nuint)(from + lanes)));
                a += w * w;
                b += x * x;
                c += w;
                d += x;
                top = Vector.Max(top, w);
                top2 = Vector.Max(top2, x);
                e -= Vector.Equals(w, Vector<float>.Zero);
                f -= Vector.Equals(x, Vector<float>.Zero);
            }
            squares += Vector.Sum(a + b);
            total += Vector.Sum(c + d);
            zeros += Vector.Sum(e + f);
        }
        top = Vector.Max(top, top2);
        var largest = 0f;
        for (var i = 0; i < lanes; i++)
            largest = Math.Max(largest, top[i]);
        foreach (var number in numbers[whole..])
        {
            var size = Math.Abs(number);
            squares += (double)size * size;
            total += size;
            largest = Math.Max(largest, size);
            zeros += size == 0 ? 1 : 0;
        }
        // What float32 can't square, float64 can.
        if (squares < SmallestSquare && largest > 0)
        {
            squares = 0;
            foreach (var number in numbers)
                squares += (double)number * number;
        }
        return (squares, total, largest, zeros);
    }

    public static double SumOfSquares(ReadOnlySpan<float> numbers)
    {
        // Four sums, so that one addition need not wait for the other. They are emptied into a double every so often, which keeps seven digits of large gradients too.
        var lanes = Vector<float>.Count;
        var whole = numbers.Length - numbers.Length % (4 * lanes);
        var sum = 0.0;
        for (var from = 0; from < whole;)
        {
            var (a, b, c, d) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
            var to = Math.Min(whole, from + Block);
            ref var first = ref MemoryMarshal.GetReference(numbers);
            for (; from < to; from += 4 * lanes)
            {
                var w = Vector.LoadUnsafe(ref first, (nuint)from);
                var x = Vector.LoadUnsafe(ref first, (nuint)(from + lanes));
                var y = Vector.LoadUnsafe(ref first, (nuint)(from + 2 * lanes));
                var z = Vector.LoadUnsafe(ref first, (nuint)(from + 3 * lanes));
                a += w * w;
                b += x * x;
                c += y * y;
                d += z * z;
            }
            sum += Vector.Sum(a + b + (c + d));
        }
        foreach (var number in numbers[whole..])
            sum += (double)number * number;
        return sum;
    }

    private static void Scale(Span<float> numbers, float factor)
    {
        var whole = numbers.Length - numbers.Length % Vector<float>.Count;
        ref var first = ref MemoryMarshal.GetReference(numbers);
        for (var i = whole; i < numbers.Length; i++)
            numbers[i] *= factor;
        // Backwards: what was read last is still in the cache.
        for (var i = whole - Vector<float>.Count; i >= 0; i -= Vector<float>.Count)
            (Vector.LoadUnsafe(ref first, (nuint)i) * factor).StoreUnsafe(ref first, (nuint)i);
    }
}
