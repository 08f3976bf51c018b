using System.Collections.Immutable;
using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Adds the module's parameters to what the optimizer is given.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(ModuleInNoOptimizerFixer)), Shared]
public sealed class ModuleInNoOptimizerFixer() : TrainingLoopFixer("GRAD2009")
{
    private protected override ImmutableArray<Choice> Choices(Diagnostic diagnostic, SyntaxNode happening, ImmutableArray<SyntaxNode> places, SemanticModel model)
    {
        if (places is not [var creation, InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: var module } }] || creation.SyntaxTree != model.SyntaxTree)
            return None;
        var arguments = creation switch
        {
            InvocationExpressionSyntax call => call.ArgumentList,
            BaseObjectCreationExpressionSyntax made => made.ArgumentList,
            _ => null,
        };
        if (arguments?.Arguments.FirstOrDefault() is not { Expression: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "parameters" } } held } || !IsInScope(module, creation, model))
            return None;
        return One($"Give the optimizer the parameters of '{module.WithoutTrivia()}' too", "parameters", edits =>
        {
            var added = $"{module.WithoutTrivia()}.parameters()";
            if (edits.IsNew(held, added))
                edits.EditorFor(held).ReplaceNode(held, (current, _) => SyntaxFactory.ParseExpression(Both(current.WithoutTrivia().ToString(), added, held, model)).WithTriviaFrom(current));
        });
    }

    private static string Both(string held, string added, SyntaxNode place, SemanticModel model)
    {
        var query = $"{held}.Concat({added})";
        var info = model.GetSpeculativeSymbolInfo(place.SpanStart, SyntaxFactory.ParseExpression(query), SpeculativeBindingOption.BindAsExpression);
        return info.Symbol is IMethodSymbol ? query : $"System.Linq.Enumerable.Concat({held}, {added})";
    }

    /// <summary>The module can be named where the optimizer is made: it is declared before, and visible there.</summary>
    private static bool IsInScope(ExpressionSyntax module, SyntaxNode place, SemanticModel model) =>
        module is IdentifierNameSyntax name && model.GetSymbolInfo(name).Symbol is { } symbol
        && model.LookupSymbols(place.SpanStart, name: symbol.Name).Contains(symbol, SymbolEqualityComparer.Default)
        && (symbol is not ILocalSymbol || symbol.Locations[0].SourceSpan.Start < place.SpanStart);
}
