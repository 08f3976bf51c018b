using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Inserts a normalization after layers: as the next element of a Sequential or of the list that it is made of, or as a field of its own with its use in forward.</summary>
internal static class Normalization
{
    /// <summary>Inserts it after each of these layers; false where one is created in a form that gives no place.</summary>
    /// <param name="edits">Receives the edits.</param>
    /// <param name="model">The model.</param>
    /// <param name="nodes">Linear and convolutional layers.</param>
    /// <param name="isLayerNorm">LayerNorm, else the BatchNorm of the layer's dimensions.</param>
    public static bool InsertAfter(SolutionEdits edits, FixedModel model, IReadOnlyCollection<ModelNode> nodes, bool isLayerNorm)
    {
        foreach (var place in nodes.GroupBy(node => node.Creation))
        {
            // The same code may make layers that need none.
            if (model.Graph.Nodes.Any(other => other.Layer is not null && other.Creation == place.Key && !nodes.Contains(other))
                || FixedModel.NodeAt(place.Key) is not InvocationExpressionSyntax creation
                || Creation(model, creation, place.First(), isLayerNorm) is not { } norm)
            {
                return false;
            }

            var isInserted = creation.Parent switch
            {
                ArgumentSyntax argument => InList(edits, model, argument, creation, norm),
                ExpressionElementSyntax element => Elements.Insert(edits, element, Elements.Like(element, creation, norm)),
                InitializerExpressionSyntax => Elements.Insert(edits, creation, norm),
                _ => model.HolderOf(place.First().Layer!) is { } holder && AsField(edits, model, creation, holder, place.ToList(), norm),
            };
            if (!isInserted)
                return false;
        }

        return true;
    }

    /// <summary>The creation of the normalization: <c>nn.BatchNorm1d(64)</c>, qualified as the layer's own creation is; null where the number of features is no plain expression.</summary>
    private static ExpressionSyntax? Creation(FixedModel model, InvocationExpressionSyntax layer, ModelNode node, bool isLayerNorm)
    {
        var dimensions = node.Role == Role.Linear ? 1 : node.Size("dimensions")?.Whole ?? 0;
        if (dimensions is < 1 or > 3 || isLayerNorm && node.Role != Role.Linear || model.Semantics(layer).GetSymbolInfo(layer).Symbol is not IMethodSymbol method)
            return null;
        var index = 0;
        ExpressionSyntax? features = null;
        foreach (var argument in layer.ArgumentList.Arguments)
        {
            var name = argument.NameColon?.Name.Identifier.ValueText ?? (index < method.Parameters.Length ? method.Parameters[index].Name : "");
            if (name is "outputSize" or "out_features" or "out_channels" or "outputChannel")
                features = argument.Expression;
            index++;
        }

        if (features is null || features.DescendantNodesAndSelf().Any(part => part is InvocationExpressionSyntax or AssignmentExpressionSyntax or PostfixUnaryExpressionSyntax or ObjectCreationExpressionSyntax))
            return null;
        var factory = isLayerNorm ? "LayerNorm" : $"BatchNorm{dimensions}d";
        var callee = layer.Expression switch
        {
            MemberAccessExpressionSyntax access => $"{access.Expression.WithoutTrivia()}.{factory}",
            _ => factory,
        };
        return SyntaxFactory.ParseExpression($"{callee}({features.WithoutTrivia()})");
    }

    /// <summary>An argument of Sequential, alone or in a tuple with its name; or of a list's Add.</summary>
    private static bool InList(SolutionEdits edits, FixedModel model, ArgumentSyntax argument, InvocationExpressionSyntax creation, ExpressionSyntax norm)
    {
        ExpressionSyntax element = creation;
        var added = norm;
        if (argument.Parent is TupleExpressionSyntax tuple)
        {
            if (Elements.Named(tuple, "_norm", norm) is not { } named)
                return false;
            (element, added) = (tuple, named);
            switch (tuple.Parent)
            {
                case ExpressionElementSyntax collected:
                    return Elements.Insert(edits, collected, SyntaxFactory.ExpressionElement(added));
                case InitializerExpressionSyntax:
                    return Elements.Insert(edits, tuple, added);
                case ArgumentSyntax outer:
                    argument = outer;
                    break;
                default:
                    return false;
            }
        }

        if (argument.Parent?.Parent is not InvocationExpressionSyntax call || model.Semantics(call).GetSymbolInfo(call).Symbol is not IMethodSymbol method)
            return false;
        if (method.Name == "Sequential" && method.ContainingAssembly?.Name == ModelCatalogue.Library)
            return Elements.Insert(edits, argument, SyntaxFactory.Argument(added));
        if (method.Name == "append" && method.ContainingType.Name == "Sequential" && call.ArgumentList.Arguments.Count == 1)
            return Append(edits, call, added);
        if (method.Name != "Add" || call.Parent is not ExpressionStatementSyntax statement || call.ArgumentList.Arguments.Count != 1)
            return false;
        if (method.ContainingType.Name != "ModuleList")
            return InsertStatement.After(edits, statement, (0, $"{call.Expression.WithoutTrivia()}({added});"));

        // What walks a ModuleList would take the normalization for a layer: it goes into one with the layer.
        if (element != creation || !edits.IsNew(creation, "norm"))
            return element == creation;
        var sequential = SyntaxFactory.ParseExpression(creation.Expression is MemberAccessExpressionSyntax access ? $"{access.Expression.WithoutTrivia()}.Sequential" : "Sequential");
        edits.EditorFor(creation).ReplaceNode(creation, (current, _) => SyntaxFactory.InvocationExpression(sequential, SyntaxFactory.ArgumentList(SyntaxFactory.SeparatedList(
            [SyntaxFactory.Argument((ExpressionSyntax)current.WithoutTrivia()), SyntaxFactory.Argument(norm)],
            [SyntaxFactory.Token(SyntaxKind.CommaToken).WithTrailingTrivia(SyntaxFactory.Space)]))).WithTriviaFrom(current));
        return true;
    }

    /// <summary>Behind <c>layers.append(Linear(…))</c>: a statement of its own, or the next call of the chain.</summary>
    private static bool Append(SolutionEdits edits, InvocationExpressionSyntax call, ExpressionSyntax added)
    {
        if (call is { Expression: MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax sequential }, Parent: ExpressionStatementSyntax statement })
            return InsertStatement.After(edits, statement, (0, $"{sequential.WithoutTrivia()}.append({added});"));
        if (edits.IsNew(call, "norm"))
        {
            edits.EditorFor(call).ReplaceNode(call, (current, _) => SyntaxFactory.InvocationExpression(
                SyntaxFactory.MemberAccessExpression(SyntaxKind.SimpleMemberAccessExpression, (ExpressionSyntax)current, SyntaxFactory.IdentifierName("append")),
                SyntaxFactory.ArgumentList(SyntaxFactory.SingletonSeparatedList(SyntaxFactory.Argument(added)))));
        }

        return true;
    }

    /// <summary>A field beside the layer's, created like it, and used around its uses: <c>fc1Norm.forward(fc1.forward(x))</c>.</summary>
    private static bool AsField(SolutionEdits edits, FixedModel model, InvocationExpressionSyntax creation, ISymbol holder, List<ModelNode> uses, ExpressionSyntax norm)
    {
        var name = holder.Name + "Norm";
        if (holder is not IFieldSymbol || holder.ContainingType.GetMembers(name).Any() || holder.DeclaringSyntaxReferences is not [var reference]
            || reference.GetSyntax() is not VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax { Parent: FieldDeclarationSyntax field } } variable
            || uses.Select(use => use.Use).Distinct().ToList() is not [var place] || FixedModel.NodeAt(place) is not InvocationExpressionSyntax use || use.Expression is not MemberAccessExpressionSyntax called)
        {
            return false;
        }

        if (!edits.IsNew(variable, "norm"))
            return true;
        var isInitialized = creation.Parent is EqualsValueClauseSyntax;
        if (!isInitialized && (creation.Parent is not AssignmentExpressionSyntax { Parent: ExpressionStatementSyntax assignment } || !InsertStatement.After(edits, assignment, (0, $"{name} = {norm};"))))
            return false;

        var semantics = model.Semantics(field);
        var factory = Activations.NameOf(((InvocationExpressionSyntax)norm).Expression)!.Identifier.ValueText;
        if (model.Compilation.GetTypeByMetadataName($"TorchSharp.Modules.{factory}") is not { } type)
            return false;
        var modifiers = field.Modifiers.ToString();
        var declaration = $"{modifiers}{(modifiers.Length > 0 ? " " : "")}{LibraryName.OfType(semantics, field.SpanStart, type)} {name}{(isInitialized ? $" = {norm}" : "")};";
        var layout = Layout.Of(field);
        edits.EditorFor(field).InsertAfter(field, SyntaxFactory.ParseMemberDeclaration(declaration)!.WithLeadingTrivia(Layout.Indentation(Layout.IndentationOf(field))).WithTrailingTrivia(layout.NewLine));
        edits.EditorFor(use).ReplaceNode(use, (current, _) => SyntaxFactory.InvocationExpression(
            SyntaxFactory.MemberAccessExpression(SyntaxKind.SimpleMemberAccessExpression, SyntaxFactory.IdentifierName(name), SyntaxFactory.IdentifierName(called.Name.Identifier.ValueText)),
            SyntaxFactory.ArgumentList(SyntaxFactory.SingletonSeparatedList(SyntaxFactory.Argument((ExpressionSyntax)current.WithoutTrivia())))).WithTriviaFrom(current));
        return true;
    }
}
