using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>A node while it is built: as <see cref="ModelNode"/>, with the module object instead of its description.</summary>
internal sealed record DraftNode(Role Role, ImmutableArray<int> Inputs, ModuleValue? Module, ImmutableDictionary<string, Constant> Constants, Location Use, string? Reason)
{
    /// <summary>For <see cref="Role.Parameter"/>: which.</summary>
    public ParameterValue? Parameter { get; init; }
}

/// <summary>
/// Collects nodes. Equal operations on equal inputs are one node, so that both branches of a condition that build the same chain end in the same node.
/// </summary>
internal sealed class GraphBuilder
{
    /// <summary>Nodes of one model.</summary>
    public const int MaximumNodes = 4096;

    private int _start;

    private readonly List<DraftNode> _nodes = new();
    private readonly Dictionary<ulong, List<int>> _byKey = [];

    public IReadOnlyList<DraftNode> Nodes => _nodes;

    public bool IsFull => _nodes.Count - _start >= MaximumNodes;

    /// <summary>Gives the next model of the same program room of its own.</summary>
    public void Rewind() => _start = _nodes.Count;

    public int Add(DraftNode node)
    {
        var key = Key(node);
        if (!_byKey.TryGetValue(key, out var candidates))
            _byKey.Add(key, candidates = new());
        foreach (var candidate in candidates)
        {
            var other = _nodes[candidate];
            if (other.Role == node.Role && other.Inputs.SequenceEqual(node.Inputs) && ReferenceEquals(other.Module, node.Module) && ReferenceEquals(other.Parameter, node.Parameter) && SameConstants(other.Constants, node.Constants))
                return candidate;
        }

        // The last place is kept for the node that says that the graph is full.
        if (IsFull)
            return _nodes.Count - 1;
        _nodes.Add(_nodes.Count - _start == MaximumNodes - 1 ? node with { Role = Role.Opaque, Reason = Unknown.TooLarge.Reason } : node);
        candidates.Add(_nodes.Count - 1);
        return _nodes.Count - 1;
    }

    private static bool SameConstants(ImmutableDictionary<string, Constant> one, ImmutableDictionary<string, Constant> other) =>
        ReferenceEquals(one, other) || (one.Count == other.Count && one.All(pair => other.TryGetValue(pair.Key, out var constant) && constant.Equals(pair.Value)));

    private static ulong Key(DraftNode node)
    {
        // Layers are objects: each of many models has its own.
        var key = StableHash.With(StableHash.With(StableHash.Seed, (ulong)node.Role), (ulong)RuntimeHelpers.GetHashCode(node.Module));
        foreach (var input in node.Inputs)
            key = StableHash.With(key, (ulong)input);
        // In whatever order they stand. Tensors from outside differ in their names alone.
        var constants = 0UL;
        foreach (var constant in node.Constants)
            constants += StableHash.With(StableHash.With(StableHash.With(StableHash.Seed, constant.Key), "="), constant.Value.Text);
        key = StableHash.With(key, constants);
        // Opaque operations are not known to be equal.
        return node.Role != Role.Opaque ? key
            : StableHash.With(StableHash.With(StableHash.With(key, node.Use.SourceTree?.FilePath ?? ""), (ulong)node.Use.SourceSpan.Start), node.Reason ?? "");
    }
}
