using System.Collections.Immutable;
using System.Globalization;

namespace GradAnalyzers.Models;

/// <summary>A size as a product of a number and of sizes that the source does not tell: <c>2 hidden / heads</c>.</summary>
internal sealed class Extent : IEquatable<Extent>
{
    private const int MaximumNesting = 24;

    private readonly long _numerator;
    private readonly long _denominator;
    private readonly ImmutableSortedDictionary<string, int> _powers;

    private Extent(long numerator, long denominator, ImmutableSortedDictionary<string, int> powers)
    {
        var common = Math.Max(Common(Math.Abs(numerator), denominator), 1);
        (_numerator, _denominator, _powers) = (numerator / common, denominator / common, powers);
    }

    public static Extent One { get; } = Of(1);

    /// <summary>The number, where nothing in it is unknown.</summary>
    public long? Number => _powers.IsEmpty && _denominator == 1 ? _numerator : null;

    /// <summary>Whether it may be the size of something: no number and no unknown size is left below the line.</summary>
    public bool IsWhole => _denominator == 1 && _numerator > 0 && _powers.Values.All(power => power > 0);

    /// <summary>Whether it is the quotient of a product of unknown sizes by one of them or by a number: <c>width / 8</c>.</summary>
    public bool IsLikelyWhole => _numerator > 0 && _powers.Values.Any(power => power > 0) && _powers.Values.Count(power => power < 0) <= 1 && _powers.Keys.All(name => name[0] != '#');

    /// <summary>The number that it is where every unknown size is this one.</summary>
    public double ValueAt(double unknown) => _powers.Values.Aggregate((double)_numerator / _denominator, (product, power) => product * Math.Pow(unknown, power));

    /// <summary>The single unknown size that it is, or null.</summary>
    public string? Variable => _numerator == 1 && _denominator == 1 && _powers.Count == 1 && _powers.First() is { Value: 1, Key: var name } ? name : null;

    public static Extent Of(long number) => new(number, 1, ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal));

    public static Extent Named(string name) => new(1, 1, ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal).Add(name, 1));

    public Extent Times(Extent other) => Combined(other, 1);

    /// <summary>The quotient, whole or not; null where the divisor is 0.</summary>
    public Extent? Over(Extent other) => other._numerator <= 0 ? null : Combined(other, -1);

    public bool Equals(Extent? other) => other is not null && _numerator == other._numerator && _denominator == other._denominator && _powers.SequenceEqual(other._powers);

    public override bool Equals(object? obj) => Equals(obj as Extent);

    public override int GetHashCode() => unchecked((int)(_numerator * 31 + _denominator + 7 * _powers.Count));

    public override string ToString() => string.Join(" ", new[] { _denominator == 1 ? $"{_numerator}" : $"{_numerator}/{_denominator}" }.Concat(_powers.Select(power => power.Value == 1 ? power.Key : $"{power.Key}^{power.Value}")));

    /// <summary>Reads a size: a number, a product or quotient in parentheses as the evaluator writes it, or a name.</summary>
    /// <param name="size">The size.</param>
    /// <param name="resolve">What a name stands for, where it is known.</param>
    public static Extent Parse(Size size, Func<string, Extent?> resolve) => size.Whole is { } whole ? Of(whole) : Parse(size.Text, resolve, 0);

    private static Extent Parse(string text, Func<string, Extent?> resolve, int nesting)
    {
        if (resolve(text) is { } known)
            return known;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return Of(number);
        if (nesting < MaximumNesting && text.Length > 2 && text[0] == '(' && text[^1] == ')' && Operator(text) is var place and > 0)
        {
            var left = Parse(text[1..(place - 1)], resolve, nesting + 1);
            var right = Parse(text[(place + 2)..^1], resolve, nesting + 1);
            if (text[place] == '*')
                return left.Times(right);
            if (text[place] == '/' && left.Over(right) is { } quotient)
                return quotient;
            if (text[place] is '+' or '-' && left.Number is { } one && right.Number is { } other)
                return Of(text[place] == '+' ? one + other : one - other);
        }

        return Named(text);
    }

    /// <summary>Where the operator of <c>(a * b)</c> stands, outside all inner parentheses; -1 where there is none.</summary>
    private static int Operator(string text)
    {
        var depth = 0;
        for (var index = 1; index < text.Length - 2; index++)
        {
            if (text[index] is '(' or '[')
                depth++;
            else if (text[index] is ')' or ']')
                depth--;
            else if (depth == 0 && text[index] is '*' or '/' or '+' or '-' && depth == 0 && text[index - 1] == ' ' && text[index + 1] == ' ')
                return index;
        }

        return -1;
    }

    private Extent Combined(Extent other, int sign)
    {
        var powers = _powers.ToBuilder();
        foreach (var power in other._powers)
        {
            var sum = (powers.TryGetValue(power.Key, out var own) ? own : 0) + sign * power.Value;
            if (sum == 0)
                powers.Remove(power.Key);
            else
                powers[power.Key] = sum;
        }

        return sign > 0
            ? new(unchecked(_numerator * other._numerator), Math.Max(unchecked(_denominator * other._denominator), 1), powers.ToImmutable())
            : new(unchecked(_numerator * other._denominator), Math.Max(unchecked(_denominator * other._numerator), 1), powers.ToImmutable());
    }

    private static long Common(long one, long other)
    {
        while (other != 0)
            (one, other) = (other, one % other);
        return one;
    }
}
