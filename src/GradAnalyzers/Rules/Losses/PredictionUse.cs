using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Losses;

/// <summary>
/// Whether an activation serves the loss alone. Where a prediction reads its output too, dropping it would change what the program answers; the place of the largest output (argmax) is the same with and without.
/// </summary>
/// <param name="program">The program.</param>
/// <param name="models">The calls of models whose output goes to the loss.</param>
internal sealed class PredictionUse(LoopProgram program, IEnumerable<IOperation> models)
{
    private ModelCatalogue Catalogue => program.Source.Catalogue;

    public bool IsOnlyForTheLoss(LossCall loss, OutputHead head)
    {
        if (!IsReadOnlyBy(loss, head))
            return false;
        // In the loop's own code the activation's other readers are those of the variable; in a model, all that call it.
        if (ModelOf(head) is { } model)
            return !OtherCalls(model).Any();
        return !head.IsElement || (LocalOf(head) is { } local ? !IsOtherwiseUsed(local.Symbol, local.Body) : !OtherCalls(null).Any());
    }

    /// <summary>The local that a Sequential written out in the loop's code goes into, where it is only called and asked there, and handed on to nobody.</summary>
    private (ILocalSymbol Symbol, MemberBody Body)? LocalOf(OutputHead head)
    {
        var made = head.Operation;
        while (made is not null and not IVariableInitializerOperation)
            made = made.Parent;
        return made is IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: var local } }
            && References(local, head.Frame.Body).All(reference => reference.Parent is IInvocationOperation call && call.Instance == reference) ? (local, head.Frame.Body) : null;
    }

    private bool IsOtherwiseUsed(ILocalSymbol local, MemberBody body)
    {
        var own = models.Select(call => call.Syntax).ToImmutableHashSet();
        return References(local, body).Select(reference => (IInvocationOperation)reference.Parent!).Any(call => Catalogue.Is(call.TargetMethod, Role.Forward) && !own.Contains(call.Syntax) && !IsForTheLargest(call));
    }

    private static IEnumerable<ILocalReferenceOperation> References(ILocalSymbol local, MemberBody body) =>
        body.Operations.OfType<ILocalReferenceOperation>().Where(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local));

    /// <summary>The module class whose forward the activation stands in, or whose constructor makes it; null for the loop's own code.</summary>
    private INamedTypeSymbol? ModelOf(OutputHead head) =>
        head.Frame.Method?.ContainingType is { } type && Catalogue.IsModule(type) ? type
        : program.Source.Model(head.Operation.Syntax.SyntaxTree).GetEnclosingSymbol(head.Operation.Syntax.SpanStart)?.ContainingType is { } around && Catalogue.IsModule(around) ? around : null;

    /// <summary>The variable that the loss is given is read by nothing else than the loss and an argmax; where the loss stands in a module of the house, neither is what that is given.</summary>
    private bool IsReadOnlyBy(LossCall loss, OutputHead head)
    {
        var (input, frame) = (Unconverted(loss.Input), loss.Frame);
        while (input is IParameterReferenceOperation { Parameter: var parameter } && frame.ArgumentOf(parameter) is { } given)
        {
            if (frame.Body.Operations.OfType<IParameterReferenceOperation>().Count(reference => SymbolEqualityComparer.Default.Equals(reference.Parameter, parameter)) > 1)
                return false;
            (input, frame) = (Unconverted(given.Argument), given.Frame);
        }

        // Who else reads a member of an object is not followed.
        if (input is IMemberReferenceOperation { Member: { ContainingType.IsTupleType: false } member } && program.Source.Has(member.OriginalDefinition))
            return false;
        return input is not ILocalReferenceOperation { Local: var local } || References(local, frame.Body)
            .Where(reference => reference.Syntax != input.Syntax && !head.Operation.Syntax.Span.Contains(reference.Syntax.Span))
            .All(reference => IsTarget(reference) || IsForTheLargest(reference));
    }

    private static IOperation Unconverted(IOperation operation)
    {
        while (operation is IConversionOperation conversion)
            operation = conversion.Operand;
        return operation;
    }

    private static bool IsTarget(IOperation reference) => reference.Parent is IAssignmentOperation assignment && assignment.Target == reference;

    private bool IsForTheLargest(IOperation value) => value.Parent switch
    {
        IInvocationOperation call => Catalogue.Is(call.TargetMethod, Role.ArgMax),
        IArgumentOperation { Parent: IInvocationOperation call } => Catalogue.Is(call.TargetMethod, Role.ArgMax),
        _ => false,
    };

    /// <summary>Calls of a model in the program that do not lead to this loop's losses; of any model, where none is given.</summary>
    private IEnumerable<IOperation> OtherCalls(INamedTypeSymbol? model)
    {
        var own = models.Select(call => call.Syntax).ToImmutableHashSet();
        var isHandedOn = model is null || IsHandedOn(model);
        var names = Words.HashesOf(Catalogue.NamesOf(Role.Forward));
        foreach (var member in program.Source.Trees.Where(tree => tree.Words.ContainsAny(names)).SelectMany(tree => tree.Members).Where(member => member.ContainsAny(names)))
        {
            var semantics = program.Source.Model(member.Declaration.SyntaxTree);
            foreach (var call in member.Declaration.DescendantNodes().OfType<InvocationExpressionSyntax>())
            {
                if (call.Expression is not MemberAccessExpressionSyntax { Expression: var instance } || own.Contains(call)
                    || !Catalogue.Is(semantics.GetSymbolInfo(call, program.Source.Cancellation).Symbol, Role.Forward) || semantics.GetTypeInfo(instance).Type is not { } type || Catalogue.FindBase(type)?.Role.IsLoss() == true)
                {
                    continue;
                }

                var isInModel = semantics.GetEnclosingSymbol(call.SpanStart)?.ContainingType is { } around && Catalogue.IsModule(around);
                var mayBeIt = model is null || SymbolEqualityComparer.Default.Equals(type.OriginalDefinition, model.OriginalDefinition) || (isHandedOn && type.DeclaringSyntaxReferences.IsEmpty && IsGeneral(type));
                if (mayBeIt && (!isInModel || SymbolEqualityComparer.Default.Equals(type.OriginalDefinition, model?.OriginalDefinition)) && program.Source.Operation(call) is { } operation && !IsForTheLargest(operation))
                    yield return operation;
            }
        }
    }

    /// <summary>The program hands objects of the class on as some module or other: then a call on such a one may run it. Looked for where the class is named; a member of the class's type that others see counts, too.</summary>
    private bool IsHandedOn(INamedTypeSymbol model)
    {
        foreach (var member in program.Source.Trees.Where(tree => tree.Words.Contains(model.Name)).SelectMany(tree => tree.Members))
        {
            if (member.Declaration is BasePropertyDeclarationSyntax or BaseFieldDeclarationSyntax or MethodDeclarationSyntax && GivesToOthers(member.Declaration, model))
                return true;
            if (MemberBodies.Of(member, program.Source).SelectMany(body => body.Operations).OfType<IConversionOperation>()
                .Any(conversion => SymbolEqualityComparer.Default.Equals(conversion.Operand.Type?.OriginalDefinition, model.OriginalDefinition) && conversion.Type is { } type && IsGeneral(type)))
            {
                return true;
            }
        }

        return false;
    }

    private bool GivesToOthers(SyntaxNode declaration, INamedTypeSymbol model)
    {
        var semantics = program.Source.Model(declaration.SyntaxTree);
        var symbol = semantics.GetDeclaredSymbol(declaration is BaseFieldDeclarationSyntax field ? field.Declaration.Variables[0] : declaration, program.Source.Cancellation);
        var type = symbol switch { IFieldSymbol one => one.Type, IPropertySymbol one => one.Type, IMethodSymbol one => one.ReturnType, _ => null };
        return symbol is { DeclaredAccessibility: not Accessibility.Private } && SymbolEqualityComparer.Default.Equals(type?.OriginalDefinition, model.OriginalDefinition);
    }

    /// <summary>The type says only that it is some module: <c>Module&lt;Tensor, Tensor&gt;</c>, a Sequential.</summary>
    private bool IsGeneral(ITypeSymbol type) => Catalogue.Find(type)?.Role is Role.Module or Role.Sequential || type.TypeKind == TypeKind.Interface;
}
