using System.Collections.Immutable;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Where an object comes from, for a reader.</summary>
internal static class Origin
{
    /// <summary>Where it is made, and where its class is declared, as far as source shows it.</summary>
    public static ImmutableArray<Location> Of(Value value, ProgramSource source)
    {
        var made = value is Created created ? new[] { created.Creation.Syntax.GetLocation() } : [];
        var declared = value.Type?.OriginalDefinition.Locations.Where(location => location.SourceTree is { } tree && source.Compilation.ContainsSyntaxTree(tree)).Take(1) ?? [];
        var places = made.Concat(declared).ToImmutableArray();
        foreach (var place in places)
            source.Reads(place.SourceTree);
        return places;
    }
}
