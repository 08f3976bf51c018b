using System.Collections.Immutable;

namespace GradAnalyzers.Models;

/// <summary>What a factor of a tensor's dimension holds.</summary>
internal enum AxisKind
{
    Batch,

    /// <summary>Pixels, time steps, tokens: the same weights meet each of them.</summary>
    Position,
    Feature,

    /// <summary>Of the model's input: what the first layer that reads it makes of it.</summary>
    Free,
}

/// <summary>A factor of a dimension. A reshape splits dimensions into factors and joins others; each stays what it is until a layer takes it for something else.</summary>
internal readonly record struct Axis(int Id, Extent Size, AxisKind Kind);

/// <summary>The dimensions of a tensor, each a product of axes; a dimension of size 1 has none.</summary>
internal sealed class Layout(ImmutableArray<ImmutableArray<Axis>> dimensions)
{
    public ImmutableArray<ImmutableArray<Axis>> Dimensions { get; } = dimensions;

    public int Rank => Dimensions.Length;

    public IEnumerable<Axis> Axes => Dimensions.SelectMany(axes => axes);

    public ImmutableArray<Axis> Features => Axes.Where(axis => axis.Kind == AxisKind.Feature).ToImmutableArray();

    public ImmutableArray<Axis> Positions => Axes.Where(axis => axis.Kind == AxisKind.Position).ToImmutableArray();

    public bool IsFree => Axes.Any(axis => axis.Kind == AxisKind.Free);

    /// <summary>The index of a dimension that may be counted from the end; -1 where there is none of that number.</summary>
    public int IndexOf(int dimension) => dimension < 0 ? dimension + Rank >= 0 ? dimension + Rank : -1 : dimension < Rank ? dimension : -1;

    public Extent SizeOf(int dimension) => Product(Dimensions[dimension]);

    public static Extent Product(IEnumerable<Axis> axes) => axes.Aggregate(Extent.One, (product, axis) => product.Times(axis.Size));

    public Layout With(int dimension, ImmutableArray<Axis> axes) => new(Dimensions.SetItem(dimension, axes));

    /// <summary>With the kinds that a layer reads it with: the features are these axes, and what else was one is a position.</summary>
    public Layout ReadAs(IReadOnlyCollection<int> features) => new(Dimensions.Select(axes => axes.Select(axis => axis with
    {
        Kind = features.Contains(axis.Id) ? AxisKind.Feature : axis.Kind == AxisKind.Batch ? AxisKind.Batch : AxisKind.Position,
    }).ToImmutableArray()).ToImmutableArray());

    /// <summary>The axes in row-major order, grouped anew into dimensions of these sizes (one may be left open); null where they do not fit.</summary>
    public Layout? Reshaped(IReadOnlyList<Extent?> sizes, Func<int> next)
    {
        var total = Product(Axes);
        var rest = sizes.Aggregate(total, (left, size) => size is null ? left : left.Over(size) ?? left);
        var open = new Stack<Axis>(Axes.Reverse());
        var dimensions = ImmutableArray.CreateBuilder<ImmutableArray<Axis>>(sizes.Count);
        var isOpen = sizes.Any(size => size is null);
        for (var index = 0; index < sizes.Count; index++)
        {
            var wanted = sizes[index] ?? (rest.IsWhole ? rest : null);
            var axes = ImmutableArray.CreateBuilder<Axis>();
            // What is left belongs to the last dimension; where sizes cannot be compared, an open first one is the batch.
            if (index == sizes.Count - 1)
            {
                axes.AddRange(open);
                open.Clear();
                dimensions.Add(axes.ToImmutable());
                break;
            }

            if (wanted is null)
            {
                if (index > 0 || open.Count == 0)
                    return null;
                axes.Add(open.Pop());
                dimensions.Add(axes.ToImmutable());
                continue;
            }

            while (!wanted.Equals(Extent.One))
            {
                if (open.Count == 0)
                    return null;
                var axis = open.Pop();
                if (wanted.Over(axis.Size) is { IsWhole: true } left)
                {
                    axes.Add(axis);
                    wanted = left;
                }
                else if (axis.Size.Over(wanted) is { IsWhole: true } inner)
                {
                    axes.Add(axis with { Id = next(), Size = wanted });
                    open.Push(axis with { Id = next(), Size = inner });
                    wanted = Extent.One;
                }
                else if (axes.Count == 0 && axis.Size.Variable is not null && wanted.Variable is not null)
                {
                    // Two names for one size.
                    axes.Add(axis);
                    wanted = Extent.One;
                }
                else
                {
                    return null;
                }
            }

            dimensions.Add(axes.ToImmutable());
        }

        return open.Count == 0 && (isOpen || sizes.Count > 0) ? new(dimensions.ToImmutable()) : null;
    }
}
