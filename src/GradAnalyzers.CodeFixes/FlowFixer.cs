using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.Evidence;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>
/// The base of the flow rules' fixers. A fix is tried before it is offered: the edited source must compile, and the model read from it must be predicted to be healthy.
/// What it then predicts is in the title.
/// </summary>
public abstract class FlowFixer(string id, FlowRule rule) : Fixer(id)
{
    private protected sealed override async Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        if (diagnostic.Location.SourceTree is not { } tree || solution.GetDocument(tree)?.Project is not { } project
            || await project.GetCompilationAsync(cancellation).ConfigureAwait(false) is not { } compilation)
        {
            return ImmutableArray<Choice>.Empty;
        }

        var models = PredictedModels.For(compilation, ModelCatalogue.For(compilation, project.AnalyzerOptions), EvidenceFiles.Of(project.AnalyzerOptions));
        var thresholds = GradOptions.Of(project.AnalyzerOptions, tree).Thresholds;
        var finding = rule.In(tree, models, thresholds, cancellation).FirstOrDefault(candidate => candidate.Place == diagnostic.Location);
        if (finding is null)
            return ImmutableArray<Choice>.Empty;

        var choices = ImmutableArray.CreateBuilder<Choice>();
        foreach (var plan in Plans(finding, new FixedModel(finding.Model, compilation)))
        {
            if (await Outcome(plan, finding, models, project, cancellation).ConfigureAwait(false) is { } outcome)
                choices.Add(new Choice(outcome, plan.Key, (edits, _) => { plan.Edit(edits); return Task.CompletedTask; }, IsTried: true));
        }

        return choices.ToImmutable();
    }

    /// <summary>The fixes to try, safest first.</summary>
    private protected abstract IEnumerable<Plan> Plans(FlowFinding finding, FixedModel model);

    /// <summary>The title of a fix that keeps its promise; null for one that cannot be written here, does not compile, or does not heal the model.</summary>
    private async Task<string?> Outcome(Plan plan, FlowFinding finding, PredictedModels models, Project project, CancellationToken cancellation)
    {
        var before = finding.Model;
        var trial = new SolutionEdits(project.Solution);
        if (!plan.Edit(trial))
            return null;
        var changed = trial.Changed().GetProject(project.Id)!;
        if (await changed.GetCompilationAsync(cancellation).ConfigureAwait(false) is not { } compilation)
            return null;
        if ((await CompileCheck.BrokenBy(project.Solution, changed.Solution, cancellation).ConfigureAwait(false)).Any())
            return null;

        var number = Same(Candidates(models), before).IndexOf(before);
        var changedModels = PredictedModels.For(compilation, ModelCatalogue.For(compilation, project.AnalyzerOptions));
        var after = Same(Candidates(changedModels), before).ElementAtOrDefault(number);
        return after is null ? null : Title(plan, finding, after);

        ImmutableArray<PredictedModel> Candidates(PredictedModels all) => finding.Measurement is null ? all.All(before.Thresholds, cancellation) : all.Every(before.Thresholds, cancellation);
    }

    /// <summary>What a fix promises; null where it does not heal.</summary>
    private protected virtual string? Title(Plan plan, FlowFinding finding, PredictedModel after)
    {
        if (!plan.MustHeal)
            return plan.Title;
        var before = finding.Model;
        var figure = before.IsInRatio ? after.Expected.FirstToLastRatio : after.Expected.Attenuation;
        return after.Expected.Verdict == Verdict.Healthy ? $"{plan.Title} ({PredictedModel.Short(before.Figure)} -> {PredictedModel.Short(figure)})" : null;
    }

    /// <summary>The models that a model can be told from by its place in their order only: those of one class, or the Sequentials of one file.</summary>
    private static List<PredictedModel> Same(ImmutableArray<PredictedModel> models, PredictedModel model) =>
        models.Where(other => other.Graph.Type == model.Graph.Type
            && (model.Graph.Type is not null || other.Graph.Location.SourceTree?.FilePath == model.Graph.Location.SourceTree?.FilePath)).ToList();
}

/// <summary>A model that is being fixed, with the compilation that its graph was read from.</summary>
internal sealed record FixedModel(PredictedModel Model, Compilation Compilation)
{
    public Models.ModelGraph Graph => Model.Graph;

    public SemanticModel Semantics(SyntaxNode node) => Compilation.GetSemanticModel(node.SyntaxTree);

    /// <summary>The class of a layer.</summary>
    public INamedTypeSymbol? TypeOf(Models.ModelLayer layer) =>
        layer.Type is { } type ? DocumentationCommentId.GetFirstSymbolForDeclarationId(type.Id, Compilation) as INamedTypeSymbol : null;

    /// <summary>The field or property that a layer is created for, in its initializer or by an assignment; null for one that is created inside a container or a call.</summary>
    public ISymbol? HolderOf(Models.ModelLayer layer)
    {
        var creation = NodeAt(layer.Creation);
        return creation.Parent switch
        {
            EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax { Parent.Parent: FieldDeclarationSyntax } field } => Semantics(creation).GetDeclaredSymbol(field),
            EqualsValueClauseSyntax { Parent: PropertyDeclarationSyntax property } => Semantics(creation).GetDeclaredSymbol(property),
            AssignmentExpressionSyntax assignment when assignment.Right == creation && Semantics(creation).GetSymbolInfo(assignment.Left).Symbol is IFieldSymbol or IPropertySymbol => Semantics(creation).GetSymbolInfo(assignment.Left).Symbol,
            _ => null,
        };
    }

    public static SyntaxNode NodeAt(Location location) => location.SourceTree!.GetRoot().FindNode(location.SourceSpan, getInnermostNodeForTie: true);
}
