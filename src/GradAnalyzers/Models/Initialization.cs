using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models;

/// <summary>How one parameter starts.</summary>
/// <param name="Role">
/// The initializer that wrote it last (<see cref="Role.KaimingNormal"/>, <see cref="Role.Zeros"/>, ...); <see cref="Role.Default"/> where the layer's own initialization stands;
/// <see cref="Role.Opaque"/> where it is written in a way that the source does not tell (loaded weights, a copied tensor).
/// </param>
/// <param name="Constants">The initializer's arguments by meaning: gain, slope, mode, nonlinearity, mean, deviation, low, high, value.</param>
/// <param name="Location">The call, or null for the default.</param>
internal sealed record Initialization(Role Role, ImmutableDictionary<string, Constant> Constants, Location? Location)
{
    public static Initialization Default { get; } = new(Role.Default, Constant.None, null);

    public bool IsDefault => Role == Role.Default;

    /// <summary>The argument of that meaning, or null where it is unknown or was not written.</summary>
    public double? Number(string meaning) => Constants.TryGetValue(meaning, out var constant) ? constant.Number : null;
}

/// <summary>An argument as the source gives it: a number, a truth value, a text, an enumeration's member, several numbers, or only an expression's text.</summary>
/// <param name="Sizes">Numbers; one for a scalar, several for a tuple or an array such as <c>(3, 3)</c>; empty where the argument is no number.</param>
/// <param name="Text">A text, <c>true</c>, <c>false</c>, <c>null</c>, an enumeration's member name, or an expression.</param>
internal sealed record Constant(ImmutableArray<Size> Sizes, string Text)
{
    public static ImmutableDictionary<string, Constant> None { get; } = ImmutableDictionary<string, Constant>.Empty.WithComparers(StringComparer.Ordinal);

    public double? Number => Sizes.Length == 1 ? Sizes[0].Value : null;

    public Size? Size => Sizes.Length == 1 ? Sizes[0] : null;

    public bool? Truth => Text switch { "true" => true, "false" => false, _ => null };

    public bool Equals(Constant? other) => other is not null && Text == other.Text && Sizes.SequenceEqual(other.Sizes);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Text);

    public override string ToString() => Text;
}
