using Microsoft.CodeAnalysis;

namespace GradAnalyzers;

/// <summary>Every rule of the package in one place. Each has a page, <c>docs/rules/GRADnnnn.md</c>.</summary>
public static class Descriptors
{
    private const string Configuration = "Configuration";
    private const string Flow = "GradientFlow";
    private const string Training = "Training";
    private const string Loss = "Loss";
    private const string GradientPath = "GradientPath";
    private const string Measured = "Measured";

    public static readonly DiagnosticDescriptor GRAD0001 = Warning("GRAD0001", Configuration,
        title: "Configuration of GradAnalyzers that cannot be read",
        message: "{0}",
        description: "A line of a *.catalogue.txt file, a row of a *.gradients.csv file, or an option gradanalyzers.* in an .editorconfig, cannot be read. It is ignored; the rest counts.");

    public static readonly DiagnosticDescriptor GRAD0002 = Create("GRAD0002", Flow, DiagnosticSeverity.Info, isEnabledByDefault: false,
        title: "Predicted gradient of every parameter of a model",
        message: "'{0}': {1}; first/last={2} attenuation={3}; {4}",
        description: "The gradient that each parameter is predicted to get at initialization, relative to the largest, as path=value pairs. "
            + "Enable it with dotnet_diagnostic.GRAD0002.severity = warning.");

    public static readonly DiagnosticDescriptor GRAD1001 = Warning("GRAD1001", Flow,
        title: "Stacked saturating activations starve the early layers",
        message: "{0} {1}; {2}",
        description: "The slope of a sigmoid is at most 1/4, and that of every saturating activation is far below one for most inputs: the gradient of an early layer is a product of these slopes.");

    public static readonly DiagnosticDescriptor GRAD1002 = Warning("GRAD1002", Flow,
        title: "A deep stack has no normalization",
        message: "{0} layers without normalization {1}; {2}",
        description: "At the library's default initialization every layer scales the gradient by a factor other than one, and depth raises it to a power. Normalization holds the scale of what each layer gets.");

    public static readonly DiagnosticDescriptor GRAD1003 = Warning("GRAD1003", Flow,
        title: "A stack is too deep to do without residual connections",
        message: "{0} layers without residual connections {1}; add each block's input to its output: x + block(x)",
        description: "Batch normalization with a nonlinearity multiplies the gradient by slightly more than one a layer, and plain stacks by less: beyond some depth only an identity path keeps it (He et al. 2016).");

    public static readonly DiagnosticDescriptor GRAD1004 = Warning("GRAD1004", Flow,
        title: "An initialization has the wrong gain for its depth",
        message: "The initialization of {0} {1}; use {2}",
        description: "The variance of the weights times the fan-in, together with the activation, is the factor by which each layer scales the gradient. Initializers with the gain of the activation make it one.");

    public static readonly DiagnosticDescriptor GRAD1005 = Warning("GRAD1005", Flow,
        title: "All weights of a layer start at the same number",
        message: "All weights of '{0}' start at {1}{2}; use {3}",
        description: "Units with the same weights compute the same and receive the same gradient, so that they stay alike; zero weights let no gradient through to the layers before.");

    public static readonly DiagnosticDescriptor GRAD1006 = Warning("GRAD1006", Flow,
        title: "An initializer is applied before the components are registered",
        message: "apply(...) visits registered modules only, and RegisterComponents() runs after it: nothing is initialized. Call it after RegisterComponents().",
        description: "Module.apply walks the registered submodules. Before RegisterComponents there are none, and the layers keep their default initialization.");

    public static readonly DiagnosticDescriptor GRAD1007 = Warning("GRAD1007", Flow,
        title: "A GroupNorm starts with whatever the memory held",
        message: "'{0}' starts with whatever the memory held: nn.GroupNorm of TorchSharp {1} sets neither weight nor bias. Set them to one and zero.",
        description: "TorchSharp 0.107 allocates the weight and the bias of a GroupNorm and writes nothing into them: values up to 1e38 and NaN, others in every run.");

    public static readonly DiagnosticDescriptor GRAD2001 = Warning("GRAD2001", Training,
        title: "A recurrent model is stepped without gradient clipping",
        message: "'{0}' is recurrent and is stepped without gradient clipping{1}; {2}",
        description: "The gradient of a recurrent model is a product over time steps: when training grows the recurrent weights it explodes. "
            + "Clipping by global norm between backward and step bounds it (Pascanu, Mikolov, Bengio 2013).");

    public static readonly DiagnosticDescriptor GRAD2002 = Warning("GRAD2002", Training,
        title: "Gradient clipping has no effect",
        message: "This clipping has no effect: {0}; clip what is stepped, between backward and step",
        description: "Gradients exist from backward on and are used up by step. A clip anywhere else changes nothing, and training looks protected when it is not.");

    public static readonly DiagnosticDescriptor GRAD2003 = Warning("GRAD2003", Training,
        title: "Gradients are never cleared",
        message: "'{0}' is stepped in a loop that {2}. Call {1} before backward.",
        description: "backward adds to the gradients that parameters hold. Without zero_grad the sum grows from step to step, as if the learning rate did, until training diverges.");

    public static readonly DiagnosticDescriptor GRAD2004 = Warning("GRAD2004", Training,
        title: "A step finds no gradients",
        message: "This step has no gradients to use: {0}",
        description: "A step between zero_grad and backward changes nothing (or only applies weight decay and old momentum): the model does not learn from the loss.");

    public static readonly DiagnosticDescriptor GRAD2005 = Warning("GRAD2005", Training,
        title: "A hidden state is carried over batches without detach",
        message: "'{0}' is carried from batch to batch with its history: {1}; detach it first",
        description: "A hidden state that is the output of the last batch still holds that batch's graph. detach() keeps its value and cuts its history (truncated backpropagation through time).");

    public static readonly DiagnosticDescriptor GRAD2006 = Info("GRAD2006", Training,
        title: "The clipping threshold is ineffective",
        message: "The clipping threshold {0} {1}; 1.0 is a usual start",
        description: "clip_grad_norm_ scales gradients by threshold/norm where the norm is larger. A threshold that no healthy gradient reaches never acts in time; one that is not positive destroys the direction.");

    public static readonly DiagnosticDescriptor GRAD2007 = Warning("GRAD2007", Training,
        title: "Scaled gradients are clipped",
        message: "Gradients are clipped while they are still scaled by '{0}'; the limit is off by that factor. Unscale before clipping.",
        description: "Loss scaling multiplies every gradient by the scale. A clip before the gradients are divided by it again compares the wrong norm with the limit, and cuts nearly every step to nearly nothing.");

    public static readonly DiagnosticDescriptor GRAD2008 = Warning("GRAD2008", Training,
        title: "An optimizer is given a parameter twice",
        message: "'{0}' is given the parameters of '{1}' twice, and steps them twice",
        description: "TorchSharp accepts overlapping parameters and groups silently; a parameter that is in two places takes each step twice, as if its learning rate were doubled.");

    public static readonly DiagnosticDescriptor GRAD2009 = Warning("GRAD2009", Training,
        title: "A trained module is in no optimizer",
        message: "'{0}' takes part in the loss, but {1}; it never learns",
        description: "backward computes gradients for every module on the way to the loss; only what an optimizer holds is changed by step.");

    public static readonly DiagnosticDescriptor GRAD2010 = Warning("GRAD2010", Training,
        title: "Accumulated gradients are erased",
        message: "Gradients are cleared in every round, but '{0}' is stepped only in some: all but the last backward before a step are thrown away. Clear them after the step.",
        description: "Gradients that are to be accumulated over several batches must stay until the step that uses them. Cleared in every round, only those of the last batch are left.");

    public static readonly DiagnosticDescriptor GRAD3001 = Warning("GRAD3001", Loss,
        title: "A softmax before cross entropy",
        message: "Cross entropy is given the output of '{0}' and applies a softmax itself; a confident wrong answer gets almost no gradient. Give it the logits.",
        description: "cross_entropy is log_softmax and nll_loss in one. A softmax of probabilities is nearly flat: its outputs differ by a factor of e at most, and the gradient passes through two softmax slopes.");

    public static readonly DiagnosticDescriptor GRAD3002 = Info("GRAD3002", Loss,
        title: "A sigmoid before binary cross entropy",
        message: "Binary cross entropy is given the output of '{0}': where the sigmoid is saturated a wrong answer gets no gradient; the loss on logits keeps it",
        description: "Sigmoid and logarithm cancel in exact arithmetic only. In float32 the sigmoid of 17 is 1, its slope 0, and the gradient of a confident wrong answer is lost; binary_cross_entropy_with_logits computes both in one.");

    public static readonly DiagnosticDescriptor GRAD3003 = Warning("GRAD3003", Loss,
        title: "The logarithm of a probability",
        message: "'{0}' is the logarithm of a {1}, which rounds to 0: the loss becomes infinite and its gradient NaN. Use {2}.",
        description: "softmax and sigmoid reach 0 exactly in float32, at a difference of about 104. Their logarithm is -infinity there, and backward multiplies 0 by infinity. log_softmax and logsigmoid compute both in one, with a gradient between -1 and 1 everywhere.");

    public static readonly DiagnosticDescriptor GRAD3004 = Warning("GRAD3004", Loss,
        title: "An activation is applied twice",
        message: "The loss applies a sigmoid itself and is given the output of '{0}'; it cannot come near zero and its gradient is at most a quarter. Give it the logits.",
        description: "binary_cross_entropy_with_logits expects any number. Of a sigmoid's output, 0 to 1, it sees probabilities between 0.5 and 0.73 only.");

    public static readonly DiagnosticDescriptor GRAD3005 = Warning("GRAD3005", Loss,
        title: "A softmax before negative log likelihood",
        message: "Negative log likelihood is given the output of '{0}' and needs its logarithm. Use log_softmax.",
        description: "nll_loss picks the target's entry and negates it. Of probabilities that is a loss between -1 and 0 whose gradient vanishes where the answer is most wrong.");

    public static readonly DiagnosticDescriptor GRAD4001 = Warning("GRAD4001", GradientPath,
        title: "A layer is not registered",
        message: "{0}: {1}. {2}.",
        description: "parameters(), to(device), save and load reach registered modules and parameters only. RegisterComponents() registers the fields of type Module and Parameter, once; what it does not find stays at its random start, silently.");

    public static readonly DiagnosticDescriptor GRAD4002 = Warning("GRAD4002", GradientPath,
        title: "Gradients are switched off and never on again",
        message: "Nobody ends '{0}': gradients stay off on this thread, and nothing learns any more. Write using var _ = {0}.",
        description: "no_grad(), inference_mode() and set_grad_enabled(false) switch gradients off until what they return is disposed of. It has no finalizer: dropped, it switches them off for good.");

    public static readonly DiagnosticDescriptor GRAD4003 = Warning("GRAD4003", GradientPath,
        title: "backward on a loss without a graph",
        message: "'{0}' is computed under {1}: no gradient reaches the model, which learns nothing{2}. End the scope before the loss.",
        description: "Under no_grad no operation is recorded. backward then throws, or, where requires_grad is set on the loss to silence it, gives no parameter a gradient.");

    public static readonly DiagnosticDescriptor GRAD4004 = Warning("GRAD4004", GradientPath,
        title: "No gradient comes back to the model",
        message: "No gradient comes through '{0}', and no other way leads from the loss to '{1}', which learns nothing{2}",
        description: "Choices, comparisons, rounding, detach and a number read back from the device end the graph: what lies before them gets no gradient. Where nothing else leads to the model, backward throws, or silently does nothing.");

    public static readonly DiagnosticDescriptor GRAD4005 = Info("GRAD4005", GradientPath,
        title: "A slope that is infinite where two things are alike",
        message: "The slope of '{0}' is infinite at {1}, and nothing keeps its operand from there: one such element makes every gradient NaN",
        description: "The root, the logarithm and powers below one have an infinite slope at 0, the arc cosine at 1. Squares, sizes and distances are exactly 0 where two things are alike, and have the slope 0 there: backward multiplies 0 by infinity.");

    public static readonly DiagnosticDescriptor GRAD4006 = Warning("GRAD4006", GradientPath,
        title: "The norm over a dimension instead of the norm",
        message: "'{0}' is the norm over dimension {1}, not the {1}-norm: Tensor.norm(int) takes a dimension. Write norm({1}f).",
        description: "TorchSharp has norm(float p) and norm(int dim). With an integer the second is called: it throws on a matrix and gives one number for each place on a convolution's kernel.");

    public static readonly DiagnosticDescriptor GRAD4007 = Warning("GRAD4007", GradientPath,
        title: "A tensor that asks for gradients is no leaf",
        message: "'{0}' is computed from a tensor that asks for gradients and is no leaf: {1}. Ask for gradients after the last operation.",
        description: "backward fills the grad of leaves only: tensors that ask for gradients and are not computed from others. A product, a view or a copy on another device of such a tensor keeps none.");

    public static readonly DiagnosticDescriptor GRAD9001 = Warning("GRAD9001", Measured,
        title: "A layer's gradient vanished in training",
        message: "{0} got {1} over {2}{3}; {4}",
        description: "The gradient monitor measured it in a training of the model as it is written now, and wrote it into the evidence file: the layer gets too little gradient to learn.");

    public static readonly DiagnosticDescriptor GRAD9002 = Warning("GRAD9002", Measured,
        title: "A layer's gradient exploded in training",
        message: "{0} got {1} over {2}{3}; {4}",
        description: "The gradient monitor measured it in a training of the model as it is written now, and wrote it into the evidence file: the gradient is so large, or grows so fast, that training diverges.");

    public static readonly DiagnosticDescriptor GRAD9003 = Warning("GRAD9003", Measured,
        title: "Most units of a layer were dead in training",
        message: "{0} got no gradient at all in {1} of its elements, over {2}{3}; {4}",
        description: "The gradient monitor measured it in a training of the model as it is written now, and wrote it into the evidence file: units whose ReLU is closed for every sample get a gradient of exactly zero, and never open again.");

    public static readonly DiagnosticDescriptor GRAD9004 = Info("GRAD9004", Measured,
        title: "Gradients were measured of an earlier model",
        message: "{0} measured an earlier '{1}': {2}. Train with the monitor again, or delete the file.",
        description: "An evidence file names parameters that the model no longer has, or was written by a build that predicted other gradients of it. What it says is neither reported nor held against a prediction.");

    private static DiagnosticDescriptor Info(string id, string category, string title, string message, string description) =>
        Create(id, category, DiagnosticSeverity.Info, isEnabledByDefault: true, title, message, description);

    private static DiagnosticDescriptor Warning(string id, string category, string title, string message, string description) =>
        Create(id, category, DiagnosticSeverity.Warning, isEnabledByDefault: true, title, message, description);

    private static DiagnosticDescriptor Create(string id, string category, DiagnosticSeverity severity, bool isEnabledByDefault, string title, string message, string description) =>
        new(id, title, message, category, severity, isEnabledByDefault, description, helpLinkUri: $"https://github.com/GradAnalyzers/GradAnalyzers/blob/main/docs/rules/{id}.md", customTags: ["deep-learning", "gradients", category]);
}
