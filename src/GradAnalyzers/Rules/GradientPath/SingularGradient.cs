using GradAnalyzers.Catalogue;
using GradAnalyzers.Program;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Rules.GradientPath;

/// <summary>A root, logarithm or arc cosine on the way of a gradient, of something that can lie exactly where its slope is infinite.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class SingularGradient() : Rule(Descriptors.GRAD4005)
{
    private protected override void Register(CompilationStartAnalysisContext start, ModelCatalogue catalogue)
    {
        var program = WholeProgram.Of(start.Compilation, catalogue);
        var names = Words.HashesOf(new[] { Role.Power, Role.Logarithm, Role.ArcCosine }.SelectMany(catalogue.NamesOf));
        start.RegisterSemanticModelAction(context =>
        {
            var facts = TreeFacts.Of(context.SemanticModel.SyntaxTree);
            if (!facts.Words.ContainsAny(names) || !program.MembersFor(context.CancellationToken).Trains)
                return;
            var source = new ProgramSource(program, context.CancellationToken);
            var tracer = new ValueTracer(source);
            var points = new SingularPoints(tracer);
            foreach (var body in facts.Members.Where(member => member.ContainsAny(names)).SelectMany(member => MemberBodies.Of(member, source)))
            {
                foreach (var call in body.Invocations.Where(call => catalogue.Find(call.TargetMethod) is { } entry && SingularPoints.MayBe(entry.Role)))
                {
                    if (points.UnguardedOperand(call, tracer.Detached(source.MethodOf(body, call), body, receiver: null)) is { } operand && IsOnTheWay(call.Syntax, program, context.CancellationToken))
                        context.ReportDiagnostic(Diagnostic.Create(Descriptor, call.Syntax.GetLocation(), [operand.Syntax.GetLocation()], Message.Fit(Descriptor, [call.Syntax.ToString(), catalogue.Is(call.TargetMethod, Role.ArcCosine) ? "1 or -1" : "0"])));
                }
            }
        });
    }

    private static bool IsOnTheWay(SyntaxNode call, WholeProgram program, CancellationToken cancellation) =>
        SingularPlaces.Of(program).InModels(cancellation).Contains(call) || LoopFindings.Of(program).SingularPlaces(cancellation).Contains(call);
}
