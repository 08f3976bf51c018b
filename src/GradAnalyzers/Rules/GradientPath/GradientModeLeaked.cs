using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>A scope without gradients that nobody ends.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class GradientModeLeaked() : Rule(Descriptors.GRAD4002)
{
    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var program = WholeProgram.Of(start.Compilation, catalogue);
        var names = Words.HashesOf(catalogue.NamesOf(Role.NoGrad).Union(catalogue.NamesOf(Role.GradientMode)));
        start.RegisterSemanticModelAction(context =>
        {
            var facts = TreeFacts.Of(context.SemanticModel.SyntaxTree);
            if (!facts.Words.ContainsAny(names))
                return;
            var source = new ProgramSource(program, context.CancellationToken);
            foreach (var member in facts.Members.Where(member => member.ContainsAny(names)))
            {
                foreach (var call in MemberBodies.Of(member, source).SelectMany(body => GradientScopes.Leaked(body, catalogue)).Where(call => !IsMeant(call, member, source)))
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, call.Syntax.GetLocation(), call.Syntax.ToString()));
            }
        });
    }

    /// <summary>The program has a mode: it sets it back elsewhere, or it is at its end with learning, or never learns, and says so in its main method.</summary>
    private static bool IsMeant(IInvocationOperation call, MemberFacts member, ProgramSource source)
    {
        if ((member.Declaration is CompilationUnitSyntax || member.Name == "Main") && !LearnsAfter(call, source))
            return true;
        if (source.Catalogue.Is(call.TargetMethod, Role.NoGrad))
            return false;
        var names = Words.HashesOf(source.Catalogue.NamesOf(Role.GradientMode));
        return !source.Members.Trains || source.Trees.Where(tree => tree.Words.ContainsAny(names)).SelectMany(tree => tree.Members).Where(other => other.ContainsAny(names))
            .SelectMany(other => MemberBodies.Of(other, source)).Any(body => GradientScopes.SwitchingOn(body, source.Catalogue).Any());
    }

    /// <summary>Something is differentiated, or a member that trains is called, behind the call or in a loop around it.</summary>
    private static bool LearnsAfter(IInvocationOperation call, ProgramSource source)
    {
        IOperation root = call;
        ILocalFunctionOperation? function = null;
        while (root.Parent is { } parent)
        {
            root = parent;
            function ??= root as ILocalFunctionOperation;
        }

        // A local function runs where it is called.
        if (function is not null)
        {
            return root.DescendantsAndSelf().OfType<IInvocationOperation>().Any(run => SymbolEqualityComparer.Default.Equals(run.TargetMethod.OriginalDefinition, function.Symbol)
                && !function.Syntax.Span.Contains(run.Syntax.Span) && LearnsAfter(run, source));
        }

        var loop = call.Syntax.Ancestors().LastOrDefault(node => node is ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax);
        return root.DescendantsAndSelf().OfType<IInvocationOperation>().Any(other =>
            (other.Syntax.SpanStart > call.Syntax.SpanStart || loop?.Span.Contains(other.Syntax.Span) == true)
            && (source.Catalogue.Is(other.TargetMethod, Role.Backward) || other.TargetMethod.OriginalDefinition.DeclaringSyntaxReferences.Any(reference => source.Members.Contains(reference.GetSyntax(source.Cancellation)))));
    }
}
