using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using GradAnalyzers.Facts;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Rules;

/// <summary>
/// What all loop rules find in a program. Each member is read once and every rule asked in the order of its id, so that the answer is the same whoever asks first;
/// what is left are values without a symbol, which stay with the member's tree and count again in the next compilation.
/// </summary>
internal sealed class LoopFindings
{
    private const string Kind = "loop findings";

    private static readonly ConditionalWeakTable<WholeProgram, LoopFindings> ByProgram = new();

    /// <summary>All rules, by id.</summary>
    private static readonly Lazy<ImmutableArray<TrainingLoopRule>> Rules = new(() => typeof(LoopFindings).Assembly.GetTypes()
        .Where(type => type is { IsAbstract: false } && typeof(TrainingLoopRule).IsAssignableFrom(type))
        .Select(type => (TrainingLoopRule)Activator.CreateInstance(type)).OrderBy(rule => rule.Id, StringComparer.Ordinal).ToImmutableArray());

    private readonly WholeProgram _program;
    private readonly ConcurrentDictionary<SyntaxNode, ImmutableArray<MemberLoop>> _members = new();
    private readonly ConcurrentDictionary<SyntaxNode, ImmutableArray<LoopFinding>> _reported = new();

    private SharedWork<List<MemberLoop>>? _all;
    private ImmutableHashSet<SyntaxNode>? _singular;
    private ILookup<SyntaxTree, ProbabilityLogarithm>? _logarithms;

    private LoopFindings(WholeProgram program) => _program = program;

    public static LoopFindings Of(WholeProgram program) => ByProgram.GetValue(program, static key => new LoopFindings(key));

    /// <summary>What a rule reports in a code block; nothing where the block leads to no training call.</summary>
    public IEnumerable<LoopFinding> At(SyntaxNode block, string rule, CancellationToken cancellation) =>
        _program.MembersFor(cancellation).Contains(block) ? Reported(block, cancellation).Where(finding => finding.Rule == rule) : [];

    /// <summary>What a method of a training loop does to the gradients of what it is handed; null where that cannot be said.</summary>
    public GradientFact? GradientsOf(SyntaxNode method, CancellationToken cancellation) => In(method, cancellation) is [{ Gradients: { } gradients }] ? gradients : null;

    /// <summary>The roots and logarithms that a gradient passes in some loop of the program.</summary>
    public ImmutableHashSet<SyntaxNode> SingularPlaces(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _singular) is { } known)
            return known;
        var found = All(cancellation).SelectMany(loop => loop.Singular).ToImmutableHashSet();
        return Interlocked.CompareExchange(ref _singular, found, null) ?? found;
    }

    /// <summary>The logarithms on the way to some loss of the program that are given a probability, also by a caller of the code that they stand in.</summary>
    public ILookup<SyntaxTree, ProbabilityLogarithm> Logarithms(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _logarithms) is { } known)
            return known;
        var found = All(cancellation).SelectMany(loop => loop.Logarithms).Distinct().ToLookup(logarithm => logarithm.Call.SyntaxTree);
        return Interlocked.CompareExchange(ref _logarithms, found, null) ?? found;
    }

    /// <summary>The loops of all members, which several rules ask for at once.</summary>
    private IEnumerable<MemberLoop> All(CancellationToken cancellation)
    {
        var work = Volatile.Read(ref _all);
        if (work is null)
        {
            var blocks = _program.MembersFor(cancellation).Declarations.SelectMany(Blocks).ToImmutableArray();
            work = Interlocked.CompareExchange(ref _all, new(blocks.Length, (part, token) => In(blocks[part], token).ToList()), null) ?? _all;
        }

        return work.All(cancellation).SelectMany(loops => loops);
    }

    private ImmutableArray<LoopFinding> Reported(SyntaxNode block, CancellationToken cancellation)
    {
        if (_reported.TryGetValue(block, out var known))
            return known;
        var reported = In(block, cancellation).SelectMany(loop => Standing(loop, block, cancellation)).SelectMany(finding => Placed(finding, cancellation))
            .GroupBy(finding => (finding.Rule, finding.Location, string.Join("\n", finding.Arguments))).Select(same => same.First()).ToImmutableArray();
        return _reported.GetOrAdd(block, reported);
    }

    /// <summary>The findings of a loop that no caller puts right.</summary>
    private IEnumerable<MemberFinding> Standing(MemberLoop loop, SyntaxNode block, CancellationToken cancellation)
    {
        ImmutableArray<MemberLoop>? callers = null;
        foreach (var finding in loop.Findings)
        {
            if (finding.AsksCallers || finding.IsGuess)
                callers ??= _program.MembersFor(cancellation).CallersOf(TreeFacts.MemberOf(block)).SelectMany(Blocks).SelectMany(caller => In(caller, cancellation)).ToImmutableArray();
            if (finding.IsGuess && callers!.Value.Any(caller => caller.Events.Contains(finding.Event)))
                continue;
            if (!finding.AsksCallers || !callers!.Value.Any(caller => caller.Events.Contains(finding.Event) && !caller.Findings.Any(other => other.Rule == finding.Rule && other.Event == finding.Event)))
                yield return finding;
        }
    }

    /// <summary>The code blocks of a member: its own, or those of a property's accessors.</summary>
    private static IEnumerable<SyntaxNode> Blocks(SyntaxNode member) => member switch
    {
        Microsoft.CodeAnalysis.CSharp.Syntax.BasePropertyDeclarationSyntax { AccessorList: { } accessors } => accessors.Accessors,
        Microsoft.CodeAnalysis.CSharp.Syntax.PropertyDeclarationSyntax { ExpressionBody: { } arrow } => [arrow],
        _ => [member],
    };

    /// <summary>Where a finding is reported: not where the code called has it in its own place.</summary>
    private IEnumerable<LoopFinding> Placed(MemberFinding finding, CancellationToken cancellation)
    {
        foreach (var place in finding.Reports)
        {
            // Code that only runs what it is handed is of no training loop, and nothing is reported there.
            if (place.Decider is not { } decider || !_program.MembersFor(cancellation).Contains(decider)
                || !In(decider, cancellation).SelectMany(loop => Standing(loop, decider, cancellation)).Any(own => own.Rule == finding.Rule && own.Event == finding.Event))
            {
                yield return new LoopFinding(finding.Rule, place.Location, finding.Involved, finding.Properties, place.Arguments);
            }
        }
    }

    /// <summary>The loops that begin in a code block.</summary>
    private ImmutableArray<MemberLoop> In(SyntaxNode block, CancellationToken cancellation)
    {
        if (_members.TryGetValue(block, out var known))
            return known;
        var tree = TreeFacts.Of(block.SyntaxTree);
        var key = new ProgramKey(_program.Declarations, _program.MembersFor(cancellation).Hash + AddedGroups.Of(_program, cancellation).Hash);
        if (!tree.Results.TryGetValue((Kind, block), out var kept) || !kept.HoldsFor(key, _program))
        {
            var source = new ProgramSource(_program, cancellation);
            kept = source.Keep(key, Read(block, source));
            tree.Results[(Kind, block)] = kept;
        }

        return _members.GetOrAdd(block, (ImmutableArray<MemberLoop>)kept.Value);
    }

    private static ImmutableArray<MemberLoop> Read(SyntaxNode block, ProgramSource source)
    {
        var member = source.Model(block.SyntaxTree).GetDeclaredSymbol(block, source.Cancellation);
        var method = member as IMethodSymbol ?? (block is Microsoft.CodeAnalysis.CSharp.Syntax.ArrowExpressionClauseSyntax { Parent: { } property }
            ? (source.Model(block.SyntaxTree).GetDeclaredSymbol(property, source.Cancellation) as IPropertySymbol)?.GetMethod : null);
        var body = method is not null ? source.CodeOf(method)?.Body : source.InitializerAt(block);
        if (body is null)
            return ImmutableArray<MemberLoop>.Empty;
        var program = new LoopProgram(source);
        return LoopReader.Read(source, method, body).Select(loop => Asked(loop, program)).ToImmutableArray();
    }

    private static MemberLoop Asked(TrainingLoop loop, LoopProgram program)
    {
        var events = loop.Graph.Events.Select(node => EventPlace.Of(node.Event)).ToImmutableHashSet();
        // A finding is of an event.
        var findings = loop.IsTruncated || events.IsEmpty
            ? ImmutableArray<MemberFinding>.Empty
            : Rules.Value.SelectMany(rule => rule.FindingsIn(loop, program).Select(finding => ValueOf(rule, finding, loop))).ToImmutableArray();
        return new MemberLoop(findings, events, GradientFacts.Of(loop), loop.IsTruncated ? ImmutableArray<SyntaxNode>.Empty : TrainingLoops.SingularPlaces.In(loop), loop.IsTruncated ? ImmutableArray<ProbabilityLogarithm>.Empty : ProbabilityLogarithm.In(loop).ToImmutableArray());
    }

    private static MemberFinding ValueOf(TrainingLoopRule rule, Finding finding, TrainingLoop loop)
    {
        var happening = finding.Event;
        var place = happening.Operation.Syntax.GetLocation();
        var calls = happening.Frame.LeavingFrom(loop.Root.Body).GroupBy(left => left.Call.Syntax.GetLocation()).Select(group => group.First())
            .Select(left => new ReportPlace(left.Call.Syntax.GetLocation(), left.Entered.Body.Declaration, Words(new ReportedAt(left.Call, left.Caller, loop)))).ToImmutableArray();
        var properties = finding.Properties.Add(LoopFinding.PlaceCount, finding.Places.Length.ToString(CultureInfo.InvariantCulture));
        if (!calls.IsEmpty)
            properties = properties.Add(LoopFinding.IsElsewhere, null);
        return new MemberFinding(rule.Id, rule.AsksCallers && !finding.IsWholeInItself, finding.IsGuess, EventPlace.Of(happening),
            calls.IsEmpty ? ImmutableArray.Create(new ReportPlace(place, null, Words(new ReportedAt(happening.Operation, happening.Frame, loop)))) : calls,
            (calls.IsEmpty ? [] : new[] { place }).Concat(finding.Places.Select(operation => operation.Syntax.GetLocation())).Concat(finding.Related).ToImmutableArray(), properties);

        string[] Words(ReportedAt at) => rule.Words(finding.Arguments.Select(argument => argument is Wording wording ? wording(at) : argument));
    }

    /// <summary>What was found in a loop, and which events it sees, what it does to the gradients of what it is handed, the roots and logarithms that they pass, and the logarithms of probabilities.</summary>
    private sealed record MemberLoop(ImmutableArray<MemberFinding> Findings, ImmutableHashSet<EventPlace> Events, GradientFact? Gradients, ImmutableArray<SyntaxNode> Singular, ImmutableArray<ProbabilityLogarithm> Logarithms);

    private sealed record MemberFinding(string Rule, bool AsksCallers, bool IsGuess, EventPlace Event, ImmutableArray<ReportPlace> Reports,
        ImmutableArray<Location> Involved, ImmutableDictionary<string, string?> Properties);

    /// <summary>A place to report at: the event's own, or a call that leads to it, with the code that the call runs, which may have the finding itself, and what the message says there.</summary>
    private sealed record ReportPlace(Location Location, SyntaxNode? Decider, string[] Arguments);

    private readonly record struct EventPlace(SyntaxNode Syntax, OperationKind Kind)
    {
        public static EventPlace Of(LoopEvent happening) => new(happening.Operation.Syntax, happening.Operation.Kind);
    }
}

/// <summary>A report.</summary>
/// <param name="Rule">The id.</param>
/// <param name="Location">Where it is shown.</param>
/// <param name="Involved">The event where the report stands elsewhere, then what the fix needs, then what helps a reader.</param>
/// <param name="Properties">What the fix needs to know.</param>
/// <param name="Arguments">What the message says.</param>
internal sealed record LoopFinding(string Rule, Location Location, ImmutableArray<Location> Involved, ImmutableDictionary<string, string?> Properties, string[] Arguments)
{
    /// <summary>Property of the diagnostic: the event is not where it is reported, but at the first additional location.</summary>
    public const string IsElsewhere = "elsewhere";

    /// <summary>Property of the diagnostic: how many additional locations are for the fix.</summary>
    public const string PlaceCount = "places";
}
