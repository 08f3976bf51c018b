using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Turns a field or property that is an array, a List or a Dictionary of modules into a ModuleList or ModuleDict: its type, what is assigned to it, and what is asked of it.</summary>
internal sealed class ModuleContainers
{
    private readonly SemanticModel _model;
    private readonly ISymbol _member;
    private readonly TypeSyntax _type;
    private readonly bool _isDictionary;
    private readonly ITypeSymbol _element;

    private ModuleContainers(SemanticModel model, ISymbol member, TypeSyntax type, ITypeSymbol element, bool isDictionary) =>
        (_model, _member, _type, _element, _isDictionary) = (model, member, type, element, isDictionary);

    /// <summary>The edit for the member that is declared at a node; null where its type is none of these, or more than it is declared with it.</summary>
    public static ModuleContainers? At(SyntaxNode declaration, SemanticModel model)
    {
        var property = declaration.FirstAncestorOrSelf<PropertyDeclarationSyntax>();
        var variables = declaration.FirstAncestorOrSelf<VariableDeclarationSyntax>() is { Variables.Count: 1 } declared ? declared : null;
        var member = variables is not null ? model.GetDeclaredSymbol(variables.Variables[0]) : property is not null ? model.GetDeclaredSymbol(property) : null;
        var type = variables?.Type ?? property?.Type;
        if (member is null || type is null)
            return null;
        return ((member as IFieldSymbol)?.Type ?? (member as IPropertySymbol)?.Type) switch
        {
            IArrayTypeSymbol { Rank: 1, ElementType: { TypeKind: TypeKind.Class } element } => new(model, member, type, element, isDictionary: false),
            INamedTypeSymbol { Name: "List" or "IList" or "ICollection" or "IEnumerable" or "IReadOnlyList" or "IReadOnlyCollection", TypeArguments: [{ TypeKind: TypeKind.Class } element] } => new(model, member, type, element, isDictionary: false),
            INamedTypeSymbol { Name: "Dictionary" or "IDictionary" or "IReadOnlyDictionary", TypeArguments: [{ SpecialType: SpecialType.System_String }, { TypeKind: TypeKind.Class } element] } => new(model, member, type, element, isDictionary: true),
            _ => null,
        };
    }

    /// <summary>Writes the edits; false where a place cannot be written. Uses in other files stay; whether they compile is to be tried.</summary>
    public bool Edit(SolutionEdits edits)
    {
        if (!edits.IsNew(_type, "container"))
            return true;
        var editor = edits.EditorFor(_type);
        var name = NewName(_type.SpanStart);
        editor.ReplaceNode(_type, (current, _) => SyntaxFactory.ParseTypeName(name).WithTriviaFrom(current));
        foreach (var use in Uses())
        {
            switch (use.Parent)
            {
                case AssignmentExpressionSyntax assignment when assignment.Left == use:
                    if (!Replace(editor, assignment.Right))
                        return false;
                    break;
                case ElementAccessExpressionSyntax { Parent: AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SimpleAssignmentExpression } assignment } element when assignment.Left == element && !_isDictionary:
                    if (!IsInOrder(assignment, element))
                        return false;
                    editor.ReplaceNode(assignment, (current, _) => Appended((AssignmentExpressionSyntax)current));
                    break;
                case MemberAccessExpressionSyntax { Name: { Identifier.ValueText: "Length" } length } access when access.Expression == use:
                    // The length of an array that is not filled yet is no length of a list.
                    if (IsEmptyArray() && IsFilling(access))
                        return false;
                    editor.ReplaceNode(length, (current, _) => SyntaxFactory.IdentifierName("Count").WithTriviaFrom(current));
                    break;
            }
        }

        var initializer = _type.Parent is PropertyDeclarationSyntax property ? property.Initializer : ((VariableDeclarationSyntax)_type.Parent!).Variables[0].Initializer;
        return initializer is null || Replace(editor, initializer.Value);
    }

    private IEnumerable<ExpressionSyntax> Uses() => _type.SyntaxTree.GetRoot().DescendantNodes().OfType<IdentifierNameSyntax>()
        .Where(name => name.Identifier.ValueText == _member.Name && SymbolEqualityComparer.Default.Equals(_model.GetSymbolInfo(name).Symbol, _member))
        .Select(name => name.Parent is MemberAccessExpressionSyntax access && access.Name == name ? (ExpressionSyntax)access : name);

    private bool Replace(Microsoft.CodeAnalysis.Editing.SyntaxEditor editor, ExpressionSyntax value)
    {
        if (Converted(value) is not { } text)
            return false;
        editor.ReplaceNode(value, (current, _) => SyntaxFactory.ParseExpression(text).WithTriviaFrom(current));
        return true;
    }

    /// <summary>The container that takes the place of a value; null where there is none to write.</summary>
    private string? Converted(ExpressionSyntax value)
    {
        var name = NewName(value.SpanStart);
        switch (value)
        {
            case ArrayCreationExpressionSyntax { Initializer: { } elements }:
                return $"new {name}({Elements(elements.Expressions)})";
            case ImplicitArrayCreationExpressionSyntax { Initializer: var elements }:
                return $"new {name}({Elements(elements.Expressions)})";
            case InitializerExpressionSyntax { RawKind: (int)SyntaxKind.ArrayInitializerExpression } elements:
                return $"new {name}({Elements(elements.Expressions)})";
            case ArrayCreationExpressionSyntax:
                return $"new {name}()";
            case CollectionExpressionSyntax collection when collection.Elements.All(element => element is ExpressionElementSyntax):
                return $"new {name}({Elements(collection.Elements.Select(element => ((ExpressionElementSyntax)element).Expression))})";
            case BaseObjectCreationExpressionSyntax { ArgumentList: null or { Arguments.Count: 0 } } creation:
                if (creation.Initializer is null)
                    return $"new {name}()";
                return _isDictionary || creation.Initializer.Expressions.Any(element => element is AssignmentExpressionSyntax or InitializerExpressionSyntax)
                    ? $"new {name}() {creation.Initializer}" : $"new {name}({Elements(creation.Initializer.Expressions)})";
            case BaseObjectCreationExpressionSyntax { Initializer: null, ArgumentList.Arguments: [{ Expression: var size }] } when _model.GetTypeInfo(size).Type?.SpecialType == SpecialType.System_Int32:
                // new List<T>(capacity)
                return $"new {name}()";
            case InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "ToList", Expression: var sequence }, ArgumentList.Arguments.Count: 0 } when !_isDictionary:
                return $"new {name}({sequence}.ToArray())";
            case InvocationExpressionSyntax when !_isDictionary && _model.GetTypeInfo(value).Type is IArrayTypeSymbol:
                return $"new {name}({value})";
            default:
                return null;
        }
    }

    private static string Elements(IEnumerable<ExpressionSyntax> elements) => string.Join(", ", elements.Select(element => element.ToString()));

    private static ExpressionSyntax Appended(AssignmentExpressionSyntax assignment) =>
        SyntaxFactory.ParseExpression($"{((ElementAccessExpressionSyntax)assignment.Left).Expression.WithoutTrivia()}.Add({assignment.Right})").WithTriviaFrom(assignment);

    private bool IsEmptyArray() => Values().Any(value => value is ArrayCreationExpressionSyntax { Initializer: null });

    private IEnumerable<ExpressionSyntax> Values() => Uses().Select(use => use.Parent).OfType<AssignmentExpressionSyntax>().Select(assignment => assignment.Right)
        .Concat(_type.Parent is VariableDeclarationSyntax { Variables: [{ Initializer.Value: { } value }] } ? [value] : Array.Empty<ExpressionSyntax>());

    private static bool IsFilling(SyntaxNode use) => use.FirstAncestorOrSelf<BaseMethodDeclarationSyntax>() is ConstructorDeclarationSyntax;

    /// <summary>The elements of an array are set from the first to the last, so that adding does the same.</summary>
    private bool IsInOrder(AssignmentExpressionSyntax assignment, ElementAccessExpressionSyntax element)
    {
        if (!IsEmptyArray() || !IsFilling(assignment) || assignment.Parent is not ExpressionStatementSyntax statement || element.ArgumentList.Arguments is not [{ Expression: var index }])
            return false;
        if (index is IdentifierNameSyntax counter)
        {
            return assignment.FirstAncestorOrSelf<ForStatementSyntax>() is { Declaration.Variables: [{ Initializer.Value: LiteralExpressionSyntax { Token.ValueText: "0" } } variable], Incrementors: [PostfixUnaryExpressionSyntax or PrefixUnaryExpressionSyntax] } loop
                && variable.Identifier.ValueText == counter.Identifier.ValueText && (statement.Parent == loop || statement.Parent?.Parent == loop)
                && Assignments().Count == 1;
        }

        return statement.Parent is BlockSyntax block && Assignments() is var all && all.All(one => one.Parent?.Parent == block)
            && all.Select(one => _model.GetConstantValue(((ElementAccessExpressionSyntax)one.Left).ArgumentList.Arguments[0].Expression).Value as int?).SequenceEqual(Enumerable.Range(0, all.Count).Select(number => (int?)number));
    }

    private List<AssignmentExpressionSyntax> Assignments() => Uses().Select(use => use.Parent is ElementAccessExpressionSyntax { Parent: AssignmentExpressionSyntax assignment } access && assignment.Left == access ? assignment : null).OfType<AssignmentExpressionSyntax>().ToList();

    /// <summary>The element's type as the declaration writes it.</summary>
    private string ElementName() => _type switch
    {
        ArrayTypeSyntax array => array.ElementType.WithoutTrivia().ToString(),
        GenericNameSyntax { TypeArgumentList.Arguments: [.., var last] } => last.ToString(),
        QualifiedNameSyntax { Right: GenericNameSyntax { TypeArgumentList.Arguments: [.., var last] } } => last.ToString(),
        _ => ModelCatalogue.QualifiedName(_element),
    };

    private string NewName(int position)
    {
        var container = _isDictionary ? "ModuleDict" : "ModuleList";
        var plain = $"{container}<{ElementName()}>";
        var bound = _model.GetSpeculativeSymbolInfo(position, SyntaxFactory.ParseTypeName(plain), SpeculativeBindingOption.BindAsTypeOrNamespace).Symbol;
        return bound is INamedTypeSymbol type && ModelCatalogue.QualifiedName(type) == $"TorchSharp.Modules.{container}" ? plain : $"TorchSharp.Modules.{plain}";
    }
}
