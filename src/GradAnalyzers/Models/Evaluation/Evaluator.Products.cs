using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    /// <summary>Operands of one product, and dimensions of one operand: more than any code writes.</summary>
    private const int MaximumOperands = 8, MaximumLetters = 16;

    /// <summary>Any number of dimensions, <c>...</c> in an equation.</summary>
    private const char Rest = '.';

    /// <summary><c>einsum("bhid,bhjd-&gt;bhij", q, k)</c> as the permutations, sums and products that it stands for; null where the equation is not known, or of a kind that is not followed.</summary>
    private Value? Einsum(Value? equation, IReadOnlyList<int> operands, IOperation at)
    {
        if (equation is not Known { Content: string text } || operands.Count is 0 or > MaximumOperands)
            return null;
        var sides = text.Replace(" ", "").Replace("...", ".").Split(["->"], StringSplitOptions.None);
        var inputs = sides[0].Split(',');
        if (sides.Length > 2 || inputs.Length != operands.Count || inputs.Any(letters => letters.Length is 0 or > MaximumLetters || letters.Distinct().Count() != letters.Length || letters.IndexOf(Rest) > 0))
            return null;
        // Without an arrow: what occurs once, in the order of the alphabet.
        var output = sides.Length == 2 ? sides[1] : new string(sides[0].Where(letter => letter != ',').GroupBy(letter => letter).Where(group => group.Count() == 1 || group.Key == Rest).Select(group => group.Key).OrderBy(letter => letter).ToArray());
        var (node, letters) = (operands[0], inputs[0]);
        for (var index = 1; index < operands.Count; index++)
        {
            var wanted = index == operands.Count - 1 ? output : new string((letters + inputs[index]).Distinct().Where(letter => output.Contains(letter) || inputs.Skip(index + 1).Any(later => later.Contains(letter))).ToArray());
            if (Product(node, letters, operands[index], inputs[index], wanted, at) is not var (product, result))
                return null;
            (node, letters) = (product, result);
        }

        node = Summed(node, ref letters, output, at);
        return letters.Length == output.Length && letters.All(letter => output.Contains(letter)) && (letters == output || letters.IndexOf(Rest) < 0) ? new TensorValue(Permuted(node, letters, output, at)) : null;
    }

    /// <summary>Two operands of an equation, and the letters of their product.</summary>
    private (int Node, string Letters)? Product(int one, string first, int other, string second, string output, IOperation at)
    {
        if (first.IndexOf(Rest) >= 0 || second.IndexOf(Rest) >= 0)
            return ProductOfRest(one, first, other, second, output, at);
        one = Summed(one, ref first, second + output, at);
        other = Summed(other, ref second, first + output, at);
        var batch = Of(output, letter => first.Contains(letter) && second.Contains(letter));
        var contracted = Of(first, letter => second.Contains(letter) && !output.Contains(letter));
        var left = Of(output, letter => first.Contains(letter) && !second.Contains(letter));
        var right = Of(output, letter => second.Contains(letter) && !first.Contains(letter));
        var result = batch + left + right;
        if (contracted.Length == 0)
        {
            one = Permuted(one, first, batch + left, at);
            other = Permuted(other, second, batch + right, at);
            for (var added = 0; added < right.Length; added++)
                one = Unsqueezed(one, batch.Length + left.Length + added, at);
            for (var added = 0; added < left.Length; added++)
                other = Unsqueezed(other, batch.Length + added, at);
            return (Add(Role.Multiply, ImmutableArray.Create(one, other), null, Ranks(result.Length, result.Length), Place(at)), result);
        }

        one = Permuted(one, first, batch + left + contracted, at);
        other = Permuted(other, second, batch + contracted + right, at);
        // Where nothing is common, the left side may have as many dimensions as it likes.
        var isBroadcast = batch.Length == 0 && left.Length > 0;
        var (leftNode, rightNode) = (one, other);
        one = Joined(one, batch.Length, isBroadcast ? -left.Length : left.Length, contracted.Length, at);
        other = Joined(other, batch.Length, contracted.Length, right.Length, at);
        var product = Add(Role.MatMul, ImmutableArray.Create(one, other), null, Ranks((isBroadcast ? left.Length : batch.Length + 1) + 1, batch.Length + 2), Place(at));
        if ((left.Length > 1 && !isBroadcast) || right.Length > 1)
        {
            var sizes = Enumerable.Range(0, batch.Length + left.Length).Select(place => ShapeValue.Text(leftNode, place)).Concat(Enumerable.Range(batch.Length + contracted.Length, right.Length).Select(place => ShapeValue.Text(rightNode, place)));
            return (Reshaped(product, sizes.ToList(), at), result);
        }

        if (right.Length == 0)
            product = Squeezed(product, -1, at);
        if (left.Length == 0)
            product = Squeezed(product, right.Length == 0 ? -1 : -2, at);
        return (product, result);
    }

    /// <summary><c>...d,dk-&gt;...k</c> and <c>...id,...jd-&gt;...ij</c>: the last dimensions only.</summary>
    private (int Node, string Letters)? ProductOfRest(int one, string first, int other, string second, string output, IOperation at)
    {
        if (first.Length < 2 || first[0] != Rest || output.Length < 2 || output[0] != Rest)
            return null;
        var hasRest = second[0] == Rest;
        var (own, theirs, wanted) = (first[1..], second[(hasRest ? 1 : 0)..], output[1..]);
        var rows = hasRest ? 1 : own.Length - 1;
        if (theirs.Length != 2 || own.Length != rows + 1 || wanted.Length != rows + 1 || !own.StartsWith(wanted[..rows], StringComparison.Ordinal))
            return null;
        var contracted = own[^1];
        var isTransposed = theirs == $"{wanted[^1]}{contracted}";
        if (!isTransposed && theirs != $"{contracted}{wanted[^1]}")
            return null;
        if (isTransposed)
            other = Add(Role.Permute, One(other), null, hasRest ? Constant.None.Add("swap", Number(1)) : Constant.None.Add("permutation", Numbers([1, 0])), Place(at));
        return (Add(Role.MatMul, ImmutableArray.Create(one, other), null, Constant.None, Place(at)), output);
    }

    /// <summary>How many dimensions the operands have, as the equation says.</summary>
    private static ImmutableDictionary<string, Constant> Ranks(int one, int other) => Constant.None.Add("ranks", Numbers([one, other]));

    private static string Of(string letters, Func<char, bool> isWanted) => new(letters.Where(isWanted).ToArray());

    /// <summary>Summed over what nothing else names.</summary>
    private int Summed(int node, ref string letters, string named, IOperation at)
    {
        var own = letters;
        var sums = Enumerable.Range(0, own.Length).Where(index => !named.Contains(own[index])).ToList();
        if (sums.Count == 0 || letters.IndexOf(Rest) >= 0)
            return node;
        letters = Of(letters, named.Contains);
        return Add(Role.Sum, One(node), null, Constant.None.Add("dimension", Numbers(sums)), Place(at));
    }

    private int Permuted(int node, string letters, string wanted, IOperation at) => letters == wanted ? node
        : Add(Role.Permute, One(node), null, Constant.None.Add("permutation", Numbers(wanted.Select(letter => letters.IndexOf(letter)))), Place(at));

    private int Unsqueezed(int node, int dimension, IOperation at) => Add(Role.Permute, One(node), null, Constant.None.Add("added", Number(dimension)), Place(at));

    private int Squeezed(int node, int dimension, IOperation at) => Add(Role.Permute, One(node), null, Constant.None.Add("squeeze", Number(1)).Add("removed", Number(dimension)), Place(at));

    private int Reshaped(int node, IReadOnlyList<string> sizes, IOperation at) =>
        Add(Role.Reshape, One(node), null, Constant.None.Add("shape", new Constant(sizes.Select(Size.Named).ToImmutableArray(), $"({string.Join(", ", sizes)})")), Place(at));

    /// <summary>Rows and columns of a matrix behind the batch, each as one dimension; a negative number leaves the rows as they are.</summary>
    private int Joined(int node, int batch, int rows, int columns, IOperation at)
    {
        if (rows is 0)
            node = Unsqueezed(node, batch, at);
        if (columns is 0)
            node = Unsqueezed(node, batch + Math.Max(Math.Abs(rows), 1), at);
        if (rows <= 1 && columns <= 1)
            return node;
        var kept = Enumerable.Range(0, batch).Select(place => ShapeValue.Text(node, place));
        var first = rows < 0 ? Enumerable.Range(batch, -rows).Select(place => ShapeValue.Text(node, place)) : [Together(batch, Math.Max(rows, 1))];
        return Reshaped(node, [.. kept, .. first, Together(batch + Math.Max(Math.Abs(rows), 1), Math.Max(columns, 1))], at);

        string Together(int from, int count) => Enumerable.Range(from, count).Select(place => ShapeValue.Text(node, place)).Aggregate((product, size) => $"({product} * {size})");
    }

    private static Constant Number(int number) => new(ImmutableArray.Create(Size.Of(number)), number.ToString(CultureInfo.InvariantCulture));

    private static Constant Numbers(IEnumerable<int> numbers)
    {
        var sizes = numbers.Select(number => Size.Of(number)).ToImmutableArray();
        return new(sizes, $"({string.Join(", ", sizes.Select(size => size.Text))})");
    }
}
