using System.Collections.Immutable;
using System.Composition;
using GradAnalyzers.Catalogue;
using GradAnalyzers.CodeFixes.Edits;
using GradAnalyzers.Program;
using GradAnalyzers.Rules.GradientPath;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes;

/// <summary>Has a layer registered: in a ModuleList, as a Parameter, by a RegisterComponents that comes late enough, or by its name. A fix is tried before it is offered: it must compile, and the layer must be registered then.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(LayerNotRegisteredFixer)), Shared]
public sealed class LayerNotRegisteredFixer() : Fixer("GRAD4001")
{
    // One key: Fix All fixes every cause, whichever comes first.
    private const string Key = "register";

    private protected override async Task<ImmutableArray<Choice>> Choices(Diagnostic diagnostic, Solution solution, CancellationToken cancellation)
    {
        if (diagnostic.Location.SourceTree is not { } tree || solution.GetDocument(tree) is not { } document
            || await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false) is not { } model
            || !diagnostic.Properties.TryGetValue(LayerNotRegistered.CauseKey, out var name) || !Enum.TryParse<Cause>(name, out var cause))
        {
            return ImmutableArray<Choice>.Empty;
        }

        var choices = ImmutableArray.CreateBuilder<Choice>();
        foreach (var (title, edit) in Plans(cause, diagnostic, model))
        {
            if (await Heals(edit, diagnostic, document, cancellation).ConfigureAwait(false))
                choices.Add(new Choice(title, Key, (edits, _) => { edit(edits); return Task.CompletedTask; }));
        }

        return choices.ToImmutable();
    }

    private static IEnumerable<(string Title, Func<SolutionEdits, bool> Edit)> Plans(Cause cause, Diagnostic diagnostic, SemanticModel model)
    {
        var place = FixedModel.NodeAt(diagnostic.Location);
        switch (cause)
        {
            case Cause.PlainCollection:
                if (ModuleContainers.At(place, model) is { } container)
                    yield return ("Use a container of modules", container.Edit);
                break;
            case Cause.TooLate or Cause.FilledTooLate:
                var late = diagnostic.AdditionalLocations.Select(FixedModel.NodeAt).ToList();
                if (Registration(late, model) is { } registration)
                    yield return ("Call RegisterComponents() after it", edits => MoveBehind(edits, registration.Call, registration.Last));
                else if (cause == Cause.TooLate && late.All(IsInConstructor))
                    yield return ("Register it by its name", edits => RegisterByName(edits, late));
                break;
            case Cause.Forgotten or Cause.ForgottenInElement:
                if (place.FirstAncestorOrSelf<TypeDeclarationSyntax>() is { } type && Constructors.Of(type) is { Count: > 0 } constructors)
                {
                    yield return ("Call RegisterComponents()", edits =>
                    {
                        foreach (var constructor in constructors)
                            Constructors.AddTo(edits, constructor, isAfterRegistration: true, (0, "RegisterComponents();"));
                        return true;
                    });
                }

                break;
            default:
                yield return ("Make it a Parameter", edits => WrapAsParameter(edits, (ExpressionSyntax)place, model));
                break;
        }
    }

    /// <summary>The edited code has no more errors than before, and the same cause is not found at the same name again.</summary>
    private static async Task<bool> Heals(Func<SolutionEdits, bool> edit, Diagnostic diagnostic, Document document, CancellationToken cancellation)
    {
        var trial = new SolutionEdits(document.Project.Solution);
        if (!edit(trial))
            return false;
        var changed = trial.Changed().GetDocument(document.Id)!;
        if (await changed.Project.GetCompilationAsync(cancellation).ConfigureAwait(false) is not { } compilation
            || await document.Project.GetCompilationAsync(cancellation).ConfigureAwait(false) is not { } before)
        {
            return false;
        }

        if (Errors(compilation) > Errors(before))
            return false;
        var program = WholeProgram.Of(compilation, ModelCatalogue.For(compilation, document.Project.AnalyzerOptions));
        var tree = await changed.GetSyntaxTreeAsync(cancellation).ConfigureAwait(false);
        return !UnregisteredLayers.Of(program).In(tree!, cancellation)
            .Any(left => left.Cause.ToString() == diagnostic.Properties[LayerNotRegistered.CauseKey] && left.Name == diagnostic.Properties[LayerNotRegistered.NameKey]);

        int Errors(Compilation whole) => whole.GetDiagnostics(cancellation).Count(one => one.Severity == DiagnosticSeverity.Error);
    }

    private static bool IsInConstructor(SyntaxNode node) => node.FirstAncestorOrSelf<BaseMethodDeclarationSyntax>() is ConstructorDeclarationSyntax && node.FirstAncestorOrSelf<ExpressionStatementSyntax>() is not null;

    /// <summary>The call of RegisterComponents in the block that what comes too late stands in too, and the last statement that it has to come after; null where what lies between may need the registration.</summary>
    private static (ExpressionStatementSyntax Call, StatementSyntax Last)? Registration(List<SyntaxNode> late, SemanticModel model)
    {
        if (late.Count == 0 || late[0].FirstAncestorOrSelf<ConstructorDeclarationSyntax>()?.Body is not { } block || !late.All(one => block.Span.Contains(one.Span)))
            return null;
        var last = block.Statements.Last(statement => late.Any(one => statement.Span.Contains(one.Span)));
        if (block.Statements.FirstOrDefault(Constructors.IsRegistration) is not ExpressionStatementSyntax call || call.SpanStart > last.SpanStart)
            return null;
        var between = block.Statements.SkipWhile(statement => statement != call).Skip(1).TakeWhile(statement => statement.SpanStart <= last.SpanStart);
        return between.Any(statement => AsksTheModule(statement, model)) ? null : (call, last);
    }

    /// <summary><c>apply(…)</c>, <c>to(…)</c>: what the library does with the module that is being made.</summary>
    private static bool AsksTheModule(StatementSyntax statement, SemanticModel model) => !Constructors.IsRegistration(statement) && statement.DescendantNodes().OfType<InvocationExpressionSyntax>()
        .Any(call => call.Expression is IdentifierNameSyntax or MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax }
            && model.GetSymbolInfo(call).Symbol is IMethodSymbol { IsStatic: false, ContainingAssembly.Name: ModelCatalogue.Library });

    private static bool MoveBehind(SolutionEdits edits, ExpressionStatementSyntax call, StatementSyntax last)
    {
        var rest = ((BlockSyntax)call.Parent!).Statements.SkipWhile(statement => statement != last).Skip(1);
        if (!rest.Any(Constructors.IsRegistration))
            return MoveStatement.TryAfter(edits, call, last);
        // It is called again at the end: the first call is one too many.
        if (call.ContainsDirectives || call.GetLeadingTrivia().Concat(call.GetTrailingTrivia()).Any(trivia => trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia)))
            return MoveStatement.TryAfter(edits, call, last);
        if (edits.IsNew(call, "remove"))
            edits.EditorFor(call).RemoveNode(call, SyntaxRemoveOptions.KeepNoTrivia);
        return true;
    }

    private static bool RegisterByName(SolutionEdits edits, List<SyntaxNode> late)
    {
        foreach (var one in late)
        {
            if (one.FirstAncestorOrSelf<AssignmentExpressionSyntax>() is not { Left: var target } assignment || assignment.FirstAncestorOrSelf<StatementSyntax>() is not { } statement)
                return false;
            if (!InsertStatement.After(edits, statement, (0, $"register_module(nameof({Activations.NameOf(target)}), {target});")))
                return false;
        }

        return true;
    }

    private static bool WrapAsParameter(SolutionEdits edits, ExpressionSyntax value, SemanticModel model)
    {
        if (!edits.IsNew(value, "parameter"))
            return true;
        var name = LibraryName.At(model, value.SpanStart, "torch.nn.Parameter");
        edits.EditorFor(value).ReplaceNode(value, (current, _) =>
            SyntaxFactory.ParseExpression($"{name}({WithoutTracking((ExpressionSyntax)current.WithoutTrivia())})").WithTriviaFrom(current));
        return true;
    }

    /// <summary>A Parameter requires gradients by itself: <c>requires_grad: true</c> and a last <c>.requires_grad_()</c> go.</summary>
    private static ExpressionSyntax WithoutTracking(ExpressionSyntax value)
    {
        if (value is not InvocationExpressionSyntax call)
            return value;
        if (call.Expression is MemberAccessExpressionSyntax { Name.Identifier.ValueText: "requires_grad_" or "with_requires_grad", Expression: var inner })
            return inner.WithoutTrailingTrivia();
        return call.ArgumentList.Arguments.FirstOrDefault(argument => argument.NameColon?.Name.Identifier.ValueText == "requires_grad") is { } tracks
            ? call.WithArgumentList(SyntaxFactory.ArgumentList(SyntaxFactory.SeparatedList<ArgumentSyntax>(call.ArgumentList.Arguments.Remove(tracks).GetWithSeparators()))) : value;
    }
}
