using GradAnalyzers.Facts;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>
/// The members of a program that something of a training loop happens in, or that lead there: from the calls that touch gradients outward to their callers.
/// Names say where to look, binding decides, so that a method called <c>Run</c> makes no trainer of every caller of another <c>Run</c>.
/// </summary>
internal sealed class TrainingMembers
{
    /// <summary>How far from a step a caller may be: helper, trainer, command, program.</summary>
    public const int MaximumCallDepth = 12;

    private readonly Dictionary<SyntaxNode, MemberFacts> _members = [];
    private readonly Dictionary<SyntaxNode, HashSet<MemberFacts>> _callers = [];
    private readonly ILookup<string, MemberFacts> _byName;

    public TrainingMembers(ProgramSource source, CancellationToken cancellation)
    {
        var found = new List<MemberFacts>();
        var names = Words.HashesOf(source.Catalogue.TrainingNames);
        foreach (var tree in source.Trees)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var (member, use) in source.Bound(tree).Touching(tree, names, source, cancellation))
            {
                found.Add(member);
                Trains |= use == GradientUse.Trains;
            }
        }

        foreach (var member in found)
            _members.Add(member.Declaration, member);
        found.AddRange(CallersOf(source.Program.Facts.GradientHelpers(cancellation), source, cancellation));
        for (var depth = 0; depth < MaximumCallDepth && found.Count > 0; depth++)
            found = CallersOf(found, source, cancellation);
        _byName = _members.Values.ToLookup(member => member.Name, StringComparer.Ordinal);
        Hash = _members.Values.Select(member => StableHash.With(StableHash.With(0, member.Declaration.SyntaxTree.FilePath), member.Name)).Aggregate(0UL, (all, one) => all + one);
    }

    /// <summary>A number that changes where a member comes in or goes.</summary>
    public ulong Hash { get; }

    /// <summary>Whether the program differentiates anything or steps an optimizer: a port for inference loads its weights.</summary>
    public bool Trains { get; private set; }

    /// <summary>Whether the member around a node touches gradients, or calls something that does.</summary>
    public bool Contains(SyntaxNode node) => _members.Count > 0 && _members.ContainsKey(TreeFacts.MemberOf(node));

    /// <summary>All such members.</summary>
    public IEnumerable<SyntaxNode> Declarations => _members.Keys;

    /// <summary>Such members that are declared under a name.</summary>
    public IEnumerable<SyntaxNode> DeclaredAs(string name) => _byName[name].Select(member => member.Declaration);

    /// <summary>Members from which the given one can be reached, near ones first.</summary>
    public IEnumerable<SyntaxNode> CallersOf(SyntaxNode declaration)
    {
        var seen = new HashSet<SyntaxNode> { declaration };
        var open = new Queue<(SyntaxNode Member, int Depth)>([(declaration, 0)]);
        while (open.Count > 0)
        {
            var (member, depth) = open.Dequeue();
            if (depth >= MaximumCallDepth || !_callers.TryGetValue(member, out var callers))
                continue;
            foreach (var caller in callers.Where(caller => seen.Add(caller.Declaration)))
            {
                yield return caller.Declaration;
                open.Enqueue((caller.Declaration, depth + 1));
            }
        }
    }

    /// <summary>Members that call what trains, clips or clears in another project, and that were not known yet.</summary>
    private List<MemberFacts> CallersOf(ILookup<string, MemberFact> helpers, ProgramSource source, CancellationToken cancellation)
    {
        var added = new List<MemberFacts>();
        if (helpers.Count == 0)
            return added;
        var names = helpers.Select(group => group.Key).ToLookup(Words.HashOf);
        foreach (var tree in source.Trees)
        {
            foreach (var name in tree.Words.In(names))
            {
                cancellation.ThrowIfCancellationRequested();
                foreach (var caller in tree.Members.Where(member => member.Contains(name)))
                {
                    var targets = source.Bound(tree).Targets(caller, name, source, cancellation);
                    var called = helpers[name].Where(helper => targets.Contains(helper.Id)).ToList();
                    if (called.Count == 0)
                        continue;
                    Trains |= called.Any(helper => !helper.Gradients!.Trains.IsEmpty);
                    if (!_members.ContainsKey(caller.Declaration))
                    {
                        _members.Add(caller.Declaration, caller);
                        added.Add(caller);
                    }
                }
            }
        }

        return added;
    }

    /// <summary>Notes who calls the given members; gives those that were not known yet.</summary>
    private List<MemberFacts> CallersOf(List<MemberFacts> called, ProgramSource source, CancellationToken cancellation)
    {
        var added = new List<MemberFacts>();
        // What a model computes is no part of the loop around it: nearly every member mentions forward.
        var wanted = called.Where(member => !source.Catalogue.ForwardNames.Contains(member.Name))
            .SelectMany(member => source.Bound(member.Declaration.SyntaxTree).CallNames(member, source, cancellation).SelectMany(name => name.Targets.Select(target => (Member: member, name.Name, Target: target))))
            .GroupBy(call => call.Name, StringComparer.Ordinal)
            .ToDictionary(calls => calls.Key, calls => calls.ToLookup(call => call.Target, call => call.Member, StringComparer.Ordinal), StringComparer.Ordinal);
        var names = wanted.Keys.ToLookup(Words.HashOf);
        foreach (var tree in source.Trees)
        {
            foreach (var name in tree.Words.In(names))
            {
                cancellation.ThrowIfCancellationRequested();
                var targets = wanted[name];
                foreach (var caller in tree.Members.Where(member => member.Contains(name)))
                {
                    foreach (var member in source.Bound(tree).Targets(caller, name, source, cancellation).SelectMany(target => targets[target]).Distinct())
                        Note(member, caller);
                }
            }
        }

        // Operators are used without a name: where one is of a training loop, which is rare, every member is asked for those that it uses.
        var operators = wanted.Where(name => name.Key.StartsWith("op_", StringComparison.Ordinal)).SelectMany(name => name.Value).SelectMany(group => group.Select(member => (Target: group.Key, Member: member)))
            .Where(pair => pair.Member.Declaration is OperatorDeclarationSyntax or ConversionOperatorDeclarationSyntax).ToLookup(pair => pair.Target, pair => pair.Member, StringComparer.Ordinal);
        if (operators.Count > 0)
        {
            foreach (var tree in source.Trees)
            {
                cancellation.ThrowIfCancellationRequested();
                foreach (var caller in tree.Members)
                {
                    foreach (var member in source.Bound(tree).Operators(caller, source).SelectMany(target => operators[target]).Distinct())
                        Note(member, caller);
                }
            }
        }

        return added;

        void Note(MemberFacts member, MemberFacts caller)
        {
            if (member.Declaration == caller.Declaration)
                return;
            if (!_callers.TryGetValue(member.Declaration, out var callers))
                _callers.Add(member.Declaration, callers = []);
            callers.Add(caller);
            if (!_members.ContainsKey(caller.Declaration))
            {
                _members.Add(caller.Declaration, caller);
                added.Add(caller);
            }
        }
    }
}
