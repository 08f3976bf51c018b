using Microsoft.CodeAnalysis;

namespace GradAnalyzers;

/// <summary>Every rule of the package in one place. Each has a page, <c>docs/rules/GRADnnnn.md</c>.</summary>
public static class Descriptors
{
    private const string Configuration = "Configuration";
    private const string Flow = "GradientFlow";
    private const string Training = "Training";

    public static readonly DiagnosticDescriptor GRAD0001 = Warning("GRAD0001", Configuration,
        title: "Configuration of GradAnalyzers that cannot be read",
        message: "{0}",
        description: "A line of a *.catalogue.txt file, or an option gradanalyzers.* in an .editorconfig, cannot be read. It is ignored; the rest counts.");

    public static readonly DiagnosticDescriptor GRAD0002 = Create("GRAD0002", Flow, DiagnosticSeverity.Info, isEnabledByDefault: false,
        title: "Predicted gradient of every parameter of a model",
        message: "'{0}': {1}; first/last={2} attenuation={3}; {4}",
        description: "The gradient that each parameter is predicted to get at initialization, relative to the largest, as path=value pairs. "
            + "Enable it with dotnet_diagnostic.GRAD0002.severity = warning.");

    public static readonly DiagnosticDescriptor GRAD2001 = Warning("GRAD2001", Training,
        title: "A recurrent model is stepped without gradient clipping",
        message: "'{0}' is recurrent and is stepped without gradient clipping; its gradients may explode during training. "
            + "Call torch.nn.utils.clip_grad_norm_({1}, 1.0) after backward.",
        description: "The gradient of a recurrent model is a product over time steps: when training grows the recurrent weights it explodes. "
            + "Clipping by global norm between backward and step bounds it (Pascanu, Mikolov, Bengio 2013).");

    private static DiagnosticDescriptor Warning(string id, string category, string title, string message, string description) =>
        Create(id, category, DiagnosticSeverity.Warning, isEnabledByDefault: true, title, message, description);

    private static DiagnosticDescriptor Create(string id, string category, DiagnosticSeverity severity, bool isEnabledByDefault, string title, string message, string description) =>
        new(id, title, message, category, severity, isEnabledByDefault, description, helpLinkUri: $"https://github.com/GradAnalyzers/GradAnalyzers/blob/main/docs/rules/{id}.md");
}
