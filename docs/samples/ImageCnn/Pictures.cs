using static TorchSharp.torch;

namespace ImageCnn;

/// <summary>Pictures of a disc, a ring, a square or a cross, somewhere, in noise.</summary>
public static class Pictures
{
    public const int Shapes = 4;

    private const int Side = 24;

    /// <returns>Pictures [count, 1, 24, 24] and their shapes [count].</returns>
    public static (Tensor Pictures, Tensor Shapes) Draw(int count)
    {
        using var scope = NewDisposeScope();
        var shape = randint(Shapes, [count], ScalarType.Int64);
        var (x, y) = (Offset(count, dimension: 2), Offset(count, dimension: 1));
        var radius = 3 + 5 * rand(count, 1, 1);
        var distance = (x * x + y * y).sqrt();
        Tensor[] drawings =
        [
            distance < radius,
            (distance - radius).abs() < 1.2,
            maximum(x.abs(), y.abs()) < radius * 0.85,
            (minimum(x.abs(), y.abs()) < 1.2).logical_and(maximum(x.abs(), y.abs()) < radius),
        ];
        var all = stack(drawings, 1).to(ScalarType.Float32);
        var chosen = all.gather(1, shape.view(count, 1, 1, 1).expand(count, 1, Side, Side));
        var noisy = chosen + 0.4 * randn_like(chosen) - 0.25;
        return (noisy.MoveToOuterDisposeScope(), shape.MoveToOuterDisposeScope());
    }

    /// <summary>For each pixel the distance from a random centre along one axis.</summary>
    private static Tensor Offset(int count, int dimension)
    {
        var centre = 8 + 8 * rand(count, 1, 1);
        var pixels = arange(Side, ScalarType.Float32);
        return (dimension == 1 ? pixels.view(1, Side, 1) : pixels.view(1, 1, Side)).expand(count, Side, Side) - centre;
    }
}
