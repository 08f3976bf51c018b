using GradAnalyzers.Diagnosis;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Rules.Flow;

/// <summary>The base of rules that warn of what is predicted. They are silent where trainings have measured that it does not happen, and say so where they have measured that it does.</summary>
public abstract class PredictionRule : FlowRule
{
    private readonly Cause _cause;
    private readonly bool _isPlural;

    /// <param name="descriptor">The rule.</param>
    /// <param name="cause">The cause that it warns of.</param>
    /// <param name="isPlural">Whether its sentence begins with several things.</param>
    private protected PredictionRule(DiagnosticDescriptor descriptor, Cause cause, bool isPlural = true)
        : base(descriptor) => (_cause, _isPlural) = (cause, isPlural);

    private protected sealed override IEnumerable<FlowFinding> Check(PredictedModel model, Measurement? measurement) =>
        model.Cause == _cause && measurement is not { Refutes: true } && Finding(model, model.Effect(_isPlural) + measurement?.Confirmation) is { } finding ? [finding] : [];

    /// <summary>What is reported; null where the code gives it no place.</summary>
    /// <param name="model">A model with the rule's cause.</param>
    /// <param name="effect">What is predicted, and what was measured of it.</param>
    private protected abstract FlowFinding? Finding(PredictedModel model, string effect);
}
