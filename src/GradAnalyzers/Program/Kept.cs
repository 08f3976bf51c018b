using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Program;

/// <summary>
/// A result that outlives its compilation: it holds no symbol, and counts again wherever the trees that it was read from, the declarations of the whole program, references and options are the same.
/// </summary>
/// <param name="Program">What held for the whole program.</param>
/// <param name="Trees">The trees whose bodies were read.</param>
/// <param name="AskedNames">Names of which it mattered whether anything assigns to them.</param>
/// <param name="Value">The result.</param>
internal sealed record Kept(ProgramKey Program, ImmutableArray<SyntaxTree> Trees, ImmutableArray<KeyValuePair<string, bool>> AskedNames, object Value)
{
    /// <summary>What was read at a node, by this or an earlier compilation.</summary>
    /// <param name="program">The program.</param>
    /// <param name="kind">What was read there.</param>
    /// <param name="node">Where.</param>
    /// <param name="cancellation">Cancelled where the result is no longer wanted.</param>
    /// <param name="read">Reads it; what binding the bodies took is held by the source alone, which ends there.</param>
    public static Kept Of(WholeProgram program, string kind, SyntaxNode node, CancellationToken cancellation, Func<ProgramSource, object> read)
    {
        var results = TreeFacts.Of(node.SyntaxTree).Results;
        var key = new ProgramKey(program.Declarations, 0);
        if (results.TryGetValue((kind, node), out var kept) && kept.HoldsFor(key, program))
            return kept;
        var source = new ProgramSource(program, cancellation);
        source.Reads(node.SyntaxTree);
        return results[(kind, node)] = source.Keep(key, read(source));
    }

    public bool HoldsFor(ProgramKey key, WholeProgram program) =>
        Program == key && Trees.All(program.Compilation.ContainsSyntaxTree) && AskedNames.All(name => program.IsAssigned(name.Key) == name.Value);
}

/// <summary>What a result hangs on beside the trees that it was read from.</summary>
/// <param name="Declarations">What names mean: <see cref="WholeProgram.Declarations"/>.</param>
/// <param name="Training">Which members belong to training loops: <see cref="TrainingMembers.Hash"/>; zero where it does not matter.</param>
internal readonly record struct ProgramKey(ulong Declarations, ulong Training);
