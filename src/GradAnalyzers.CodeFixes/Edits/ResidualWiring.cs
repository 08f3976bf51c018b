using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Adds a block's input to its output: <c>x + block(x)</c> in forward, a small module around the block's elements in a Sequential.</summary>
internal static class ResidualWiring
{
    private const string Module = "Residual";

    /// <summary>Wires each block of a layer and its activation; false where one is written in a form that cannot be edited safely.</summary>
    public static bool Wire(SolutionEdits edits, FixedModel model, IReadOnlyCollection<(ModelNode First, ModelNode Last)> blocks)
    {
        var wired = false;
        foreach (var (first, last) in blocks)
        {
            if (FixedModel.NodeAt(first.Use) is not InvocationExpressionSyntax firstCall || FixedModel.NodeAt(last.Use) is not ExpressionSyntax lastCall || firstCall.SyntaxTree != lastCall.SyntaxTree)
                return false;
            wired = true;
            // The same code may also make blocks of other shapes.
            if (model.Graph.Nodes.Any(other => other.Use == first.Use && !blocks.Any(block => block.First == other)))
                return false;
            if (!(first.Use == first.Layer?.Creation ? InSequential(edits, model, firstCall, lastCall) : InForward(edits, model, firstCall, lastCall)))
                return false;
        }

        return wired;
    }

    /// <summary><c>x = relu(fc.forward(x))</c> becomes <c>x = x + relu(fc.forward(x))</c>; over several statements that reassign x, its first value is kept in a variable.</summary>
    private static bool InForward(SolutionEdits edits, FixedModel model, InvocationExpressionSyntax first, ExpressionSyntax last)
    {
        var semantics = model.Semantics(first);
        if (first.ArgumentList.Arguments is not [{ Expression: IdentifierNameSyntax input }] || semantics.GetSymbolInfo(input).Symbol is not (ILocalSymbol or IParameterSymbol) || semantics.GetSymbolInfo(input).Symbol is not { } variable)
            return false;
        var name = input.Identifier.Text;
        if (!last.Span.Contains(first.Span))
        {
            var (start, end) = (first.FirstAncestorOrSelf<StatementSyntax>(), last.FirstAncestorOrSelf<StatementSyntax>());
            if (start?.Parent is not BlockSyntax block || end?.Parent != block || start.SpanStart > end.SpanStart)
                return false;
            var between = block.Statements.Where(statement => statement.SpanStart >= start.SpanStart && statement.SpanStart < end.SpanStart);
            var isReassigned = between.SelectMany(statement => statement.DescendantNodes()).Any(node => node switch
            {
                AssignmentExpressionSyntax assignment => SymbolEqualityComparer.Default.Equals(semantics.GetSymbolInfo(assignment.Left).Symbol, variable),
                // x.relu_() writes into what was to be kept.
                MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax receiver } access => access.Name.Identifier.ValueText.EndsWith("_", StringComparison.Ordinal) && SymbolEqualityComparer.Default.Equals(semantics.GetSymbolInfo(receiver).Symbol, variable),
                _ => false,
            });
            if (isReassigned)
            {
                // One variable for each block in this piece of code; what is written in place would change it.
                var number = model.Model.Blocks.Select(other => FixedModel.NodeAt(other.First.Use)).Where(node => node.FirstAncestorOrSelf<StatementSyntax>()?.Parent == block && node.SpanStart < first.SpanStart).Distinct().Count();
                name = number == 0 ? "residual" : $"residual{number + 1}";
                if (semantics.LookupSymbols(start.SpanStart, name: name).Any(symbol => symbol is ILocalSymbol or IParameterSymbol))
                    return false;
                if (edits.IsNew(start, "residual"))
                    edits.EditorFor(start).InsertBefore(start, InsertStatement.Parse(Layout.Of(start), Layout.IndentationOf(start), (0, $"var {name} = {input.Identifier.Text};")));
            }
        }

        if (!edits.IsNew(last, "residual"))
            return true;
        var needsParentheses = last.Parent is MemberAccessExpressionSyntax or BinaryExpressionSyntax or PrefixUnaryExpressionSyntax or CastExpressionSyntax;
        edits.EditorFor(last).ReplaceNode(last, (current, _) =>
        {
            ExpressionSyntax sum = SyntaxFactory.BinaryExpression(
                SyntaxKind.AddExpression,
                SyntaxFactory.IdentifierName(name),
                SyntaxFactory.Token(SyntaxKind.PlusToken).WithLeadingTrivia(SyntaxFactory.Space).WithTrailingTrivia(SyntaxFactory.Space),
                (ExpressionSyntax)current.WithoutTrivia());
            return (needsParentheses ? SyntaxFactory.ParenthesizedExpression(sum) : sum).WithTriviaFrom(current);
        });
        return true;
    }

    /// <summary><c>Linear(64, 64), BatchNorm1d(64), ReLU()</c> becomes <c>new Residual(Linear(64, 64), BatchNorm1d(64), ReLU())</c>.</summary>
    private static bool InSequential(SolutionEdits edits, FixedModel model, InvocationExpressionSyntax first, ExpressionSyntax last)
    {
        if (first.Parent is not ArgumentSyntax { Parent: ArgumentListSyntax list } start || last.Parent is not ArgumentSyntax { Parent: var other } end || other != list
            || list.Parent is not InvocationExpressionSyntax call || model.Semantics(call).GetSymbolInfo(call).Symbol is not IMethodSymbol { Name: "Sequential" } method || method.ContainingAssembly?.Name != ModelCatalogue.Library)
        {
            return false;
        }

        if (!edits.IsNew(start, "residual"))
            return true;
        var type = list.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault();
        if (type is not null && model.Semantics(type).LookupSymbols(list.SpanStart, name: Module).Any())
            return false;
        AddModule(edits, type, list);

        var (startMark, endMark) = (new SyntaxAnnotation(), new SyntaxAnnotation());
        var editor = edits.EditorFor(list);
        editor.ReplaceNode(start, (current, _) => current.WithAdditionalAnnotations(startMark));
        editor.ReplaceNode(end, (current, _) => current.WithAdditionalAnnotations(endMark));
        editor.ReplaceNode(list, (current, _) => Wrap((ArgumentListSyntax)current, startMark, endMark));
        return true;
    }

    private static ArgumentListSyntax Wrap(ArgumentListSyntax list, SyntaxAnnotation start, SyntaxAnnotation end)
    {
        var arguments = list.Arguments;
        var from = arguments.IndexOf((ArgumentSyntax)list.GetAnnotatedNodes(start).First());
        var to = arguments.IndexOf((ArgumentSyntax)list.GetAnnotatedNodes(end).First());
        var separators = arguments.GetSeparators().ToList();
        var inner = arguments.Skip(from).Take(to - from + 1).ToList();
        var leading = inner[0].GetLeadingTrivia();
        inner[0] = inner[0].WithoutLeadingTrivia();
        var wrapped = SyntaxFactory.Argument(SyntaxFactory.ObjectCreationExpression(
            SyntaxFactory.Token(SyntaxKind.NewKeyword).WithTrailingTrivia(SyntaxFactory.Space),
            SyntaxFactory.IdentifierName(Module),
            SyntaxFactory.ArgumentList(SyntaxFactory.SeparatedList(inner, separators.Skip(from).Take(to - from))),
            initializer: null)).WithLeadingTrivia(leading);
        return list.WithArguments(SyntaxFactory.SeparatedList(
            arguments.Take(from).Append(wrapped).Concat(arguments.Skip(to + 1)),
            separators.Take(from).Concat(separators.Skip(to))));
    }

    /// <summary>The module, once: nested in the class that uses it, or at the end of a top-level program.</summary>
    private static void AddModule(SolutionEdits edits, TypeDeclarationSyntax? type, SyntaxNode place)
    {
        var root = place.SyntaxTree.GetRoot();
        if (!edits.IsNew(type ?? root, Module))
            return;
        var layout = Layout.Of(place);
        var indentation = type is null ? "" : Layout.IndentationOf(type) + layout.Unit;
        var text = Source.Replace("\n", layout.EndOfLine + indentation).Replace("    ", layout.Unit).Replace(layout.EndOfLine + indentation + layout.EndOfLine, layout.EndOfLine + layout.EndOfLine);
        var module = SyntaxFactory.ParseMemberDeclaration((type is null ? "internal " : "private ") + text)!
            .WithLeadingTrivia(SyntaxFactory.TriviaList(layout.NewLine).AddRange(Layout.Indentation(indentation)))
            .WithTrailingTrivia(layout.NewLine);
        if (type is not null)
            edits.EditorFor(type).ReplaceNode(type, (current, _) => ((TypeDeclarationSyntax)current).AddMembers(module));
        else
            edits.EditorFor(root).ReplaceNode(root, (current, _) => AtEnd((CompilationUnitSyntax)current, module, layout));
    }

    private static CompilationUnitSyntax AtEnd(CompilationUnitSyntax unit, MemberDeclarationSyntax module, Layout layout)
    {
        var last = unit.Members.Last();
        var ended = last.GetTrailingTrivia().Any(SyntaxKind.EndOfLineTrivia) ? unit : unit.ReplaceNode(last, last.WithTrailingTrivia(last.GetTrailingTrivia().Add(layout.NewLine)));
        return ended.AddMembers(module);
    }

    private const string Source =
        "sealed class Residual : TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>\n" +
        "{\n" +
        "    private readonly TorchSharp.Modules.Sequential block;\n" +
        "\n" +
        "    public Residual(params TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>[] layers) : base(nameof(Residual))\n" +
        "    {\n" +
        "        block = TorchSharp.torch.nn.Sequential(layers);\n" +
        "        RegisterComponents();\n" +
        "    }\n" +
        "\n" +
        "    public override TorchSharp.torch.Tensor forward(TorchSharp.torch.Tensor input) => input + block.call(input);\n" +
        "}";
}
