using Microsoft.CodeAnalysis;

namespace GradAnalyzers.TrainingLoops;

/// <summary>What a type parameter stands for in an activation: in <c>Trainer&lt;TModel&gt;</c> the class that the trainer was made for, in a generic method what its call says.</summary>
internal static class TypeArguments
{
    private const int MaximumSteps = 16;

    /// <summary>The type, or the parameter itself where the activation does not tell.</summary>
    public static ITypeSymbol Of(ITypeParameterSymbol parameter, Frame frame)
    {
        ITypeSymbol current = parameter;
        var at = frame;
        for (var step = 0; step < MaximumSteps && current is ITypeParameterSymbol open && Next(open, at) is var (found, where); step++)
            (current, at) = (found, where);
        return current;
    }

    private static (ITypeSymbol Type, Frame Frame)? Next(ITypeParameterSymbol parameter, Frame frame)
    {
        for (var current = frame; current is not null; current = current.Lexical)
        {
            if (parameter.DeclaringMethod is { } generic)
            {
                if (SymbolEqualityComparer.Default.Equals(current.Method?.OriginalDefinition, generic.OriginalDefinition) && current is { Method: { } called, Caller: { } caller })
                    return (called.TypeArguments[parameter.Ordinal], caller);
                continue;
            }

            foreach (var (type, where) in Owners(current))
            {
                for (var constructed = type as INamedTypeSymbol; constructed is not null; constructed = constructed.BaseType)
                {
                    if (SymbolEqualityComparer.Default.Equals(constructed.OriginalDefinition, parameter.ContainingType?.OriginalDefinition) && !SymbolEqualityComparer.Default.Equals(constructed.TypeArguments[parameter.Ordinal], parameter))
                        return (constructed.TypeArguments[parameter.Ordinal], where);
                }
            }
        }

        return null;
    }

    /// <summary>The object that the code runs on, as it was made; or the class that a static method is called on.</summary>
    private static IEnumerable<(ITypeSymbol? Type, Frame Frame)> Owners(Frame frame)
    {
        foreach (var created in frame.Receiver.OfType<Created>())
            yield return (created.Type, created.Frame);
        if (frame is { Method: { IsStatic: true, ContainingType: var type }, Caller: { } caller })
            yield return (type, caller);
    }
}
