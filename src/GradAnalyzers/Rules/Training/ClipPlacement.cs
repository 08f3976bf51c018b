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

    /// <summary>Property of the diagnostic: the name of the model at the step. Absent where it has none.</summary>
    public const string Model = "model";

    /// <summary>A step that needs a clip. The diagnostic's further locations are the backward calls in the step's closure (LBFGS): there the clip belongs after them.</summary>
    public static Finding Finding(Step step, TrainingLoop loop, ImmutableArray<Value> models, LoopProgram program, int? reach)
    {
        var inClosure = step.Backwards.Where(backward => step.Event.Closure.Any(closure => backward.Event.Frame == closure))
            .Select(backward => backward.Event.Operation).ToImmutableArray();
        var place = new ReportedAt(inClosure.FirstOrDefault() ?? step.Event.Operation, step.Event.Frame, loop);
        var properties = ImmutableDictionary<string, string?>.Empty;
        if (!step.Event.IsByHand && ParametersAt(place, step) is { } parameters)
            properties = properties.Add(Parameters, parameters);
        if (place.NameOf(models[0]) is { } name)
            properties = properties.Add(Model, name);
        Wording remedy = at => Remedy(step, loop.Values.Source.Catalogue, step.Event.IsByHand ? null : ParametersAt(at.Operation == step.Event.Operation ? place : at, step));
        return new Finding(step.Event, string.Join("' or '", models.Select(model => program.NameOf(model) ?? "the model").Distinct()), Forms.Of(Reach(reach), ""), remedy) { Places = inClosure, Properties = properties, Related = Origin.Of(models[0], loop.Values.Source) };
    }

    /// <summary>A recurrent model is handed to another project's code, which trains it without a clip.</summary>
    public static Finding Elsewhere(OpaqueEvent call, Value model, LoopProgram program)
    {
        var method = ((IInvocationOperation)call.Operation).TargetMethod;
        return new Finding(call, program.NameOf(model) ?? "the model", Forms.Of(Reach(program.ReachOf(model)), ""), Forms.Of($"clip the gradients in {method.ContainingType.Name}.{method.Name}", $"clip the gradients in {method.Name}"))
            { Related = Origin.Of(model, program.Source) };
    }

    private static string Reach(int? steps) => steps is null or >= RecurrentReach.Limit
        ? ""
        : string.Format(CultureInfo.InvariantCulture, " (reach: {0} steps)", steps);

    /// <summary>The library's call for TorchSharp; for another framework the clip that its catalogue names.</summary>
    private static Forms Remedy(Step step, ModelCatalogue catalogue, string? parameters)
    {
        if ((step.Event.Operation as IInvocationOperation)?.TargetMethod is { } method && catalogue.Find(method) is { IsBuiltIn: false })
            return Forms.Of(catalogue.ClipsByNorm is [var clip, ..] ? $"call {clip} between backward and step" : "clip the gradients between backward and step");
        return parameters is null
            ? Forms.Of("call torch.nn.utils.clip_grad_norm_ after backward", "call clip_grad_norm_ after backward")
            : Forms.Of($"call torch.nn.utils.clip_grad_norm_({parameters}, 1.0) after backward", $"call clip_grad_norm_({parameters}, 1.0) after backward", "call clip_grad_norm_ after backward");
    }

    /// <summary><c>model.parameters()</c> where that is all the optimizer holds and is in scope; otherwise <c>optimizer.parameters()</c>.</summary>
    private static string? ParametersAt(ReportedAt at, Step step)
    {
        var optimizer = step.Event.Optimizer;
        if (optimizer.Parameters is { IsComplete: true, IsFiltered: false, Modules: [var module] } && at.Frame.Body == at.Loop.Root.Body)
        {
            if (at.NameOf(module) is { } model)
                return model + ".parameters()";
            if (module is Instance && at.Frame == at.Loop.Root)
                return "parameters()";
        }

        if (at.Frame == step.Event.Frame)
        {
            var stepped = (step.Event.Operation as IInvocationOperation)?.Instance;
            return NamesInScope.Is(stepped) && NamesInScope.IsInScope(stepped, at.Operation) && HasParameters(stepped!.Type) ? NamesInScope.Text(stepped) + ".parameters()" : null;
        }

        return optimizer.IsOne && HasParameters(optimizer.Optimizers[0].Type) && at.NameOf(optimizer.Optimizers[0]) is { } name ? name + ".parameters()" : null;
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
