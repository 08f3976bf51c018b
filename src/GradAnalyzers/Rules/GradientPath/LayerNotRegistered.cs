using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>A layer that the model computes with is not in its parameters().</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class LayerNotRegistered() : Rule(Descriptors.GRAD4001)
{
    /// <summary>Property of the diagnostic: the cause, by its name.</summary>
    public const string CauseKey = "cause";

    /// <summary>Property of the diagnostic: the field or class.</summary>
    public const string NameKey = "name";

    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var layers = UnregisteredLayers.Of(WholeProgram.Of(start.Compilation, catalogue));
        start.RegisterSemanticModelAction(context =>
        {
            foreach (var layer in layers.In(context.SemanticModel.SyntaxTree, context.CancellationToken))
                context.ReportDiagnostic(Diagnostic.Create(Descriptor, layer.Place, layer.Involved, Properties(layer), Message.Fit(Descriptor, Arguments(layer)).ToArray<object>()));
        });
    }

    private static ImmutableDictionary<string, string?> Properties(Unregistered layer) =>
        ImmutableDictionary<string, string?>.Empty.Add(CauseKey, layer.Cause.ToString()).Add(NameKey, layer.Name);

    private static object[] Arguments(Unregistered layer)
    {
        var isOne = !layer.Name.Contains("' and '");
        return layer.Cause switch
        {
            Cause.PlainCollection => [$"RegisterComponents() does not look into '{layer.Name}' ({layer.Container})", Lost("its layers are"), Remedy(layer.Container)],
            Cause.TooLate => [$"'{layer.Name}' {(isOne ? "is" : "are")} assigned after RegisterComponents(), which works once", Lost(isOne ? "it is" : "they are"), Forms.Of("Assign before the call, or call register_module", "Assign before the call")],
            Cause.FilledTooLate => [$"'{layer.Name}' is filled after its registration, which works once", Lost("these layers are"), "Fill it before RegisterComponents()"],
            Cause.Forgotten => [$"'{layer.Name}' never calls RegisterComponents()", Lost("its layers are"), "Call it at the end of the constructor"],
            Cause.ForgottenInElement => [$"'{layer.Name}' never calls RegisterComponents(); a Sequential does not do it", Lost("its layers are"), "Call it at the end of the constructor"],
            _ => [$"'{layer.Name}' requires gradients but is no Parameter: it is taken for a buffer", "it is not trained", "Make it a Parameter"],
        };
    }

    private static Forms Lost(string subject) => Forms.Of($"{subject} not trained, not moved to a device and not saved", $"{subject} not trained, moved or saved");

    private static string Remedy(string container) =>
        container.StartsWith("(", StringComparison.Ordinal) ? "Use a field for each, or register_module"
        : container.Contains("Dictionary") ? "Use a ModuleDict, or register_module"
        : container.EndsWith("]", StringComparison.Ordinal) || container.Contains("<") ? "Use a ModuleList, or register_module"
        : "Make it a Module, or call register_module";
}
