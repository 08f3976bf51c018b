using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Adds the module's parameters to what the optimizer is given; where it was made for an object that the variable held before, makes it later.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(ModuleInNoOptimizerFixer)), Shared]
public sealed class ModuleInNoOptimizerFixer() : TrainingLoopFixer("GRAD2009")
{
    private protected override ImmutableArray<Choice> Choices(Reported reported)
    {
        var (places, model) = (reported.Places, reported.Model);
        if (places is [var optimizer, _, var made])
        {
            return MoveStatement.IsPossibleAfter(optimizer, made, model)
                ? One("Make the optimizer after the model", "move", edits => MoveStatement.After(edits, optimizer, made))
                : None;
        }

        if (places is not [var creation, InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: var module } }] || creation.SyntaxTree != model.SyntaxTree)
            return None;
        var arguments = creation switch
        {
            InvocationExpressionSyntax call => call.ArgumentList,
            BaseObjectCreationExpressionSyntax constructed => constructed.ArgumentList,
            _ => null,
        };
        if (arguments?.Arguments.FirstOrDefault() is not { Expression: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "parameters" or "Concat" } } held }
            || !IsInScope(module, creation, model) || IsNamedIn(held, module, model))
        {
            return None;
        }

        return One($"Give the optimizer the parameters of '{module.WithoutTrivia()}' too", "parameters", edits =>
        {
            var added = $"{module.WithoutTrivia()}.parameters()";
            if (!edits.IsNew(held, added))
                return;
            // The argument is changed, not replaced: a second module may be added to it.
            edits.EditorFor(held).ReplaceNode(held.Parent!, (current, _) =>
            {
                var argument = (ArgumentSyntax)current;
                var both = SyntaxFactory.ParseExpression(Both(argument.Expression.WithoutTrivia().ToString(), added, held, model));
                return argument.WithExpression(both.WithTriviaFrom(argument.Expression));
            });
        });
    }

    private static string Both(string held, string added, SyntaxNode place, SemanticModel model)
    {
        var query = $"{held}.Concat({added})";
        var info = model.GetSpeculativeSymbolInfo(place.SpanStart, SyntaxFactory.ParseExpression(query), SpeculativeBindingOption.BindAsExpression);
        return info.Symbol is IMethodSymbol ? query : $"System.Linq.Enumerable.Concat({held}, {added})";
    }

    /// <summary>The variable's parameters are given already: those of an object that was in it before.</summary>
    private static bool IsNamedIn(SyntaxNode held, ExpressionSyntax module, SemanticModel model) =>
        held.DescendantNodesAndSelf().OfType<IdentifierNameSyntax>().Any(name => SymbolEqualityComparer.Default.Equals(model.GetSymbolInfo(name).Symbol, model.GetSymbolInfo(module).Symbol));

    /// <summary>The module can be named where the optimizer is made: it is declared before, and visible there.</summary>
    private static bool IsInScope(ExpressionSyntax module, SyntaxNode place, SemanticModel model) =>
        module is IdentifierNameSyntax name && model.GetSymbolInfo(name).Symbol is { } symbol
        && model.LookupSymbols(place.SpanStart, name: symbol.Name).Contains(symbol, SymbolEqualityComparer.Default)
        && (symbol is not ILocalSymbol || symbol.Locations[0].SourceSpan.Start < place.SpanStart);
}
