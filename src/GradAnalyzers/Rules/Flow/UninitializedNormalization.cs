using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.Flow;

/// <summary>A GroupNorm whose weight and bias nobody writes: TorchSharp does not, either.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class UninitializedNormalization() : FlowRule(Descriptors.GRAD1007)
{
    private protected override bool IsAsked(PredictedModels models) => IsBroken(models.Program.LibraryVersion);

    private protected override IEnumerable<FlowFinding> Check(PredictedModel model, Measurement? measurement)
    {
        foreach (var layer in model.Graph.Layers.Where(IsUninitialized))
            yield return new(model, layer.Creation, layer.Holder ?? layer.Path, "0.107");
    }

    private protected override IEnumerable<(PredictedModel Model, Measurement? Measurement)> ModelsIn(SyntaxTree tree, PredictedModels models, Thresholds thresholds, CancellationToken cancellation) =>
        base.ModelsIn(tree, models, thresholds, cancellation).Where(entry => entry.Model.Graph.Layers.Any(IsUninitialized) && !MayBeLoaded(entry.Model.Graph, models.Program) && !MayBeSetLater(entry.Model.Graph, models.Program, cancellation));

    /// <summary>A file that names the model loads weights: what it starts with may not matter.</summary>
    private static bool MayBeLoaded(ModelGraph model, WholeProgram program)
    {
        var names = Words.HashesOf(program.Catalogue.NamesOf(Role.Load));
        return program.Trees.Any(tree => tree.Words.ContainsAny(names) && Names(tree, model));
    }

    /// <summary>Code outside of all modules that names the model, or GroupNorm, sets tensors to a number: it may do so to those of a finished model.</summary>
    private static bool MayBeSetLater(ModelGraph model, WholeProgram program, CancellationToken cancellation)
    {
        var names = Words.HashesOf(program.Catalogue.NamesOf(Role.Ones).Union(program.Catalogue.NamesOf(Role.Constant)).Add("fill_"));
        var norms = Words.HashesOf(program.Catalogue.NamesOf(Role.GroupNorm));
        var setting = program.Trees.Where(tree => tree.Words.ContainsAny(names))
            .SelectMany(tree => tree.Members.Where(member => member.ContainsAny(names) && (member.ContainsAny(norms) || Names(tree, model)))).Select(member => member.Declaration).ToList();
        return setting.Count > 0 && ModelGraphs.Of(program).Classes(cancellation).Select(type => type.Declaration).ToList() is var classes
            && setting.Any(member => !classes.Any(type => type.SyntaxTree == member.SyntaxTree && type.Span.Contains(member.Span)));
    }

    private static bool Names(TreeFacts tree, ModelGraph model) => model.Type is null ? tree.Tree == model.Location.SourceTree : tree.Words.Contains(model.Name);

    /// <summary>Weight or bias starts as the library makes it.</summary>
    private static bool IsUninitialized(ModelLayer layer) => layer.Role == Role.GroupNorm && layer.Type is { IsOfLibrary: true } && layer.Parameters.Any(parameter => parameter.Initialization.IsDefault);

    /// <summary>Measured in 0.107.0: its constructor calls torch.empty (NN/Normalization/GroupNorm.cs). Of other versions nothing is said.</summary>
    private static bool IsBroken(Version? library) => library is { Major: 0, Minor: 107 };
}
