using static TorchSharp.torch;

namespace GradAnalyzers.Detection;

/// <summary>Generated data, new at every step, that can be learned.</summary>
internal static class Tasks
{
    public const int Features = 16, Classes = 4, Side = 12;

    /// <summary>y is a smooth function of x. x: [batch, 16], y: [batch, 1].</summary>
    public static Func<(Tensor X, Tensor Y)> Regression(int batch = 32, double scale = 1)
    {
        var direction = randn(Features, 1) / Math.Sqrt(Features);
        return () =>
        {
            var x = randn(batch, Features);
            var h = x.matmul(direction);
            return (x, (h.sin() + 0.5 * h + 0.05 * randn(batch, 1)) * scale);
        };
    }

    /// <summary>Clouds around class centres. x: [batch, 16], y: [batch].</summary>
    public static Func<(Tensor X, Tensor Y)> Classification(int batch = 32, double scale = 1, double noise = 1)
    {
        var centres = randn(Classes, Features) * 1.5;
        return () =>
        {
            var y = randint(Classes, [batch], ScalarType.Int64);
            return ((centres.index(TensorIndex.Tensor(y)) + noise * randn(batch, Features)) * scale, y);
        };
    }

    /// <summary>Bright bars in one of four directions. x: [batch, 1, 12, 12], y: [batch].</summary>
    public static Func<(Tensor X, Tensor Y)> Images(int batch = 16, double scale = 1)
    {
        var rows = arange(Side).to(ScalarType.Float32).view(Side, 1).expand(Side, Side);
        var columns = rows.t();
        Tensor[] coordinates = [rows, columns, rows + columns, rows - columns];
        return () =>
        {
            var y = randint(Classes, [batch], ScalarType.Int64);
            var bars = stack([.. y.data<long>().Select(c => (coordinates[c] * 1.3 + rand(1) * 6).sin())]);
            return ((bars + 0.3 * randn(batch, Side, Side)).unsqueeze(1) * scale, y);
        };
    }

    /// <summary>The sign pattern of two early steps decides. x: [batch, time, 8], y: [batch].</summary>
    public static Func<(Tensor X, Tensor Y)> Sequences(int time, int batch = 16) => () =>
    {
        var x = randn(batch, time, 8) * 0.5;
        var y = randint(Classes, [batch], ScalarType.Int64);
        using (no_grad())
        {
            x[.., ^2, 0] += (y.remainder(2).to(ScalarType.Float32) * 2 - 1) * 2;
            x[.., ^3, 1] += (y.div(2, RoundingMode.floor).to(ScalarType.Float32) * 2 - 1) * 2;
        }
        return (x, y);
    };

    /// <summary>Numbers in a repeating order with errors; the next one is to be said. x: [batch, time], y: [batch * time].</summary>
    public static Func<(Tensor X, Tensor Y)> Text(int time = 12, int symbols = 20, int batch = 16) => () =>
    {
        var start = randint(symbols, [batch, 1], ScalarType.Int64);
        var stride = randint(1, 4, [batch, 1], ScalarType.Int64);
        var all = (start + stride * arange(time + 1).view(1, -1)).remainder(symbols);
        return (all[.., ..time], all[.., 1..].reshape(-1));
    };
}
