using TorchSharp;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// The parameters of one device that have a gradient, sorted by how they are measured (see <c>statistics.torchscript</c>).
/// The statistics of a group come in the order packed, large, other; <see cref="Members"/> has the same order.
/// </summary>
internal sealed class ParameterGroup : IDisposable
{
    /// <summary>Up to this size a kernel call costs more than copying the gradient beside its neighbours (measured on the CPU).</summary>
    private const long PackedElements = 8192;

    private readonly bool[] isDouble;

    public ParameterGroup(Device device, IReadOnlyList<WatchedParameter> watched)
    {
        IsAccelerated = device.type != DeviceType.CPU;
        SupportsDouble = device.type != DeviceType.MPS;
        var kinds = watched.ToLookup(KindOf);
        WatchedParameter[][] runs = [.. kinds[Kind.Packed].GroupBy(w => string.Join(',', w.Tensor.shape)).Select(run => run.ToArray())];
        WatchedParameter[] packed = [.. runs.SelectMany(run => run)];
        WatchedParameter[] members = [.. packed, .. kinds[Kind.Large], .. kinds[Kind.Other]];
        Members = members;
        Elements = members.Sum(m => m.Elements);
        isDouble = [.. members.Select(m => m.Tensor.dtype is ScalarType.Float64 or ScalarType.ComplexFloat64)];
        All = Tensors(members);
        Packed = Tensors(packed);
        Large = Tensors(kinds[Kind.Large]);
        Other = Tensors(kinds[Kind.Other]);
        // The observation that builds this table may run in a dispose scope of the training loop; the table outlives it.
        Runs = tensor(runs.Select(run => (long)run.Length).ToArray(), ScalarType.Int64).DetachFromDisposeScope();
    }

    private enum Kind { Packed, Large, Other }

    public bool IsAccelerated { get; }

    public bool SupportsDouble { get; }

    /// <summary>The type of factors: float64, but where the device has no more than float32.</summary>
    public ScalarType FactorType => SupportsDouble ? ScalarType.Float64 : ScalarType.Float32;

    public long Elements { get; }

    public IReadOnlyList<WatchedParameter> Members { get; }

    public Tensor[] All { get; }

    public Tensor[] Packed { get; }

    public Tensor[] Large { get; }

    public Tensor[] Other { get; }

    /// <summary>int64, how many packed gradients in a row have the same shape.</summary>
    public Tensor Runs { get; }

    /// <summary>The gradient is float64 (or complex of two of them).</summary>
    public bool IsDouble(int member) => isDouble[member];

    public void Dispose() => Runs.Dispose();

    private Kind KindOf(WatchedParameter watched) =>
        IsAccelerated || watched.HasSparseGradient || watched.Tensor.dtype != ScalarType.Float32 ? Kind.Other
        : watched.Elements <= PackedElements ? Kind.Packed
        : Kind.Large;

    private static Tensor[] Tensors(IEnumerable<WatchedParameter> watched) => [.. watched.Select(w => (Tensor)w.Tensor)];
}
