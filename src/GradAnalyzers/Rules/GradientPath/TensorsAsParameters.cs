using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>Fields of modules that hold a tensor made to be trained (it requires gradients), which forward uses, and which is no Parameter.</summary>
internal sealed class TensorsAsParameters(ProgramSource source, ModuleClasses classes)
{
    private const int MaximumCalls = 16;

    private ModelCatalogue Catalogue => source.Catalogue;

    public IEnumerable<Unregistered> Find()
    {
        foreach (var type in ModelGraphs.Of(source.Program).Classes(source.Cancellation))
        {
            foreach (var field in source.InstanceFields(type).Where(field => Catalogue.FindBase(field.Type)?.Role == Role.Tensor))
            {
                var symbol = field.AssociatedSymbol ?? field;
                var model = ModelType.Of(type);
                var made = source.WritesTo(symbol).Where(write => write.Method is null or { MethodKind: MethodKind.Constructor })
                    .Where(write => !write.Write.IsElement && write.Write.TuplePath.IsEmpty && RequiresGradient(write.Write.Value)).ToList();
                if (made is [var only] && source.WritesTo(symbol).Length == 1 && classes.ForwardMentions(model, symbol.Name) && !classes.MayBeMeant(model, symbol.Name))
                    yield return new(Cause.PlainTensor, only.Write.Value.Syntax.GetLocation(), symbol.Name);
            }
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
