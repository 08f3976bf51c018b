using System.Collections.Immutable;
using System.Globalization;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Report;

/// <summary>The predicted gradient of every parameter of a model, relative to the largest: one diagnostic a model and set of constructor arguments.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class GradientFlowReport() : Rule(Descriptors.GRAD0002)
{
    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var models = ModelGraphs.For(start.Compilation, catalogue);
        start.RegisterSemanticModelAction(context =>
        {
            var options = GradOptions.Of(context.Options, context.SemanticModel.SyntaxTree);
            foreach (var graph in models.In(context.SemanticModel.SyntaxTree, context.CancellationToken))
                Describe(graph, options, context.ReportDiagnostic);
        });
    }

    private void Describe(ModelGraph graph, GradOptions options, Action<Diagnostic> report)
    {
        if (!graph.Nodes.Any(node => node.Role.IsWeighted()))
            return;
        var network = GraphNetwork.Of(graph);
        var prediction = GradientFlowPrediction.Predict(network, options.Thresholds);
        // A loss, a sampler, a schedule: no model.
        if (prediction.Reason == GradientFlowPrediction.NoWeights)
            return;
        if (prediction.Verdict == Verdict.Unknown && OfCounted(graph, options.Thresholds) is var (counted, note))
        {
            report(Diagnostic.Create(Descriptor, graph.Location, graph.Creation is { IsInSource: true } made && made != graph.Location ? ImmutableArray.Create(made) : ImmutableArray<Location>.Empty,
                NameOf(graph), $"{Text(counted.Verdict)} ({note})", Number(counted.FirstToLastRatio), Number(counted.Attenuation), string.Join(" ", Pairs(counted, counted))));
            return;
        }

        var part = prediction.Verdict == Verdict.Unknown ? GradientFlowPrediction.PredictPart(network, options.Thresholds) : null;
        var verdict = part is { Verdict: not Verdict.Unknown } ? $"partly {Text(part.Verdict)} (before '{FirstOf(part)}' it is not known: {WithRemedy(prediction.Reason)})"
            : prediction.Reason is { } reason ? $"{Text(prediction.Verdict)} ({WithRemedy(reason)})" : Text(prediction.Verdict);
        var figures = part is { Verdict: not Verdict.Unknown } ? part : prediction;
        // Where the model is made, and where the prediction stops.
        var places = new[] { graph.Creation, StopOf(graph, network, prediction) }.OfType<Location>().Where(place => place.IsInSource && place != graph.Location).Distinct().ToImmutableArray();
        report(Diagnostic.Create(Descriptor, graph.Location, places,
            NameOf(graph), verdict, Number(figures.FirstToLastRatio), Number(figures.Attenuation), string.Join(" ", Pairs(prediction, figures))));
    }

    private static string NameOf(ModelGraph graph) =>
        graph.Arguments.IsEmpty ? graph.Name : $"{graph.Name}({string.Join(", ", graph.Arguments.Select(argument => $"{argument.Name}: {argument.Value}"))})";

    /// <summary>The verdict with few and with many of what the model repeats and nobody counts, by the figures of the last; null where they do not share one.</summary>
    private static (GradientFlowPrediction Prediction, string Note)? OfCounted(ModelGraph graph, Thresholds thresholds)
    {
        var predictions = graph.Counted.Select(counted => GradientFlowPrediction.Predict(GraphNetwork.Of(counted), thresholds)).ToList();
        return predictions.Count > 0 && predictions.All(prediction => prediction.Verdict != Verdict.Unknown && prediction.Verdict == predictions[0].Verdict)
            ? (predictions[predictions.Count - 1], $"with {string.Join(" and with ", ModelGraph.Counts)} of what it repeats and no code counts")
            : null;
    }

    /// <summary>A reason, and what would make known what stops the prediction at its place.</summary>
    private static string? WithRemedy(string? reason) => reason switch
    {
        null => null,
        _ when reason.Contains("would tell") => reason,
        _ when reason.Contains("is not in the catalogue") => $"{reason}; a catalogue line would tell what it does",
        _ when reason.StartsWith("how ", StringComparison.Ordinal) && reason.EndsWith("starts is not known", StringComparison.Ordinal) => $"{reason}; an initializer of torch.nn.init with constants would tell it",
        _ when reason.Contains("unknown number of steps") => $"{reason}; a constant number would tell it",
        _ when reason.Contains("given by the caller") => $"{reason}; a creation with constants would tell it",
        _ when reason.EndsWith("whose dimensions are not known", StringComparison.Ordinal) || reason.EndsWith("not known to be positions", StringComparison.Ordinal) => $"{reason}; a reshape to constants would tell them",
        _ => reason,
    };

    private static string FirstOf(GradientFlowPrediction part)
    {
        var path = part.FirstWeight ?? part.Parameters.First(parameter => parameter.IsWeight).Path;
        return path.LastIndexOf('.') is > 0 and var dot ? path[..dot] : path;
    }

    /// <summary>Every parameter, in the order of evaluation; of those before a part that is judged by itself, nothing is known.</summary>
    private static IEnumerable<string> Pairs(GradientFlowPrediction whole, GradientFlowPrediction judged)
    {
        var known = judged.Parameters.ToDictionary(parameter => parameter.Path, parameter => parameter.LogRelative, StringComparer.Ordinal);
        return whole.Parameters.Select(parameter => $"{parameter.Path}={Number(known.TryGetValue(parameter.Path, out var relative) ? Math.Pow(10, relative) : double.NaN)}");
    }

    private static Location? StopOf(ModelGraph graph, Network network, GradientFlowPrediction prediction) => prediction.Reason is { } reason
        ? graph.Nodes.FirstOrDefault(node => network.Nodes[node.Index].Layer is Opaque opaque && opaque.Reason == reason)?.Use
            ?? graph.Nodes.FirstOrDefault(node => network.Nodes[node.Index].Layer is Choice)?.Use
        : null;

    private static string Number(double value) => double.IsNaN(value) ? "unknown" : value.ToString("0.##E+0", CultureInfo.InvariantCulture);

    private static string Text(Verdict verdict) => verdict switch
    {
        Verdict.Healthy => "healthy",
        Verdict.Vanishing => "vanishing",
        Verdict.Exploding => "exploding",
        _ => "unknown",
    };
}
