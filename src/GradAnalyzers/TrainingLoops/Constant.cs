using System.Collections.Immutable;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>A constant that an expression surely has, and the variables and members that it came through.</summary>
/// <param name="Written">Where the constant is written.</param>
/// <param name="Through">What names it on the way.</param>
internal sealed record Constant(IOperation Written, ImmutableArray<ISymbol> Through)
{
    private const int MaximumSteps = 16;

    /// <summary>Follows variables, arguments, and members that are given their value once, when their object is made; null where the value may be another.</summary>
    public static Constant? Of(IOperation value, Frame frame, ValueTracer tracer)
    {
        var through = ImmutableArray.CreateBuilder<ISymbol>();
        var (current, at) = ((IOperation?)value, frame);
        for (var step = 0; step < MaximumSteps && current is not null; step++)
        {
            if (current.ConstantValue.HasValue)
                return new Constant(current, through.ToImmutable());
            switch (current)
            {
                case IConversionOperation or IParenthesizedOperation:
                    current = current.ChildOperations.First();
                    break;
                case ILocalReferenceOperation { Local: var local }:
                    through.Add(local);
                    at = Frame.Declaring(local, at);
                    current = at.Body.Writes(local) is [{ IsElement: false, TuplePath.IsEmpty: true, Value: var written }] && written is not IArgumentOperation ? written : null;
                    break;
                case IParameterReferenceOperation { Parameter: var parameter }:
                    through.Add(parameter);
                    (current, at) = at.Body.Writes(parameter).Count > 0 ? (null, at) : at.ArgumentOf(parameter) is { } given ? (given.Argument, given.Frame) : Captured(parameter, at);
                    break;
                case IFieldReferenceOperation or IPropertyReferenceOperation { Property.IsIndexer: false }:
                    var reference = (IMemberReferenceOperation)current;
                    through.Add(reference.Member.OriginalDefinition);
                    (current, at) = Member(reference, at, tracer);
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    /// <summary>A parameter of a primary constructor, as the object was made.</summary>
    private static (IOperation?, Frame) Captured(IParameterSymbol parameter, Frame frame) => frame.Receiver is [Created created] && parameter.ContainingSymbol is IMethodSymbol { MethodKind: MethodKind.Constructor }
        ? (Frame.Arguments(created.Creation).FirstOrDefault(argument => SymbolEqualityComparer.Default.Equals(argument.Parameter?.OriginalDefinition, parameter.OriginalDefinition))?.Value, created.Frame) : (null, frame);

    private static (IOperation?, Frame) Member(IMemberReferenceOperation reference, Frame frame, ValueTracer tracer)
    {
        var owner = reference.Member.IsStatic ? null : tracer.Trace(reference.Instance, frame) is [Created created] ? created : null;
        if (owner is null && !reference.Member.IsStatic)
            return (null, frame);
        var member = reference.Member is IPropertySymbol property ? ProgramSource.MostDerived(property, owner?.Type) : reference.Member;
        if (owner is { Creation: IObjectCreationOperation creation } && ValueTracer.HeldIn(creation, member) is { } held)
            return (held, owner.Frame);
        if (member is IPropertySymbol { GetMethod: { } getter } && tracer.Source.CodeOf(getter) is { } code)
            return code.Body.Returns(null) is [var returned] ? (returned, tracer.Detached(getter, code.Body, owner)) : (null, frame);
        var isFixed = member is IFieldSymbol { IsReadOnly: true } or IPropertySymbol { SetMethod: null or { IsInitOnly: true } };
        return isFixed && tracer.Source.WritesTo(member, owner?.Type) is [{ Method: null, Write: { IsElement: false, TuplePath.IsEmpty: true, Value: var initial }, Body: var body }] ? (initial, tracer.Detached(null, body, owner)) : (null, frame);
    }
}
