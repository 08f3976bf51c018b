using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>What running a method of the program can do to models, with all that it calls: where that is nothing, the method need not be run to know what models there are.</summary>
/// <param name="source">The program.</param>
/// <param name="makesModels">Whether a method makes a model itself.</param>
internal sealed class MethodEffects(ProgramSource source, Func<IMethodSymbol, bool> makesModels)
{
    /// <summary>Methods that are looked into before one is taken for one that may make a model.</summary>
    private const int MaximumMethods = 30;

    private readonly Dictionary<IMethodSymbol, bool> _onlyComputing = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<IMethodSymbol, bool> _onlyUsing = new(SymbolEqualityComparer.Default);

    /// <summary>Whether a method, and all that it calls, makes no model, is handed none and keeps nothing.</summary>
    public bool OnlyComputes(IMethodSymbol method)
    {
        if (!_onlyComputing.TryGetValue(method, out var known))
            _onlyComputing.Add(method, known = !Holds(method.ReturnType) && !method.Parameters.Any(parameter => parameter.RefKind is RefKind.Out or RefKind.Ref || Holds(parameter.Type)) && Reaches(method, MayKeep) == false);
        return known;
    }

    /// <summary>
    /// Whether a method, and all that it calls, only computes with the models that it is handed or that its object is or holds: it makes none, gives none, trains none, changes none in place and assigns to no member.
    /// </summary>
    public bool OnlyUsesModels(IMethodSymbol method)
    {
        var definition = method.OriginalDefinition;
        if (!_onlyUsing.TryGetValue(definition, out var known))
        {
            _onlyUsing.Add(definition, known = !ProgramSource.IsVirtual(definition) && !definition.IsOverride && !makesModels(definition) && !Holds(definition.ReturnType) && !HandsOut(definition) && Reaches(definition, MayChange) == false);
        }

        return known;
    }

    /// <summary>Whether objects of a type may be or hold modules.</summary>
    public bool Holds(ITypeSymbol? type) => source.Program.MayHoldModules(type);

    private bool HandsOut(IMethodSymbol method) => method.Parameters.Any(parameter => parameter.RefKind is RefKind.Out or RefKind.Ref && Holds(parameter.Type));

    /// <summary>Whether something of a kind is among what a method does; null where that is too much to look at, or not in source.</summary>
    private bool? Reaches(IMethodSymbol method, Func<IOperation, bool> isSought)
    {
        var seen = new HashSet<IMethodSymbol>(SymbolEqualityComparer.Default) { method.OriginalDefinition };
        var open = new Stack<IMethodSymbol>([method.OriginalDefinition]);
        while (open.Count > 0)
        {
            if (seen.Count > MaximumMethods || source.Body(open.Pop()) is not { } body)
                return null;
            foreach (var operation in body.DescendantsAndSelf())
            {
                if (isSought(operation))
                    return true;
                if (operation is IInvocationOperation { TargetMethod: var called } && source.Has(called.OriginalDefinition) && called.MethodKind != MethodKind.LocalFunction
                    && source.Catalogue.Find(called)?.Role is not (Role.Forward or Role.Save) && seen.Add(called.OriginalDefinition))
                {
                    open.Push(called.OriginalDefinition);
                }
            }
        }

        return false;
    }

    /// <summary>Makes a module, changes one, may run any code, or writes where it lasts.</summary>
    private bool MayKeep(IOperation operation) => operation switch
    {
        IObjectCreationOperation { Constructor: { } constructor } creation => Holds(creation.Type) || source.Has(constructor.OriginalDefinition),
        IInvocationOperation { TargetMethod.MethodKind: MethodKind.DelegateInvoke } or IDynamicInvocationOperation => true,
        IInvocationOperation call => Holds(call.Type) || (source.Has(call.TargetMethod.OriginalDefinition) && (ProgramSource.IsVirtual(call.TargetMethod) || makesModels(call.TargetMethod))),
        IAssignmentOperation { Target: IMemberReferenceOperation { Member.IsStatic: true } } => true,
        IIncrementOrDecrementOperation { Target: IMemberReferenceOperation { Member.IsStatic: true } } => true,
        _ => false,
    };

    /// <summary>The same for code that has models at hand: what a model's forward does to itself counts as nothing, as everywhere; all else that is done to a module, to a member or in place counts.</summary>
    private bool MayChange(IOperation operation) => operation switch
    {
        IInvocationOperation call when source.Catalogue.Find(call.TargetMethod)?.Role is Role.Forward or Role.Save => false,
        IInvocationOperation call when source.Catalogue.Find(call.TargetMethod)?.Role is { } role && (role.IsTraining() || role.IsInitializer() || role is Role.Parameters) => true,
        IInvocationOperation { TargetMethod: var method } call when !source.Has(method.OriginalDefinition) =>
            MayKeep(call) || IsInPlace(method) || Holds(call.Instance?.Type) || call.Arguments.Any(argument => Holds(WithoutConversion(argument.Value).Type)) || IsCollectionFromOutside(call.Instance),
        IInvocationOperation or IObjectCreationOperation or IDynamicInvocationOperation => MayKeep(operation),
        // What a property gives may be made when it is first asked for.
        IPropertyReferenceOperation { Property: var property } => Holds(property.Type) && source.Has(property.OriginalDefinition) && source.BackingField(property) is null,
        IAssignmentOperation { Target: var target } => !IsOwn(target),
        IIncrementOrDecrementOperation { Target: var target } => !IsOwn(target),
        _ => false,
    };

    private bool IsInPlace(IMethodSymbol method) => method.ContainingAssembly?.Name == ModelCatalogue.Library && method.Name.EndsWith("_", StringComparison.Ordinal);

    /// <summary>What the call may add to or take from: not a tensor, not a text, and not made here.</summary>
    private bool IsCollectionFromOutside(IOperation? instance) => WithoutConversion(instance) is { Type: { IsReferenceType: true, SpecialType: not SpecialType.System_String } type } receiver
        && !source.IsTensor(type) && (receiver is IMemberReferenceOperation or IParameterReferenceOperation or IInstanceReferenceOperation || (receiver is ILocalReferenceOperation { Local: var local } && IsAlias(local)));

    /// <summary>Another name for what a member, a parameter or another variable refers to.</summary>
    private static bool IsAlias(ILocalSymbol local) => local.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() is VariableDeclaratorSyntax { Initializer.Value: MemberAccessExpressionSyntax or IdentifierNameSyntax };

    /// <summary>A variable of the method, or an element of a list or array in one: what a parameter refers to is the caller's.</summary>
    private static bool IsOwn(IOperation target) => target switch
    {
        ILocalReferenceOperation or IDiscardOperation or IDeclarationExpressionOperation => true,
        IParameterReferenceOperation => true,
        IArrayElementReferenceOperation element => WithoutConversion(element.ArrayReference) is ILocalReferenceOperation,
        IPropertyReferenceOperation { Property.IsIndexer: true, Instance: var owner } => WithoutConversion(owner) is ILocalReferenceOperation,
        ITupleOperation tuple => tuple.Elements.All(IsOwn),
        _ => false,
    };

    /// <summary>What is converted, through however many conversions.</summary>
    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(operation))]
    public static IOperation? WithoutConversion(IOperation? operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation;
    }
}
