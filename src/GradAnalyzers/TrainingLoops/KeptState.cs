using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>Members in which a model keeps what its own layers gave, and feeds it to them when it runs again, with all its history.</summary>
internal static class KeptState
{
    private const int MaximumMethods = 50;

    /// <summary>The members that carry their history from one round of a loop to the next; none where the loop, or what it calls, may set them anew.</summary>
    public static IEnumerable<ISymbol> Of(Value model, IOperation round, ProgramSource source)
    {
        if (model is not Created { Type: INamedTypeSymbol type } created || !source.Has(type) || IsMadeIn(created, round))
            yield break;
        foreach (var forward in type.OriginalDefinition.GetMembers().OfType<IMethodSymbol>().Where(method => !method.IsAbstract && source.Catalogue.Is(method, Role.Forward)))
        {
            if (source.CodeOf(forward) is not { Function: null } code || !code.Body.MemberWrites().Any() || Recurrence.OfMembers(code.Body.Root, source) is not { } recurrence)
                continue;
            foreach (var carried in recurrence.CarriedStates)
            {
                if (carried.State is IFieldSymbol or IPropertySymbol && !recurrence.MayBeDetached(carried) && recurrence.SurelyKeepsHistory(carried) && !MayBeSetAnew(carried.State, code.Body, round, source))
                    yield return carried.State;
            }
        }
    }

    private static bool IsMadeIn(Created model, IOperation round) => Frame.WayTo(model.Creation, model.Frame)
        .Any(place => place.At.Syntax.SyntaxTree == round.Syntax.SyntaxTree && round.Syntax.Span.Contains(place.At.Syntax.Span));

    private static bool MayBeSetAnew(ISymbol member, MemberBody forward, IOperation round, ProgramSource source)
    {
        var declared = member.ContainingType.DeclaringSyntaxReferences;
        if (member.DeclaredAccessibility != Accessibility.Private
            && source.Trees.SelectMany(tree => tree.AssignmentsTo(member.Name)).Any(place => !declared.Any(type => type.SyntaxTree == place.SyntaxTree && type.Span.Contains(place.Span))))
        {
            return true;
        }

        var writers = source.WritesTo(member).Where(write => write.Body != forward && write.Method is not (null or { MethodKind: MethodKind.Constructor })).ToList();
        if (writers.Count == 0)
            return false;
        if (writers.Any(writer => writer.Method!.MethodKind != MethodKind.Ordinary))
            return true;
        var seen = new HashSet<MemberBody>();
        var open = new Stack<IInvocationOperation>(round.Descendants().OfType<IInvocationOperation>());
        while (open.Count > 0)
        {
            foreach (var target in source.TargetsOf(open.Pop().TargetMethod, []))
            {
                if (source.CodeOf(target) is not { } code || !seen.Add(code.Body))
                    continue;
                if (seen.Count > MaximumMethods || writers.Any(writer => writer.Body == code.Body))
                    return true;
                foreach (var call in code.Body.Invocations)
                    open.Push(call);
            }
        }

        return false;
    }
}
