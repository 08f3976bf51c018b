using GradAnalyzers.Diagnosis;
using GradAnalyzers.Rules;
using GradAnalyzers.Rules.Measured;

namespace GradAnalyzers.CodeFixes;

/// <summary>
/// The base of the fixers of what was measured. A fix must heal the measured figure: what it changes in the predicted ratio of the first weight's gradient to the last's, it is expected to change in the measured one.
/// </summary>
public abstract class MeasuredFixer(string id, MeasuredRule rule) : FlowFixer(id, rule)
{
    private protected override string? Title(Plan plan, FlowFinding finding, PredictedModel after) => finding.Measurement is { } measurement && measurement.IsHealedBy(after.Prediction, rule.Verdict)
        ? $"{plan.Title} (measured {PredictedModel.Short(measurement.MedianRatio)} -> {PredictedModel.Short(measurement.Expected(after.Prediction))})"
        : null;
}
