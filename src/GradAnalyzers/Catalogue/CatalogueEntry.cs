using System.Collections.Immutable;
using System.Globalization;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Catalogue;

/// <summary>One line of a catalogue: what a type or method is, and which of its parameters mean what.</summary>
/// <param name="Member">Qualified name without type arguments, nested types by a dot: <c>TorchSharp.torch.nn.utils.clip_grad_norm_</c>.</param>
/// <param name="Role">What the member does.</param>
/// <param name="Meanings">From the meaning (<c>fan_in</c>) to the member's parameter name (<c>inputSize</c>), several with a bar between them where versions differ (<c>in_channels|inputChannel</c>), or to a number.</param>
/// <param name="Assembly">For a line of ours, the assembly that the member must come from; null for a line of the project's own.</param>
internal sealed record CatalogueEntry(string Member, Role Role, ImmutableDictionary<string, string> Meanings, string? Assembly)
{
    /// <summary>The line is ours.</summary>
    public bool IsBuiltIn => Assembly is not null;

    /// <summary>Whether a member of this assembly can be meant.</summary>
    public bool IsOf(IAssemblySymbol? assembly) => Assembly is null || Assembly == assembly?.Name;

    /// <summary>Meanings that the line itself gives as numbers: <c>dimensions=2</c>.</summary>
    public ImmutableArray<(string Meaning, double Number)> Numbers { get; } = NumbersIn(Meanings);

    /// <summary>The parameter (or constant) that carries the meaning, or null where the line does not say.</summary>
    public string? Meaning(string name) => Meanings.TryGetValue(name, out var parameter) ? parameter : null;

    /// <summary>Whether the parameter of this name carries the meaning.</summary>
    public bool Carries(string meaning, string parameterName) => Meanings.TryGetValue(meaning, out var names) && Names(names, parameterName);

    /// <summary>Whether a pair's right side, <c>in_channels|inputChannel</c>, names this parameter.</summary>
    public static bool Names(string alternatives, string parameterName)
    {
        for (var start = 0; start <= alternatives.Length - parameterName.Length;)
        {
            var end = alternatives.IndexOf('|', start);
            if (end < 0)
                end = alternatives.Length;
            if (end - start == parameterName.Length && string.CompareOrdinal(alternatives, start, parameterName, 0, parameterName.Length) == 0)
                return true;
            start = end + 1;
        }

        return false;
    }

    private static ImmutableArray<(string Meaning, double Number)> NumbersIn(ImmutableDictionary<string, string> meanings)
    {
        var numbers = ImmutableArray.CreateBuilder<(string, double)>();
        foreach (var meaning in meanings)
        {
            if (double.TryParse(meaning.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                numbers.Add((meaning.Key, number));
        }

        return numbers.ToImmutable();
    }
}
