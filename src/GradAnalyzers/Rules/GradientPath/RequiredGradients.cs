using GradAnalyzers.Catalogue;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary><c>loss.requires_grad = true</c>: it silences the error of a cut graph and mends nothing.</summary>
internal static class RequiredGradients
{
    /// <summary>What a message adds where the loss is made to require gradients by hand; a measured fact: every gradient stays null.</summary>
    public static Forms HintFor(BackwardEvent backward, TrainingLoop loop)
    {
        var catalogue = loop.Values.Source.Catalogue;
        return backward.Loss is { } loss && backward.Frame.Body.Operations.OfType<ISimpleAssignmentOperation>().Any(assignment =>
            assignment is { Target: IPropertyReferenceOperation { Instance: { } changed, Property: var property }, Value.ConstantValue: { HasValue: true, Value: true } }
            && catalogue.Is(property, Role.Freeze) && VariableOf(changed) is { } variable && SymbolEqualityComparer.Default.Equals(variable, VariableOf(loss)))
            ? Forms.Of(" (requires_grad = true only hides that)", " (requires_grad hides it)", "") : Forms.Of("");
    }

    private static ISymbol? VariableOf(IOperation operation) => operation switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IParameterReferenceOperation reference => reference.Parameter,
        IConversionOperation conversion => VariableOf(conversion.Operand),
        _ => null,
    };
}
