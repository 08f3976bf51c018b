namespace GradAnalyzers.Monitor;

/// <summary>What to do where a gradient to be clipped is NaN or infinite: scaling it would write NaN into every weight.</summary>
public enum NonFiniteAction
{
    /// <summary>Take all gradients away, so that the optimizer's next step changes nothing. An alert says so.</summary>
    SkipStep,

    /// <summary>Throw <see cref="GradientAlertException"/>; the gradients stay as they are.</summary>
    Throw,

    /// <summary>Leave the gradients as they are, unclipped. An alert says so.</summary>
    Pass,
}

/// <summary>What clipping found and did.</summary>
/// <param name="GlobalNorm">The norm over all gradients together, before clipping.</param>
/// <param name="Clipped">How many gradients were scaled; 0 where nothing needed it.</param>
/// <param name="IsFinite">No gradient was NaN or infinite.</param>
/// <param name="IsStepSkipped">The gradients were taken away: the optimizer's next step changes nothing.</param>
public sealed record ClipResult(double GlobalNorm, int Clipped, bool IsFinite, bool IsStepSkipped)
{
    /// <summary>The norm of each gradient before clipping, in the order of <c>named_parameters()</c>.</summary>
    public required IReadOnlyList<ParameterGradient> Parameters { get; init; }
}
