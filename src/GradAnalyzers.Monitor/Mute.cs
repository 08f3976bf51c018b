using System.IO.Enumeration;

namespace GradAnalyzers.Monitor;

/// <summary>
/// Findings that are no faults in this training, so that neither an alert nor a verdict comes of them: an expert that is seldom chosen, a head that is used late, rewards that come seldom.
/// </summary>
/// <param name="Kind">The kind that is muted; every kind if null, but <see cref="AlertKind.Monitor"/>, which can't be muted.</param>
/// <param name="Parameters">Which parameters: <c>*</c> stands for any text, <c>?</c> for one character, as in <c>experts.*</c>. <c>*</c>, the default, also mutes what concerns the model as a whole.</param>
public sealed record Mute(AlertKind? Kind = null, string Parameters = "*")
{
    /// <summary>Whether it mutes a kind at a parameter; the path is empty for the model as a whole.</summary>
    /// <param name="kind">The kind of the finding.</param>
    /// <param name="parameter">The path in <c>named_parameters()</c>.</param>
    /// <returns>Whether the finding is muted.</returns>
    public bool Covers(AlertKind kind, string parameter) =>
        kind != AlertKind.Monitor && (Kind is null || Kind == kind) && FileSystemName.MatchesSimpleExpression(Parameters, parameter, ignoreCase: false);
}
