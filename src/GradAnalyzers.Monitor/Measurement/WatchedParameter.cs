using TorchSharp.Modules;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>What part a parameter plays, as far as its judgement depends on it.</summary>
internal enum ParameterRole
{
    /// <summary>A matrix or a kernel between layers: what the first/last ratio compares.</summary>
    Weight,

    /// <summary>The weight of a recurrent layer.</summary>
    RecurrentWeight,

    /// <summary>A table of rows of which a batch touches few: most of its gradient is zero, and that is healthy.</summary>
    Embedding,

    /// <summary>A vector: bias, or the scale of a normalization.</summary>
    Vector,
}

/// <summary>One entry of a model's <c>named_parameters()</c>, as it was when the table was read.</summary>
internal sealed record WatchedParameter(string Path, Parameter Tensor, ParameterRole Role, long Elements, long Rows, bool IsTrainable, bool HasGradient, bool HasSparseGradient)
{
    public bool IsWeight => Role is ParameterRole.Weight or ParameterRole.RecurrentWeight;

    /// <summary>The path of the module that owns the parameter: <c>encoder.fc1</c> of <c>encoder.fc1.weight</c>.</summary>
    public string Module => Path.LastIndexOf('.') is var dot and >= 0 ? Path[..dot] : "";
}
