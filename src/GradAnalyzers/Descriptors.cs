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

    public static readonly DiagnosticDescriptor GRAD1002 = Warning("GRAD1002", GradientFlow,
        title: "A deep stack has no normalization",
        message: "{0} layers without normalization {1}; {2}",
        description: "At the library's default initialization every layer scales the gradient by a factor other than one, and depth raises it to a power. Normalization holds the scale of what each layer gets.");

    public static readonly DiagnosticDescriptor GRAD1003 = Warning("GRAD1003", GradientFlow,
        title: "A stack is too deep to do without residual connections",
        message: "{0} layers without residual connections {1}, and normalization alone does not change that; add each block's input to its output: x + block(x)",
        description: "Batch normalization with a nonlinearity multiplies the gradient by slightly more than one a layer, and plain stacks by less: beyond some depth only an identity path keeps it (He et al. 2016).");

    public static readonly DiagnosticDescriptor GRAD1004 = Warning("GRAD1004", GradientFlow,
        title: "An initialization has the wrong gain for its depth",
        message: "The initialization of {0} {1}; use {2}",
        description: "The variance of the weights times the fan-in, together with the activation, is the factor by which each layer scales the gradient. Initializers with the gain of the activation make it one.");

    public static readonly DiagnosticDescriptor GRAD1005 = Warning("GRAD1005", GradientFlow,
        title: "All weights of a layer start at the same number",
        message: "All weights of '{0}' start at {1}{2}; use {3}",
        description: "Units with the same weights compute the same and receive the same gradient, so that they stay alike; zero weights let no gradient through to the layers before.");

    public static readonly DiagnosticDescriptor GRAD1006 = Warning("GRAD1006", GradientFlow,
        title: "An initializer is applied before the components are registered",
        message: "apply(...) visits registered modules only, and RegisterComponents() runs after it: nothing is initialized. Call it after RegisterComponents().",
        description: "Module.apply walks the registered submodules. Before RegisterComponents there are none, and the layers keep their default initialization.");

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
