using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models;

/// <summary>
/// All models of a compilation, read once and shared by all rules: each module class at each set of constructor arguments that the program creates it with
/// (at its parameters' defaults where it never does with constants), and each Sequential that no class holds.
/// </summary>
internal sealed partial class ModelGraphs
{
    private static readonly ConditionalWeakTable<Compilation, ModelGraphs> ByCompilation = new();

    private readonly object _gate = new();
    private readonly Compilation _compilation;
    private readonly ModelCatalogue _catalogue;
    private WholeProgram? _program;

    private ModelGraphs(Compilation compilation, ModelCatalogue catalogue) => (_compilation, _catalogue) = (compilation, catalogue);

    /// <summary>The models of a compilation, made once and forgotten with it.</summary>
    public static ModelGraphs For(Compilation compilation, ModelCatalogue catalogue) =>
        ByCompilation.GetValue(compilation, key => new ModelGraphs(key, catalogue));

    /// <summary>Every model, in the order of files and classes.</summary>
    public ImmutableArray<ModelGraph> All(CancellationToken cancellation)
    {
        var program = Whole(cancellation);
        return Enumerable.Range(0, program.Files.Count).SelectMany(group => program.Models(group, cancellation))
            .OrderBy(graph => graph.Location, Comparer<Location>.Create(WholeProgram.Order)).ToImmutableArray();
    }

    /// <summary>The models whose <see cref="ModelGraph.Location"/> lies in this file.</summary>
    public IEnumerable<ModelGraph> In(SyntaxTree tree, CancellationToken cancellation) =>
        GroupOf(tree, cancellation) is { } group ? Together(group, cancellation).Where(graph => graph.Location.SourceTree == tree) : [];

    /// <summary>The models of one class. Who creates it mentions its name, so that its own group of files has them all.</summary>
    public IEnumerable<ModelGraph> Of(INamedTypeSymbol type, CancellationToken cancellation) =>
        type.DeclaringSyntaxReferences.FirstOrDefault() is { } declaration && GroupOf(declaration.SyntaxTree, cancellation) is { } group
            ? Together(group, cancellation).Where(graph => SymbolEqualityComparer.Default.Equals(graph.Type?.OriginalDefinition, type.OriginalDefinition))
            : [];

    /// <summary>The number of the group of files that this one belongs to: outside of it nothing has to do with its models.</summary>
    public int? GroupOf(SyntaxTree tree, CancellationToken cancellation) => Whole(cancellation).Files.Of(tree);

    /// <summary>The models of a group of files.</summary>
    public ImmutableArray<ModelGraph> Together(int group, CancellationToken cancellation) => Whole(cancellation).Models(group, cancellation);

    private WholeProgram Whole(CancellationToken cancellation)
    {
        lock (_gate)
            return _program ??= new WholeProgram(_compilation, _catalogue, cancellation);
    }
}
