using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>
/// Writes a call in the words of the project's own catalogue. Each form is bound where it shall stand, and counts only where it means the line that it was made from;
/// what returns new gradients in place of changing them is no statement to insert.
/// </summary>
internal sealed class InHouse(ModelCatalogue catalogue, SemanticModel model, int position)
{
    private static readonly string[] Limits = ["1.0", "1.0f", "1"];

    /// <summary>Whether a call is described by the project's own catalogue, and not by ours.</summary>
    public bool Speaks(SyntaxNode call) => catalogue.Find(model.GetSymbolInfo(call).Symbol) is { IsBuiltIn: false };

    /// <summary>A statement that clears the gradients of an optimizer or its model; null where the catalogue has no word for it.</summary>
    public string? Clear(params string?[] objects) => Statement(Role.Clear, objects, [""]);

    /// <summary>A statement that clips; null where the catalogue has no word for it.</summary>
    public string? Clip(Role role, params string?[] objects) => Statement(role, objects, Limits);

    private string? Statement(Role role, IEnumerable<string?> objects, IReadOnlyList<string> limits) =>
        catalogue.OwnEntries.Where(entry => entry.Role == role).OrderBy(entry => entry.Member, StringComparer.Ordinal)
            .SelectMany(entry => objects.OfType<string>().SelectMany(text => limits.SelectMany(limit => Forms(entry, text, limit))))
            .FirstOrDefault(form => Means(form, role)) is { } call ? call + ";" : null;

    /// <summary>A static call, with and without names, and one on the object.</summary>
    private IEnumerable<string> Forms(CatalogueEntry entry, string text, string limit)
    {
        foreach (var parameters in Texts(entry, text))
        {
            foreach (var threshold in Names(entry, "threshold").Select(name => $"{name}: {limit}").DefaultIfEmpty(""))
            {
                var separator = threshold.Length > 0 ? ", " : "";
                foreach (var name in Names(entry, "parameters"))
                {
                    yield return $"{entry.Member}({parameters}{separator}{threshold})";
                    yield return $"{entry.Member}({name}: {parameters}{separator}{threshold})";
                }

                if (entry.Meaning("parameters") is null)
                    yield return $"{parameters}.{SimpleName(entry)}({threshold})";
            }
        }
    }

    /// <summary>An object, and its parameters in the catalogue's words.</summary>
    private IEnumerable<string> Texts(CatalogueEntry entry, string text)
    {
        yield return text;
        if (entry.Meaning("parameters") is null)
            yield break;
        foreach (var parameters in catalogue.OwnEntries.Where(own => own.Role == Role.Parameters))
        {
            yield return $"{text}.{SimpleName(parameters)}()";
            yield return $"{text}.{SimpleName(parameters)}";
        }
    }

    private static string[] Names(CatalogueEntry entry, string meaning) => entry.Meaning(meaning)?.Split('|') ?? [];

    private static string SimpleName(CatalogueEntry entry) => entry.Member[(entry.Member.LastIndexOf('.') + 1)..];

    private bool Means(string form, Role role) =>
        SyntaxFactory.ParseExpression(form) is InvocationExpressionSyntax { ContainsDiagnostics: false } call
        && model.GetSpeculativeSymbolInfo(position, call, SpeculativeBindingOption.BindAsExpression).Symbol is IMethodSymbol method
        && catalogue.Find(method) is { IsBuiltIn: false } entry && entry.Role == role
        && (method.ReturnsVoid || (method.ReturnType.SpecialType != SpecialType.None && method.ReturnType.IsValueType));
}
