using System.Globalization;

namespace GradAnalyzers.Models;

/// <summary>
/// A number that a model is built with: a constant, or something known only by name (a constructor's parameter, <c>2 * hidden</c>).
/// Two sizes of one text are the same number, so a model whose widths are unknown still has a known structure.
/// </summary>
/// <param name="Value">The constant, or null where the source does not tell.</param>
/// <param name="Text">The constant in invariant notation, or the expression: <c>hidden</c>, <c>(2 * hidden)</c>.</param>
internal readonly record struct Size(double? Value, string Text)
{
    public static Size Of(double value) => new(value, value.ToString(CultureInfo.InvariantCulture));

    public static Size Named(string text) => new(null, text);

    public bool IsKnown => Value is not null;

    /// <summary>The constant as a whole number, or null where it is unknown or none.</summary>
    public int? Whole => Value is { } value && value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue ? (int)value : null;

    public override string ToString() => Text;
}
