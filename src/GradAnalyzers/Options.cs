using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.GradientFlow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers;

/// <summary>The options of an <c>.editorconfig</c>, <c>gradanalyzers.name = value</c>. A value that cannot be used is reported (GRAD0001) and the default holds.</summary>
/// <param name="Thresholds">Where a predicted gradient stops being healthy.</param>
internal sealed record GradOptions(Thresholds Thresholds)
{
    public const string Prefix = "gradanalyzers.";

    /// <summary>Every option with its allowed values.</summary>
    public static ImmutableArray<GradOption> All { get; } = ImmutableArray.Create(
        new GradOption("vanishing_ratio", Thresholds.Default.VanishingRatio, 0, 1),
        new GradOption("exploding_ratio", Thresholds.Default.ExplodingRatio, 1, double.MaxValue),
        new GradOption("vanishing_attenuation", Thresholds.Default.VanishingAttenuation, 0, 1),
        new GradOption("exploding_attenuation", Thresholds.Default.ExplodingAttenuation, 1, double.MaxValue));

    public static GradOptions Of(AnalyzerOptions options, SyntaxTree tree)
    {
        var values = options.AnalyzerConfigOptionsProvider.GetOptions(tree);
        return new GradOptions(new Thresholds(All[0].Of(values), All[1].Of(values), All[2].Of(values), All[3].Of(values)));
    }
}

/// <summary>A number that the user may set.</summary>
/// <param name="Name">Name behind the prefix.</param>
/// <param name="Default">Value where none is set.</param>
/// <param name="Above">It must be larger than this.</param>
/// <param name="Most">It must not be larger than this.</param>
internal sealed record GradOption(string Name, double Default, double Above, double Most)
{
    public string Key => GradOptions.Prefix + Name;

    public double Of(AnalyzerConfigOptions values) =>
        values.TryGetValue(Key, out var text) && Problem(text) is null ? double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture) : Default;

    /// <summary>What is wrong with a value, or null.</summary>
    public string? Problem(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number > Above && number <= Most
            ? null
            : $"'{text}' is no value of '{Key}'; write a number above {Above.ToString(CultureInfo.InvariantCulture)}"
                + (Most == double.MaxValue ? "" : $" and up to {Most.ToString(CultureInfo.InvariantCulture)}");
}
