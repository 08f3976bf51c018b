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

    /// <summary>
    /// The axes in row-major order, grouped anew into dimensions of these sizes (one may be left open); null where they do not fit. What can be compared is matched from both ends;
    /// of what is left between, one axis is divided among several dimensions, several are joined in one, or as many of each are the same by other names.
    /// </summary>
    /// <param name="sizes">The sizes; null for the open one.</param>
    /// <param name="next">Gives an axis that is new its number.</param>
    public Layout? Reshaped(IReadOnlyList<Extent?> sizes, Func<int> next)
    {
        var axes = Axes.ToList();
        var rest = sizes.Aggregate(Product(axes), (left, size) => size is null ? left : left.Over(size) ?? left);
        var wanted = sizes.Select(size => size ?? (rest.IsWhole ? rest : null)).ToList();
        var dimensions = new ImmutableArray<Axis>[sizes.Count];
        int first = 0, last = sizes.Count - 1;
        while (first <= last && Taken(axes, wanted[first], fromEnd: false, next) is { } front)
            dimensions[first++] = front;
        while (last >= first && Taken(axes, wanted[last], fromEnd: true, next) is { } back)
            dimensions[last--] = back;
        var between = last - first + 1;
        if (between == 0)
            return axes.Count == 0 ? new(dimensions.ToImmutableArray()) : null;
        if (between == 1)
        {
            dimensions[first] = axes.ToImmutableArray();
        }
        else if (axes.Count == 1)
        {
            for (var index = first; index <= last; index++)
                dimensions[index] = ImmutableArray.Create(axes[0] with { Id = next(), Size = wanted[index] ?? Extent.Named($"part {next()}") });
        }
        else if (axes.Count == between)
        {
            for (var index = first; index <= last; index++)
                dimensions[index] = ImmutableArray.Create(axes[index - first] is { Size.Number: null } unknown && wanted[index] is { Number: not null } number ? unknown with { Id = next(), Size = number } : axes[index - first]);
        }
        else if (axes.Count > 1 && axes.Count == between - 1 && wanted[first] is { Number: not null })
        {
            // One axis more is wanted: the first is divided.
            dimensions[first] = ImmutableArray.Create(axes[0] with { Id = next(), Size = wanted[first]! });
            dimensions[first + 1] = ImmutableArray.Create(axes[0] with { Id = next(), Size = axes[0].Size.Over(wanted[first]!) ?? Extent.Named($"part {next()}") });
            for (var index = first + 2; index <= last; index++)
                dimensions[index] = ImmutableArray.Create(axes[index - first - 1]);
        }
        else if (between == 2 && axes.Count > 1 && axes[0].Kind == AxisKind.Batch && axes.Skip(1).All(axis => axis.Kind == AxisKind.Position) && wanted[first]?.Over(axes[0].Size) is { IsWhole: true } parts)
        {
            // Some of the positions go to the batch, as windows do that attend by themselves.
            dimensions[first] = ImmutableArray.Create(axes[0], new Axis(next(), parts, AxisKind.Position));
            dimensions[last] = ImmutableArray.Create(new Axis(next(), wanted[last] ?? Extent.Named($"part {next()}"), AxisKind.Position));
        }
        else
        {
            return null;
        }

        return new(dimensions.ToImmutableArray());
    }

    /// <summary>Takes axes of this size from one end; null, and nothing taken, where it cannot be told which.</summary>
    private static ImmutableArray<Axis>? Taken(List<Axis> axes, Extent? wanted, bool fromEnd, Func<int> next)
    {
        if (wanted is null)
            return null;
        var taken = new List<Axis>();
        var left = wanted;
        var count = 0;
        while (!left.Equals(Extent.One))
        {
            if (count == axes.Count)
                return null;
            var axis = axes[fromEnd ? axes.Count - 1 - count : count];
            if (left.Over(axis.Size) is { IsWhole: true } rest)
            {
                taken.Add(axis);
                left = rest;
                count++;
            }
            else if (axis.Size.Over(left) is { } part && (part.IsWhole || (part.IsLikelyWhole && left.Over(axis.Size)?.IsLikelyWhole != true)))
            {
                var (own, other) = (axis with { Id = next(), Size = left }, axis with { Id = next(), Size = part });
                taken.Add(own);
                axes[fromEnd ? axes.Count - 1 - count : count] = other;
                left = Extent.One;
            }
            else
            {
                return null;
            }
        }

        axes.RemoveRange(fromEnd ? axes.Count - count : 0, count);
        if (fromEnd)
            taken.Reverse();
        return taken.ToImmutableArray();
    }
}
