using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Rules.Path;

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
            foreach (var member in facts.Members.Where(member => member.Words.ContainsAny(names)))
            {
                foreach (var call in Bodies(member, source).SelectMany(body => GradientScopes.Leaked(body, catalogue)).Where(call => !IsMeant(call, member, source)))
                    context.ReportDiagnostic(Diagnostic.Create(Descriptor, call.Syntax.GetLocation(), call.Syntax.ToString()));
            }
        });
    }

    private static IEnumerable<MemberBody> Bodies(MemberFacts member, ProgramSource source) => member.Declaration switch
    {
        BasePropertyDeclarationSyntax { AccessorList: { } accessors } => accessors.Accessors.Select(source.BodyAt).OfType<MemberBody>(),
        PropertyDeclarationSyntax { ExpressionBody: { } arrow } => new[] { source.BodyAt(arrow) }.OfType<MemberBody>(),
        _ => new[] { source.BodyAt(member.Declaration) }.OfType<MemberBody>(),
    };

    /// <summary>The program has a mode: it sets it back elsewhere, or is a program that never learns and says so at its start.</summary>
    private static bool IsMeant(IInvocationOperation call, MemberFacts member, ProgramSource source)
    {
        if (source.Catalogue.Is(call.TargetMethod, Role.NoGrad))
            return !source.Members.Trains && (member.Declaration is CompilationUnitSyntax || member.Name == "Main");
        var names = Words.HashesOf(source.Catalogue.NamesOf(Role.GradientMode));
        return !source.Members.Trains || source.Trees.Where(tree => tree.Words.ContainsAny(names)).SelectMany(tree => tree.Members).Where(other => other.Words.ContainsAny(names))
            .SelectMany(other => Bodies(other, source)).Any(body => GradientScopes.SwitchingOn(body, source.Catalogue).Any());
    }
}
