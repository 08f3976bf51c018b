using System.Collections.Immutable;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Rules.Losses;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>The base of fixers that change the activation before a loss. Only where the loss alone reads it: the places are the loss call, then the loss's creation or call, then the activation.</summary>
public abstract class LossPairFixer(string id, string title) : TrainingLoopFixer(id)
{
    private protected sealed override ImmutableArray<Choice> Choices(Reported reported)
    {
        var (diagnostic, _, places, model, _) = reported;
        if (places is not [var loss, var activation] || !diagnostic.Properties.ContainsKey(LossPairRule.OnlyForTheLoss) || activation is not InvocationExpressionSyntax call)
            return None;
        var isElement = diagnostic.Properties.ContainsKey(LossPairRule.Element);
        return CanEdit(loss, call, isElement, model) ? One(title, "loss", edits => Edit(edits, loss, call, isElement, model)) : None;
    }

    /// <summary>Whether the edit can be written.</summary>
    private protected abstract bool CanEdit(SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model);

    private protected abstract void Edit(SolutionEdits edits, SyntaxNode loss, InvocationExpressionSyntax activation, bool isElement, SemanticModel model);

    /// <summary>Whether the activation can be dropped: an element of an argument list, or a call whose input is written in it.</summary>
    private protected static bool CanDrop(InvocationExpressionSyntax activation, bool isElement, SemanticModel model) => isElement ? ElementOf(activation) is not null : InputOf(activation, model) is not null;

    private protected static void Drop(SolutionEdits edits, InvocationExpressionSyntax activation, bool isElement, SemanticModel model)
    {
        if (!edits.IsNew(activation, "drop"))
            return;
        var editor = edits.EditorFor(activation);
        if (isElement)
        {
            var element = ElementOf(activation)!;
            var index = ((ArgumentListSyntax)element.Parent!).Arguments.IndexOf(element);
            editor.ReplaceNode(element.Parent, (current, _) => Without((ArgumentListSyntax)current, index));
            return;
        }

        var input = InputOf(activation, model)!;
        // x = softmax(x);
        if (activation.Parent is AssignmentExpressionSyntax { Left: var target, Parent: ExpressionStatementSyntax { Parent: BlockSyntax } statement } && target.ToString() == input.ToString())
            editor.RemoveNode(statement, SyntaxRemoveOptions.KeepNoTrivia);
        else
            editor.ReplaceNode(activation, (current, _) => Same((InvocationExpressionSyntax)current, activation, input).WithTriviaFrom(current));
    }

    /// <summary>The last argument goes with the comma before it; a comment behind that comma stays.</summary>
    private static ArgumentListSyntax Without(ArgumentListSyntax list, int index)
    {
        var comment = index > 0 ? list.Arguments.GetSeparator(index - 1).TrailingTrivia : default;
        var rest = list.Arguments.RemoveAt(index);
        if (index > 0 && comment.Any(trivia => trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia)))
            rest = rest.Replace(rest[index - 1], rest[index - 1].WithTrailingTrivia(comment));
        return list.WithArguments(rest);
    }

    /// <summary>The element of the Sequential: <c>Softmax(1)</c>, or <c>("softmax", Softmax(1))</c>.</summary>
    private static ArgumentSyntax? ElementOf(InvocationExpressionSyntax activation)
    {
        var argument = activation.Parent as ArgumentSyntax;
        if (argument?.Parent is TupleExpressionSyntax { Parent: ArgumentSyntax outer })
            argument = outer;
        return argument is { Parent: ArgumentListSyntax { Arguments: [_, .., var last] } } && last == argument ? argument : null;
    }

    /// <summary>What the activation is applied to: the tensor before the dot in <c>x.softmax(1)</c>, the first parameter's argument in every other call.</summary>
    private static ExpressionSyntax? InputOf(InvocationExpressionSyntax activation, SemanticModel model)
    {
        var semantics = model.Compilation.GetSemanticModel(activation.SyntaxTree);
        if (semantics.GetOperation(activation) is not Microsoft.CodeAnalysis.Operations.IInvocationOperation call)
            return null;
        if (activation.Expression is MemberAccessExpressionSyntax { Expression: var receiver } && call.Instance is { Type: { } type } && SymbolEqualityComparer.Default.Equals(type.OriginalDefinition, call.Type?.OriginalDefinition))
            return receiver;
        return call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value.Syntax as ExpressionSyntax;
    }

    /// <summary>The same part of a call that may have been edited within.</summary>
    private static ExpressionSyntax Same(InvocationExpressionSyntax current, InvocationExpressionSyntax original, ExpressionSyntax part)
    {
        var place = original.ArgumentList.Arguments.IndexOf(argument => argument.Expression == part);
        return place >= 0 ? current.ArgumentList.Arguments[place].Expression : ((MemberAccessExpressionSyntax)current.Expression).Expression;
    }

    /// <summary>The method's name in a call, however it is qualified.</summary>
    private protected static SimpleNameSyntax? NameOf(InvocationExpressionSyntax call) => Activations.NameOf(call.Expression);
}
