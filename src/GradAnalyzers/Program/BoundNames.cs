using System.Collections.Concurrent;
using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>What names in the members of one tree are bound to, as texts: it holds no symbol and stays with the tree while the declarations of the program stay.</summary>
internal sealed class BoundNames(ulong declarations)
{
    private readonly ConcurrentDictionary<(SyntaxNode Member, string Name), ImmutableArray<string>> _targets = new();
    private readonly ConcurrentDictionary<SyntaxNode, GradientUse> _gradientUses = new();
    private readonly ConcurrentDictionary<SyntaxNode, ImmutableArray<CallName>> _callNames = new();
    private readonly ConcurrentDictionary<SyntaxNode, ImmutableArray<string>> _operators = new();

    private ImmutableArray<ModuleClass> _moduleClasses;
    private ImmutableArray<(MemberFacts Member, GradientUse Use)> _touching;
    private object? _creating;

    /// <summary>The names of a tree, bound anew where the program's declarations have changed.</summary>
    public static BoundNames Of(TreeFacts tree, ulong declarations)
    {
        if (tree.Bound is not { } bound || bound.Declarations != declarations)
            tree.Bound = bound = new BoundNames(declarations);
        return bound;
    }

    private ulong Declarations { get; } = declarations;

    /// <summary>The tree's members that touch gradients themselves.</summary>
    public ImmutableArray<(MemberFacts Member, GradientUse Use)> Touching(TreeFacts tree, int[] trainingNames, ProgramSource source, CancellationToken cancellation)
    {
        if (_touching.IsDefault)
        {
            _touching = !tree.Words.ContainsAny(trainingNames) ? ImmutableArray<(MemberFacts, GradientUse)>.Empty
                : tree.Members.Where(member => member.ContainsAny(trainingNames)).Select(member => (member, GradientUse(member, source, cancellation))).Where(pair => pair.Item2 != Program.GradientUse.None).ToImmutableArray();
        }

        return _touching;
    }

    /// <summary>What was found in the tree by the names of the program's models.</summary>
    public TFound Creating<TFound>(Func<TFound> find)
        where TFound : class => (TFound)(_creating ??= find());

    /// <summary>The tree's module classes, in the order of the text.</summary>
    public ImmutableArray<ModuleClass> ModuleClasses(TreeFacts tree, WholeProgram program, CancellationToken cancellation)
    {
        if (!_moduleClasses.IsDefault)
            return _moduleClasses;
        var found = ImmutableArray.CreateBuilder<ModuleClass>();
        foreach (var declaration in tree.Classes)
        {
            if (program.Model(tree.Tree).GetDeclaredSymbol(declaration, cancellation) is INamedTypeSymbol type && program.IsModule(type))
                found.Add(new ModuleClass(declaration, type.OriginalDefinition.GetDocumentationCommentId() ?? type.ToDisplayString(), type.Name, type.IsAbstract));
        }

        return _moduleClasses = found.ToImmutable();
    }

    /// <summary>Whether the member calls, or hands on, something that clears, computes, limits or uses gradients.</summary>
    public GradientUse GradientUse(MemberFacts member, ProgramSource source, CancellationToken cancellation)
    {
        if (_gradientUses.TryGetValue(member.Declaration, out var known))
            return known;
        var use = Program.GradientUse.None;
        foreach (var name in source.Catalogue.TrainingNames.Where(member.Contains))
        {
            foreach (var mention in member.Mentions(name))
            {
                var role = source.Catalogue.Find(Symbol(mention, source, cancellation))?.Role;
                use = role is Role.Step or Role.Backward ? Program.GradientUse.Trains : use == Program.GradientUse.None && role?.IsTraining() == true ? Program.GradientUse.Touches : use;
            }
        }

        _gradientUses[member.Declaration] = use;
        return use;
    }

    /// <summary>What a member's mentions of a name can call.</summary>
    public ImmutableArray<string> Targets(MemberFacts member, string name, ProgramSource source, CancellationToken cancellation)
    {
        if (_targets.TryGetValue((member.Declaration, name), out var known))
            return known;
        var found = member.Mentions(name).Select(mention => Symbol(mention, source, cancellation)).OfType<ISymbol>().Select(IdOf).Distinct(StringComparer.Ordinal).ToImmutableArray();
        _targets[(member.Declaration, name)] = found;
        return found;
    }

    /// <summary>The operators and conversions in source that a member uses: it names none of them.</summary>
    public ImmutableArray<string> Operators(MemberFacts member, ProgramSource source)
    {
        if (_operators.TryGetValue(member.Declaration, out var known))
            return known;
        var found = MemberBodies.Of(member, source).SelectMany(body => body.Operations).Select(MemberBody.OperatorOf).OfType<ISymbol>().Select(IdOf).Distinct(StringComparer.Ordinal).ToImmutableArray();
        _operators[member.Declaration] = found;
        return found;
    }

    /// <summary>By which names a member can be called, and what those names are then bound to.</summary>
    public ImmutableArray<CallName> CallNames(MemberFacts member, ProgramSource source, CancellationToken cancellation)
    {
        if (_callNames.TryGetValue(member.Declaration, out var known))
            return known;
        var found = Declared(member.Declaration, source, cancellation).SelectMany(Names)
            .GroupBy(pair => pair.Name, StringComparer.Ordinal)
            .Select(group => new CallName(group.Key, group.Select(pair => pair.Id).Distinct(StringComparer.Ordinal).ToImmutableArray())).ToImmutableArray();
        _callNames[member.Declaration] = found;
        return found;
    }

    private static IEnumerable<ISymbol> Declared(SyntaxNode declaration, ProgramSource source, CancellationToken cancellation)
    {
        var model = source.Model(declaration.SyntaxTree);
        return declaration switch
        {
            BaseFieldDeclarationSyntax fields => fields.Declaration.Variables.Select(variable => model.GetDeclaredSymbol(variable, cancellation)).OfType<ISymbol>(),
            CompilationUnitSyntax => [],
            _ => model.GetDeclaredSymbol(declaration, cancellation) is { } symbol ? [symbol] : [],
        };
    }

    private static IEnumerable<(string Name, string Id)> Names(ISymbol symbol)
    {
        if (symbol is IMethodSymbol { MethodKind: MethodKind.Constructor } constructor)
        {
            // A class derived from it may call it without a word.
            yield return (constructor.ContainingType.Name, IdOf(constructor));
            yield break;
        }

        // An interface may be implemented by the method that this one overrides.
        for (var current = symbol; current is not null; current = Overridden(current))
        {
            yield return (current.Name, IdOf(current));
            if (current.IsStatic || current.ContainingType is not { } type)
                yield break;
            foreach (var member in type.AllInterfaces.SelectMany(contract => contract.GetMembers()))
            {
                if (SymbolEqualityComparer.Default.Equals(type.FindImplementationForInterfaceMember(member), current))
                    yield return (member.Name, IdOf(member));
            }
        }
    }

    private static ISymbol? Overridden(ISymbol symbol) => symbol switch
    {
        IMethodSymbol method => method.OverriddenMethod,
        IPropertySymbol property => property.OverriddenProperty,
        _ => null,
    };

    private static ISymbol? Symbol(SimpleNameSyntax mention, ProgramSource source, CancellationToken cancellation)
    {
        var model = source.Model(mention.SyntaxTree);
        var creation = mention.Parent as ObjectCreationExpressionSyntax ?? (mention.Parent as QualifiedNameSyntax)?.Parent as ObjectCreationExpressionSyntax;
        if (creation is not null)
            return model.GetSymbolInfo(creation, cancellation).Symbol;
        // Where a type is named and not made, it may still be made by new(...) or by a derived class.
        var symbol = model.GetSymbolInfo(mention, cancellation).Symbol;
        return symbol is INamedTypeSymbol type ? type.InstanceConstructors.FirstOrDefault() : symbol;
    }

    private static string IdOf(ISymbol symbol)
    {
        var definition = symbol is IMethodSymbol { ReducedFrom: { } extension } ? extension.OriginalDefinition : symbol.OriginalDefinition;
        // Constructors of a class are told apart only where one is really called: new(...) does not say which.
        return definition is IMethodSymbol { MethodKind: MethodKind.Constructor } constructor
            ? "new " + constructor.ContainingType.OriginalDefinition.GetDocumentationCommentId()
            : definition.GetDocumentationCommentId() ?? definition.ToDisplayString();
    }
}

/// <summary>A name that a member is called by.</summary>
/// <param name="Name">What a caller writes.</param>
/// <param name="Targets">What that is bound to in a call that can reach the member.</param>
internal sealed record CallName(string Name, ImmutableArray<string> Targets);

/// <summary>A class of the source that is a module.</summary>
/// <param name="Declaration">Its declaration, or the first of a partial class that says what it derives from.</param>
/// <param name="Id">Its documentation id.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsAbstract">Whether no object is of this class itself.</param>
internal sealed record ModuleClass(TypeDeclarationSyntax Declaration, string Id, string Name, bool IsAbstract)
{
    public INamedTypeSymbol Symbol(WholeProgram program, CancellationToken cancellation) =>
        (INamedTypeSymbol)program.Model(Declaration.SyntaxTree).GetDeclaredSymbol(Declaration, cancellation)!;
}

/// <summary>What a member does to gradients by itself.</summary>
internal enum GradientUse
{
    None,

    /// <summary>It clears or clips them.</summary>
    Touches,

    /// <summary>It computes them or steps by them.</summary>
    Trains,
}
