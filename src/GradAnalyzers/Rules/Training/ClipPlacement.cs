using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Training;

/// <summary>Where a clip belongs, and how the parameters that the optimizer steps are written there.</summary>
internal static class ClipPlacement
{
    /// <summary>Property of the diagnostic: the expression for the parameters. Absent where no expression is in scope.</summary>
    public const string Parameters = "parameters";

    /// <summary>A step that needs a clip. The diagnostic's further locations are the backward calls in the step's closure (LBFGS): there the clip belongs after them.</summary>
    public static Finding Finding(Step step, TrainingLoop loop, ImmutableArray<Value> models, int? reach)
    {
        var inClosure = step.Backwards.Where(backward => step.Event.Closure.Any(closure => backward.Event.Frame == closure))
            .Select(backward => backward.Event.Operation).ToImmutableArray();
        var text = step.Event.IsByHand ? null : ParametersInSource(step, loop, inClosure.FirstOrDefault() ?? step.Event.Operation);
        return new Finding(step.Event, string.Join("' or '", models.Select(model => model.Type?.Name ?? "the model").Distinct()), Reach(reach), Remedy(step, loop.Values.Source.Catalogue, text ?? "model.parameters()"))
        {
            Places = inClosure,
            Properties = text is null ? ImmutableDictionary<string, string?>.Empty : ImmutableDictionary<string, string?>.Empty.Add(Parameters, text),
        };
    }

    private static string Reach(int? steps) => steps is null or >= RecurrentReach.Limit
        ? ""
        : string.Format(CultureInfo.InvariantCulture, " (at initialization they reach about {0} steps back)", steps);

    /// <summary>The library's call for TorchSharp; for another framework the clip that its catalogue names.</summary>
    private static string Remedy(Step step, ModelCatalogue catalogue, string parameters)
    {
        if ((step.Event.Operation as IInvocationOperation)?.TargetMethod is not { } method || catalogue.Find(method) is null or { IsBuiltIn: true })
            return $"Call torch.nn.utils.clip_grad_norm_({parameters}, 1.0) after backward";
        return catalogue.ClipsByNorm is [var clip, ..] ? $"Call {clip} between backward and step" : "Clip the gradients between backward and step";
    }

    /// <summary><c>model.parameters()</c> where that is all the optimizer holds and is in scope; otherwise <c>optimizer.parameters()</c>.</summary>
    private static string? ParametersInSource(Step step, TrainingLoop loop, IOperation place)
    {
        var frame = step.Event.Frame;
        var held = step.Event.Optimizer.Parameters;
        if (frame.Body == loop.Root.Body && held is { IsComplete: true, IsFiltered: false, Modules: [var module] })
        {
            foreach (var call in frame.Body.Root.DescendantsAndSelf().OfType<IInvocationOperation>())
            {
                if (IsName(call.Instance) && loop.Values.Trace(call.Instance, frame) is [var traced] && traced == module && IsInScope(call.Instance, place))
                    return Text(call.Instance!) + ".parameters()";
            }

            if (module is Instance)
                return "parameters()";
        }

        var optimizer = (step.Event.Operation as IInvocationOperation)?.Instance;
        return IsName(optimizer) && IsInScope(optimizer, place) && HasParameters(optimizer!.Type) ? Text(optimizer) + ".parameters()" : null;
    }

    private static string Text(IOperation name) => name.Syntax.WithoutTrivia().ToString();

    /// <summary>A local, parameter, field or property, or a member of one: something that can be named again without a side effect.</summary>
    private static bool IsName(IOperation? operation) => operation is not IInstanceReferenceOperation && RootOf(operation) is not null;

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

    private static bool IsInScope(IOperation? name, IOperation place)
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

    private static bool HasParameters(ITypeSymbol? type)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (current.GetMembers("parameters").OfType<IMethodSymbol>().Any(method => method.Parameters.IsEmpty && method.DeclaredAccessibility == Accessibility.Public))
                return true;
        }

        return false;
    }
}
