using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Diagnosis;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Writes <c>torch.nn.init</c> calls: for layers that have none, and in the place of those that there are.</summary>
internal static class Initializers
{
    private const string Kaiming = "torch.nn.init.kaiming_normal_";
    private const string Xavier = "torch.nn.init.xavier_normal_";

    /// <summary>Kaiming initialization of these layers' weights; false where a layer is at no place that a statement could name.</summary>
    public static bool AddKaiming(SolutionEdits edits, FixedModel model, IEnumerable<ModelNode> nodes)
    {
        var unnamed = new List<ModelLayer>();
        foreach (var layer in nodes.Select(node => node.Layer).OfType<ModelLayer>().Distinct())
        {
            if (layer.Weight?.Initialization.Location is { } existing)
            {
                if (!Replace(edits, model, existing, null, isReluByDefault: true))
                    return false;
            }
            else if (!AddForField(edits, model, layer, KaimingOf))
            {
                unnamed.Add(layer);
            }
        }

        return unnamed.Count == 0 || AddLoops(edits, model, unnamed, KaimingOf);
    }

    /// <summary>One and zero for the weight and bias of these normalizations; false where a layer is at no place that a statement could name.</summary>
    public static bool AddOnesAndZeros(SolutionEdits edits, FixedModel model, IEnumerable<ModelLayer> layers)
    {
        var unnamed = layers.Where(layer => !AddForField(edits, model, layer, OnesAndZerosOf)).ToList();
        return unnamed.Count == 0 || AddLoops(edits, model, unnamed, OnesAndZerosOf);
    }

    private static ImmutableArray<string> KaimingOf(FixedModel model, SyntaxNode place, string layer) => ImmutableArray.Create(Call(model, place, $"{layer}.weight") + ";");

    private static ImmutableArray<string> OnesAndZerosOf(FixedModel model, SyntaxNode place, string layer)
    {
        var semantics = model.Semantics(place);
        var mark = semantics.GetNullableContext(place.SpanStart).WarningsEnabled() ? "!" : "";
        return ImmutableArray.Create($"{LibraryName.At(semantics, place.SpanStart, "torch.nn.init.ones_")}({layer}.weight);", $"{LibraryName.At(semantics, place.SpanStart, "torch.nn.init.zeros_")}({layer}.bias{mark});");
    }

    /// <summary>The statements that initialize a layer of the given name at a place.</summary>
    private delegate ImmutableArray<string> Statement(FixedModel model, SyntaxNode place, string layer);

    /// <summary>Statements in the constructor of the class whose field holds the layer: <c>kaiming_normal_(fc1.weight, …)</c>.</summary>
    private static bool AddForField(SolutionEdits edits, FixedModel model, ModelLayer layer, Statement statements)
    {
        if (model.HolderOf(layer) is not { } holder || !HasWeight(holder, model.TypeOf(layer)))
            return false;
        var constructors = Declarations(holder.ContainingType).SelectMany(Constructors.Of).ToList();
        foreach (var constructor in constructors)
        {
            foreach (var statement in statements(model, constructor, Escaped(holder.Name)))
                Constructors.AddTo(edits, constructor, isAfterRegistration: false, (0, statement));
        }

        return constructors.Count > 0;
    }

    private static bool HasWeight(ISymbol holder, ITypeSymbol? layer) =>
        (holder switch { IFieldSymbol field => field.Type, IPropertySymbol property => property.Type, _ => null }) is { } type
        && SymbolEqualityComparer.Default.Equals(type, layer) && type.GetMembers("weight").Any();

    /// <summary>A loop over the modules, where the layers have no name of their own.</summary>
    private static bool AddLoops(SolutionEdits edits, FixedModel model, List<ModelLayer> layers, Statement statements)
    {
        if (layers.Any(layer => model.TypeOf(layer)?.GetMembers("weight").Any() != true))
            return false;
        foreach (var group in layers.GroupBy(layer => FixedModel.NodeAt(layer.Creation).Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault() is { } type && IsModule(model, type) ? type : null))
        {
            var types = group.Select(layer => (ITypeSymbol)model.TypeOf(layer)!).Distinct<ITypeSymbol>(SymbolEqualityComparer.Default).ToList();
            if (group.Key is { } type)
            {
                var constructors = Constructors.Of(type);
                if (constructors.Count == 0)
                    return false;
                foreach (var constructor in constructors)
                    Constructors.AddTo(edits, constructor, isAfterRegistration: true, Loop(model, constructor, "modules()", types, statements));
            }
            else if (!AddLoopAfter(edits, model, types, statements))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>After the statement that makes a Sequential and gives it a name.</summary>
    private static bool AddLoopAfter(SolutionEdits edits, FixedModel model, List<ITypeSymbol> types, Statement statements)
    {
        if (model.Graph.Type is not null)
            return false;
        var creation = FixedModel.NodeAt(model.Graph.Location);
        var statement = creation.AncestorsAndSelf().OfType<StatementSyntax>().FirstOrDefault();
        var name = statement switch
        {
            LocalDeclarationStatementSyntax { Declaration.Variables: [{ Initializer.Value: var value } variable] } when value.Span.Contains(creation.Span) => variable.Identifier.ValueText,
            ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax assignment } when assignment.Right.Span.Contains(creation.Span) => assignment.Left.ToString(),
            _ => null,
        };
        return name is not null && InsertStatement.After(edits, statement!, Loop(model, creation, $"{name}.modules()", types, statements));
    }

    private static (int, string)[] Loop(FixedModel model, SyntaxNode place, string modules, List<ITypeSymbol> types, Statement statements)
    {
        var semantics = model.Semantics(place);
        var position = place is ConstructorDeclarationSyntax { Body: { } body } ? body.OpenBraceToken.Span.End : place.SpanStart;
        var module = Unused(semantics, position, "module");
        var lines = new List<(int, string)> { (0, $"foreach (var {module} in {modules})"), (0, "{") };
        foreach (var type in types)
        {
            var layer = Unused(semantics, position, char.ToLowerInvariant(type.Name[0]) + type.Name[1..]);
            lines.Add((1, $"if ({module} is {LibraryName.OfType(semantics, position, type)} {layer})"));
            var inside = statements(model, place, layer);
            if (inside.Length == 1)
                lines.Add((2, inside[0]));
            else
                lines.AddRange([(1, "{"), .. inside.Select(statement => (2, statement)), (1, "}")]);
        }

        lines.Add((0, "}"));
        return [.. lines];
    }

    /// <summary>Puts the initializer that fits in the place of another; false where that is no call of <c>torch.nn.init</c>.</summary>
    /// <param name="edits">Receives the edit.</param>
    /// <param name="model">The model.</param>
    /// <param name="location">The call.</param>
    /// <param name="activation">What the layer feeds, or null.</param>
    /// <param name="isReluByDefault">Kaiming initialization also for a layer that feeds no activation.</param>
    public static bool Replace(SolutionEdits edits, FixedModel model, Location location, Activation? activation, bool isReluByDefault = false)
    {
        if (CallAt(model, location) is not { } call)
            return false;
        if (!edits.IsNew(call, "initializer"))
            return true;
        var tensor = call.ArgumentList.Arguments.FirstOrDefault(argument => argument.NameColon?.Name.Identifier.ValueText == "tensor") ?? call.ArgumentList.Arguments[0];
        var form = activation is null ? isReluByDefault ? "relu" : "linear"
            : !Remedies.IsSaturating(activation) ? "relu"
            : activation.Kind == ActivationKind.Tanh ? "tanh" : "linear";
        var replacement = SyntaxFactory.ParseExpression(Call(model, call, tensor.Expression.WithoutTrivia().ToString(), form));
        edits.EditorFor(call).ReplaceNode(call, (current, _) => replacement.WithTriviaFrom(current));
        return true;
    }

    /// <summary><c>trunc_normal_(w, mean, std, a, b)</c> becomes <c>normal_(w, mean, std)</c>.</summary>
    public static bool UseNormal(SolutionEdits edits, FixedModel model, Location location)
    {
        if (CallAt(model, location) is not { } call || Activations.NameOf(call.Expression) is not { } name)
            return false;
        if (!edits.IsNew(call, "initializer"))
            return true;
        var editor = edits.EditorFor(call);
        editor.ReplaceNode(name, (current, _) => SyntaxFactory.IdentifierName("normal_").WithTriviaFrom(current));
        var kept = call.ArgumentList.Arguments.Where((argument, index) => argument.NameColon is { } colon ? colon.Name.Identifier.ValueText is "tensor" or "mean" or "std" : index < 3).Count();
        if (kept != call.ArgumentList.Arguments.Count)
        {
            // The bounds come last, also where they are named.
            if (call.ArgumentList.Arguments.Take(kept).Any(argument => argument.NameColon?.Name.Identifier.ValueText is "a" or "b" or "generator"))
                return false;
            editor.ReplaceNode(call.ArgumentList, (current, _) =>
            {
                var list = (ArgumentListSyntax)current;
                return list.WithArguments(SyntaxFactory.SeparatedList(list.Arguments.Take(kept), list.Arguments.GetSeparators().Take(kept - 1)));
            });
        }

        return true;
    }

    private static InvocationExpressionSyntax? CallAt(FixedModel model, Location location) =>
        FixedModel.NodeAt(location) is InvocationExpressionSyntax { ArgumentList.Arguments.Count: > 0 } call
        && model.Semantics(call).GetSymbolInfo(call).Symbol is IMethodSymbol { IsStatic: true } method
        && ModelCatalogue.QualifiedName(method.ContainingType) == $"{ModelCatalogue.Library}.torch.nn.init" ? call : null;

    /// <summary>The call, with names that bind at the place.</summary>
    private static string Call(FixedModel model, SyntaxNode place, string tensor, string activation = "relu")
    {
        var semantics = model.Semantics(place);
        var position = place.SpanStart;
        switch (activation)
        {
            case "relu":
                var method = LibraryName.At(semantics, position, Kaiming);
                return $"{method}({tensor}, nonlinearity: {method[..^"kaiming_normal_".Length]}NonlinearityType.ReLU)";
            case "tanh":
                return $"{LibraryName.At(semantics, position, Xavier)}({tensor}, gain: 5.0 / 3)";
            default:
                return $"{LibraryName.At(semantics, position, Xavier)}({tensor})";
        }
    }

    private static bool IsModule(FixedModel model, TypeDeclarationSyntax type) =>
        model.Semantics(type).GetDeclaredSymbol(type) is { } symbol && ModelCatalogue.For(model.Compilation, new(System.Collections.Immutable.ImmutableArray<AdditionalText>.Empty)).IsModule(symbol);

    private static IEnumerable<TypeDeclarationSyntax> Declarations(INamedTypeSymbol type) =>
        type.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax()).OfType<TypeDeclarationSyntax>();

    private static string Escaped(string name) => SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    private static string Unused(SemanticModel semantics, int position, string name)
    {
        var candidate = name;
        for (var number = 2; semantics.LookupSymbols(position, name: candidate).Any(symbol => symbol is ILocalSymbol or IParameterSymbol); number++)
            candidate = name + number.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return candidate;
    }
}
