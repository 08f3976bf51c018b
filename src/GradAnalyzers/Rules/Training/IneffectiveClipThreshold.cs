using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>A clip's limit is not positive, not finite, or so large that no gradient reaches it.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class IneffectiveClipThreshold() : TrainingLoopRule(Descriptors.GRAD2006)
{
    /// <summary>A healthy global norm is 0.1 to 10 and tools alarm at 100; a hundred times that never acts before the weights are ruined.</summary>
    private const double LargestUseful = 1e4;

    private protected override IEnumerable<Finding> Check(TrainingLoop loop, LoopProgram program)
    {
        foreach (var (_, clip) in loop.Of<ClipEvent>())
        {
            if (clip.Threshold is not { } threshold || Constant.Of(threshold, clip.Frame, loop.Values) is not { Written.ConstantValue.Value: IConvertible value and not string } constant)
                continue;
            var limit = value.ToDouble(CultureInfo.InvariantCulture);
            if ((!(limit > 0) || (limit >= LargestUseful && !IsMeasurement(clip))) && !IsCompared(constant, clip))
                yield return new Finding(clip, threshold.Syntax.ToString(), Effect(limit, IsByValue(clip, program))) { Places = Unconverted(constant.Written) is { IsImplicit: false } written ? ImmutableArray.Create(written) : ImmutableArray<IOperation>.Empty };
        }
    }

    /// <summary><c>if (maximum > 0)</c>: the code knows that a number may stand for no clipping.</summary>
    private static bool IsCompared(Constant constant, ClipEvent clip) => !constant.Through.IsEmpty && Frame.WayTo(clip.Operation, clip.Frame).SelectMany(place => place.Frame.Body.Operations)
        .Any(operation => operation is IBinaryOperation { OperatorMethod: null } or IIsPatternOperation && operation.Descendants().Any(part => Named(part) is { } named && constant.Through.Contains(named, SymbolEqualityComparer.Default)));

    private static IOperation Unconverted(IOperation operation)
    {
        while (operation is IConversionOperation { Operand: var operand })
            operation = operand;
        return operation;
    }

    private static ISymbol? Named(IOperation operation) => operation switch
    {
        ILocalReferenceOperation reference => reference.Local,
        IParameterReferenceOperation reference => reference.Parameter,
        IMemberReferenceOperation reference => reference.Member.OriginalDefinition,
        _ => null,
    };

    private static bool IsByValue(ClipEvent clip, LoopProgram program) =>
        clip.Operation is IInvocationOperation { TargetMethod: { } method } && program.Source.Catalogue.Is(method, Role.ClipValue);

    /// <summary>By value, gradients are clamped between -limit and limit; where these are the wrong way round, all become the upper one.</summary>
    private static string Effect(double limit, bool isByValue) => limit switch
    {
        0 => "sets every gradient to zero",
        < 0 => isByValue ? "sets every gradient to the same negative value" : "turns every gradient around",
        double.NaN => "turns every gradient into NaN",
        _ => "is too large to act",
    };

    /// <summary><c>var norm = clip_grad_norm_(parameters, 1e9)</c>: the usual way to get the global norm without clipping.</summary>
    private static bool IsMeasurement(ClipEvent clip) => clip.Operation.Parent is not IExpressionStatementOperation;
}
