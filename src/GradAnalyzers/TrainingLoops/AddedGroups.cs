using System.Runtime.CompilerServices;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Which optimizers may be given parameters after they were made: followed from each call that adds a group back to where its optimizer was made,
/// through parameters to the calls that bind them. Found once for a program, and only where such a call is mentioned at all.
/// </summary>
internal sealed class AddedGroups
{
    private static readonly ConditionalWeakTable<WholeProgram, AddedGroups> ByProgram = new();
    private static readonly AddedGroups None = new();

    private readonly HashSet<SyntaxNode> _creations = [];
    private readonly HashSet<ITypeSymbol> _types = new(SymbolEqualityComparer.Default);

    /// <summary>A number that changes where another optimizer may grow.</summary>
    public ulong Hash => _creations.Select(node => (node.SyntaxTree.FilePath, Place: node.SpanStart.ToString(System.Globalization.CultureInfo.InvariantCulture)))
        .Concat(_types.Select(type => ("", Place: type.ToDisplayString())))
        .Select(place => StableHash.With(StableHash.With(StableHash.Seed, place.Item1), place.Place)).Aggregate(0UL, (all, one) => all + one);

    public static AddedGroups Of(WholeProgram program, CancellationToken cancellation)
    {
        if (!program.MayAddGroups)
            return None;
        if (ByProgram.TryGetValue(program, out var known))
            return known;
        // Two threads may both search; they find the same.
        var found = new AddedGroups();
        found.Search(new ProgramSource(program, cancellation));
        return ByProgram.GetValue(program, _ => found);
    }

    /// <summary>Whether a group may be added to the optimizer.</summary>
    public bool MayGrow(Created optimizer) => _creations.Contains(optimizer.Creation.Syntax) || Types(optimizer.Type).Any(_types.Contains);

    private static IEnumerable<ITypeSymbol> Types(ITypeSymbol? type)
    {
        for (var current = type; current is not null; current = current.BaseType)
            yield return current;
    }

    private void Search(ProgramSource source)
    {
        var tracer = new ValueTracer(source);
        var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        var open = new Queue<IParameterSymbol>();
        foreach (var (call, frame) in source.Catalogue.NamesOf(Role.AddGroup).SelectMany(name => Operations(name, source, tracer)))
        {
            if (call is IInvocationOperation { TargetMethod: var method, Instance: { } optimizer } && source.Catalogue.Is(method, Role.AddGroup))
                Note(optimizer, frame, tracer, open);
        }

        while (open.Count > 0)
        {
            var parameter = open.Dequeue();
            if (!seen.Add(parameter) || parameter.ContainingSymbol is not IMethodSymbol method)
                continue;
            if (method.MethodKind == MethodKind.LambdaMethod || ProgramSource.IsVirtual(method) || !method.ContainingType.AllInterfaces.IsEmpty && method.MethodKind == MethodKind.Ordinary)
                _types.Add(parameter.Type);
            else
                Bound(parameter, method, source, tracer, open);
        }
    }

    /// <summary>What the calls of a method hand over for its parameter.</summary>
    private void Bound(IParameterSymbol parameter, IMethodSymbol method, ProgramSource source, ValueTracer tracer, Queue<IParameterSymbol> open)
    {
        var name = method.MethodKind == MethodKind.Constructor ? method.ContainingType.Name : method.Name;
        foreach (var (operation, frame) in Operations(name, source, tracer))
        {
            var target = operation switch
            {
                IInvocationOperation invocation => invocation.TargetMethod,
                IObjectCreationOperation creation => creation.Constructor,
                IMethodReferenceOperation reference => reference.Method,
                _ => null,
            };
            if (!SymbolEqualityComparer.Default.Equals(target?.OriginalDefinition, method.OriginalDefinition))
                continue;
            if (operation is IMethodReferenceOperation)
                _types.Add(parameter.Type);
            else if (Frame.Arguments(operation).FirstOrDefault(argument => argument.Parameter?.Ordinal == parameter.Ordinal) is { } argument)
                Note(argument.Value, frame, tracer, open);
        }
    }

    private void Note(IOperation optimizer, Frame frame, ValueTracer tracer, Queue<IParameterSymbol> open)
    {
        foreach (var value in tracer.Trace(optimizer, frame))
        {
            if (value is Created created)
                _creations.Add(created.Creation.Syntax);
            else if (value is Argument { Parameter: var parameter })
                open.Enqueue(parameter);
            else if ((value.Type ?? optimizer.Type) is { } type)
                _types.Add(type);
        }
    }

    /// <summary>The operations of every member that mentions a name, or of a constructor that may chain to it, each with the activation that it is in.</summary>
    private static IEnumerable<(IOperation Operation, Frame Frame)> Operations(string name, ProgramSource source, ValueTracer tracer)
    {
        foreach (var member in source.Trees.Where(tree => tree.Words.Contains(name)).SelectMany(tree => tree.Members))
        {
            if (!member.Contains(name) && member.Declaration is not ConstructorDeclarationSyntax { Initializer: not null })
                continue;
            foreach (var body in Bodies(member, name, source))
            {
                foreach (var operation in body.Operations.Where(operation => operation is IInvocationOperation or IObjectCreationOperation or IMethodReferenceOperation))
                    yield return (operation, tracer.Detached(source.MethodOf(body, operation), body, receiver: null));
            }
        }
    }

    private static IEnumerable<MemberBody> Bodies(MemberFacts member, string name, ProgramSource source)
    {
        if (member.Declaration is ConstructorDeclarationSyntax && !member.Contains(name))
            return source.BodyAt(member.Declaration) is { } body ? [body] : [];
        return member.Mentions(name).Select(source.BodyAround).OfType<MemberBody>().Distinct();
    }
}
