using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Replaces activations by ReLU or LeakyReLU, in module, functional and Tensor form.</summary>
internal static class Activations
{
    public static NewActivation Relu { get; } = new("ReLU", "relu", "");

    /// <summary>As a method of a tensor it has to be told its slope, which is the library's default elsewhere.</summary>
    public static NewActivation LeakyRelu { get; } = new("LeakyReLU", "leaky_relu", "0.01");

    /// <summary>Replaces these nodes' activations; false where one is written in a form that cannot be replaced alone.</summary>
    public static bool Replace(SolutionEdits edits, FixedModel model, IReadOnlyCollection<ModelNode> nodes, NewActivation activation)
    {
        foreach (var place in nodes.GroupBy(node => node.Creation))
        {
            // What the same code makes elsewhere (the output's activation) must stay.
            if (model.Graph.Nodes.Any(other => other.Creation == place.Key && !nodes.Contains(other)) || FixedModel.NodeAt(place.Key) is not InvocationExpressionSyntax call)
                return false;
            if (!(place.First().Layer is { } layer ? Module(edits, model, call, layer, activation) : Function(edits, model, call, activation)))
                return false;
        }

        return true;
    }

    private static bool Module(SolutionEdits edits, FixedModel model, InvocationExpressionSyntax call, ModelLayer layer, NewActivation activation)
    {
        if (NameOf(call.Expression) is not { } name || model.Semantics(call).GetSymbolInfo(call).Symbol is not IMethodSymbol factory || factory.ContainingAssembly?.Name != ModelCatalogue.Library)
            return false;
        if (!edits.IsNew(call, activation.Module))
            return true;
        Rename(edits, name, activation.Module);
        var keepsArguments = call.ArgumentList.Arguments.All(argument => argument.NameColon?.Name.Identifier.ValueText == "inplace");
        if (!keepsArguments)
            edits.EditorFor(call).ReplaceNode(call.ArgumentList, (current, _) => ((ArgumentListSyntax)current).WithArguments(default));
        return Declaration(edits, model.HolderOf(layer), name.Identifier.ValueText, activation.Module);
    }

    /// <summary>A field of type Sigmoid becomes one of type ReLU; one of a base type stays.</summary>
    private static bool Declaration(SolutionEdits edits, ISymbol? holder, string oldName, string newName)
    {
        var type = holder switch { IFieldSymbol field => field.Type, IPropertySymbol property => property.Type, _ => null };
        if (type is null || type.Name != oldName || ModelCatalogue.QualifiedName(type) != $"{ModelCatalogue.Library}.Modules.{oldName}")
            return true;
        if (holder!.DeclaredAccessibility != Accessibility.Private || holder.DeclaringSyntaxReferences is not [var reference])
            return false;
        var declared = reference.GetSyntax() switch
        {
            VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax { Variables.Count: 1 } declaration } => declaration.Type,
            PropertyDeclarationSyntax property => property.Type,
            _ => null,
        };
        if (declared is null || NameOf(declared) is not { } name)
            return false;
        Rename(edits, name, newName);
        return true;
    }

    private static bool Function(SolutionEdits edits, FixedModel model, InvocationExpressionSyntax call, NewActivation activation)
    {
        var semantics = model.Semantics(call);
        if (semantics.GetSymbolInfo(call).Symbol is not IMethodSymbol method || method.ContainingAssembly?.Name != ModelCatalogue.Library)
            return false;
        if (!edits.IsNew(call, activation.Function))
            return true;
        var isInPlace = method.Name.EndsWith("_", StringComparison.Ordinal);
        if (!method.IsStatic)
        {
            if (NameOf(call.Expression) is not { } name)
                return false;
            Rename(edits, name, isInPlace ? activation.Function + "_" : activation.Function);
            edits.EditorFor(call).ReplaceNode(call.ArgumentList, (current, _) => ((ArgumentListSyntax)current).WithArguments(SyntaxFactory.ParseArgumentList($"({activation.Argument})").Arguments));
            return true;
        }

        if (!isInPlace && call.ArgumentList.Arguments.Count == 1 && ModelCatalogue.QualifiedName(method.ContainingType) == $"{ModelCatalogue.Library}.torch.nn.functional" && call.Expression is MemberAccessExpressionSyntax access)
        {
            Rename(edits, access.Name, activation.Function);
            return true;
        }

        var function = SyntaxFactory.ParseExpression(LibraryName.At(semantics, call.SpanStart, $"torch.nn.functional.{activation.Function}"));
        edits.EditorFor(call).ReplaceNode(call, (current, _) =>
        {
            var invocation = (InvocationExpressionSyntax)current;
            var first = invocation.ArgumentList.Arguments[0].WithNameColon(null);
            var arguments = isInPlace
                ? SyntaxFactory.SeparatedList([first, SyntaxFactory.ParseArgumentList("(inplace: true)").Arguments[0]], [SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space)])
                : SyntaxFactory.SingletonSeparatedList(first);
            return invocation.WithExpression(function.WithTriviaFrom(invocation.Expression)).WithArgumentList(invocation.ArgumentList.WithArguments(arguments));
        });
        return true;
    }

    private static void Rename(SolutionEdits edits, SimpleNameSyntax name, string to) =>
        edits.EditorFor(name).ReplaceNode(name, (current, _) => SyntaxFactory.IdentifierName(to).WithTriviaFrom(current));

    /// <summary>The last name of a type or of what is called.</summary>
    public static SimpleNameSyntax? NameOf(ExpressionSyntax expression) => expression switch
    {
        SimpleNameSyntax simple => simple,
        MemberAccessExpressionSyntax access => access.Name,
        MemberBindingExpressionSyntax binding => binding.Name,
        QualifiedNameSyntax qualified => qualified.Right,
        AliasQualifiedNameSyntax alias => alias.Name,
        NullableTypeSyntax nullable => NameOf(nullable.ElementType),
        _ => null,
    };
}

/// <summary>What is written in the place of another activation.</summary>
/// <param name="Module">The module's factory and type.</param>
/// <param name="Function">The function.</param>
/// <param name="Argument">The argument that the function needs as a method of a tensor.</param>
internal sealed record NewActivation(string Module, string Function, string Argument);
