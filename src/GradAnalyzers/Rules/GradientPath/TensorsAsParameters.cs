using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>Fields of modules that hold a tensor made to be trained (it requires gradients), which forward uses, and which is no Parameter.</summary>
internal sealed class TensorsAsParameters(ProgramSource source)
{
    private const int MaximumCalls = 16;

    private ModelCatalogue Catalogue => source.Catalogue;

    /// <summary>All of a program, but what its classes may mean so.</summary>
    public static IEnumerable<Unregistered> Find(WholeProgram program, ModuleClasses classes, CancellationToken cancellation) =>
        from type in ModelGraphs.Of(program).Classes(cancellation)
        from tensor in (ImmutableArray<Unregistered>)Kept.Of(program, "tensors as parameters", type.Declaration, cancellation, source => new TensorsAsParameters(source).In(type.Symbol(program, cancellation)).ToImmutableArray()).Value
        where !classes.MayBeMeant(ModelType.Of(type.Symbol(program, cancellation)), tensor.Name)
        select tensor;

    private IEnumerable<Unregistered> In(INamedTypeSymbol type)
    {
        var classes = new ModuleClasses(source);
        foreach (var field in source.InstanceFields(type).Where(field => Catalogue.FindBase(field.Type)?.Role == Role.Tensor))
        {
            var symbol = field.AssociatedSymbol ?? field;
            var made = source.WritesTo(symbol).Where(write => write.Method is null or { MethodKind: MethodKind.Constructor })
                .Where(write => !write.Write.IsElement && write.Write.TuplePath.IsEmpty && RequiresGradient(write.Write.Value)).ToList();
            if (made is [var only] && source.WritesTo(symbol).Length == 1 && classes.ForwardMentions(ModelType.Of(type), symbol.Name))
                yield return new(Cause.PlainTensor, only.Write.Value.Syntax.GetLocation(), symbol.Name);
        }
    }

    /// <summary>The value is a tensor that asks for gradients: by the factory's argument or by <c>requires_grad_()</c>.</summary>
    private bool RequiresGradient(IOperation value)
    {
        var current = Unconverted(value);
        for (var count = 0; count < MaximumCalls && current is IInvocationOperation call; count++)
        {
            var entry = Catalogue.Find(call.TargetMethod);
            if (Catalogue.FindBase(call.Type)?.Role != Role.Tensor || entry is null)
                return false;
            if (call.Arguments.FirstOrDefault(argument => argument.Parameter is { } parameter && entry.Carries("tracks", parameter.Name)) is { } tracks)
            {
                if (tracks.Value.ConstantValue is not { HasValue: true, Value: bool isTracked })
                    return false;
                if (isTracked)
                    return true;
            }

            current = Unconverted(call.Instance);
        }

        return false;
    }

    private static IOperation? Unconverted(IOperation? value)
    {
        while (value is IConversionOperation conversion)
            value = conversion.Operand;
        return value;
    }
}
