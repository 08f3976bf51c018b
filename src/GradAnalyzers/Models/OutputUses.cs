using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models;

/// <summary>What a program does with one of several values that a forward returns.</summary>
internal enum OutputUse
{
    /// <summary>It cannot be told.</summary>
    Unknown,

    /// <summary>Nobody reads it: no loss does.</summary>
    Unread,

    /// <summary>A loss is computed of it.</summary>
    Loss,
}

/// <summary>What becomes of the values that the models of one class return in one member.</summary>
/// <param name="Type">The class: <see cref="ModelType.IdOf"/>.</param>
/// <param name="Uses">In the order of the values.</param>
internal sealed record OutputUses(string Type, ImmutableArray<OutputUse> Uses)
{
    /// <summary>Assignments of one member that are followed from each value.</summary>
    private const int MaximumRounds = 8;

    private const string Kind = "uses of outputs";

    /// <summary>What the program does with the values of each class; the class is missing where no call of it was found.</summary>
    public static ILookup<string, OutputUses> In(WholeProgram program, CancellationToken cancellation)
    {
        var names = program.Catalogue.ForwardNames.ToLookup(Words.HashOf);
        return program.Trees.SelectMany(tree => tree.Words.In(names).SelectMany(name => tree.Mentions(name)).Select(ModelSites.MemberOf).OfType<SyntaxNode>().Distinct())
            .Where(ReadsSeveral)
            .SelectMany(member => (ImmutableArray<OutputUses>)Kept.Of(program, Kind, member, cancellation, source => Of(source, member)).Value)
            .ToLookup(uses => uses.Type, StringComparer.Ordinal);
    }

    /// <summary>A look before anything is bound: the member takes something apart, or names a part of a tuple.</summary>
    private static bool ReadsSeveral(SyntaxNode member) => member.DescendantNodes().Any(node =>
        node is ParenthesizedVariableDesignationSyntax or TupleExpressionSyntax || (node is MemberAccessExpressionSyntax { Name.Identifier.ValueText: ['I', 't', 'e', 'm', _] }));

    private static ImmutableArray<OutputUses> Of(ProgramSource source, SyntaxNode member)
    {
        if (source.Operation(member) is not { } root)
            return ImmutableArray<OutputUses>.Empty;
        var all = root.DescendantsAndSelf().ToList();
        return all.OfType<IInvocationOperation>()
            .Where(call => call is { Type: INamedTypeSymbol { IsTupleType: true }, Instance.Type: INamedTypeSymbol type } && source.Catalogue.Is(call.TargetMethod, Role.Forward) && source.Has(type.OriginalDefinition) && source.IsModule(type))
            .Select(call => new OutputUses(ModelType.IdOf((INamedTypeSymbol)call.Instance!.Type!), UsesOf(call, all, source.Catalogue))).ToImmutableArray();
    }

    /// <summary>Several calls together: a value that one of them computes a loss of has one; unread is what all leave unread.</summary>
    public static ImmutableArray<OutputUse> Together(IEnumerable<OutputUses> calls)
    {
        var all = calls.Select(call => call.Uses).ToList();
        return all.Count == 0 || all.Any(uses => uses.Length != all[0].Length) ? ImmutableArray<OutputUse>.Empty
            : Enumerable.Range(0, all[0].Length).Select(index => all.Any(uses => uses[index] == OutputUse.Loss) ? OutputUse.Loss : all.All(uses => uses[index] == OutputUse.Unread) ? OutputUse.Unread : OutputUse.Unknown).ToImmutableArray();
    }

    private static ImmutableArray<OutputUse> UsesOf(IInvocationOperation call, List<IOperation> member, ModelCatalogue catalogue)
    {
        var count = ((INamedTypeSymbol)call.Type!).TupleElements.Length;
        IOperation value = call;
        while (value.Parent is IConversionOperation or IParenthesizedOperation)
            value = value.Parent;
        switch (value.Parent)
        {
            case IDeconstructionAssignmentOperation { Target: var target }:
                var tuple = target as ITupleOperation ?? (target as IDeclarationExpressionOperation)?.Expression as ITupleOperation;
                return tuple is null || tuple.Elements.Length != count ? Unknown(count) : tuple.Elements.Select(element => element switch
                {
                    IDiscardOperation => OutputUse.Unread,
                    ILocalReferenceOperation { Local: var local } => UseOf(new[] { local }, member, catalogue),
                    IDeclarationExpressionOperation { Expression: ILocalReferenceOperation { Local: var declared } } => UseOf(new[] { declared }, member, catalogue),
                    _ => OutputUse.Unknown,
                }).ToImmutableArray();
            case IFieldReferenceOperation { Field: var field }:
                return Enumerable.Range(0, count).Select(index => index == IndexOf(field) ? LeadsToLoss(reference => reference == value.Parent, member, catalogue) ? OutputUse.Loss : OutputUse.Unknown : OutputUse.Unread).ToImmutableArray();
            case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: var whole } }:
                var references = member.OfType<ILocalReferenceOperation>().Where(reference => SymbolEqualityComparer.Default.Equals(reference.Local, whole)).ToList();
                if (references.Any(reference => reference.Parent is not IFieldReferenceOperation))
                    return Unknown(count);
                return Enumerable.Range(0, count).Select(index =>
                {
                    var parts = new HashSet<IOperation>(references.Select(reference => reference.Parent!).Where(part => IndexOf(((IFieldReferenceOperation)part).Field) == index));
                    return parts.Count == 0 ? OutputUse.Unread : LeadsToLoss(parts.Contains, member, catalogue) ? OutputUse.Loss : OutputUse.Unknown;
                }).ToImmutableArray();
            case IExpressionStatementOperation:
                return Enumerable.Repeat(OutputUse.Unread, count).ToImmutableArray();
            default:
                return Unknown(count);
        }
    }

    private static ImmutableArray<OutputUse> Unknown(int count) => Enumerable.Repeat(OutputUse.Unknown, count).ToImmutableArray();

    private static int? IndexOf(IFieldSymbol field)
    {
        var name = (field.CorrespondingTupleField ?? field).Name;
        return name.StartsWith("Item", StringComparison.Ordinal) && int.TryParse(name[4..], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number - 1 : null;
    }

    private static OutputUse UseOf(IEnumerable<ILocalSymbol> locals, List<IOperation> member, ModelCatalogue catalogue)
    {
        var values = new HashSet<ISymbol>(locals, SymbolEqualityComparer.Default);
        bool IsValue(IOperation operation) => operation is ILocalReferenceOperation { Local: var local } && values.Contains(local) && !IsTarget(operation);
        return !member.Any(IsValue) ? OutputUse.Unread : LeadsToLoss(IsValue, member, catalogue) ? OutputUse.Loss : OutputUse.Unknown;
    }

    /// <summary>Written, not read: what a deconstruction or an assignment gives its value to.</summary>
    private static bool IsTarget(IOperation reference) => reference.Parent switch
    {
        ITupleOperation { Parent: IDeconstructionAssignmentOperation or IDeclarationExpressionOperation } => true,
        IDeclarationExpressionOperation => true,
        ISimpleAssignmentOperation assignment => assignment.Target == reference,
        _ => false,
    };

    /// <summary>Whether a value, or a variable that it is computed into, is differentiated or handed to a loss.</summary>
    private static bool LeadsToLoss(Func<IOperation, bool> isValue, List<IOperation> member, ModelCatalogue catalogue)
    {
        var variables = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        bool Comes(IOperation operation) => Parts(operation, catalogue).Any(part => isValue(part) || (part is ILocalReferenceOperation { Local: var local } && variables.Contains(local)));
        for (var round = 0; round < MaximumRounds; round++)
        {
            var before = variables.Count;
            foreach (var operation in member)
            {
                switch (operation)
                {
                    case IVariableDeclaratorOperation { Symbol: var declared, Initializer.Value: var value } when !variables.Contains(declared) && Comes(value):
                        variables.Add(declared);
                        break;
                    case IAssignmentOperation { Target: ILocalReferenceOperation { Local: var assigned }, Value: var value } when !variables.Contains(assigned) && Comes(value):
                        variables.Add(assigned);
                        break;
                }
            }

            if (variables.Count == before)
                break;
        }

        return member.OfType<IInvocationOperation>().Any(call =>
            (catalogue.Is(call.TargetMethod, Role.Backward) && call.Instance is { } differentiated && Comes(differentiated))
            || (IsLoss(call, catalogue) && call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0) is { } prediction && Comes(prediction.Value)));
    }

    private static bool IsLoss(IInvocationOperation call, ModelCatalogue catalogue) =>
        catalogue.Find(call.TargetMethod)?.Role.IsLoss() == true || (catalogue.Is(call.TargetMethod, Role.Forward) && catalogue.FindBase(call.Instance?.Type)?.Role.IsLoss() == true);

    /// <summary>What an expression is made of, as far as a derivative goes back through it.</summary>
    private static IEnumerable<IOperation> Parts(IOperation expression, ModelCatalogue catalogue)
    {
        var open = new Stack<IOperation>([expression]);
        while (open.Count > 0)
        {
            var part = open.Pop();
            yield return part;
            if (part is IInvocationOperation call && catalogue.Find(call.TargetMethod)?.Role is Role.Detach or Role.ArgMax or Role.Data or Role.Discrete or Role.Sizes)
                continue;
            if (part is IAnonymousFunctionOperation)
                continue;
            foreach (var child in part.ChildOperations)
                open.Push(child);
        }
    }
}
