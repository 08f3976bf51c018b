using Microsoft.CodeAnalysis;

namespace GradAnalyzers;

/// <summary>Every rule of the package in one place. Each has a page, <c>docs/rules/GRADnnnn.md</c>.</summary>
public static class Descriptors
{
    private const string GradientFlow = "GradientFlow";
    private const string Training = "Training";

    public static readonly DiagnosticDescriptor GRAD1001 = Warning("GRAD1001", GradientFlow,
        title: "Stacked saturating activations starve the early layers",
        message: "{0} {1}; {2}",
        description: "The slope of a sigmoid is at most 1/4, and that of every saturating activation is far below one for most inputs: the gradient of an early layer is a product of these slopes.");

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
