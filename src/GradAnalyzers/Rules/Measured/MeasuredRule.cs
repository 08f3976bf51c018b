using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.Evidence;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Rules.Flow;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Rules.Measured;

/// <summary>The base of rules that report what the monitor measured, at the creation of the layer. They ask nothing where there is no evidence.</summary>
public abstract class MeasuredRule : FlowRule
{
    private protected MeasuredRule(DiagnosticDescriptor descriptor)
        : base(descriptor)
    {
    }

    /// <summary>The verdict that is reported.</summary>
    internal abstract MeasuredVerdict Verdict { get; }

    private protected sealed override bool IsAsked(PredictedModels models) => !models.Evidence.Runs.IsEmpty;

    private protected sealed override IEnumerable<(PredictedModel Model, Measurement? Measurement)> ModelsIn(SyntaxTree tree, PredictedModels models, Thresholds thresholds, CancellationToken cancellation) =>
        models.MeasuredIn(tree, thresholds, cancellation).Where(measurement => !IsSaidByPrediction(measurement, models, cancellation)).Select(measurement => (measurement.Model, (Measurement?)measurement));

    private protected sealed override IEnumerable<FlowFinding> Check(PredictedModel model, Measurement? measurement) => measurement!.Of(Verdict).Where(layers => IsPossible(model, layers)).Select(layers =>
        new FlowFinding(model, layers.Place, [layers.Names, .. Words(measurement, layers)]) { Measurement = measurement, Layers = layers });

    /// <summary>Whether the layers, as they are written now, can have what was measured.</summary>
    private protected virtual bool IsPossible(PredictedModel model, MeasuredLayers layers) => true;

    /// <summary>What the message says behind the layers' names.</summary>
    private protected abstract IEnumerable<object> Words(Measurement measurement, MeasuredLayers layers);

    /// <summary>How long was measured, and what was predicted: "1,000 steps", " (predicted 2e-4)".</summary>
    private protected static IEnumerable<object> Circumstances(Measurement measurement, MeasuredFigure figure, string? predicted)
    {
        var file = measurement.Runs.Length > 1 ? figure.Run.File : null;
        var both = string.Join("; ", new[] { predicted is null ? null : $"predicted {predicted}", file }.OfType<string>());
        return [figure.Run.Steps.ToString("N0", CultureInfo.InvariantCulture) + (figure.Run.Steps == 1 ? " step" : " steps"), both.Length == 0 ? "" : $" ({both})"];
    }

    private protected static Forms Remedies(Measurement measurement, MeasuredVerdict verdict, string otherwise, params Remedy[] remedies)
    {
        var healing = remedies.Where(remedy => measurement.Model.IsPredictable && measurement.IsHealedBy(measurement.Model.With(remedy), verdict)).ToImmutableArray();
        return healing.IsEmpty ? Forms.Of(otherwise) : FlowWording.Remedies(healing);
    }

    // One cause, one report: where a rule that predicts says it, and says that it was measured, nothing is left to say.
    private bool IsSaidByPrediction(Measurement measurement, PredictedModels models, CancellationToken cancellation)
    {
        var model = measurement.Model;
        return (Verdict, model.Prediction.Verdict) is (MeasuredVerdict.Vanishing, GradientFlow.Verdict.Vanishing) or (MeasuredVerdict.Exploding, GradientFlow.Verdict.Exploding)
            && Predicting(model.Cause) is { } rule && model.Place.SourceTree is { } tree && models.IsSeen(rule, tree, cancellation) && models.All(model.Thresholds, cancellation).Contains(model);
    }

    private static string? Predicting(Cause cause) => cause switch
    {
        Cause.Saturation => Descriptors.GRAD1001.Id,
        Cause.MissingNormalization => Descriptors.GRAD1002.Id,
        Cause.MissingResidual => Descriptors.GRAD1003.Id,
        Cause.Initialization => Descriptors.GRAD1004.Id,
        _ => null,
    };
}
