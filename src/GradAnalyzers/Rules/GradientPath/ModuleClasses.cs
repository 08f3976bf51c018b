using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>What the code of a module's class does with its parts beyond building them. Any doubt counts as an intention.</summary>
internal sealed class ModuleClasses(ProgramSource source)
{
    private readonly Dictionary<ModelType, ImmutableArray<(ISymbol Member, MemberBody Body)>> _bodies = [];
    private readonly Dictionary<(ModelType, string?), bool> _meant = [];

    private ModelCatalogue Catalogue => source.Catalogue;

    public Location? IdentifierOf(ModelType type) => SymbolOf(type)?.Locations.FirstOrDefault(location => location.IsInSource);

    public INamedTypeSymbol? SymbolOf(ModelType type) => type.Declarations.Where(place => source.Compilation.ContainsSyntaxTree(place.SourceTree!))
        .Select(place => source.Model(place.SourceTree!).GetDeclaredSymbol(place.SourceTree!.GetRoot(source.Cancellation).FindNode(place.SourceSpan), source.Cancellation)).OfType<INamedTypeSymbol>().FirstOrDefault();

    /// <summary>
    /// The class knows that the field's layers are not registered, or may register them in a way that is not followed: it registers by hand, gives parameters out, freezes parts, loads one by itself, or computes without gradients;
    /// or another class asks the field's layers for their parameters.
    /// </summary>
    public bool MayBeMeant(ModelType type, string? field)
    {
        if (!_meant.TryGetValue((type, field), out var known))
            _meant.Add((type, field), known = SymbolOf(type) is not { } symbol || !IsWholeInSource(symbol) || BodiesOf(type).Any(code => IsIntended(code.Member, code.Body)) || (field is not null && IsRegisteredByOthers(symbol, field)));
        return known;
    }

    /// <summary>The class, or a base class of it, calls RegisterComponents somewhere.</summary>
    public bool Registers(ModelType type) => BodiesOf(type).SelectMany(code => Calls(code.Body)).Any(call => Catalogue.Is(call.TargetMethod, Role.RegisterComponents));

    /// <summary>Whether an assignment can come after a registration: within one member by its place in the text.</summary>
    public bool ComesAfter(Location assignment, Location? registration) => registration?.SourceTree is { } tree
        && (assignment.SourceTree != tree || MemberAt(assignment) != MemberAt(registration) || assignment.SourceSpan.Start > registration.SourceSpan.Start);

    private SyntaxNode MemberAt(Location place) => TreeFacts.MemberOf(place.SourceTree!.GetRoot(source.Cancellation).FindNode(place.SourceSpan));

    /// <summary>Whether what is created here may become a part of another module: a module's class asks for it, through however many methods, fields and properties that hand modules on.</summary>
    public bool MayBePart(Location creation)
    {
        var seen = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        var open = new Stack<ISymbol>(HandingOn(MemberAt(creation)));
        while (open.Count > 0)
        {
            var member = open.Pop();
            if (!seen.Add(member))
                continue;
            foreach (var (name, tree) in source.Trees.SelectMany(tree => tree.Mentions(member.Name).Select(name => (name, tree.Tree))))
            {
                if (!SymbolEqualityComparer.Default.Equals(source.Model(tree).GetSymbolInfo(name, source.Cancellation).Symbol?.OriginalDefinition, member))
                    continue;
                if (name.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault() is { } outer && source.Model(tree).GetDeclaredSymbol(outer, source.Cancellation) is { } type && source.IsModule(type))
                    return true;
                foreach (var next in HandingOn(TreeFacts.MemberOf(name)))
                    open.Push(next);
            }
        }

        return false;
    }

    /// <summary>The method, fields or property declared here, where they give modules or functions and collections of such.</summary>
    private IEnumerable<ISymbol> HandingOn(SyntaxNode member)
    {
        SyntaxNode[] declared = member is BaseFieldDeclarationSyntax { Declaration.Variables: var variables } ? [.. variables] : [member];
        foreach (var declaration in declared)
        {
            var symbol = source.Model(declaration.SyntaxTree).GetDeclaredSymbol(declaration, source.Cancellation);
            var given = symbol switch { IMethodSymbol { MethodKind: MethodKind.Ordinary } method => method.ReturnType, IPropertySymbol property => property.Type, IFieldSymbol field => field.Type, _ => null };
            if (source.Program.MayHoldModules(given))
                yield return symbol!.OriginalDefinition;
        }
    }

    /// <summary>Forward, or another method of the class that is no constructor, reads the field or property.</summary>
    public bool ForwardMentions(ModelType type, string field) => BodiesOf(type)
        .Where(code => code.Member is IMethodSymbol { MethodKind: MethodKind.Ordinary } method && Catalogue.Is(method, Role.Forward))
        .SelectMany(code => code.Body.Operations)
        .Any(operation => operation is IMemberReferenceOperation { Instance: IInstanceReferenceOperation } reference && reference.Member.Name == field);

    /// <summary>Another method of the class runs a layer that it reads from the field or property.</summary>
    public bool RunsElsewhere(ModelType type, string field) => BodiesOf(type)
        .Where(code => code.Member is IMethodSymbol { MethodKind: MethodKind.Ordinary } method && !Catalogue.Is(method, Role.Forward))
        .SelectMany(code => Calls(code.Body)).Any(call => Catalogue.Is(call.TargetMethod, Role.Forward)
            && call.Instance?.DescendantsAndSelf().Any(part => part is IMemberReferenceOperation { Instance: IInstanceReferenceOperation } reference && reference.Member.Name == field) == true);

    /// <summary>The code of the class and of its base classes in source.</summary>
    public ImmutableArray<(ISymbol Member, MemberBody Body)> BodiesOf(ModelType type)
    {
        if (_bodies.TryGetValue(type, out var known))
            return known;
        var bodies = ImmutableArray.CreateBuilder<(ISymbol, MemberBody)>();
        for (var current = SymbolOf(type); current is not null && source.Has(current); current = current.BaseType?.OriginalDefinition)
        {
            foreach (var member in current.GetMembers())
            {
                if (member is IMethodSymbol method && source.CodeOf(method) is { } code)
                    bodies.Add((member, code.Body));
                else if (member is IFieldSymbol or IPropertySymbol && member.DeclaringSyntaxReferences is [var reference, ..] && source.InitializerAt(reference.GetSyntax(source.Cancellation)) is { } initializer)
                    bodies.Add((member, initializer));
            }
        }

        return _bodies[type] = bodies.ToImmutable();
    }

    /// <summary>Between the class and the library's module there is no class of another assembly, which may register.</summary>
    private bool IsWholeInSource(INamedTypeSymbol type)
    {
        var current = type;
        while (current is not null && source.Has(current))
            current = current.BaseType?.OriginalDefinition;
        return Catalogue.Find(current) is { Role: Role.Module, IsBuiltIn: true };
    }

    private bool IsIntended(ISymbol member, MemberBody body) =>
        member is IMethodSymbol { IsOverride: true } overriding && Catalogue.Is(overriding, Role.Parameters)
        || Calls(body).Any(call => Catalogue.Find(call.TargetMethod)?.Role switch
        {
            Role.RegisterModule or Role.RegisterParameter => true,
            Role.Parameters or Role.Freeze or Role.Load => !IsOfWhole(call, member),
            Role.NoGrad => member is not IMethodSymbol { MethodKind: MethodKind.Constructor },
            _ => false,
        })
        || body.Operations.Any(operation => operation is IAssignmentOperation { Target: IPropertyReferenceOperation { Property: var property } } && Catalogue.Is(property, Role.Freeze));

    /// <summary>The module itself is asked, or in its own class one that was made there: a program that tries its model.</summary>
    private static bool IsOfWhole(IInvocationOperation call, ISymbol member) => call.Instance is IInstanceReferenceOperation
        || (member.IsStatic && SymbolEqualityComparer.Default.Equals(call.Instance?.Type?.OriginalDefinition, member.ContainingType.OriginalDefinition));

    private static IEnumerable<IInvocationOperation> Calls(MemberBody body) => body.Invocations;

    /// <summary>Another class reads the field in a statement that asks for parameters or registers something.</summary>
    private bool IsRegisteredByOthers(INamedTypeSymbol type, string field)
    {
        if (type.GetMembers(field).FirstOrDefault() is not { DeclaredAccessibility: not Accessibility.Private } member)
            return false;
        foreach (var tree in source.Trees)
        {
            foreach (var name in tree.Mentions(field))
            {
                if (name.Parent is MemberAccessExpressionSyntax access && access.Name == name
                    && name.FirstAncestorOrSelf<SyntaxNode>(node => node is StatementSyntax or ArrowExpressionClauseSyntax or EqualsValueClauseSyntax) is { } statement
                    && SymbolEqualityComparer.Default.Equals(source.Model(tree.Tree).GetSymbolInfo(name, source.Cancellation).Symbol?.OriginalDefinition, member.OriginalDefinition)
                    && statement.DescendantNodes().OfType<InvocationExpressionSyntax>().Any(call => Catalogue.Find(source.Model(tree.Tree).GetSymbolInfo(call, source.Cancellation).Symbol)?.Role is Role.Parameters or Role.RegisterModule))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
