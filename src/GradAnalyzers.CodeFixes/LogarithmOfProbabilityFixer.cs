using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.CodeFixes.Edits;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.CodeFixes;

/// <summary>Computes softmax or sigmoid and its logarithm in one: where the probability stands in the logarithm, or in a variable that nothing else reads.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(LogarithmOfProbabilityFixer)), Shared]
public sealed class LogarithmOfProbabilityFixer() : Fixer("GRAD3003")
{
    private protected override async Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        if (FixedModel.NodeAt(diagnostic.Location).FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { } logarithm || solution.GetDocument(logarithm.SyntaxTree) is not { } document
            || await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false) is not { } model || model.GetOperation(logarithm, cancellation) is not IInvocationOperation call)
        {
            return ImmutableArray<Choice>.Empty;
        }

        var operand = Unconverted(call.Instance ?? call.Arguments.FirstOrDefault()?.Value);
        if (operand is IInvocationOperation { Syntax: InvocationExpressionSyntax inside } probability && OneInStead(probability, inside, model) is { } together)
            return Of(together, edits => edits.EditorFor(logarithm).ReplaceNode(logarithm, together.WithTriviaFrom(logarithm)), logarithm);
        if (operand is ILocalReferenceOperation { Local: var local } && DeclaredOnce(local, call, cancellation) is { } value && Unconverted(model.GetOperation(value, cancellation)) is IInvocationOperation { Syntax: InvocationExpressionSyntax outside } kept && outside == value && OneInStead(kept, outside, model) is { } apart)
        {
            return Of(apart, edits =>
            {
                edits.EditorFor(value).ReplaceNode(value, apart.WithTriviaFrom(value));
                edits.EditorFor(logarithm).ReplaceNode(logarithm, ((ExpressionSyntax)operand.Syntax).WithTriviaFrom(logarithm));
            }, logarithm);
        }

        return ImmutableArray<Choice>.Empty;
    }

    private static ImmutableArray<Choice> Of(ExpressionSyntax written, Action<SolutionEdits> edit, SyntaxNode logarithm) => ImmutableArray.Create(new Choice($"Use {Activations.NameOf(((InvocationExpressionSyntax)written).Expression)}", "logarithm", (edits, _) =>
    {
        if (edits.IsNew(logarithm, "logarithm"))
            edit(edits);
        return Task.CompletedTask;
    }));

    private static IOperation? Unconverted(IOperation? operation)
    {
        while (operation is IConversionOperation or IParenthesizedOperation)
            operation = operation.ChildOperations.First();
        return operation;
    }

    /// <summary>softmax(x, 1) as log_softmax(x, 1), x.sigmoid() as logsigmoid(x), in the words that the file can say.</summary>
    private static ExpressionSyntax? OneInStead(IInvocationOperation probability, InvocationExpressionSyntax written, SemanticModel model)
    {
        var name = probability.TargetMethod.Name;
        if (name == "softmax" && Activations.NameOf(written.Expression) is { } called)
        {
            // torch has no log_softmax of its own.
            if (probability.TargetMethod.ContainingType.Name is "functional" or "Tensor" or "special")
                return written.ReplaceNode(called, SyntaxFactory.IdentifierName("log_softmax"));
            return Functional(model, written) is { } room ? written.WithExpression(SyntaxFactory.ParseExpression($"{room}.log_softmax")) : null;
        }

        var input = probability.Instance ?? probability.Arguments.FirstOrDefault()?.Value;
        return name == "sigmoid" && probability.Arguments.Length < 2 && input?.Syntax is ExpressionSyntax x && Functional(model, written) is { } functional
            ? SyntaxFactory.InvocationExpression(SyntaxFactory.ParseExpression($"{functional}.logsigmoid"), SyntaxFactory.ArgumentList(SyntaxFactory.SingletonSeparatedList(SyntaxFactory.Argument(x.WithoutTrivia())))) : null;
    }

    /// <summary>How <c>torch.nn.functional</c> is written here.</summary>
    private static string? Functional(SemanticModel model, SyntaxNode at) => new[] { "functional", "nn.functional", "torch.nn.functional", "TorchSharp.torch.nn.functional" }
        .FirstOrDefault(name => model.GetSpeculativeSymbolInfo(at.SpanStart, SyntaxFactory.ParseExpression(name), SpeculativeBindingOption.BindAsExpression).Symbol is INamedTypeSymbol { Name: "functional" });

    /// <summary>The value of a local that is declared with it and read by the logarithm alone.</summary>
    private static ExpressionSyntax? DeclaredOnce(ILocalSymbol local, IInvocationOperation logarithm, CancellationToken cancellation)
    {
        IOperation root = logarithm;
        while (root.Parent is { } parent)
            root = parent;
        return root.DescendantsAndSelf().OfType<ILocalReferenceOperation>().Count(reference => SymbolEqualityComparer.Default.Equals(reference.Local, local)) == 1
            && local.DeclaringSyntaxReferences is [var declared] && declared.GetSyntax(cancellation) is VariableDeclaratorSyntax { Initializer.Value: var value } ? value : null;
    }
}
