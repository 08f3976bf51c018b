using System.Collections.Concurrent;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.TrainingLoops;

/// <summary>
/// Whether a module is recurrent: it makes an RNN, LSTM, GRU or cell, itself or in a module that it makes,
/// or its forward runs a layer of fixed weights in a loop that carries a hidden state. And whether it has weights at all.
/// </summary>
internal sealed class ModuleContent(ProgramSource source)
{
    private const int MaximumTypes = 500;

    private readonly ConcurrentDictionary<ITypeSymbol, bool> _known = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ITypeSymbol, bool> _weighted = new(SymbolEqualityComparer.Default);

    private ModelCatalogue Catalogue => source.Catalogue;

    /// <summary>Whether modules of the type are recurrent; the type's own source and that of the modules it makes decide.</summary>
    public bool IsRecurrent(ITypeSymbol type) => _known.GetOrAdd(type, Find);

    /// <summary>Whether modules of the type have weights to learn: those of layers, or parameters of their own.</summary>
    public bool HasWeights(ITypeSymbol type) => _weighted.GetOrAdd(type, FindWeights);

    private bool FindWeights(ITypeSymbol type) =>
        Contents(type).Any(part => Catalogue.FindBase(part)?.Role.IsWeighted() == true || source.FactOf(part)?.Module?.HasWeights == true || HasParameters(part));

    private bool HasParameters(ITypeSymbol module) => !module.DeclaringSyntaxReferences.IsEmpty
        && (module.GetMembers().Any(member => member is IFieldSymbol field && Catalogue.Is(field.Type, Role.Parameter))
            || Construction(module).Any(operation => operation is IInvocationOperation { TargetMethod: var called } && Catalogue.Is(called, Role.RegisterParameter)));

    private bool Find(ITypeSymbol type) =>
        Contents(type).Any(part => Catalogue.FindBase(part)?.Role.IsRecurrent() == true || source.FactOf(part)?.Module?.IsRecurrent == true || IsGivenRecurrent(part) || HasUnrolledLoop(part));

    /// <summary>Its construction takes a recurrent module from another project's factory or property.</summary>
    private bool IsGivenRecurrent(ITypeSymbol module) => source.Has(module) && Construction(module).Any(operation => operation switch
    {
        IInvocationOperation { TargetMethod: var factory } => source.FactOf(factory)?.Module?.IsRecurrent == true,
        IMemberReferenceOperation { Member: IPropertySymbol or IFieldSymbol } read when Catalogue.IsModule(read.Type) => source.FactOf(read.Member)?.Module?.IsRecurrent == true,
        _ => false,
    });

    /// <summary>The type of a module and of every module that it is made of.</summary>
    private IEnumerable<ITypeSymbol> Contents(ITypeSymbol type)
    {
        var seen = new HashSet<ITypeSymbol>(SymbolEqualityComparer.Default);
        var open = new Queue<ITypeSymbol>([type]);
        while (open.Count > 0 && seen.Count < MaximumTypes)
        {
            var current = open.Dequeue();
            if (!seen.Add(current) || !Catalogue.IsModule(current))
                continue;
            yield return current;
            foreach (var part in MadeBy(current))
                open.Enqueue(part);
        }
    }

    /// <summary>The types of the modules that a module makes in its constructors and initializers, and in the methods that those call.</summary>
    public IEnumerable<ITypeSymbol> MadeBy(ITypeSymbol module)
    {
        if (module is INamedTypeSymbol { IsGenericType: true } generic)
        {
            foreach (var argument in generic.TypeArguments)
                yield return argument;
        }

        if (module.BaseType is { } parent)
            yield return parent;
        foreach (var operation in Construction(module))
        {
            if (operation is IInvocationOperation or IObjectCreationOperation && operation.Type is { } made && Catalogue.IsModule(made))
                yield return made;
        }
    }

    private IEnumerable<IOperation> Construction(ITypeSymbol module)
    {
        var seen = new HashSet<MemberBody>();
        var open = new Queue<MemberBody>(module.GetMembers().SelectMany(Constructing));
        while (open.Count > 0 && seen.Count < MaximumTypes)
        {
            var body = open.Dequeue();
            if (!seen.Add(body))
                continue;
            foreach (var operation in body.Operations)
            {
                yield return operation;
                if (operation is IInvocationOperation { TargetMethod: { } called } && !Catalogue.IsModule(called.ContainingType) && source.CodeOf(called) is { } helper)
                    open.Enqueue(helper.Body);
                else if (operation is IInvocationOperation { TargetMethod: { MethodKind: MethodKind.Ordinary } own } && SymbolEqualityComparer.Default.Equals(own.ContainingType, module) && source.CodeOf(own) is { } method)
                    open.Enqueue(method.Body);
            }
        }
    }

    private IEnumerable<MemberBody> Constructing(ISymbol member)
    {
        foreach (var reference in member.DeclaringSyntaxReferences)
        {
            var syntax = reference.GetSyntax();
            var body = member switch
            {
                IMethodSymbol { MethodKind: MethodKind.Constructor } constructor => source.CodeOf(constructor)?.Body,
                IFieldSymbol or IPropertySymbol => source.InitializerAt(syntax),
                _ => null,
            };
            if (body is not null)
                yield return body;
        }
    }

    /// <summary>A loop in forward, or in a method of the same class that forward calls, that feeds a shared layer its own earlier output.</summary>
    private bool HasUnrolledLoop(ITypeSymbol module)
    {
        // Most models have no loop at all: that is seen without binding their bodies.
        if (!source.Has(module) || !module.DeclaringSyntaxReferences.Any(reference => reference.GetSyntax().DescendantNodes().Any(IsLoop)))
            return false;
        var seen = new HashSet<MemberBody>();
        var open = new Queue<MemberBody>(module.GetMembers().OfType<IMethodSymbol>()
            .Where(method => Catalogue.Is(method, Role.Forward)).Select(method => source.CodeOf(method)?.Body).OfType<MemberBody>());
        while (open.Count > 0)
        {
            var body = open.Dequeue();
            if (!seen.Add(body))
                continue;
            foreach (var operation in body.Operations)
            {
                if (Recurrence.Of(operation, source) is { CarriedStates.IsEmpty: false })
                    return true;
                if (operation is IInvocationOperation { TargetMethod: { } called } && SymbolEqualityComparer.Default.Equals(called.ContainingType, module) && source.CodeOf(called) is { } next)
                    open.Enqueue(next.Body);
            }
        }

        return false;
    }

    private static bool IsLoop(SyntaxNode node) =>
        node is CommonForEachStatementSyntax or ForStatementSyntax or WhileStatementSyntax or DoStatementSyntax or IdentifierNameSyntax { Identifier.ValueText: nameof(Enumerable.Aggregate) };
}
