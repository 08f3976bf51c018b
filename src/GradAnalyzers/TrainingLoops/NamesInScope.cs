using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>How objects are named at a place: by locals, parameters, fields and properties that are in scope there, or members of such.</summary>
internal static class NamesInScope
{
    private const int MaximumCandidates = 500;

    /// <summary>The name of an object at a place of an activation; null where nothing there surely holds it.</summary>
    public static string? Of(Value value, IOperation place, Frame frame, ValueTracer tracer)
    {
        // What the place itself mentions comes first.
        foreach (var candidate in place.DescendantsAndSelf().Concat(frame.Body.Operations).Where(operation => Is(operation) && MayBe(operation.Type, value.Type)).Take(MaximumCandidates))
        {
            if (IsInScope(candidate, place) && tracer.Trace(candidate, frame) is [var traced] && traced == value)
                return Text(candidate);
        }

        return null;
    }

    public static string Text(IOperation name) => name.Syntax.WithoutTrivia().ToString();

    /// <summary>A local, parameter, field or property, or a member of one: something that can be named again without a side effect.</summary>
    public static bool Is(IOperation? operation) => operation is not IInstanceReferenceOperation && RootOf(operation) is not null;

    public static bool IsInScope(IOperation? name, IOperation place)
    {
        var model = place.SemanticModel;
        var symbol = RootOf(name) switch
        {
            ILocalReferenceOperation reference => reference.Local,
            IParameterReferenceOperation reference => reference.Parameter,
            _ => (ISymbol?)null,
        };
        return symbol is null
            || (model is not null && symbol.Locations[0].SourceSpan.Start < place.Syntax.SpanStart && model.LookupSymbols(place.Syntax.SpanStart, name: symbol.Name).Any(found => SymbolEqualityComparer.Default.Equals(found, symbol)));
    }

    private static IOperation? RootOf(IOperation? operation)
    {
        for (var current = operation; current is not null;)
        {
            switch (current)
            {
                case ILocalReferenceOperation or IParameterReferenceOperation or IInstanceReferenceOperation:
                    return current;
                case IMemberReferenceOperation { Instance: null } and (IFieldReferenceOperation or IPropertyReferenceOperation):
                    return current;
                case IFieldReferenceOperation or IPropertyReferenceOperation { Property.IsIndexer: false }:
                    current = ((IMemberReferenceOperation)current).Instance;
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    /// <summary>Asked before anything is traced.</summary>
    private static bool MayBe(ITypeSymbol? declared, ITypeSymbol? made)
    {
        if (declared is null or { TypeKind: TypeKind.Interface or TypeKind.TypeParameter } || made is null or { TypeKind: TypeKind.TypeParameter })
            return declared is not null;
        for (var current = made; current is not null; current = current.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(current.OriginalDefinition, declared.OriginalDefinition))
                return true;
        }

        return false;
    }
}
