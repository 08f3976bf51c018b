using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>What clipping leaves is what the library leaves or, where that is further from the truth, nearer to it: computed here in float64, scaled so that squares do not run over.</summary>
public class ClippingEqualityTests
{
    private static readonly ScalarType[] Types = [ScalarType.Float32, ScalarType.Float64, ScalarType.Float16, ScalarType.BFloat16];

    private static readonly double[] Sizes = [1e-45, 1e-38, 1e-30, 1e-20, 1e-7, 1, 1e3, 1e10, 1e30, 1e38, 1e100, 1e150, 1e200, 1e300];

    private static readonly double[] Limits = [1e-3, 0.3, 1, 1e6];

    public static TheoryData<ScalarType, double, double, bool> Cases
    {
        get
        {
            var cases = new TheoryData<ScalarType, double, double, bool>();
            foreach (var type in Types)
                foreach (var size in Sizes.Where(s => s <= Largest(type) / 10 && s >= Smallest(type)))
                    foreach (var relative in Limits)
                        foreach (var large in new[] { false, true })
                            cases.Add(type, size, relative, large);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ClippingIsAsExactAsTheLibraryOrMoreSo(ScalarType type, double size, double relative, bool large)
    {
        // one packed with its neighbours, one measured by itself
        long[] shape = large ? [100, 120] : [7, 5];
        Tensor[] gradients = [.. Enumerable.Range(0, 3).Select(_ => (randn(shape, ScalarType.Float64) * size).to(type))];
        Compare(gradients, relative);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public void AnyNumberOfTensors(int count) => Compare([.. Enumerable.Range(0, count).Select(i => randn(1 + i % 7))], 0.5);

    [Fact]
    public void SeveralTypesTogether() =>
        Compare([randn(5), randn(20_000), randn(5, ScalarType.Float64), randn(5).to(ScalarType.Float16), randn(20_000).to(ScalarType.BFloat16)], 0.3);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void SparseGradients(bool coalesced)
    {
        // row 1 twice: as the backward of an embedding leaves it
        var rows = tensor(new long[] { 1, 3, 1 }).unsqueeze(0);
        Tensor Sparse() => coalesced
            ? sparse_coo_tensor(tensor(new long[] { 1, 3 }).unsqueeze(0), tensor(new float[] { 2, 2, 2, 2, 1, 1, 1, 1 }).view(2, 4), [10, 4])
            : sparse_coo_tensor(rows, ones(3, 4), [10, 4]);
        using var model = new Holder([zeros(10, 4)]);
        model.Parameters[0].grad = Sparse();
        using var monitor = new GradientMonitor(model);

        var result = monitor.ClipGradNorm(1);

        // 4 elements of 2 and 4 of 1
        Assert.Equal(Math.Sqrt(20), result.GlobalNorm, 1e-6);
        Assert.Equal(1, model.Parameters[0].grad!.to_dense().norm().ToDouble(), 1e-5);
    }

    [Fact]
    public void EmptySharedAndFrozenParameters()
    {
        using var model = new Holder([zeros(3), zeros(0), zeros(3)]);
        model.register_parameter("again", model.Parameters[0]);
        foreach (var p in model.Parameters)
            p.grad = full(p.shape, 4f);
        // as the library: what has a gradient is clipped
        model.Parameters[2].requires_grad = false;
        using var monitor = new GradientMonitor(model);

        var result = monitor.ClipGradNorm(1);

        Assert.Equal(4 * Math.Sqrt(6), result.GlobalNorm, 1e-5);
        Assert.All(model.Parameters.Where(p => p.numel() > 0), p => Assert.Equal(1 / Math.Sqrt(6), p.grad![0].ToDouble(), 1e-6));
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void NaNAndInfinityAreFoundInEveryTypeAndSize(ScalarType type)
    {
        foreach (var broken in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
            foreach (var elements in new[] { 5, 100_000 })
            {
                using var model = new Holder([zeros(elements, type), zeros(3, type)]);
                foreach (var p in model.Parameters)
                    p.grad = ones_like(p);
                using (no_grad())
                    model.Parameters[0].grad![elements - 2] = tensor(broken).to(type);
                using var monitor = new GradientMonitor(model, Training.Closely with { NonFinite = NonFiniteAction.Pass });

                var result = monitor.ClipGradNorm(1);

                Assert.False(result.IsFinite);
                Assert.Equal(1, monitor.Latest!.Parameters[0].NonFinite);
                // a NaN is no zero, and is not left out of the maximum
                Assert.Equal(0, monitor.Latest.Parameters[0].ZeroShare);
                Assert.Equal(Math.Abs(broken), monitor.Latest.Parameters[0].Maximum);
                Assert.Equal(1f, model.Parameters[1].grad![0].ToSingle());
            }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EachIsClippedAsExactly(ScalarType type, double size, double relative, bool large)
    {
        long[] shape = large ? [100, 120] : [7, 5];
        using var model = new Holder([zeros(shape, type), zeros(shape, type)]);
        foreach (var (p, scale) in model.Parameters.Zip([1.0, 0.01]))
            p.grad = (randn(shape, ScalarType.Float64) * size * scale).to(type);
        double[][] before = [.. model.Parameters.Select(p => Numbers(p.grad!))];
        var limit = relative * before.Max(Norm);
        if (limit == 0)
            return;
        using var monitor = new GradientMonitor(model);

        monitor.ClipEachGradNorm(limit);

        foreach (var (p, was) in model.Parameters.Zip(before))
        {
            var factor = Math.Min(1, limit / Norm(was));
            Near(type, [.. was.Select(v => v * factor)], Numbers(p.grad!));
        }
    }

    private static void Compare(Tensor[] gradients, double relative)
    {
        double[][] before = [.. gradients.Select(Numbers)];
        var norm = Norm([.. before.SelectMany(b => b)]);
        var limit = relative * norm;
        if (limit == 0)
            return;
        using var ours = new Holder(gradients);
        using var theirs = new Holder(gradients);
        foreach (var model in new[] { ours, theirs })
            foreach (var (p, g) in model.Parameters.Zip(gradients))
                p.grad = g.clone();
        using var monitor = new GradientMonitor(ours);

        var result = monitor.ClipGradNorm(limit);
        var theirNorm = nn.utils.clip_grad_norm_(theirs.parameters(), limit);

        // The norm: float32 adds up squares to about six digits.
        Assert.Equal(norm, result.GlobalNorm, (gradients.All(g => g.dtype == ScalarType.Float64) ? 1e-13 : 2e-6) * norm);
        var factor = Math.Min(1, limit / (norm + 1e-6));
        for (var i = 0; i < gradients.Length; i++)
        {
            var type = gradients[i].dtype;
            double[] expected = [.. before[i].Select(v => v * factor)];
            // beside float32 gradients the norm has no more than float32's digits
            Near(type, expected, Numbers(ours.Parameters[i].grad!), gradients.Any(g => g.dtype != ScalarType.Float64) ? 1e-6 : 0);
            Assert.Equal(type, ours.Parameters[i].grad!.dtype);
        }
        // and never further from the truth than the library, but for the last digit
        double Error(Holder model) => model.Parameters.Select((p, i) => Norm([.. Numbers(p.grad!).Zip(before[i], (now, was) => now - was * factor)])).Max();
        var (our, their) = (Error(ours), Error(theirs));
        Assert.True(double.IsNaN(their) || double.IsNaN(theirNorm) || our <= their * 1.5 + 1e-6 * factor * norm, $"{our} against {their} of the library");
    }

    private static void Near(ScalarType type, double[] expected, double[] actual, double least = 0)
    {
        var digits = Math.Max(least, type switch { ScalarType.Float64 => 1e-13, ScalarType.Float32 => 3e-6, ScalarType.Float16 => 1.1e-3, _ => 8e-3 });
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= digits * Math.Abs(expected[i]) + 2 * Step(type), $"{expected[i]} became {actual[i]}");
    }

    private static double[] Numbers(Tensor gradient) => Training.Numbers(gradient);

    private static double Norm(double[] values)
    {
        var largest = values.Max(Math.Abs);
        return largest == 0 || !double.IsFinite(largest) ? largest : largest * Math.Sqrt(values.Sum(v => v / largest * (v / largest)));
    }

    private static double Largest(ScalarType type) => type switch { ScalarType.Float64 => 1e302, ScalarType.Float16 => 65504, _ => 3e38 };

    private static double Smallest(ScalarType type) => type switch { ScalarType.Float16 => 1e-7, ScalarType.BFloat16 => 1e-38, _ => 1e-45 };

    /// <summary>Between the smallest numbers.</summary>
    private static double Step(ScalarType type) => type switch { ScalarType.Float64 => 5e-324, ScalarType.Float32 => 1.4e-45, ScalarType.Float16 => 6e-8, _ => 9.2e-41 };

    private sealed class Holder : nn.Module
    {
        public Holder(Tensor[] like) : base(nameof(Holder))
        {
            Parameters = [.. like.Select(t => new Parameter(zeros_like(t)))];
            for (var i = 0; i < Parameters.Length; i++)
                register_parameter($"p{i}", Parameters[i]);
        }

        public Parameter[] Parameters { get; }
    }
}
